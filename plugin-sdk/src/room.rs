//! How much of an instance's memory is taken at once, and where the plugin's own
//! variables are in it.
//!
//! It owns sums and an alignment. It never touches memory.

#![cfg_attr(
    not(all(feature = "allocator", target_arch = "wasm32")),
    allow(dead_code, reason = "what is not wasm has an allocator")
)]

use core::sync::atomic::AtomicU8;

/// What the host's processor maps at once, on most machines. No more than the number
/// of pages depends on it.
const PAGE_BYTES: usize = 4096;

/// By what the memory of an instance grows.
pub(crate) const GROWTH_BYTES: usize = 64 << 10;

/// Of what has been taken, this part is taken ahead, so that a large heap isn't put
/// together from single pages.
const AHEAD: usize = 8;

/// Nothing, at the beginning of a page. As the first variable of a plugin it has all
/// others that change, the allocator's among them, and the heap behind them begin with
/// a page: a call of little touches one.
#[repr(align(4096))]
pub struct PageStart([AtomicU8; 0]);

impl PageStart {
    /// It.
    pub const fn here() -> Self {
        Self([])
    }
}

/// Memory that nobody has yet, as addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    first: usize,
    next: usize,
    end: usize,
}

impl Room {
    /// All from `first` to `end`.
    pub(crate) fn new(first: usize, end: usize) -> Self {
        Self {
            first,
            next: first,
            end,
        }
    }

    /// Takes at least `size` bytes, up to the end of a page: where, and how many.
    /// `memory` is where all memory ends by now, and `grow` has it grow by a number of
    /// steps and says where it ended before.
    pub(crate) fn take(
        &mut self,
        size: usize,
        memory: usize,
        grow: impl Fn(usize) -> Option<usize>,
    ) -> Option<(usize, usize)> {
        let ahead = (self.next - self.first) / AHEAD;
        if self.end - self.next < size {
            // Somebody else may have had it grow: then it goes on behind that.
            let left = match memory == self.end {
                true => self.end - self.next,
                false => 0,
            };
            let steps = |size: usize| size.saturating_sub(left).div_ceil(GROWTH_BYTES);
            let grown = |steps: usize| Some((grow(steps)?, steps));
            let (before, steps) =
                grown(steps(size.checked_add(ahead)?)).or_else(|| grown(steps(size)))?;
            if left == 0 {
                self.next = before;
            }
            // Where the last byte has the last address there is, it is left out.
            let end = before.checked_add(steps.checked_mul(GROWTH_BYTES)?);
            self.end = end.unwrap_or(usize::MAX - 15);
        }
        let start = self.next;
        let wanted = start.checked_add(size)?.saturating_add(ahead);
        let page = wanted.checked_next_multiple_of(PAGE_BYTES);
        self.next = page.unwrap_or(self.end).min(self.end);
        Some((start, self.next - start))
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    /// The memory of an instance that may have so much.
    struct Memory {
        end: Cell<usize>,
        max: usize,
    }

    impl Memory {
        fn take(&self, room: &mut Room, size: usize) -> Option<(usize, usize)> {
            room.take(size, self.end.get(), |steps| {
                let before = self.end.get();
                let after = before + steps * GROWTH_BYTES;
                (after <= self.max).then(|| self.end.replace(after))
            })
        }
    }

    fn memory(end: usize) -> Memory {
        Memory {
            end: Cell::new(end),
            max: 64 * GROWTH_BYTES,
        }
    }

    #[test]
    fn what_is_there_is_taken_to_the_end_of_a_page() {
        let memory = memory(GROWTH_BYTES);
        let mut room = Room::new(5_000, GROWTH_BYTES);
        assert_eq!(memory.take(&mut room, 100), Some((5_000, 3_192)));
        assert_eq!(memory.take(&mut room, 4_000), Some((8_192, 8_192)));
        assert_eq!(memory.end.get(), GROWTH_BYTES);
    }

    #[test]
    fn it_grows_in_one_piece_and_by_more_as_there_is_more() {
        let memory = memory(GROWTH_BYTES);
        let mut room = Room::new(4_096, GROWTH_BYTES);
        let mut at = 4_096;
        for _ in 0..20 {
            let (start, bytes) = memory.take(&mut room, 50_000).unwrap();
            assert_eq!(start, at);
            assert!(bytes >= 50_000);
            at = start + bytes;
        }
        assert!(at <= memory.end.get());
        assert!(at - 4_096 > 20 * 53_248, "a part was taken ahead");
    }

    #[test]
    fn behind_what_others_took_it_goes_on() {
        let memory = memory(2 * GROWTH_BYTES);
        let mut room = Room::new(4_096, GROWTH_BYTES);
        let (start, bytes) = memory.take(&mut room, GROWTH_BYTES).unwrap();
        assert_eq!(start, 2 * GROWTH_BYTES);
        assert!(start + bytes <= memory.end.get());
    }

    #[test]
    fn the_last_that_there_is_is_given_and_no_more() {
        let memory = memory(60 * GROWTH_BYTES);
        let mut room = Room::new(0, 60 * GROWTH_BYTES);
        assert!(memory.take(&mut room, 58 * GROWTH_BYTES).is_some());
        // There is none for what would be taken ahead.
        let (start, bytes) = memory.take(&mut room, 4 * GROWTH_BYTES).unwrap();
        assert!(start + bytes <= memory.end.get() && memory.end.get() <= memory.max);
        assert_eq!(memory.take(&mut room, 4 * GROWTH_BYTES), None);
        assert_eq!(memory.take(&mut room, usize::MAX), None);
        assert!(
            memory
                .take(&mut room, 16)
                .is_some_and(|(at, _)| at >= start + bytes)
        );
    }
}

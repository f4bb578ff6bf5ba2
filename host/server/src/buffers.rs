//! Pooled buffers: a connection borrows one when it turns readable or has
//! something to say, and gives it back when it is quiet, so that idle connections
//! hold none.
//!
//! It owns buffers that nobody uses. It never reads or writes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::BytesMut;
use parking_lot::Mutex;
use serde::Serialize;

use crate::thread_number::thread_number;

/// The sizes that are kept, in bytes. What a connection grew beyond its class is
/// kept in the next smaller one.
const CLASSES: [usize; 3] = [16 << 10, 64 << 10, 256 << 10];

/// Threads are spread over so many shards.
const SHARDS: usize = 16;

/// Unused buffers of one host.
#[derive(Debug)]
pub struct BufferPool {
    classes: [[Shard; SHARDS]; CLASSES.len()],
    /// bytes of all buffers that are kept
    held_bytes: AtomicUsize,
    max_bytes: usize,
    reused: AtomicU64,
    made: AtomicU64,
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<BytesMut>>);

/// What `/health` shows of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BufferSnapshot {
    /// Bytes that are kept for the next who needs them.
    pub held_bytes: u64,
    /// The most that is kept.
    pub max_bytes: u64,
    /// Buffers given out that had been used before, since the start.
    pub reused_total: u64,
    /// Buffers that had to be made, since the start.
    pub made_total: u64,
}

impl BufferPool {
    /// An empty pool that keeps `max_bytes` at most.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            classes: std::array::from_fn(|_| std::array::from_fn(|_| Shard::default())),
            held_bytes: AtomicUsize::new(0),
            max_bytes,
            reused: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// An empty buffer with room for at least `bytes`.
    pub fn take(&self, bytes: usize) -> BytesMut {
        let Some(class) = CLASSES.iter().position(|&size| size >= bytes) else {
            self.made.fetch_add(1, Ordering::Relaxed);
            return BytesMut::with_capacity(bytes);
        };
        let shard = &self.classes[class][thread_number() % SHARDS];
        if let Some(buffer) = shard.0.lock().pop() {
            self.held_bytes.fetch_sub(CLASSES[class], Ordering::Relaxed);
            self.reused.fetch_add(1, Ordering::Relaxed);
            return buffer;
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        BytesMut::with_capacity(CLASSES[class])
    }

    /// Takes a buffer back, whatever is in it. One that somebody still holds a
    /// slice of is left to them.
    pub fn give_back(&self, mut buffer: BytesMut) {
        buffer.clear();
        // What was cut from its front is joined to it again, if nobody has it.
        let whole = |size: &usize| buffer.try_reclaim(*size);
        let Some(class) = CLASSES.iter().rposition(whole) else {
            return;
        };
        let size = CLASSES[class];
        if self.held_bytes.fetch_add(size, Ordering::Relaxed) + size > self.max_bytes {
            self.held_bytes.fetch_sub(size, Ordering::Relaxed);
            return;
        }
        self.classes[class][thread_number() % SHARDS]
            .0
            .lock()
            .push(buffer);
    }

    /// The figures now.
    pub fn snapshot(&self) -> BufferSnapshot {
        BufferSnapshot {
            held_bytes: self.held_bytes.load(Ordering::Relaxed) as u64,
            max_bytes: self.max_bytes as u64,
            reused_total: self.reused.load(Ordering::Relaxed),
            made_total: self.made.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pool: &BufferPool, held: usize, reused: u64, made: u64) {
        let snapshot = pool.snapshot();
        assert_eq!(snapshot.held_bytes, held as u64);
        assert_eq!((snapshot.reused_total, snapshot.made_total), (reused, made));
    }

    #[test]
    fn a_buffer_is_used_again_in_its_class() {
        let pool = BufferPool::new(1 << 20);
        let mut small = pool.take(1);
        assert_eq!(small.capacity(), CLASSES[0]);
        small.extend_from_slice(b"a line\nand more");
        let line = small.split_to(7).freeze();
        drop(line);
        pool.give_back(small);
        check(&pool, CLASSES[0], 0, 1);
        assert_eq!(pool.take(CLASSES[0] + 1).capacity(), CLASSES[1]);
        check(&pool, CLASSES[0], 0, 2);
        let again = pool.take(CLASSES[0]);
        assert!(again.is_empty());
        assert!(again.capacity() >= CLASSES[0]);
        check(&pool, 0, 1, 2);
    }

    #[test]
    fn a_buffer_that_somebody_holds_a_slice_of_is_left_to_them() {
        let pool = BufferPool::new(1 << 20);
        let mut buffer = pool.take(1);
        buffer.extend_from_slice(b"held");
        let held = buffer.split_to(4).freeze();
        pool.give_back(buffer);
        check(&pool, 0, 0, 1);
        assert_eq!(&held[..], b"held");
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let pool = BufferPool::new(CLASSES[0] + CLASSES[1]);
        for size in [CLASSES[1], CLASSES[1], CLASSES[0], CLASSES[2]] {
            pool.give_back(BytesMut::with_capacity(size));
        }
        check(&pool, CLASSES[0] + CLASSES[1], 0, 0);
        let odd = BytesMut::with_capacity(CLASSES[1] + 1);
        let _ = pool.take(CLASSES[1]);
        pool.give_back(odd);
        check(&pool, CLASSES[0] + CLASSES[1], 1, 0);
        // Larger than every class: not from the pool, and kept as the largest.
        assert!(pool.take(CLASSES[2] + 1).capacity() > CLASSES[2]);
    }
}

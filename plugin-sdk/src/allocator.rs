//! What allocates memory in a plugin: dlmalloc, over the memory that an instance has
//! from its start, page by page.
//!
//! It owns the plugin's heap, and the only unsafe code of the SDK. It never gives
//! memory back to the host: an instance is short-lived.
//!
//! A host pays for each page that an instance writes to: it makes a copy of it, keeps
//! that while the instance lives, and resets it when the call is over. dlmalloc's own
//! way takes all the memory there is and writes a mark at its end, which is a page
//! more.

#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::{Cell, UnsafeCell};
use core::ptr;

use dlmalloc::{Allocator, Dlmalloc};

use crate::room::{GROWTH_BYTES, Room};

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(None));

/// None before the first allocation: then no byte of it is in the plugin's file.
struct Heap(UnsafeCell<Option<Dlmalloc<Memory>>>);

// SAFETY: a module whose memory isn't shared has one thread.
#[cfg(not(target_feature = "atomics"))]
unsafe impl Sync for Heap {}

impl Heap {
    /// # Safety
    /// For one operation on the heap.
    #[allow(clippy::mut_from_ref)]
    unsafe fn get(&self) -> &mut Dlmalloc<Memory> {
        // SAFETY: there is one thread, and no operation on the heap calls anything
        // that would begin another.
        let heap = unsafe { &mut *self.0.get() };
        match heap {
            Some(heap) => heap,
            none => begin(none),
        }
    }
}

#[cold]
#[inline(never)]
fn begin(heap: &mut Option<Dlmalloc<Memory>>) -> &mut Dlmalloc<Memory> {
    unsafe extern "C" {
        /// where the plugin's data ends
        static __heap_base: u8;
        /// and the memory that an instance has from its start
        static __heap_end: u8;
    }
    let room = Room::new(
        (&raw const __heap_base).addr(),
        (&raw const __heap_end).addr(),
    );
    let heap = heap.insert(Dlmalloc::new_with_allocator(Memory(Cell::new(room))));
    // It asks for what it needs, and `Room` says how many pages that is.
    heap.set_granularity(2 * size_of::<usize>());
    heap
}

// SAFETY: each function hands its arguments on to dlmalloc, which keeps the promises.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: it is one operation.
        unsafe { self.get().malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: it is one operation, and the memory is from here.
        unsafe { self.get().free(memory, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: it is one operation.
        unsafe { self.get().calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: it is one operation, and the memory is from here.
        unsafe {
            let heap = self.get();
            heap.realloc(memory, layout.size(), layout.align(), size)
        }
    }
}

/// The memory of the instance.
struct Memory(Cell<Room>);

// SAFETY: what it hands out is memory that exists, and that nobody else was given.
unsafe impl Allocator for Memory {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let mut room = self.0.get();
        let grow = |pages| {
            let before = wasm32::memory_grow(0, pages);
            (before != usize::MAX).then_some(before * GROWTH_BYTES)
        };
        let taken = room.take(size, wasm32::memory_size(0) * GROWTH_BYTES, grow);
        self.0.set(room);
        match taken {
            Some((start, bytes)) => (ptr::with_exposed_provenance_mut(start), bytes, 0),
            None => (ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        GROWTH_BYTES
    }
}

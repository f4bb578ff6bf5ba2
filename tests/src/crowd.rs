//! Clients that call again and again while a test does something else, and builds of
//! the plugin that most of them call. Judges nothing but that no client fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::place::changed;

/// For `[reload]`: files are looked at soon after they change.
pub const QUICK: &str = "[reload]\npoll_interval_ms = 100\nsettle_ms = 20\n";

/// Another build of `hello`: one that greets with these words, which are as long as
/// those that it has.
///
/// # Panics
/// If they are not.
pub fn greeting(words: impl AsRef<[u8]>) -> Vec<u8> {
    changed("hello", &[(b"Hello, ", words.as_ref())])
}

/// Clients that call.
#[derive(Debug)]
pub struct Crowd<'a>(&'a AtomicBool);

impl Crowd<'_> {
    /// # Panics
    /// If one of them has failed.
    pub fn assert_well(&self) {
        assert!(!self.0.load(Ordering::Relaxed), "a client failed");
    }
}

/// Opens so many clients, each with its number, and lets each take its turns until
/// `body` is done.
///
/// # Panics
/// If a client or `body` does, once all have ended.
pub fn crowd<C>(
    clients: usize,
    open: impl Fn(usize) -> C + Sync,
    turn: impl Fn(&mut C) + Sync,
    body: impl FnOnce(&Crowd<'_>),
) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..clients {
            let (done, open, turn) = (&done, &open, &turn);
            scope.spawn(move || {
                // However this client ends, the others must not go on for ever.
                let _ends = SetOnDrop(done);
                let mut client = open(number);
                while !done.load(Ordering::Relaxed) {
                    turn(&mut client);
                }
            });
        }
        let _ends = SetOnDrop(&done);
        body(&Crowd(&done));
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

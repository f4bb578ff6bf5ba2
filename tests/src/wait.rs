//! Waiting for something to become true, with an end. The only place in the
//! tests that sleeps: nothing else may depend on how fast the machine is.

use std::time::{Duration, Instant};

/// How long anything may take on a slow machine that does several other things.
/// No test waits this long unless it fails.
pub const LONG: Duration = Duration::from_secs(60);

/// The same for a whole program, such as the conformance suite with its waits.
pub(crate) const PROGRAM: Duration = Duration::from_secs(300);

/// Asks `probe` again and again until it gives a value.
///
/// # Panics
/// If it gave none for [`LONG`]; `what` says what was waited for.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    until_for(LONG, what, probe)
}

/// The same for another time than [`LONG`].
///
/// # Panics
/// If it gave none for `limit`.
pub fn until_for<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(
            Instant::now() < end,
            "waited {limit:?} in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

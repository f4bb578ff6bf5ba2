//! The epoch ticker: one thread for the process, which moves the engine's epoch
//! on while calls run and sleeps while none do.
//!
//! It owns the rhythm of preemption. It never ends a call: the callback of each
//! store does that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long a call may hold its worker before it yields.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without any call after which the thread goes to sleep. Without this
/// grace, every single call of a quiet host would pay for a wake-up.
const IDLE_TICKS: u32 = 100;

/// A handle to the ticking thread, which ends with the last handle.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    calls: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

/// Keeps the ticker awake while it lives.
pub(crate) struct Busy {
    shared: Arc<Shared>,
}

impl Ticker {
    /// Starts the thread; `tick` is called about once a millisecond while calls run.
    pub(crate) fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            calls: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let theirs = shared.clone();
        let handle = thread::Builder::new()
            .name("fusebox-epoch".to_owned())
            .spawn(move || run(&theirs, tick))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Marks the beginning of a call; the end is the drop of what this gives.
    pub(crate) fn busy(&self) -> Busy {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Busy {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

fn run(shared: &Shared, tick: impl Fn()) {
    let mut idle_ticks = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        if shared.calls.load(Ordering::SeqCst) > 0 {
            idle_ticks = 0;
        } else {
            idle_ticks += 1;
        }
        if idle_ticks < IDLE_TICKS {
            thread::sleep(TICK);
            tick();
            continue;
        }
        // Announce the sleep, then look once more: a call that began in between
        // either sees `asleep` and wakes this thread, or is seen here.
        shared.asleep.store(true, Ordering::SeqCst);
        if shared.calls.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
            thread::park();
        }
        shared.asleep.store(false, Ordering::SeqCst);
        idle_ticks = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_call_wakes_a_sleeping_ticker() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::start(move || {
            let _ = sender.send(());
        })
        .unwrap();
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        while ticks.try_recv().is_ok() {}
        let busy = ticker.busy();
        ticks.recv().unwrap();
        drop(busy);
    }

    #[test]
    fn the_thread_ends_with_its_handle() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::start(move || {
            let _ = sender.send(());
        })
        .unwrap();
        drop(ticker);
        // The sender is dropped with the thread, which ends this loop.
        while ticks.recv().is_ok() {}
    }
}

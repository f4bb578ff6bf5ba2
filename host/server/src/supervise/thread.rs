//! A part that is a thread of its own, for work that blocks where a task may not.
//!
//! It owns how such a thread is watched, and that one which hangs does not pile up
//! others behind it. It never ends a thread by force: none can be.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use super::{NewPart, PATIENCE, Pulse, TICK};

/// Threads of one part at most: those before the last hang in something that doesn't
/// return, and one more would only hang there, too.
const THREADS_MAX: usize = 4;

/// What a thread says of itself, and what it is told.
#[derive(Debug)]
pub(crate) struct Turns {
    pulse: Pulse,
    at_work: AtomicBool,
    over: AtomicBool,
}

impl Turns {
    /// It waits for work: however long that takes, nothing is wrong.
    pub(crate) fn waits(&self) {
        self.at_work.store(false, Ordering::Relaxed);
    }

    /// It works, and has come further. One that says so no more is taken to hang.
    pub(crate) fn works(&self) {
        self.pulse.beat();
        self.at_work.store(true, Ordering::Relaxed);
    }

    /// Whether another thread has taken its place: it ends as soon as it can.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl NewPart {
    /// Runs `work` on a thread of its own, and on another one whenever it panics,
    /// hangs, or ends before it should.
    pub(crate) fn keep_thread(self, work: impl Fn(&Turns) + Send + Sync + 'static) {
        let name = format!("fusebox-{}", self.name);
        let work = Arc::new(work);
        self.beats_within(PATIENCE).keep(move |pulse| {
            let (name, work) = (name.clone(), work.clone());
            on_thread(name, work, pulse)
        });
    }
}

/// Tells a thread that it is over once nobody waits for its end.
struct Over(Arc<Turns>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

async fn on_thread<F>(name: String, work: Arc<F>, pulse: Pulse)
where
    F: Fn(&Turns) + Send + Sync + 'static,
{
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Each thread has a share of the work for as long as it lives. So has the part, and
    // the one that is to be started.
    while Arc::strong_count(&work) > THREADS_MAX + 1 {
        ticks.tick().await;
        pulse.beat();
    }
    let turns = Arc::new(Turns {
        pulse: pulse.clone(),
        at_work: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    let _over = Over(turns.clone());
    let (end, mut ended) = oneshot::channel();
    let turning = turns.clone();
    let spawned = thread::Builder::new().name(name).spawn(move || {
        // Nothing of it is looked at again: whoever comes next begins anew.
        let came_to = catch_unwind(AssertUnwindSafe(|| work(&turning)));
        drop(work);
        // Nobody waits for one that hung.
        let _ = end.send(came_to);
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "there is no thread for a part of the host");
        return;
    }
    loop {
        tokio::select! {
            came_to = &mut ended => match came_to {
                Ok(Err(panic)) => resume_unwind(panic),
                Ok(Ok(())) | Err(_) => return,
            },
            _ = ticks.tick() => {
                if !turns.at_work.load(Ordering::Relaxed) {
                    pulse.beat();
                }
            }
        }
    }
}

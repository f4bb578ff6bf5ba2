//! Where a call runs: in place while it is short, in the long lane once it has
//! used up its first slice.
//!
//! It owns the move from one to the other and the wall-clock deadline of a call
//! that waits. It never looks into the call.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Instant;

use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout_at;
use tokio_util::task::AbortOnDropHandle;

/// Threads of their own for calls that compute for longer than a slice, so that
/// the workers which serve connections stay free for the short ones.
pub(crate) struct LongLane {
    // `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// How a driven call ended.
pub(crate) enum Driven<T> {
    /// It ran to its end.
    Done(T),
    /// Its deadline passed while it waited or computed; it is gone.
    DeadlinePassed,
    /// It panicked on the host's side, with the panic's words.
    Panicked(String),
}

/// Of 0 to 99, where 50 is what everybody has: about `nice 10`.
const LONG_CALL_PRIORITY: u8 = 23;

enum Step<T> {
    Done(T),
    Long,
}

impl LongLane {
    /// Starts `threads` threads.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("fusebox-long-call")
            .on_thread_start(yield_to_short_calls)
            // Every poll here may last a whole slice: look at timers often.
            .event_interval(4)
            .global_queue_interval(4)
            .enable_time()
            // Sockets of plugins are made wherever their call is.
            .enable_io()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Runs what nobody waits for, beside the long calls.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Polls `call` on the task of the caller until it ends or raises `long`;
    /// then it goes on in the long lane. Dropping this future drops the call.
    pub(crate) async fn drive<T: Send + 'static>(
        &self,
        mut call: Pin<Box<dyn Future<Output = T> + Send>>,
        long: Arc<AtomicBool>,
        deadline: Instant,
    ) -> Driven<T> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let in_place = poll_fn(|cx| match call.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Step::Done(value)),
            Poll::Pending if long.load(Ordering::Relaxed) => Poll::Ready(Step::Long),
            Poll::Pending => Poll::Pending,
        });
        match timeout_at(deadline, in_place).await {
            Ok(Step::Done(value)) => return Driven::Done(value),
            Ok(Step::Long) => {}
            Err(_elapsed) => return Driven::DeadlinePassed,
        }
        let Some(runtime) = &self.runtime else {
            return Driven::DeadlinePassed;
        };
        let task = AbortOnDropHandle::new(runtime.spawn(call));
        match timeout_at(deadline, task).await {
            Ok(Ok(value)) => Driven::Done(value),
            Ok(Err(error)) => Driven::Panicked(error.to_string()),
            Err(_elapsed) => Driven::DeadlinePassed,
        }
    }
}

/// Lowers the priority of this thread for good, so that a worker which has
/// something to do takes the core from it at once.
pub(crate) fn yield_to_short_calls() {
    let set = ThreadPriorityValue::try_from(LONG_CALL_PRIORITY)
        .map_err(|error| error.to_string())
        .and_then(|priority| {
            set_current_thread_priority(ThreadPriority::Crossplatform(priority))
                .map_err(|error| format!("{error:?}"))
        });
    if let Err(error) = set {
        tracing::debug!(
            error,
            "a thread for long work has the priority of all others"
        );
    }
}

impl Drop for LongLane {
    fn drop(&mut self) {
        // A runtime may not block in an async context, and its calls have lost
        // whoever waited for them.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

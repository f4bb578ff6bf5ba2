//! Work that may panic and takes nothing with it.
//!
//! It owns where the words of such a panic go: to whoever contained it, who knows what
//! the work was for, and tells the log once. It never decides what becomes of the work.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// how many pieces of contained work run on this thread, within each other
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// whether there is something in `SAID`: cheaper to ask
    static HAS_SAID: Cell<bool> = const { Cell::new(false) };
    /// what a panic within them said that nobody has told yet
    static SAID: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic that ended a piece of work and nothing else.
#[derive(Debug)]
pub(crate) struct Panic {
    /// what it said, and where
    pub(crate) words: String,
    /// how it came there, where that is asked for
    pub(crate) trace: String,
}

impl Panic {
    /// What is known of a panic as it unwinds.
    fn of(payload: &(dyn Any + Send)) -> Self {
        // Whoever has set another hook has its words already.
        said().unwrap_or_else(|| Self {
            words: super::words(payload),
            trace: String::new(),
        })
    }
}

/// What a panic said that nobody has told yet.
fn said() -> Option<Panic> {
    if !HAS_SAID.replace(false) {
        return None;
    }
    SAID.with(|said| said.try_borrow_mut().ok()?.take())
}

/// Leaves a panic to whoever contains it. False: nobody does on this thread.
pub(super) fn leave(panic: &PanicHookInfo<'_>) -> bool {
    if DEPTH.get() == 0 {
        return false;
    }
    if let Some(Panic { words, trace }) = said() {
        // One on the heels of another can be the end of the process.
        tracing::error!(%trace, "{words}");
        return false;
    }
    let words = Panic {
        words: panic.to_string(),
        trace: std::backtrace::Backtrace::capture().to_string(),
    };
    SAID.with(|said| {
        // In the hook nothing may panic once more.
        let Ok(mut said) = said.try_borrow_mut() else {
            return false;
        };
        *said = Some(words);
        HAS_SAID.set(true);
        true
    })
}

/// Contained work runs on this thread for as long as it lives.
struct Within;

impl Within {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Runs some work. What it said if it panicked.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let within = Within::enter();
    let came_to = catch_unwind(AssertUnwindSafe(work));
    drop(within);
    if came_to.is_ok()
        && let Some(Panic { words, trace }) = said()
    {
        // Within the work somebody else contained it.
        tracing::error!(%trace, "{words}");
    }
    came_to.map_err(|payload| Panic::of(&*payload))
}

/// The same for work that waits.
pub(crate) struct Contained<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Contained<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match contain(|| Pin::new(&mut self.0).poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_says_its_words_to_whoever_contains_it() {
        assert_eq!(contain(|| 7).unwrap(), 7);
        let panic = contain(|| -> u8 { panic!("a mistake of {}", "ours") }).unwrap_err();
        assert!(panic.words.contains("a mistake of ours"), "{panic:?}");
        assert_eq!(DEPTH.get(), 0);
    }

    #[tokio::test]
    async fn so_does_what_panics_after_it_has_waited() {
        let work = async {
            tokio::task::yield_now().await;
            assert!(std::env::args().count() == 0, "too late");
        };
        let panic = Contained(Box::pin(work)).await.unwrap_err();
        assert!(panic.words.contains("too late"), "{panic:?}");
        assert!(Contained(Box::pin(async { 7 })).await.is_ok());
    }
}

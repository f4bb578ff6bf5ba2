//! Runs an async handler: polls its future, and waits for the host while nothing in
//! it can go on.
//!
//! It owns which events of the host are awaited. It starts no task and no thread,
//! and handlers that aren't async never come here.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::bindings::host::wasi::io::poll::{Pollable, poll};
use crate::context::IN_HOST;

const NEVER: &str = "an async handler waits for what never comes: nothing in it awaits a \
                     request (`send_async`) or a pause (`sleep_async`), and nobody else wakes it";

/// Runs a future to its end, and gives what it comes to. The macros do this with
/// async handlers; a test of one does it by hand.
///
/// ```
/// use fusebox_sdk::block_on;
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
///
/// /// How warm it is.
/// #[tool]
/// async fn warmth(city: String, ctx: &Context) -> Result<f64, HandlerError> {
///     let url = format!("https://api.example.org/warmth?city={city}");
///     ctx.http().get(&url).send_async().await?.success()?.json()
/// }
///
/// let ctx = Context::for_test().with_http(|_| Ok(Response::new(200, "-3.5")));
/// assert_eq!(block_on(warmth("Oslo".to_owned(), &ctx))?, -3.5);
/// # Ok::<(), HandlerError>(())
/// ```
///
/// Any future works that is made of [`send_async`](crate::http::Builder::send_async)
/// and [`sleep_async`](crate::Context::sleep_async), also through crates such as
/// `futures`. There is no other runtime in a plugin, so what needs one (`tokio`) is
/// not for handlers.
///
/// # Panics
/// If the future waits and nothing can wake it any more.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = Arc::new(Woken {
        is: AtomicBool::new(false),
        thread: thread::current(),
    });
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => woken.wait(),
        }
    }
}

/// Whether the future of a `block_on` is to be polled again.
struct Woken {
    is: AtomicBool,
    thread: Thread,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is.store(true, Ordering::Release);
        if !IN_HOST {
            self.thread.unpark();
        }
    }
}

impl Woken {
    fn wait(self: &Arc<Self>) {
        loop {
            // Besides this one and the waker of `block_on`. Who wakes lets go of its
            // own afterwards: counted first, none is missed.
            let is_held = Arc::strong_count(self) > 2;
            if self.is.swap(false, Ordering::Acquire) {
                return;
            }
            assert!(is_held, "{NEVER}");
            match IN_HOST {
                true => wait_for_events(),
                false => thread::park(),
            }
        }
    }
}

/// An event of the host, as a future: done once it has happened.
pub(crate) struct Event(Rc<Pollable>);

/// An event that some future awaits. It belongs to that future: one that is dropped
/// takes it along, as the host demands before it lets go of what the event is of.
struct Awaited {
    event: Weak<Pollable>,
    waker: Waker,
}

thread_local! {
    static AWAITED: RefCell<Vec<Awaited>> = const { RefCell::new(Vec::new()) };
}

impl Event {
    pub(crate) fn new(pollable: Pollable) -> Self {
        Self(Rc::new(pollable))
    }
}

impl Future for Event {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.ready() {
            return Poll::Ready(());
        }
        AWAITED.with_borrow_mut(|awaited| {
            let this = Rc::as_ptr(&self.0);
            match awaited.iter_mut().find(|one| one.event.as_ptr() == this) {
                Some(known) => known.waker.clone_from(cx.waker()),
                None => awaited.push(Awaited {
                    event: Rc::downgrade(&self.0),
                    waker: cx.waker().clone(),
                }),
            }
        });
        Poll::Pending
    }
}

/// Waits until one of the awaited events has happened, and wakes who awaits it.
fn wait_for_events() {
    let awaited = AWAITED.take();
    let (events, mut wakers): (Vec<_>, Vec<_>) = awaited
        .into_iter()
        .filter_map(|one| Some((one.event.upgrade()?, Some(one.waker))))
        .unzip();
    // The host would take an empty list for a fault, without these words.
    assert!(!events.is_empty(), "{NEVER}");
    let pollables: Vec<&Pollable> = events.iter().map(|event| &**event).collect();
    let happened: Vec<Waker> = poll(&pollables)
        .into_iter()
        .filter_map(|index| wakers.get_mut(index as usize)?.take())
        .collect();
    let still = events.iter().zip(wakers).filter_map(|(event, waker)| {
        Some(Awaited {
            event: Rc::downgrade(event),
            waker: waker?,
        })
    });
    AWAITED.with_borrow_mut(|awaited| awaited.extend(still));
    drop(events);
    // Last: who is woken may drop the others, and await new ones.
    happened.into_iter().for_each(Waker::wake);
}

/// Lets everything else in a handler go on first. Where there is no host, it stands
/// for the time that waiting takes.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|cx| match std::mem::replace(&mut has_yielded, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_yields_goes_on_later() {
        block_on(async {
            yield_now().await;
            yield_now().await;
        });
        assert_eq!(block_on(async { 7 }), 7);
    }

    #[test]
    fn another_thread_may_wake() {
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let done = Arc::new(AtomicBool::new(false));
        let setter = done.clone();
        let other = thread::spawn(move || {
            let waker = receiver.recv().unwrap();
            setter.store(true, Ordering::Release);
            waker.wake();
        });
        block_on(std::future::poll_fn(|cx| {
            match done.load(Ordering::Acquire) {
                true => Poll::Ready(()),
                false => {
                    // Sent once; the other side is gone after that.
                    let _ = sender.send(cx.waker().clone());
                    Poll::Pending
                }
            }
        }));
        other.join().unwrap();
    }

    #[test]
    #[should_panic(expected = "waits for what never comes")]
    fn what_nobody_can_wake_is_named() {
        block_on(std::future::pending::<()>());
    }
}

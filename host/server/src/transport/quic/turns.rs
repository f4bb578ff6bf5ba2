//! When the parts of QUIC that send have their turn: behind the streams that have
//! something to say.
//!
//! It owns the order in which tasks of quinn run. It never looks at a packet.
//!
//! A stream that writes wakes the driver of its connection, and tokio runs what a
//! task has woken next. So each of fifty answers would go out in a packet of its own,
//! with a system call and a cipher for each. Behind the others, the driver finds what
//! all of them wrote.

use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};

/// Tokio, with drivers that let others go first.
#[derive(Debug)]
pub(super) struct Turns;

impl Runtime for Turns {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, driver: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(Box::pin(BehindOthers {
            driver,
            waited: false,
        }));
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

/// A task that, once woken, goes to the end of the line.
struct BehindOthers {
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// it has been there
    waited: bool,
}

impl Future for BehindOthers {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waited {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        self.driver.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Mutex;

    use tokio::sync::Notify;

    /// What a task says is seen by the driver that it wakes, together with what the
    /// tasks behind it say.
    #[tokio::test]
    async fn a_driver_runs_once_for_all_that_were_woken_with_it() {
        let (said, heard) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
        let wake = Arc::new(Notify::new());
        let driver = {
            let (said, heard, wake) = (said.clone(), heard.clone(), wake.clone());
            async move {
                loop {
                    wake.notified().await;
                    let so_far = *said.lock().unwrap();
                    heard.lock().unwrap().push(so_far);
                }
            }
        };
        Turns.spawn(Box::pin(driver));
        let speakers: Vec<_> = (0..50)
            .map(|_| {
                let (said, wake) = (said.clone(), wake.clone());
                tokio::spawn(async move {
                    *said.lock().unwrap() += 1;
                    wake.notify_one();
                })
            })
            .collect();
        for speaker in speakers {
            speaker.await.unwrap();
        }
        while heard.lock().unwrap().last() != Some(&50) {
            tokio::task::yield_now().await;
        }
        assert!(heard.lock().unwrap().len() <= 2, "{heard:?}");
    }
}

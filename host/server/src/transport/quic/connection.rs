//! What is the same for every QUIC connection: how many streams it has, and when
//! it is over.
//!
//! It owns the count and the waits. It never reads or writes.

use std::sync::Arc;

use quinn::{StoppedError, VarInt};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::host::Host;

/// How a stream to the client ended: none if the client has all of it, and the
/// client's reason if it wants no more.
pub(super) type Stopped = Result<Option<VarInt>, StoppedError>;

/// The streams of one connection that are being served.
pub(super) struct Streams {
    running: TaskTracker,
    host: Arc<Host>,
}

impl Streams {
    pub(super) fn new(host: Arc<Host>) -> Self {
        let running = TaskTracker::new();
        // It only counts; "closed" lets it be waited for.
        running.close();
        Self { running, host }
    }

    /// Serves a stream in a task of its own.
    pub(super) fn serve(&self, work: impl Future<Output = ()> + Send + 'static) {
        let gauge = self.host.meters.quic_stream();
        self.running.spawn(async move {
            work.await;
            drop(gauge);
        });
    }

    /// Resolves once there has been no stream for the idle time. To be asked again
    /// after each stream that begins.
    pub(super) async fn idle(&self) {
        self.running.wait().await;
        sleep(self.host.config.quic.idle_timeout).await;
    }

    /// Resolves once every stream is served, or the time to stop is over.
    pub(super) async fn drain(&self) {
        tokio::select! {
            () = self.running.wait() => {}
            () = self.host.stopped.cancelled() => {}
        }
    }
}

/// Resolves if the client wants no more of a stream, or has gone; never if it has
/// taken everything.
pub(super) async fn hung_up(stopped: impl Future<Output = Stopped>) {
    if let Ok(None) = stopped.await {
        std::future::pending::<()>().await;
    }
}

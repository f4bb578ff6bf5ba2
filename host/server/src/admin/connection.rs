//! Connections to the operator's interface: accepted, bounded, watched, served.
//!
//! It owns a connection from its first byte to its last. It never looks at what is
//! asked over it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Admin, routes};
use crate::transport::http::response::Body;
use crate::transport::http::watch::{Activity, Limits, Open, Watched};
use crate::transport::tls::Tls;

/// Connections open at once. A browser takes up to six.
const CONNECTIONS_MAX: usize = 64;

/// Bytes of the request line and all headers.
const HEAD_MAX_BYTES: u32 = 16 << 10;

/// Requests that one connection of HTTP/2 may have open.
const STREAMS_MAX: u32 = 32;

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long accepting rests after the system refused.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts until the host has stopped: while it drains, its operator wants to see it.
/// Where another host takes its place, that one is to be seen.
pub(super) async fn accept(admin: Arc<Admin>, listener: &TcpListener, tls: Option<Tls>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = admin.host.stopped.cancelled() => return,
            () = admin.host.handed_over() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match places.clone().try_acquire_owned() {
                Ok(place) => {
                    tokio::spawn(take(admin.clone(), stream, peer, tls.clone(), place));
                }
                Err(_) => tracing::debug!(%peer, "admin: connection refused: too many"),
            },
            Err(error) => {
                tracing::warn!(%error, "admin: a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn take(
    admin: Arc<Admin>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    _place: OwnedSemaphorePermit,
) {
    // Events are small and late ones are worth little.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(admin, stream, peer).await;
    };
    let patience = admin.host.config.tls.handshake_timeout;
    match timeout(patience, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => serve(admin, stream, peer).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "admin: no TLS"),
        Err(_elapsed) => tracing::debug!(%peer, "admin: the handshake took too long"),
    }
}

async fn serve<S>(admin: Arc<Admin>, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Activity::new(Instant::now());
    let limits = Limits::of(&admin.host.config);
    let stopped = admin.host.stopped.clone();
    let watched = Watched {
        stream,
        activity: activity.clone(),
        first: Bytes::new(),
    };
    let noticing = activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (admin, open) = (
            admin.clone(),
            noticing.open(request.version() == Version::HTTP_2),
        );
        async move {
            let response = routes::answer(&admin, request, peer).await;
            Ok::<_, Infallible>(response.map(|body| Noticed { body, _open: open }))
        }
    });
    let builder = builder();
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(watched), service));
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%peer, %error, "admin: connection lost");
                }
                return;
            }
            _ = look.tick() => if let Err(why) = activity.look(&limits, Instant::now()) {
                tracing::debug!(%peer, ?why, "admin: connection ended");
                return;
            },
            () = stopped.cancelled() => return,
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The look at the connection does it.
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_MAX_BYTES)
        .max_concurrent_streams(STREAMS_MAX);
    builder
}

/// A body that counts as open until it is sent.
struct Noticed {
    body: Body,
    _open: Open,
}

impl http_body::Body for Noticed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

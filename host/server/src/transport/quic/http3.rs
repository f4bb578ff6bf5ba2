//! HTTP/3: requests of one connection, answered by the same code as those of
//! HTTP/1.1 and HTTP/2.
//!
//! It owns the way of a request from a QUIC stream and of a response onto it. It
//! never sorts requests: [`crate::transport::http`] does.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Buf, Bytes};
use futures_util::FutureExt as _;
use h3::error::StreamError;
use h3::server::{RequestResolver, RequestStream};
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderValue, Method, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::connection::{Streams, hung_up};
use super::streams::{Connection, RecvStream, SendStream, Watch};
use crate::host::Host;
use crate::origin::Origin;
use crate::transport::http::{HttpResponse, answer, failed};

/// What of a body comes with its head, and what frames take.
const HEAD_ROOM_BYTES: u64 = 64 << 10;

/// Serves one connection to its end.
pub(super) async fn serve(
    host: Arc<Host>,
    connection: quinn::Connection,
    local: SocketAddr,
    origin: Origin,
) {
    let peer = connection.remote_address();
    let head_max = u64::from(host.live().http.head_max_bytes);
    let (quic, latest) = Connection::new(connection, head_max + HEAD_ROOM_BYTES);
    let mut builder = h3::server::builder();
    builder.max_field_section_size(head_max).send_grease(false);
    let mut h3 = match builder.build::<_, Bytes>(quic).await {
        Ok(h3) => h3,
        Err(error) => {
            tracing::debug!(%peer, %error, "no HTTP/3 connection");
            return;
        }
    };
    let streams = Streams::new(host.clone());
    let mut asked_to_end = false;
    loop {
        tokio::select! {
            accepted = h3.accept() => match accepted {
                Ok(Some(resolver)) => {
                    // h3 asks for one stream, and gives that one.
                    if let Some(watch) = latest.lock().take() {
                        let (host, origin) = (host.clone(), origin.clone());
                        streams.serve(request(host, resolver, watch, local, origin));
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%peer, %error, "connection ended");
                    break;
                }
            },
            () = host.stopping.cancelled(), if !asked_to_end => {
                asked_to_end = true;
                // GOAWAY: what was accepted is answered, the rest is rejected.
                if let Err(error) = h3.shutdown(0).await {
                    tracing::debug!(%peer, %error, "connection ended");
                    break;
                }
            }
            () = streams.drain(), if asked_to_end => break,
            () = streams.idle() => break,
        }
    }
    streams.drain().await;
    // With its last owner the connection is closed, without an error.
    drop(h3);
}

type Resolver = RequestResolver<Connection, Bytes>;

/// Serves a request to the end of its response. A client that hangs up ends it.
async fn request(
    host: Arc<Host>,
    resolver: Resolver,
    watch: Watch,
    local: SocketAddr,
    origin: Origin,
) {
    let Watch {
        mut stopped,
        allowance,
    } = watch;
    let resolving = timeout(host.live().http.header_timeout, resolver.resolve_request());
    let (request, stream) = match resolving.await {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(error)) => {
            tracing::debug!(%error, "no request");
            return;
        }
        Err(_elapsed) => {
            tracing::debug!("the head of a request took longer than `http.header_timeout_ms`");
            return;
        }
    };
    // The body is bounded where it is read; this bounds frames that are none.
    let body_max = host.live().http.body_max_bytes as u64;
    allowance.fetch_add(body_max.saturating_mul(2), Ordering::Relaxed);
    let has_body = request.method() != Method::HEAD;
    let (send, recv) = stream.split();
    let request = request.map(|()| RequestBody(recv));
    let answering = async {
        let answered = async { answer(&host, request, local, &origin).await };
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        // A failure of the host's own ends this request and nothing else.
        let response = answered.unwrap_or_else(|_| failed(&host));
        respond(send, response, has_body).await
    };
    tokio::select! {
        biased;
        answered = answering => {
            if let Err(error) = answered {
                tracing::debug!(%error, "response lost");
                return;
            }
        }
        () = hung_up(&mut stopped) => return,
        () = host.stopped.cancelled() => return,
    }
    // What closes the connection must not take the response along.
    let _ = stopped.await;
}

async fn respond(
    mut stream: RequestStream<SendStream, Bytes>,
    response: HttpResponse,
    has_body: bool,
) -> Result<(), StreamError> {
    let (mut head, mut body) = response.into_parts();
    // What hyper adds by itself.
    if let Some(length) = body.size_hint().exact().filter(|_| has_body) {
        head.headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    let now = httpdate::fmt_http_date(SystemTime::now());
    if let Ok(now) = HeaderValue::try_from(now) {
        head.headers.entry(DATE).or_insert(now);
    }
    stream.send_response(Response::from_parts(head, ())).await?;
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.into_data().ok().filter(|_| has_body) {
            stream.send_data(data).await?;
        }
    }
    stream.finish().await
}

/// The body of a request, as the code for every version of HTTP reads it.
struct RequestBody(RequestStream<RecvStream, Bytes>);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let received = ready!(self.0.poll_recv_data(cx));
        Poll::Ready(match received {
            Ok(Some(mut data)) => {
                let bytes = data.copy_to_bytes(data.remaining());
                Some(Ok(Frame::data(bytes)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        // Whatever `content-length` says, it is counted as it comes.
        SizeHint::default()
    }
}

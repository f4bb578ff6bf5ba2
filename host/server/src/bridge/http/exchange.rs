//! One message to the host, and all that it is answered with.
//!
//! It owns what becomes of a response, and the answer of a request that gets none.
//! It never chooses headers.

use bytes::Bytes;
use fusebox_protocol::{Reason, RefusalData, RequestId, RpcError};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::either;
use super::events::{Events, Place};
use super::headers::Headers;
use super::link::{Link, NoResponse};
use crate::bridge::ends::MESSAGE_MAX_BYTES;
use crate::bridge::open::connection_lost;

/// How often in a row a stream is taken up again before its call is given up.
const RESUME_MAX: u32 = 5;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// What a message asks.
#[derive(Clone)]
pub(super) struct Asked {
    ids: Vec<RequestId>,
    kind: Kind,
    modern: bool,
    cancelled: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Initialize,
    ListTools,
    Listen,
    Other,
}

impl Asked {
    pub(super) fn one(id: RequestId, method: &str, cancelled: CancellationToken) -> Self {
        let kind = match method {
            "initialize" => Kind::Initialize,
            "tools/list" => Kind::ListTools,
            "subscriptions/listen" => Kind::Listen,
            _ => Kind::Other,
        };
        Self {
            ids: vec![id],
            kind,
            modern: false,
            cancelled,
        }
    }

    pub(super) fn batch(ids: Vec<RequestId>) -> Self {
        Self {
            ids,
            kind: Kind::Other,
            modern: false,
            cancelled: CancellationToken::new(),
        }
    }

    pub(super) fn modern(self) -> Self {
        Self {
            modern: true,
            ..self
        }
    }

    /// Answers what is still open.
    pub(super) async fn fail(&self, link: &Link, why: &str) {
        self.refuse(link, &connection_lost(why)).await;
    }

    async fn refuse(&self, link: &Link, error: &RpcError) {
        for id in self.ids.iter().filter(|id| link.open.ended(id)) {
            link.output.error(Some(id), error).await;
        }
    }
}

/// Sends a message; the response is for the caller.
pub(super) async fn post(
    link: &Link,
    frame: Bytes,
    headers: Headers,
) -> Result<Response<Incoming>, NoResponse> {
    link.post(frame, headers).await
}

/// Sends a message and carries all that answers it to the client, to the end.
pub(super) async fn run(link: &Link, frame: Bytes, asked: Asked, headers: Headers) {
    if asked.modern {
        asked.ids.iter().for_each(|id| link.is_modern(id));
    }
    let cancelled = asked.cancelled.clone();
    let never = CancellationToken::new();
    // What never ends by itself ends with its client.
    let ending = if asked.kind == Kind::Listen {
        &link.ending
    } else {
        &never
    };
    tokio::select! {
        // To hang up is how a modern client cancels. A legacy one has said so, and
        // its host ends the stream.
        () = either(&cancelled, ending), if asked.modern => {}
        () = carry(link, frame, &asked, headers) => {}
    }
    asked.ids.iter().for_each(|id| link.end(id));
    if !cancelled.is_cancelled() && !ending.is_cancelled() {
        asked
            .fail(link, "the host's answer ended before it was there")
            .await;
    }
}

async fn carry(link: &Link, frame: Bytes, asked: &Asked, headers: Headers) {
    let response = match link.post(frame, headers).await {
        Ok(response) => response,
        Err(error) => {
            let why = format!("the host can't be reached: {}", whole(&error));
            tracing::warn!("{why}");
            asked.fail(link, &why).await;
            return;
        }
    };
    let status = response.status();
    if asked.kind == Kind::Initialize && status.is_success() {
        link.agreed_session(response.headers().get(SESSION_ID).cloned());
    }
    if is_stream(&response) {
        stream(link, response, asked).await;
    } else {
        whole_body(link, response, asked).await;
    }
    // After the answer, which says why.
    if !asked.modern && asked.kind != Kind::Initialize {
        link.note_status(status);
    }
}

pub(super) fn is_stream(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    response.status() == StatusCode::OK
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Carries a stream of messages. A legacy stream that breaks off is taken up again
/// where it was left.
async fn stream(link: &Link, response: Response<Incoming>, asked: &Asked) {
    let mut place = Place::default();
    let mut events = Events::new(response.into_body());
    let mut failures = 0;
    loop {
        let ended = loop {
            match events.next(&mut place).await {
                Ok(Some(message)) => {
                    failures = 0;
                    forward(link, asked, message).await;
                }
                Ok(None) => break "the host closed the stream".to_owned(),
                Err(error) => break whole(&error),
            }
        };
        let is_over = asked.ids.iter().all(|id| !link.open.has(id));
        if is_over || asked.modern || asked.cancelled.is_cancelled() {
            return;
        }
        let resumed = loop {
            let Some(last) = place.last_id.as_deref().filter(|_| failures < RESUME_MAX) else {
                asked.fail(link, &ended).await;
                return;
            };
            failures += 1;
            sleep(place.retry).await;
            match resume(link, last).await {
                Some(response) => break response,
                None if link.lost.is_cancelled() => return,
                None => {}
            }
        };
        events = Events::new(resumed.into_body());
    }
}

/// Asks for the rest of a legacy stream.
pub(super) async fn resume(link: &Link, last: &str) -> Option<Response<Incoming>> {
    let mut headers = link.legacy_headers();
    headers.push((LAST_EVENT_ID, HeaderValue::from_str(last).ok()?));
    let response = link.get(headers).await.ok()?;
    link.note_status(response.status());
    is_stream(&response).then_some(response)
}

/// Carries a response that is one message, or none.
async fn whole_body(link: &Link, response: Response<Incoming>, asked: &Asked) {
    let status = response.status();
    let body = match Limited::new(response.into_body(), MESSAGE_MAX_BYTES)
        .collect()
        .await
    {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let why = format!("the host's answer could not be read: {error}");
            asked.fail(link, &why).await;
            return;
        }
    };
    if asked.ids.is_empty() && status.is_success() {
        return;
    }
    match serde_json::from_slice::<Error<'_>>(&body) {
        // HTTP's own refusals come under no id.
        Ok(Error { id: None, error }) => {
            for id in asked.ids.iter().filter(|id| link.open.ended(id)) {
                let answer = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"error":{}}}"#,
                    id.as_str(),
                    error.get()
                );
                forward(link, asked, answer.into()).await;
            }
        }
        Ok(Error { id: Some(_), .. }) => forward(link, asked, body).await,
        Err(_) if status.is_success() => forward(link, asked, body).await,
        Err(_) => asked.refuse(link, &no_json_rpc(status, &body)).await,
    }
}

/// An error under an id, or under none.
#[derive(Deserialize)]
struct Error<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    error: &'a RawValue,
}

fn no_json_rpc(status: StatusCode, body: &[u8]) -> RpcError {
    const SHOWN_MAX: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]).into_owned();
    let data = RefusalData::default();
    let message = format!("the host answered {status}: {text}");
    RpcError::refusal(Reason::ConnectionLost, message, data)
}

/// Carries a message to the client.
async fn forward(link: &Link, asked: &Asked, message: Bytes) {
    match asked.kind {
        Kind::ListTools => link.tools.learn(&message),
        Kind::Initialize => note_version(link, &message),
        Kind::Listen | Kind::Other => {}
    }
    carry_to_client(link, message).await;
}

/// The same for messages that answer nothing.
pub(super) async fn carry_to_client(link: &Link, message: Bytes) {
    link.open.answered(&message);
    // Line breaks between the tokens of JSON say nothing, and inside of its strings
    // there are none.
    let message = if message.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = message.iter().map(|byte| match byte {
            b'\n' | b'\r' => b' ',
            other => *other,
        });
        line.collect::<Vec<u8>>().into()
    } else {
        message
    };
    // A client that has gone misses nothing.
    let _ = link.output.send(message).await;
}

#[derive(Deserialize)]
struct Initialized {
    result: Agreed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agreed {
    protocol_version: String,
}

fn note_version(link: &Link, message: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<Initialized>(message) {
        link.agreed_version(HeaderValue::from_str(&answer.result.protocol_version).ok());
    }
}

/// An error and what it comes from.
pub(super) fn whole(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

//! Requests to other servers.

use std::time::Duration;

use fusebox_sdk::http::Response;
use fusebox_sdk::prelude::*;
use fusebox_sdk::try_join_all;

/// What a server answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Fetched {
    status: u16,
    body: String,
    bytes: usize,
}

/// The most of a body that is shown.
const SHOWN_BYTES: usize = 1000;

fn shown(response: Response) -> Fetched {
    let bytes = response.bytes();
    Fetched {
        status: response.status,
        body: String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned(),
        bytes: bytes.len(),
    }
}

/// Sends one request.
#[tool]
pub(crate) fn fetch(
    url: String,
    method: Option<String>,
    /// bytes to send
    send_bytes: Option<usize>,
    /// a secret to send in the header `authorization`
    authorization: Option<String>,
    timeout_ms: Option<u64>,
    /// a span around it
    span: Option<String>,
    ctx: &Context,
) -> Result<Fetched, HandlerError> {
    let _span = span.map(|name| ctx.span(&name));
    let method = method.unwrap_or("GET".to_owned());
    let mut request = ctx.http().request(&method, &url);
    if let Some(bytes) = send_bytes {
        request = request.body(vec![b'x'; bytes]);
    }
    if let Some(key) = authorization {
        request = request.header("authorization", ctx.secret(&key)?.expose());
    }
    if let Some(timeout) = timeout_ms {
        request = request.timeout(Duration::from_millis(timeout));
    }
    Ok(shown(request.send()?))
}

/// Sends one request, and then those to which it is redirected.
#[tool]
pub(crate) fn fetch_following(url: String, ctx: &Context) -> Result<Fetched, HandlerError> {
    let mut url = url;
    for _ in 0..5 {
        let response = ctx.http().get(&url).send()?;
        match response.header("location") {
            Some(next) => url = next.to_owned(),
            None => return Ok(shown(response)),
        }
    }
    Err(HandlerError::new("too many redirects"))
}

/// Sends requests to all of these at once, each after a pause if there is one.
#[tool]
pub(crate) async fn fetch_all(
    urls: Vec<String>,
    /// bytes to send
    send_bytes: Option<usize>,
    pause_ms: Option<u64>,
    ctx: &Context,
) -> Result<Vec<Fetched>, HandlerError> {
    let fetch = async |url: &str| -> Result<Fetched, HandlerError> {
        if let Some(pause) = pause_ms {
            ctx.sleep_async(Duration::from_millis(pause)).await;
        }
        let request = match send_bytes {
            Some(bytes) => ctx.http().post(url).body(vec![b'x'; bytes]),
            None => ctx.http().get(url),
        };
        Ok(shown(request.send_async().await?))
    };
    try_join_all(urls.iter().map(|url| fetch(url))).await
}

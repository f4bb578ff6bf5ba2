//! The way of a request through `wasi:http`: in one go, where the handler waits, or
//! step by step, where it awaits.
//!
//! It owns how both speak to the host. It keeps no connection.

use super::{HttpError, Request, Response};
use crate::bindings::capabilities::wasi::http::outgoing_handler::handle;
use crate::bindings::capabilities::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use crate::bindings::capabilities::wasi::io::error::Error as IoError;
use crate::bindings::capabilities::wasi::io::streams::StreamError;
use crate::executor::Event;

/// What one write takes at most, by the contract of `wasi:io`.
const WRITE_MAX: usize = 4096;

/// What one read asks for.
const READ_MAX: u64 = 64 << 10;

/// Sends a request, and waits for the whole response.
pub(super) fn send(request: &Request) -> Result<Response, HttpError> {
    let (pending, body) = begin(request)?;
    // Why it can't be sent, if so, is what the response says.
    if let Some(body) = body {
        let _ = write(body, &request.body);
    }
    pending.subscribe().block();
    read(arrived(&pending)?)
}

/// The same, for a handler that awaits other things meanwhile.
pub(super) async fn send_async(request: &Request) -> Result<Response, HttpError> {
    let (pending, body) = begin(request)?;
    if let Some(body) = body {
        let _ = write_async(body, &request.body).await;
    }
    Event::new(pending.subscribe()).await;
    read_async(arrived(&pending)?).await
}

/// Has the host begin; the body, if there is one, is still to be written.
fn begin(request: &Request) -> Result<(FutureIncomingResponse, Option<OutgoingBody>), HttpError> {
    let outgoing = head(request)?;
    let body = match request.body.is_empty() {
        true => None,
        false => outgoing.body().ok(),
    };
    let options = request.timeout.map(|timeout| {
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let options = RequestOptions::new();
        let _ = options.set_first_byte_timeout(Some(nanos));
        let _ = options.set_between_bytes_timeout(Some(nanos));
        options
    });
    let pending = handle(outgoing, options).map_err(failed)?;
    Ok((pending, body))
}

/// The head of the response, which is there.
fn arrived(pending: &FutureIncomingResponse) -> Result<IncomingResponse, HttpError> {
    match pending.get() {
        Some(Ok(response)) => response.map_err(failed),
        Some(Err(())) | None => Err(HttpError::Failed("no response".to_owned())),
    }
}

fn head(request: &Request) -> Result<OutgoingRequest, HttpError> {
    let invalid = |what: &str| HttpError::Invalid(format!("{what} can't be sent"));
    let headers = Fields::new();
    for (name, value) in &request.headers {
        let appended = headers.append(name, value.as_bytes());
        appended.map_err(|_| invalid(&format!("the header `{name}`")))?;
    }
    let url = request.url.split('#').next().unwrap_or_default();
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| invalid("an address without a scheme"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    if !request.body.is_empty() {
        let length = request.body.len().to_string();
        let _ = headers.set("content-length", &[length.into_bytes()]);
    }
    let outgoing = OutgoingRequest::new(headers);
    outgoing
        .set_method(&method(&request.method))
        .map_err(|()| invalid("this method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| invalid("this scheme"))?;
    outgoing
        .set_authority(Some(authority))
        .map_err(|()| invalid("this host"))?;
    outgoing
        .set_path_with_query(Some(&path))
        .map_err(|()| invalid("this path"))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), StreamError> {
    let Ok(stream) = body.write() else {
        return Ok(());
    };
    for piece in bytes.chunks(WRITE_MAX) {
        stream.blocking_write_and_flush(piece)?;
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    Ok(())
}

async fn write_async(body: OutgoingBody, bytes: &[u8]) -> Result<(), StreamError> {
    let Ok(stream) = body.write() else {
        return Ok(());
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        let allowed = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (piece, later) = rest.split_at(allowed.min(rest.len()));
        match piece.is_empty() {
            true => Event::new(stream.subscribe()).await,
            false => stream.write(piece)?,
        }
        rest = later;
    }
    stream.flush()?;
    // It takes more once all is flushed.
    while stream.check_write()? == 0 {
        Event::new(stream.subscribe()).await;
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    Ok(())
}

fn read(response: IncomingResponse) -> Result<Response, HttpError> {
    let (mut response, incoming) = headed(response)?;
    let stream = incoming.stream().map_err(no_body)?;
    loop {
        match stream.blocking_read(READ_MAX) {
            Ok(piece) => response.body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(broken(&error)),
        }
    }
    drop(stream);
    Ok(response)
}

async fn read_async(response: IncomingResponse) -> Result<Response, HttpError> {
    let (mut response, incoming) = headed(response)?;
    let stream = incoming.stream().map_err(no_body)?;
    loop {
        match stream.read(READ_MAX) {
            Ok(piece) if piece.is_empty() => Event::new(stream.subscribe()).await,
            Ok(piece) => response.body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(broken(&error)),
        }
    }
    drop(stream);
    Ok(response)
}

/// A response without its body, and where that comes from.
fn headed(incoming: IncomingResponse) -> Result<(Response, IncomingBody), HttpError> {
    let response = Response {
        status: incoming.status(),
        headers: incoming.headers().entries(),
        body: Vec::new(),
    };
    let body = incoming.consume().map_err(no_body)?;
    Ok((response, body))
}

fn no_body((): ()) -> HttpError {
    HttpError::Failed("no body".to_owned())
}

/// Why a body ends early.
fn broken(error: &IoError) -> HttpError {
    match http_error_code(error) {
        Some(code) => failed(code),
        None => HttpError::Failed(error.to_debug_string()),
    }
}

fn failed(code: ErrorCode) -> HttpError {
    match code {
        ErrorCode::InternalError(Some(text)) if text.starts_with("not granted") => {
            HttpError::Denied(text)
        }
        ErrorCode::InternalError(Some(text)) => HttpError::Failed(text),
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            HttpError::Denied("not granted: the host refuses it".to_owned())
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => HttpError::Timeout,
        ErrorCode::HttpRequestBodySize(Some(max)) => {
            HttpError::TooLarge(format!("the request has more than {max} bytes"))
        }
        ErrorCode::HttpResponseBodySize(Some(max)) => {
            HttpError::TooLarge(format!("the response has more than {max} bytes"))
        }
        other => HttpError::Failed(format!("{other:?}")),
    }
}

//! Requests to other servers, where the operator lets a plugin send them:
//! `[plugins.NAME.grants.http]`.
//!
//! It owns what a request and a response look like to a handler. A call waits for
//! its response without holding up others, and the time counts against its
//! deadline. Nothing is followed: a redirect is a response like any other.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::IN_HOST;
use crate::{Context, HandlerError};

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The operator doesn't allow it; the text says what would.
    Denied(String),
    /// The address or a header can't be sent.
    Invalid(String),
    /// It took too long.
    Timeout,
    /// It is larger than the operator allows; what.
    TooLarge(String),
    /// The name, the connection or the other side is the trouble.
    Failed(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text) | Self::Invalid(text) | Self::TooLarge(text) => f.write_str(text),
            Self::Timeout => f.write_str("no response in time"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

/// Sends requests; see [`Context::http`].
#[derive(Debug)]
pub struct Http<'a> {
    context: &'a Context,
}

impl Context {
    /// Sends requests, where the operator allows it.
    ///
    /// ```
    /// use fusebox_sdk::http::Response;
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// How warm it is.
    /// #[tool]
    /// fn warmth(city: String, ctx: &Context) -> Result<f64, HandlerError> {
    ///     let url = format!("https://api.example.org/warmth?city={city}");
    ///     ctx.http().get(&url).send()?.success()?.json()
    /// }
    ///
    /// let ctx = Context::for_test().with_http(|request| {
    ///     assert_eq!(request.url, "https://api.example.org/warmth?city=Oslo");
    ///     Ok(Response::new(200, "-3.5"))
    /// });
    /// assert_eq!(warmth("Oslo".to_owned(), &ctx).unwrap(), -3.5);
    /// ```
    pub fn http(&self) -> Http<'_> {
        Http { context: self }
    }
}

impl<'a> Http<'a> {
    /// A request that reads.
    pub fn get(&self, url: &str) -> Builder<'a> {
        self.request("GET", url)
    }

    /// A request that sends something; see [`Builder::body`] and
    /// [`Builder::json`].
    pub fn post(&self, url: &str) -> Builder<'a> {
        self.request("POST", url)
    }

    /// A request with any method, in capitals.
    pub fn request(&self, method: &str, url: &str) -> Builder<'a> {
        Builder {
            context: self.context,
            request: Request {
                method: method.to_owned(),
                url: url.to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
                timeout: None,
            },
            problem: None,
        }
    }
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// With its scheme.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Empty: none.
    pub body: Vec<u8>,
    /// For how long its response is awaited; none: as long as the operator allows.
    pub timeout: Option<Duration>,
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Builder<'a> {
    context: &'a Context,
    request: Request,
    problem: Option<String>,
}

impl Builder<'_> {
    /// With a header. The host sets those of the connection itself.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = body.into();
        self
    }

    /// With a value as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body(body).header("content-type", "application/json"),
            Err(error) => {
                self.problem = Some(error.to_string());
                self
            }
        }
    }

    /// With this much time until the response begins, and from one piece of it to
    /// the next. What the operator allows holds as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(timeout);
        self
    }

    /// Sends it, and waits for the whole response.
    ///
    /// # Errors
    /// Why there is none. A response that says that something is wrong is a
    /// response; see [`Response::success`].
    pub fn send(self) -> Result<Response, HttpError> {
        if let Some(problem) = self.problem {
            return Err(HttpError::Invalid(problem));
        }
        if !IN_HOST {
            #[cfg(not(target_arch = "wasm32"))]
            return match &self.context.inner.stand_in.http {
                Some(answer) => answer(&self.request),
                None => Err(HttpError::Denied(
                    "not granted: there is no host here; see `Context::with_http`".to_owned(),
                )),
            };
        }
        let _ = self.context;
        wire::send(&self.request)
    }
}

/// A response, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    /// A response for a test.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        self
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter();
        let found = named.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The same response, if its status is from 200 to 299.
    ///
    /// # Errors
    /// If it is another.
    pub fn success(self) -> Result<Self, HandlerError> {
        match self.status {
            200..=299 => Ok(self),
            status => Err(HandlerError::new(format!("the server answered {status}"))),
        }
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(self) -> Result<String, HandlerError> {
        Ok(String::from_utf8(self.body)?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none, or has another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HandlerError> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// The way through `wasi:http`.
mod wire {
    use super::{HttpError, Request, Response};
    use crate::bindings::capabilities::wasi::http::outgoing_handler::handle;
    use crate::bindings::capabilities::wasi::http::types::{
        ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
        RequestOptions, Scheme, http_error_code,
    };
    use crate::bindings::capabilities::wasi::io::streams::StreamError;

    /// What one write takes at most, by the contract of `wasi:io`.
    const WRITE_MAX: usize = 4096;

    /// What one read asks for.
    const READ_MAX: u64 = 64 << 10;

    pub(super) fn send(request: &Request) -> Result<Response, HttpError> {
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
        // Why it can't be sent, if so, is what the response says.
        if let Some(body) = body {
            let _ = write(body, &request.body);
        }
        pending.subscribe().block();
        let response = match pending.get() {
            Some(Ok(response)) => response.map_err(failed)?,
            Some(Err(())) | None => return Err(HttpError::Failed("no response".to_owned())),
        };
        read(response)
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

    fn read(response: IncomingResponse) -> Result<Response, HttpError> {
        let status = response.status();
        let headers = response.headers().entries();
        let incoming: IncomingBody = response
            .consume()
            .map_err(|()| HttpError::Failed("no body".to_owned()))?;
        let stream = incoming
            .stream()
            .map_err(|()| HttpError::Failed("no body".to_owned()))?;
        let mut body = Vec::new();
        loop {
            match stream.blocking_read(READ_MAX) {
                Ok(piece) => body.extend_from_slice(&piece),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(match http_error_code(&error) {
                        Some(code) => failed(code),
                        None => HttpError::Failed(error.to_debug_string()),
                    });
                }
            }
        }
        Ok(Response {
            status,
            headers,
            body,
        })
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
}

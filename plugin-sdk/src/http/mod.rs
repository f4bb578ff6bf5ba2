//! Requests to other servers, where the operator lets a plugin send them:
//! `[plugins.NAME.grants.http]`.
//!
//! It owns what a request and a response look like to a handler. A call waits for
//! its response without holding up others, and the time counts against its
//! deadline; an async handler may have several on their way at once. Nothing is
//! followed: a redirect is a response like any other.

mod wire;

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
#[must_use = "nothing is sent before `send` or `send_async`"]
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
            return self.context.inner.stand_in.answer(&self.request);
        }
        let _ = self.context;
        wire::send(&self.request)
    }

    /// Sends it, and awaits the whole response, in an async handler. Nothing is sent
    /// before it is awaited; with [`join!`](crate::join) several are on their way at
    /// once. Dropping what it gives ends the request.
    ///
    /// # Errors
    /// As for [`Builder::send`].
    pub async fn send_async(self) -> Result<Response, HttpError> {
        if let Some(problem) = self.problem {
            return Err(HttpError::Invalid(problem));
        }
        if !IN_HOST {
            #[cfg(not(target_arch = "wasm32"))]
            {
                let answer = self.context.inner.stand_in.answer(&self.request);
                // What is sent at the same time is sent before this is answered.
                crate::executor::yield_now().await;
                return answer;
            }
        }
        let _ = self.context;
        wire::send_async(&self.request).await
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

//! Requests to other servers, where the operator lets a plugin send them:
//! `[plugins.NAME.grants.http]`.
//!
//! It owns what a request and a response look like to a handler. A call waits for
//! its response without holding up others, and the time counts against its
//! deadline; an async handler may have several on their way at once. Nothing is
//! followed: a redirect is a response like any other.
//!
//! ```
//! use fusebox_sdk::http::{HttpError, Response};
//! use fusebox_sdk::prelude::*;
//!
//! /// Says where an address leads.
//! #[tool]
//! fn leads(url: String, ctx: &Context) -> Result<Option<String>, HttpError> {
//!     let response = ctx.http().get(&url).send()?;
//!     Ok(response.header("location").map(str::to_owned))
//! }
//!
//! let ctx = Context::for_test().with_http(|_| {
//!     Ok(Response::new(301, "").with_header("location", "https://www.example.org"))
//! });
//! let to = leads("https://example.org".to_owned(), &ctx);
//! assert_eq!(to, Ok(Some("https://www.example.org".to_owned())));
//! ```

mod response;
mod wire;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

pub use response::Response;

use crate::Context;
use crate::context::IN_HOST;

/// Why there is no response.
///
/// ```
/// use fusebox_sdk::http::HttpError;
/// use fusebox_sdk::prelude::*;
///
/// /// Whether a server is there.
/// #[tool]
/// fn there(url: String, ctx: &Context) -> Result<bool, HandlerError> {
///     match ctx.http().request("HEAD", &url).send() {
///         Ok(_) => Ok(true),
///         Err(HttpError::Failed(_) | HttpError::Timeout) => Ok(false),
///         // The operator or the caller has to do something about it.
///         Err(other) => Err(other.into()),
///     }
/// }
///
/// let silent = Context::for_test().with_http(|_| Err(HttpError::Timeout));
/// assert!(!there("https://example.org".into(), &silent)?);
/// let closed = Context::for_test().with_http(|_| Err(HttpError::Denied("not granted".into())));
/// assert_eq!(there("https://example.org".into(), &closed).unwrap_err().message(), "not granted");
/// # Ok::<(), HandlerError>(())
/// ```
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
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
///
/// let ctx = Context::for_test().with_http(|request| Ok(Response::new(200, request.url.as_str())));
/// let http = ctx.http();
/// let bodies: Result<Vec<String>, HandlerError> = ["https://a.example", "https://b.example"]
///     .iter()
///     .map(|url| http.get(url).send()?.success()?.text())
///     .collect();
/// assert_eq!(bodies?, ["https://a.example", "https://b.example"]);
/// # Ok::<(), HandlerError>(())
/// ```
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
    /// assert_eq!(warmth("Oslo".to_owned(), &ctx)?, -3.5);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn http(&self) -> Http<'_> {
        Http { context: self }
    }
}

impl<'a> Http<'a> {
    /// A request that reads.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// let ctx = Context::for_test().with_http(|request| {
    ///     assert_eq!(request.method, "GET");
    ///     Ok(Response::new(200, "sunny"))
    /// });
    /// assert_eq!(ctx.http().get("https://api.example.org/today").send()?.bytes(), b"sunny");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn get(&self, url: &str) -> Builder<'a> {
        self.request("GET", url)
    }

    /// A request that sends something; see [`Builder::body`] and
    /// [`Builder::json`].
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// let ctx = Context::for_test().with_http(|request| {
    ///     assert_eq!((request.method.as_str(), &request.body[..]), ("POST", &b"sunny"[..]));
    ///     Ok(Response::new(201, ""))
    /// });
    /// let response = ctx.http().post("https://api.example.org/notes").body("sunny").send()?;
    /// assert_eq!(response.status, 201);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn post(&self, url: &str) -> Builder<'a> {
        self.request("POST", url)
    }

    /// A request with any method, in capitals.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// let ctx = Context::for_test().with_http(|request| match request.method.as_str() {
    ///     "DELETE" => Ok(Response::new(204, "")),
    ///     _ => Ok(Response::new(405, "")),
    /// });
    /// let response = ctx.http().request("DELETE", "https://api.example.org/notes/1").send()?;
    /// assert_eq!(response.status, 204);
    /// # Ok::<(), HandlerError>(())
    /// ```
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
///
/// ```
/// # use fusebox_sdk::{http::{Request, Response}, prelude::*};
/// /// A server for tests: it wants a key, and says what was asked for.
/// fn server(request: &Request) -> Response {
///     let has_key = request.headers.iter().any(|(name, _)| name == "x-key");
///     match has_key {
///         true => Response::new(200, request.url.as_str()),
///         false => Response::new(401, ""),
///     }
/// }
///
/// let ctx = Context::for_test().with_http(|request| Ok(server(request)));
/// assert_eq!(ctx.http().get("https://api.example.org").send()?.status, 401);
/// # Ok::<(), HandlerError>(())
/// ```
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
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
/// use std::time::Duration;
///
/// /// Adds a line to the diary.
/// #[tool]
/// fn write(line: String, ctx: &Context) -> Result<u16, HandlerError> {
///     let request = ctx.http().post("https://diary.example.org/lines");
///     let request = request.header("x-diary", "mine").json(&json!({"line": line}));
///     Ok(request.timeout(Duration::from_secs(5)).send()?.success()?.status)
/// }
///
/// let ctx = Context::for_test().with_http(|request| {
///     assert_eq!(request.body, br#"{"line":"sunny"}"#);
///     Ok(Response::new(201, ""))
/// });
/// assert_eq!(write("sunny".into(), &ctx)?, 201);
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `send` or `send_async`"]
pub struct Builder<'a> {
    context: &'a Context,
    request: Request,
    problem: Option<String>,
}

impl Builder<'_> {
    /// With a header. The host sets those of the connection itself.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// let ctx = Context::for_test().with_http(|request| {
    ///     assert_eq!(request.headers, [("accept".to_owned(), "text/csv".to_owned())]);
    ///     Ok(Response::new(200, "1,2"))
    /// });
    /// let table = ctx.http().get("https://api.example.org").header("accept", "text/csv").send()?;
    /// assert_eq!(table.text()?, "1,2");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// // This server sends back what it is sent.
    /// let ctx = Context::for_test().with_http(|request| Ok(Response::new(200, &request.body[..])));
    /// let echo = ctx.http().post("https://echo.example.org").body([1, 2, 3]).send()?;
    /// assert_eq!(echo.bytes(), [1, 2, 3]);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = body.into();
        self
    }

    /// With a value as JSON.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// let ctx = Context::for_test().with_http(|request| {
    ///     assert_eq!(request.headers[0].1, "application/json");
    ///     Ok(Response::new(200, &request.body[..]))
    /// });
    /// let echo = ctx.http().post("https://echo.example.org").json(&["a", "b"]).send()?;
    /// assert_eq!(echo.text()?, r#"["a","b"]"#);
    /// # Ok::<(), HandlerError>(())
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::{http::{HttpError, Response}, prelude::*};
    /// use std::time::Duration;
    ///
    /// // A server that takes two seconds.
    /// let ctx = Context::for_test().with_http(|request| match request.timeout {
    ///     Some(patience) if patience < Duration::from_secs(2) => Err(HttpError::Timeout),
    ///     _ => Ok(Response::new(200, "")),
    /// });
    /// let request = || ctx.http().get("https://slow.example.org");
    /// assert!(request().send().is_ok());
    /// assert_eq!(request().timeout(Duration::from_secs(1)).send(), Err(HttpError::Timeout));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(timeout);
        self
    }

    /// Sends it, and waits for the whole response.
    ///
    /// ```
    /// # use fusebox_sdk::{http::{HttpError, Response}, prelude::*};
    /// let ctx = Context::for_test().with_http(|_| Ok(Response::new(404, "not here")));
    /// // That there is nothing is an answer too.
    /// let response = ctx.http().get("https://example.org/nowhere").send()?;
    /// assert_eq!((response.status, response.bytes()), (404, &b"not here"[..]));
    /// # Ok::<(), HttpError>(())
    /// ```
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
    /// ```
    /// use fusebox_sdk::http::{HttpError, Response};
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::{block_on, join};
    ///
    /// /// Whether two pages are the same.
    /// #[tool]
    /// async fn same(one: String, other: String, ctx: &Context) -> Result<bool, HandlerError> {
    ///     let (one, other) =
    ///         join!(ctx.http().get(&one).send_async(), ctx.http().get(&other).send_async());
    ///     Ok(one?.bytes() == other?.bytes())
    /// }
    ///
    /// let ctx = Context::for_test().with_http(|_| Ok(Response::new(200, "sunny")));
    /// let same = same("https://a.example".into(), "https://b.example".into(), &ctx);
    /// assert!(block_on(same)?);
    /// # Ok::<(), HandlerError>(())
    /// ```
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

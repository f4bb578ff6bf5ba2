//! What a server answers, as a handler reads it.
//!
//! It owns ways to look at it. How it comes here is in `wire`.

use serde::de::DeserializeOwned;

use crate::HandlerError;

/// A response, read to its end.
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
///
/// /// The number that a server answered with, if it has one.
/// fn number(response: Response) -> Result<Option<u32>, HandlerError> {
///     match response.status {
///         404 => Ok(None),
///         _ => response.success()?.json().map(Some),
///     }
/// }
///
/// assert_eq!(number(Response::new(200, "42"))?, Some(42));
/// assert_eq!(number(Response::new(404, ""))?, None);
/// assert!(number(Response::new(500, "")).is_err());
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// A response for a test.
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// let response = Response::new(200, "sunny");
    /// assert_eq!((response.status, response.bytes()), (200, &b"sunny"[..]));
    /// ```
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// With a header.
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// let response = Response::new(302, "").with_header("location", "https://example.org");
    /// assert_eq!(response.header("Location"), Some("https://example.org"));
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        self
    }

    /// The first header of this name, if it is text.
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// let response = Response::new(429, "").with_header("Retry-After", "30");
    /// let seconds: Option<u32> = response.header("retry-after").and_then(|text| text.parse().ok());
    /// assert_eq!(seconds, Some(30));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter();
        let found = named.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The same response, if its status is from 200 to 299.
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// assert!(Response::new(204, "").success().is_ok());
    /// let error = Response::new(503, "").success().unwrap_err();
    /// assert_eq!(error.message(), "the server answered 503");
    /// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::http::Response;
    /// let picture = Response::new(200, [0x89, b'P', b'N', b'G']);
    /// assert!(picture.bytes().starts_with(b"\x89PNG"));
    /// ```
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    ///
    /// ```
    /// # use fusebox_sdk::{http::Response, prelude::*};
    /// assert_eq!(Response::new(200, "sunny").text()?, "sunny");
    /// assert!(Response::new(200, [0xff]).text().is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(self) -> Result<String, HandlerError> {
        Ok(String::from_utf8(self.body)?)
    }

    /// The body as JSON.
    ///
    /// ```
    /// use fusebox_sdk::http::Response;
    /// use fusebox_sdk::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct Weather {
    ///     degrees: f64,
    /// }
    ///
    /// let weather: Weather = Response::new(200, r#"{"degrees": -3.5, "wind": 4}"#).json()?;
    /// assert_eq!(weather.degrees, -3.5);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is none, or has another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HandlerError> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

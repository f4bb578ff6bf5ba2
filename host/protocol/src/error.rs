//! Errors as JSON-RPC, and with which HTTP status.
//!
//! Owns the codes that JSON-RPC and MCP define and the type of every error
//! that goes to a client. The host's own refusals are listed in
//! [`crate::reason`]. It never decides when an error occurs.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json::RawJson;
use crate::params::ClientCapabilities;
use crate::reason::{Reason, RefusalData};
use crate::version::{Era, ProtocolVersion};

/// The message is no JSON.
pub const PARSE_ERROR: i64 = -32700;
/// The message is JSON, but no JSON-RPC request.
pub const INVALID_REQUEST: i64 = -32600;
/// There is no such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters don't fit the method.
pub const INVALID_PARAMS: i64 = -32602;
/// The host is at fault.
pub const INTERNAL_ERROR: i64 = -32603;
/// What older versions answer to an unknown resource; modern ones forbid it.
pub const LEGACY_RESOURCE_NOT_FOUND: i64 = -32002;
/// A routing header is missing, malformed, or says other than the body.
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that its client didn't declare.
pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
/// `_meta` names a version that is not served.
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// An error that a client gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// what it is, for programs
    pub code: i64,
    /// what it is, for people
    pub message: Cow<'static, str>,
    /// `error.data`; boxed, because most results carry no error
    pub data: Option<Box<ErrorData>>,
    status: Status,
}

/// With which status an error answers an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Always(u16),
    /// For modern clients this one; for older ones 200, since those take any
    /// other status for a failure of the transport or of the session.
    Modern(u16),
}

/// The shapes that `error.data` can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorData {
    /// `{requiredCapabilities: {..}}`
    RequiredCapabilities(ClientCapabilities),
    /// `{supported: [..], requested: ".."}`
    Versions {
        /// the versions that such a request may name
        supported: &'static [ProtocolVersion],
        /// what it named
        requested: String,
    },
    /// `{uri: ".."}`
    Uri(String),
    /// `{reason, plugin?, tool?, retryAfterMs?, limit?, key?}`
    Refusal(Reason, RefusalData),
    /// any other value
    Json(RawJson),
}

impl RpcError {
    /// -32700; HTTP 400.
    pub fn parse_error(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(PARSE_ERROR, Status::Always(400), message)
    }

    /// -32600; HTTP 400.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_REQUEST, Status::Always(400), message)
    }

    /// -32601; HTTP 404 in the modern era, 200 in the older one.
    pub fn method_not_found(method: &str) -> Self {
        let message = format!("there is no method {}", quoted(method));
        Self::new(METHOD_NOT_FOUND, Status::Modern(404), message)
    }

    /// -32602; HTTP 200.
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_PARAMS, Status::Always(200), message)
    }

    /// -32602 for a modern request that lacks what each must have; HTTP 400.
    pub fn missing_meta(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_PARAMS, Status::Always(400), message)
    }

    /// -32603; HTTP 200.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INTERNAL_ERROR, Status::Always(200), message)
    }

    /// -32020; HTTP 400.
    pub fn header_mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(HEADER_MISMATCH, Status::Always(400), message)
    }

    /// -32021 with the capabilities that are wanted; HTTP 400, to a legacy client
    /// 200.
    pub fn missing_capability(
        message: impl Into<Cow<'static, str>>,
        wanted: ClientCapabilities,
    ) -> Self {
        Self::new(MISSING_CLIENT_CAPABILITY, Status::Modern(400), message)
            .with_data(ErrorData::RequiredCapabilities(wanted))
    }

    /// -32022; HTTP 400. Lists the modern versions only: the others are
    /// reached by `initialize`, not by naming them in `_meta`.
    pub fn unsupported_version(requested: &str) -> Self {
        let data = ErrorData::Versions {
            supported: &ProtocolVersion::MODERN,
            requested: shortened(requested).into(),
        };
        Self::new(
            UNSUPPORTED_VERSION,
            Status::Always(400),
            "unsupported protocol version",
        )
        .with_data(data)
    }

    /// No resource has this address: -32602 with `data.uri` in the modern era,
    /// -32002 in the older one; HTTP 200.
    pub fn resource_not_found(era: Era, uri: &str) -> Self {
        let code = match era {
            Era::Modern => INVALID_PARAMS,
            Era::Legacy => LEGACY_RESOURCE_NOT_FOUND,
        };
        Self::new(code, Status::Always(200), "resource not found")
            .with_data(ErrorData::Uri(uri.into()))
    }

    /// A refusal of the host. HTTP 503 if it is overloaded or stopping, 429 if
    /// the caller is too fast, else 200: the message itself was in order.
    pub fn refusal(
        reason: Reason,
        message: impl Into<Cow<'static, str>>,
        data: RefusalData,
    ) -> Self {
        let status = match reason {
            Reason::Overloaded | Reason::ShuttingDown => 503,
            Reason::Unauthenticated => 401,
            Reason::RateLimited => 429,
            _ => 200,
        };
        Self::new(reason.code(), Status::Always(status), message)
            .with_data(ErrorData::Refusal(reason, data))
    }

    /// The same error with other `data`.
    #[must_use]
    pub fn with_data(self, data: ErrorData) -> Self {
        Self {
            data: Some(Box::new(data)),
            ..self
        }
    }

    /// The status of an HTTP response whose body is this error alone. Inside
    /// an event stream or a batch the status is 200 whatever the error is.
    pub fn http_status(&self, era: Era) -> u16 {
        match (self.status, era) {
            (Status::Always(status), _) | (Status::Modern(status), Era::Modern) => status,
            (Status::Modern(_), Era::Legacy) => 200,
        }
    }

    /// Why the host refused, if it is a refusal.
    pub fn reason(&self) -> Option<Reason> {
        match self.data.as_deref() {
            Some(ErrorData::Refusal(reason, _)) => Some(*reason),
            _ => None,
        }
    }

    /// Milliseconds after which a retry makes sense: over HTTP, `Retry-After`.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self.data.as_deref() {
            Some(ErrorData::Refusal(_, data)) => data.retry_after_ms,
            _ => None,
        }
    }

    fn new(code: i64, status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
            status,
        }
    }
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RpcError {}

impl Serialize for RpcError {
    /// The object that `error` is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

impl Serialize for ErrorData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Refusal<'a> {
            reason: Reason,
            #[serde(flatten)]
            data: &'a RefusalData,
        }
        let mut map = match self {
            Self::Json(json) => return json.serialize(serializer),
            Self::Refusal(reason, data) => {
                return Refusal {
                    reason: *reason,
                    data,
                }
                .serialize(serializer);
            }
            _ => serializer.serialize_map(None)?,
        };
        match self {
            Self::RequiredCapabilities(wanted) => {
                map.serialize_entry("requiredCapabilities", wanted)?
            }
            Self::Versions {
                supported,
                requested,
            } => {
                map.serialize_entry("supported", supported)?;
                map.serialize_entry("requested", requested)?;
            }
            Self::Uri(uri) => map.serialize_entry("uri", uri)?,
            Self::Json(_) | Self::Refusal(..) => {}
        }
        map.end()
    }
}

/// Longest piece of a client's own text that an error repeats.
const ECHO_MAX_CHARS: usize = 80;

/// A client's text, cut to a length that is fit for a message.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_MAX_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A client's text as one quoted, escaped word of a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

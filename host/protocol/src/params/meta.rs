//! `_meta` of a request, and log levels.
//!
//! Owns the reserved keys of `params._meta`. Keys that are not reserved are
//! none of the host's business and are passed over.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::ClientCapabilities;
use super::read::{object, optional, string, wrong_kind};
use crate::error::{RpcError, quoted};
use crate::json::{JsonKind, string_of};
use crate::request_id::is_integer;
use crate::scan::{Member, Params};
use crate::version::ProtocolVersion;

/// What `params._meta` says. All of it is optional here; what a modern request
/// must have is for [`crate::era::check_modern`].
#[derive(Debug, Clone, Default)]
pub struct Meta<'a> {
    /// the version that this request speaks; any text
    pub protocol_version: Option<Cow<'a, str>>,
    /// what the client can do for this request
    pub client_capabilities: Option<ClientCapabilities>,
    /// an object with `name` and `version`, by the client's own account
    pub client_info: Option<&'a RawValue>,
    /// log messages of at least this level are wanted; `None`: none are
    pub log_level: Option<LogLevel>,
    /// a string or an integer, to be repeated in each progress notification
    pub progress_token: Option<&'a RawValue>,
    /// W3C trace context; what is no string is passed over, as one drops a
    /// trace and not a call
    pub traceparent: Option<Cow<'a, str>>,
    /// W3C trace state
    pub tracestate: Option<Cow<'a, str>>,
    /// W3C baggage
    pub baggage: Option<Cow<'a, str>>,
}

impl<'a> Meta<'a> {
    /// # Errors
    /// -32602 if a member is of the wrong kind, or the log level is unknown.
    pub fn from_params(params: &Params<'a>) -> Result<Self, RpcError> {
        Ok(Self {
            protocol_version: optional(params, Member::MetaProtocolVersion, string)?,
            client_capabilities: optional(
                params,
                Member::MetaClientCapabilities,
                ClientCapabilities::read,
            )?,
            client_info: optional(params, Member::MetaClientInfo, object)?,
            log_level: optional(params, Member::MetaLogLevel, LogLevel::read)?,
            progress_token: optional(params, Member::ProgressToken, token)?,
            traceparent: params.get(Member::Traceparent).and_then(string_of),
            tracestate: params.get(Member::Tracestate).and_then(string_of),
            baggage: params.get(Member::Baggage).and_then(string_of),
        })
    }
}

/// The trace that a request belongs to, by its `_meta` and nothing else of it. What is
/// no string is passed over.
#[derive(Debug, Clone, Default)]
pub struct TraceMeta<'a> {
    /// W3C trace context
    pub traceparent: Option<Cow<'a, str>>,
    /// W3C trace state
    pub tracestate: Option<Cow<'a, str>>,
}

impl<'a> TraceMeta<'a> {
    /// Takes what is there; nothing of it can be wrong.
    pub fn of(params: &Params<'a>) -> Self {
        Self {
            traceparent: params.get(Member::Traceparent).and_then(string_of),
            tracestate: params.get(Member::Tracestate).and_then(string_of),
        }
    }
}

/// The version that a request says it speaks, if it is one that this host speaks too.
pub fn claimed_version(params: &Params<'_>) -> Option<ProtocolVersion> {
    let claimed = string_of(params.get(Member::MetaProtocolVersion)?)?;
    ProtocolVersion::parse(&claimed)
}

fn token(member: Member, raw: &RawValue) -> Result<&RawValue, RpcError> {
    match JsonKind::of(raw) {
        JsonKind::Number if is_integer(raw.get()) => Ok(raw),
        // It is sent back, so it must be text that every reader takes.
        JsonKind::String if string_of(raw).is_some() => Ok(raw),
        _ => Err(wrong_kind(member, "a string or an integer", raw)),
    }
}

/// How grave a log message is (RFC 5424). Graver is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// detail for developers
    Debug,
    /// normal events
    Info,
    /// normal but significant
    Notice,
    /// not an error yet
    Warning,
    /// an operation failed
    Error,
    /// a part failed
    Critical,
    /// act at once
    Alert,
    /// nothing works
    Emergency,
}

impl LogLevel {
    /// Every level, the least grave first.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// The level of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    pub(super) fn read(member: Member, raw: &RawValue) -> Result<Self, RpcError> {
        let name = string(member, raw)?;
        Self::parse(&name).ok_or_else(|| {
            let message = format!(
                "`{}` must be debug, info, notice, warning, error, critical, alert or emergency, not {}",
                member.name(),
                quoted(&name)
            );
            RpcError::invalid_params(message)
        })
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

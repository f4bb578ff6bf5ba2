//! A request that came to no handler: who sent it is not let in or too fast, or what it
//! asks for isn't there.
//!
//! It owns what is written of such a request. It never has a word of what it brought but
//! the name of what it asks for.

use std::borrow::Cow;
use std::time::SystemTime;

use fusebox_protocol::{Reason, Request, RequestId, RpcError, headers};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::allowance::STRANGERS;
use super::record::{Asker, put, time};
use super::redact::Redaction;
use crate::auth::{Audience, Denied, STRANGER};
use crate::config::AUDIT_METHODS;
use crate::metrics;
use crate::origin::Origin;

/// The longest name that is written of something that isn't there: it is a client's
/// own text.
const NAME_MAX_CHARS: usize = 256;

/// The longest id of a request that is written.
const ID_MAX_BYTES: usize = 128;

/// A request that was refused, as it is.
pub(crate) struct Refused<'a> {
    /// who sent it
    pub(crate) sender: Sender<'a>,
    /// what it asks for
    pub(crate) asked: Asked<'a>,
    /// what is against it
    pub(crate) why: Why<'a>,
}

/// Who sent it, as far as that is known, and what it came by.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) audience: &'a Audience,
    pub(crate) origin: &'a Origin,
    /// the number of its session
    pub(crate) session: Option<u64>,
}

/// As much as was read of a request.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// all
    Request(&'a Request<'a>),
    /// what its headers claim
    Headers(&'a HeaderMap),
    /// nothing
    Nothing,
}

/// Why it was refused.
#[derive(Clone, Copy)]
pub(crate) enum Why<'a> {
    /// whoever sent it isn't let in
    Denied(&'a Denied),
    /// the session that it names isn't theirs, or is none
    Session,
    /// what it is answered
    Error(&'a RpcError),
}

impl Asked<'_> {
    fn method(&self) -> Option<&str> {
        match self {
            Self::Request(request) => Some(&request.method),
            Self::Headers(headers) => headers::claimed(headers).0,
            Self::Nothing => None,
        }
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Request(request) => headers::name_of(request),
            Self::Headers(headers) => headers::claimed(headers).1,
            Self::Nothing => None,
        }
    }
}

impl Refused<'_> {
    /// Whether such requests are written. Of whoever isn't let in it doesn't matter what
    /// they ask for.
    pub(super) fn is_of(&self, methods: &[String]) -> bool {
        match (self.why, self.asked.method()) {
            (Why::Error(_), Some(method)) => methods.iter().any(|one| one == method),
            _ => true,
        }
    }

    /// Who sent it; none: nobody knows.
    fn caller(&self) -> Option<Cow<'_, str>> {
        match self.why {
            Why::Denied(Denied::Expired(name)) => Some(format!("key:{name}").into()),
            Why::Denied(Denied::NoRole(name)) => Some(format!("certificate:{name}").into()),
            _ => {
                let who = self.sender.audience.who.as_ref();
                who.map(|who| Cow::Borrowed(&**who.subject()))
            }
        }
    }

    /// Of whose allowance it is.
    pub(super) fn counts_for(&self) -> Cow<'_, str> {
        let known = self.caller().filter(|caller| *caller != STRANGER);
        known.unwrap_or(STRANGERS.into())
    }

    /// What a line is made of. `unwritten` came before it and have none.
    pub(super) fn held(&self, redaction: &Redaction, unwritten: u64) -> Refusal {
        let method = self.asked.method();
        let method = method.and_then(|method| AUDIT_METHODS.into_iter().find(|one| *one == method));
        let name = || self.asked.name().map(|name| bounded(&name, redaction));
        let what = method.and_then(kind).and_then(|kind| Some((kind, name()?)));
        let id = match self.asked {
            Asked::Request(request) => Some(&request.id),
            _ => None,
        };
        let (denial, reason, code) = match self.why {
            Why::Denied(denied) => {
                let reason = Reason::Unauthenticated;
                let denial = metrics::denial(denied);
                (Some(denial), Some(reason), Some(reason.code()))
            }
            Why::Session => (Some("session"), None, None),
            Why::Error(error) => (None, error.reason(), Some(error.code)),
        };
        Refusal {
            at: SystemTime::now(),
            asker: Asker {
                audience: self.sender.audience.clone(),
                origin: Some(self.sender.origin.clone()),
                session: self.sender.session,
            },
            caller: self.caller().map(Cow::into_owned),
            method,
            what,
            id: id.filter(|id| id.as_str().len() <= ID_MAX_BYTES).cloned(),
            denial,
            reason,
            code,
            unwritten,
        }
    }
}

/// What is called by a method, as a member of a line; none: it calls nothing by a name.
fn kind(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" => Some("tool"),
        "resources/read" => Some("resource"),
        "prompts/get" => Some("prompt"),
        _ => None,
    }
}

/// A name that may be anything.
fn bounded(name: &str, redaction: &Redaction) -> String {
    let redacted = redaction.address(name);
    match redacted.char_indices().nth(NAME_MAX_CHARS) {
        Some((end, _)) => format!("{}...", &redacted[..end]),
        None => redacted,
    }
}

/// What is known of a request that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    at: SystemTime,
    asker: Asker,
    caller: Option<String>,
    method: Option<&'static str>,
    /// what it asks for, and its name
    what: Option<(&'static str, String)>,
    id: Option<RequestId>,
    denial: Option<&'static str>,
    reason: Option<Reason>,
    code: Option<i64>,
    unwritten: u64,
}

impl Refusal {
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut line = Map::new();
        put(&mut line, "time", time(self.at));
        put(&mut line, "method", self.method.into());
        put(&mut line, "caller", self.caller.as_deref().into());
        self.asker.put_role(&mut line);
        self.asker.put_origin(&mut line);
        let id = self.id.as_ref();
        let id = id.and_then(|id| serde_json::to_value(id).ok());
        put(&mut line, "request", id.into());
        if let Some((kind, name)) = &self.what {
            put(&mut line, kind, name.as_str().into());
        }
        put(&mut line, "outcome", "refused".into());
        put(&mut line, "reason", self.reason.map(Reason::name).into());
        put(&mut line, "denied", self.denial.into());
        put(&mut line, "code", self.code.into());
        let unwritten = (self.unwritten > 0).then_some(self.unwritten);
        put(&mut line, "unwritten", unwritten.into());
        line
    }
}

/// Refusals of one caller that have no line, where none of them told of the others.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) at: SystemTime,
    /// empty: of all whom nobody knows
    pub(super) caller: Box<str>,
    pub(super) unwritten: u64,
}

impl Rest {
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut line = Map::new();
        put(&mut line, "time", time(self.at));
        let caller = (&*self.caller != STRANGERS).then_some(&*self.caller);
        put(&mut line, "caller", caller.into());
        put(&mut line, "outcome", "refused".into());
        put(&mut line, "unwritten", self.unwritten.into());
        line
    }
}

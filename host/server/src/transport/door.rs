//! Whether a client of lines is let in, and as whom.
//!
//! It owns `fusebox/authenticate`, which comes before anything else where callers
//! are asked who they are. It never serves another method.

use std::collections::BTreeMap;

use fusebox_protocol::params::AuthenticateParams;
use fusebox_protocol::{Era, Message, Reason, RefusalData, Request, RpcError};

use crate::audit::{Asked, Refused, Sender, Why};
use crate::auth::{Audience, Denied};
use crate::host::Host;
use crate::origin::Origin;
use crate::reply::Reply;

/// The method by which a client of lines shows its key.
pub(crate) const AUTHENTICATE: &str = "fusebox/authenticate";

/// How a connection stands to its host.
#[derive(Clone, Debug)]
pub enum Door {
    /// it is let in, as this audience
    Open(Audience),
    /// it has to say who it is
    Knock,
}

impl Door {
    /// Of a connection whose client has said nothing yet.
    pub fn of(host: &Host, origin: &Origin) -> Self {
        let audience = Audience::new(None, origin.certified().cloned());
        match audience.who {
            None if host.auth.is_on() => Self::Knock,
            // A role that may not be here learns so when it asks.
            Some(_) if host.check_entry(&audience).is_err() => Self::Knock,
            _ => Self::Open(audience),
        }
    }

    /// Who is let in now; none: whoever it is has to knock first.
    ///
    /// # Errors
    /// [`Denied::Revoked`] if what let it in holds no more.
    pub(crate) fn audience(&self, host: &Host) -> Result<Audience, Denied> {
        match self {
            Self::Open(audience) => match &audience.who {
                Some(who) if !who.holds() => Err(Denied::Revoked),
                _ => Ok(audience.clone()),
            },
            Self::Knock => {
                let audience = Audience::new(None, host.auth.stranger()?);
                host.check_entry(&audience)?;
                Ok(audience)
            }
        }
    }

    /// The request in a message that shows a key, where that is awaited.
    pub(crate) fn knocks<'m, 'a>(&self, message: &'m Message<'a>) -> Option<&'m Request<'a>> {
        match message {
            Message::Request(request) if request.method == AUTHENTICATE => {
                matches!(self, Self::Knock).then_some(request)
            }
            _ => None,
        }
    }

    /// Serves `fusebox/authenticate`.
    pub(crate) async fn knock(
        &mut self,
        host: &Host,
        request: &Request<'_>,
        origin: &Origin,
    ) -> Reply {
        match enter(host, request, origin).await {
            Ok(audience) => {
                *self = Self::Open(audience);
                Reply::result(&request.id, &BTreeMap::<&str, &str>::new())
            }
            Err(error) => Reply::error(Some(&request.id), &error, Era::Legacy),
        }
    }

    /// Who stands there, as far as that is known, whether it is let in or not.
    pub(crate) fn known(&self) -> Audience {
        match self {
            Self::Open(audience) => audience.clone(),
            Self::Knock => Audience::default(),
        }
    }
}

async fn enter(host: &Host, request: &Request<'_>, origin: &Origin) -> Result<Audience, RpcError> {
    let params = AuthenticateParams::from_params(&request.params)?;
    let mut known = Audience::default();
    let entered = async {
        if host.auth.needs_issuer(&params.key) {
            host.auth.ask_issuer().await?;
        }
        known.who = host.auth.caller(&params.key)?;
        host.check_entry(&known)?;
        Ok(())
    };
    match entered.await {
        Ok(()) => Ok(known),
        Err(denied) => {
            let sender = Sender {
                audience: &known,
                origin,
                session: None,
            };
            Err(refusal(host, &denied, sender, Asked::Request(request)))
        }
    }
}

/// Counts and writes down that somebody isn't let in.
pub(crate) fn denied(host: &Host, denied: &Denied, sender: Sender<'_>, asked: Asked<'_>) {
    host.metrics.denials.add(denied);
    if let Some(audit) = &host.audit {
        let why = Why::Denied(denied);
        audit.refused(&Refused { sender, asked, why });
    }
}

/// The same of a connection that said nothing yet.
pub(crate) fn not_let_in(host: &Host, denied_for: &Denied, origin: &Origin) {
    let sender = Sender {
        audience: &Audience::default(),
        origin,
        session: None,
    };
    denied(host, denied_for, sender, Asked::Nothing);
}

/// What is answered to whoever isn't let in.
pub(crate) fn refusal(
    host: &Host,
    denied: &Denied,
    sender: Sender<'_>,
    asked: Asked<'_>,
) -> RpcError {
    self::denied(host, denied, sender, asked);
    let what_to_do = match denied {
        Denied::Missing | Denied::Malformed => format!(
            ": send {{\"method\":\"{AUTHENTICATE}\",\"params\":{{\"key\":\"...\"}}}} first (`fusebox bridge --key-file` does)"
        ),
        _ => String::new(),
    };
    RpcError::refusal(
        Reason::Unauthenticated,
        format!("{denied}{what_to_do}"),
        RefusalData::default(),
    )
}

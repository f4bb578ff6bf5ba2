//! From one round of questions to the next: what a modern client carries between
//! two calls of a handler.
//!
//! It owns what a seal is bound to and how long it lasts. It never asks anybody.

use std::time::SystemTime;

use fusebox_protocol::RpcError;
use sha2::{Digest, Sha256};

use crate::ask::Known;
use crate::auth::Audience;
use crate::call::{Round, Target};
use crate::host::Host;
use crate::plugin_entry::Handler;
use crate::refusal::millis_up;

impl Round {
    /// What the handler knows when it is called.
    ///
    /// # Errors
    /// If the seal isn't one of this host for this caller, handler and arguments,
    /// or has expired.
    pub(crate) fn open(
        &self,
        host: &Host,
        handler: &Handler,
        target: &Target,
        audience: &Audience,
    ) -> Result<Known, RpcError> {
        let open = |seal: &String| {
            host.sealer
                .open(&binding(handler, target, audience), unix_ms(), seal)
        };
        let state = self.request_state.as_ref().map(open).transpose();
        Ok(Known {
            responses: self.responses.clone(),
            state: state.map_err(|broken| RpcError::invalid_params(broken.to_string()))?,
        })
    }
}

/// Seals what the handler wants to find again.
///
/// # Errors
/// If the system has no random bytes to give.
pub(crate) fn seal(
    host: &Host,
    handler: &Handler,
    target: &Target,
    audience: &Audience,
    state: Option<&[u8]>,
) -> Result<Option<String>, RpcError> {
    // And one, for the millisecond that has begun.
    let end = unix_ms().saturating_add(millis_up(host.config.session.ask_timeout) + 1);
    let seal = |state| {
        host.sealer
            .seal(&binding(handler, target, audience), end, state)
    };
    let sealed = state.map(seal).transpose();
    sealed.map_err(|error| RpcError::internal(format!("the system gave no random bytes: {error}")))
}

/// What a seal is bound to: the caller, the handler and what it is called with. Arguments
/// are compared by value, since a client may write them anew.
fn binding(handler: &Handler, target: &Target, audience: &Audience) -> Vec<u8> {
    let called_with = match target {
        Target::Tool { arguments } => serde_json::from_str::<serde_json::Value>(arguments)
            .map_or_else(|_| arguments.to_string(), |value| value.to_string()),
        Target::Resource { uri } => uri.to_string(),
        Target::Prompt { arguments } => {
            let mut sorted = arguments.clone();
            sorted.sort();
            format!("{sorted:?}")
        }
        Target::Completion { .. } => String::new(),
    };
    let whole = format!(
        "{}\n{}\n{:?}\n{}\n{called_with}",
        audience.subject(),
        handler.core.name,
        handler.kind,
        handler.name
    );
    Sha256::digest(whole).to_vec()
}

/// Milliseconds since 1970, in which a seal's end is told.
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, millis_up)
}

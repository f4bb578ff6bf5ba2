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
    /// What the handler knows when it is called, and how the SHA-256 of the version
    /// that sealed it begins.
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
    ) -> Result<(Known, Option<String>), RpcError> {
        let open = |seal: &String| {
            host.sealer
                .open(&binding(handler, target, audience), unix_ms(), seal)
        };
        let opened = self.request_state.as_ref().map(open).transpose();
        let opened = opened.map_err(|broken| RpcError::invalid_params(broken.to_string()))?;
        let (version, state) = opened.map_or((None, None), unpack);
        let responses = self.responses.clone();
        Ok((Known { responses, state }, version))
    }
}

/// What is to be sealed.
pub(crate) struct State<'a> {
    /// what the handler wants to find again, if anything
    pub(crate) state: Option<&'a [u8]>,
    /// a seal is wanted even around nothing, for the version that it names
    pub(crate) always: bool,
}

/// Seals what the handler wants to find again, with the version of its plugin.
///
/// # Errors
/// If the system has no random bytes to give.
pub(crate) fn seal(
    host: &Host,
    handler: &Handler,
    target: &Target,
    audience: &Audience,
    State { state, always }: State<'_>,
) -> Result<Option<String>, RpcError> {
    // And one, for the millisecond that has begun.
    let end = unix_ms().saturating_add(millis_up(host.live().session.ask_timeout) + 1);
    let seal = |packed: Vec<u8>| {
        host.sealer
            .seal(&binding(handler, target, audience), end, &packed)
    };
    let packed = (state.is_some() || always).then(|| pack(&handler.core.sha256, state));
    let sealed = packed.map(seal).transpose();
    sealed.map_err(|error| RpcError::internal(format!("the system gave no random bytes: {error}")))
}

/// How much of a version's SHA-256 is sealed: enough to tell the versions of one
/// plugin from each other.
const VERSION_BYTES: usize = 16;

/// A version and a state, as they are sealed.
fn pack(sha256: &str, state: Option<&[u8]>) -> Vec<u8> {
    let version = sha256.bytes().chain(std::iter::repeat(b'0'));
    let mut packed: Vec<u8> = version.take(VERSION_BYTES).collect();
    packed.push(u8::from(state.is_some()));
    packed.extend_from_slice(state.unwrap_or_default());
    packed
}

/// The version and the state of what was sealed.
fn unpack(packed: Vec<u8>) -> (Option<String>, Option<Vec<u8>>) {
    let Some((version, rest)) = packed.split_at_checked(VERSION_BYTES) else {
        return (None, None);
    };
    let version = String::from_utf8(version.to_vec()).ok();
    let state = match rest.split_first() {
        Some((1, state)) => Some(state.to_vec()),
        _ => None,
    };
    (version, state)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let sha256 = "0123456789abcdef0123";
        let version = Some("0123456789abcdef".to_owned());
        for state in [None, Some(&b""[..]), Some(&b"state"[..])] {
            let packed = pack(sha256, state);
            let expected = (version.clone(), state.map(<[u8]>::to_vec));
            assert_eq!(unpack(packed), expected);
        }
        assert_eq!(unpack(b"short".to_vec()), (None, None));
    }
}

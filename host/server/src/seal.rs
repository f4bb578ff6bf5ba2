//! Sealing what a handler wants to find again between two rounds: the client
//! carries it, and can neither read nor change it.
//!
//! It owns the seal's form: encrypted and authenticated, bound to one caller and
//! one request, with an end. It never reads a clock and never keeps anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const END_BYTES: usize = 8;

/// Seals and opens; the key is drawn at the start of the host and dies with it.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key: [u8; KEY_BYTES],
}

/// Why a seal doesn't open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It was changed, or belongs to another caller, request or host.
    #[error("`requestState` was not given out by this server for this request")]
    Foreign,
    /// Its time is over.
    #[error("`requestState` has expired; begin again")]
    Expired,
}

impl Sealer {
    /// A sealer with a key of its own.
    ///
    /// # Errors
    /// If the system has no random bytes to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0_u8; KEY_BYTES];
        getrandom::fill(&mut key)?;
        Ok(Self::with_key(key))
    }

    /// The sealer of the host whose place this one takes: what that one gave out opens
    /// here.
    pub fn with_key(key: [u8; KEY_BYTES]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(Key::from_slice(&key)),
            key,
        }
    }

    /// For the host that takes this one's place, and for nobody else.
    pub(crate) fn key(&self) -> &[u8; KEY_BYTES] {
        &self.key
    }

    /// Seals `state`, for whoever comes back with the same `bound_to` before
    /// `end_unix_ms`.
    ///
    /// # Errors
    /// If the system has no random bytes to give.
    pub fn seal(
        &self,
        bound_to: &[u8],
        end_unix_ms: u64,
        state: &[u8],
    ) -> Result<String, getrandom::Error> {
        let mut sealed = vec![0_u8; NONCE_BYTES];
        getrandom::fill(&mut sealed)?;
        let end = end_unix_ms.to_be_bytes();
        let payload = Payload {
            msg: state,
            aad: &[bound_to, &end].concat(),
        };
        let encrypted = self.cipher.encrypt(XNonce::from_slice(&sealed), payload);
        sealed.extend_from_slice(&end);
        // Encryption fails only for texts of more than 256 GiB.
        sealed.extend_from_slice(&encrypted.unwrap_or_default());
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a seal.
    ///
    /// # Errors
    /// [`Broken`] if it isn't ours, isn't for this, or is too old.
    pub fn open(&self, bound_to: &[u8], now_unix_ms: u64, text: &str) -> Result<Vec<u8>, Broken> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Broken::Foreign)?;
        let (nonce, rest) = sealed
            .split_at_checked(NONCE_BYTES)
            .ok_or(Broken::Foreign)?;
        let (end, encrypted) = rest.split_at_checked(END_BYTES).ok_or(Broken::Foreign)?;
        let payload = Payload {
            msg: encrypted,
            aad: &[bound_to, end].concat(),
        };
        let state = self
            .cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| Broken::Foreign)?;
        let end_unix_ms = u64::from_be_bytes(end.try_into().map_err(|_| Broken::Foreign)?);
        if now_unix_ms >= end_unix_ms {
            return Err(Broken::Expired);
        }
        Ok(state)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_for_the_same_request_until_its_end() {
        let sealer = Sealer::new().unwrap();
        let sealed = sealer.seal(b"a", 100, b"state").unwrap();
        assert_eq!(sealer.open(b"a", 99, &sealed), Ok(b"state".to_vec()));
        assert_eq!(sealer.open(b"a", 100, &sealed), Err(Broken::Expired));
        assert_eq!(sealer.open(b"b", 99, &sealed), Err(Broken::Foreign));
        let other = Sealer::new().unwrap();
        assert_eq!(other.open(b"a", 99, &sealed), Err(Broken::Foreign));
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let sealer = Sealer::new().unwrap();
        let sealed = sealer.seal(b"a", 100, b"state").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            let text = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(sealer.open(b"a", 0, &text), Err(Broken::Foreign));
        }
        for length in 0..bytes.len() {
            let text = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert_eq!(sealer.open(b"a", 0, &text), Err(Broken::Foreign));
        }
        assert_eq!(sealer.open(b"a", 0, "!"), Err(Broken::Foreign));
    }

    #[test]
    fn the_state_cannot_be_read() {
        let sealer = Sealer::new().unwrap();
        let sealed = sealer.seal(b"a", 100, b"a secret").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"a secret"));
    }
}

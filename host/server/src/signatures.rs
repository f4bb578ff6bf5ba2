//! Whose plugins are loaded: the operator's public keys, and what becomes of a
//! plugin without a good signature of one of them.
//!
//! It owns the verdict on bytes and their signatures. It never looks for a
//! signature: whoever has the bytes knows where one would be.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use minisign_verify::{Error, PublicKey, Signature};
use serde::Serialize;

use crate::config::{self, SignaturePolicy};

/// The largest text of one signature.
pub(crate) const SIGNATURE_MAX_BYTES: usize = 4096;

/// What stands behind the name of a file, in the name of its signature.
pub(crate) const SUFFIX: &str = ".minisig";

/// The operator's keys and policy.
#[derive(Debug)]
pub struct Signatures {
    policy: SignaturePolicy,
    keys: Vec<(String, PublicKey)>,
}

/// What became of the question whose a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody asks.
    NotAsked,
    /// A key of the operator's signed these bytes.
    Signed {
        /// the key
        key: String,
    },
    /// It is loaded all the same.
    Tolerated(SignatureError),
}

/// What `/health` and `fusebox plugin check` say of it.
#[derive(Clone, Debug, Serialize)]
pub struct SignatureReport {
    /// whether one of the keys signed it
    pub good: bool,
    /// which one
    pub key: Option<String>,
    /// why not
    pub reason: Option<String>,
}

/// Why a plugin has no good signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error(
        "it is not signed: {missing}; sign it with `minisign -Sm`, or set `signatures.policy` to another value than \"{policy}\""
    )]
    Missing {
        /// where it would be
        missing: String,
        /// the policy in force
        policy: &'static str,
    },
    /// It is of none of the keys.
    #[error(
        "it is signed by none of the keys in `signatures.keys`; if you trust its maker, add the key"
    )]
    OtherKey,
    /// The key is right, and the bytes are not those that it signed.
    #[error("its signature by the key {key} does not fit: it was changed after it was signed")]
    Changed {
        /// which key
        key: String,
    },
    /// It is no text of minisign.
    #[error("its signature can't be read: {reason}")]
    Unreadable {
        /// why
        reason: String,
    },
}

impl Signatures {
    /// What the configuration says.
    pub fn new(settings: &config::Signatures) -> Self {
        let keys = settings.keys.iter();
        let keys = keys.filter_map(|text| Some((text.clone(), PublicKey::from_base64(text).ok()?)));
        Self {
            policy: settings.policy,
            keys: keys.collect(),
        }
    }

    /// Whether anybody asks.
    pub fn is_asked(&self) -> bool {
        self.policy != SignaturePolicy::Off
    }

    /// Judges bytes with the texts of their signatures, of which one good one will
    /// do; `missing` says where there is none.
    ///
    /// # Errors
    /// Why they may not be loaded.
    pub fn judge(
        &self,
        bytes: &[u8],
        signatures: &[String],
        missing: &str,
    ) -> Result<Verdict, SignatureError> {
        match (self.policy, self.verify(bytes, signatures, missing)) {
            (SignaturePolicy::Off, _) => Ok(Verdict::NotAsked),
            (_, Ok(key)) => Ok(Verdict::Signed { key }),
            (SignaturePolicy::Warn, Err(error)) => Ok(Verdict::Tolerated(error)),
            (SignaturePolicy::Require, Err(error)) => Err(error),
        }
    }

    /// The key that signed these bytes.
    fn verify(
        &self,
        bytes: &[u8],
        signatures: &[String],
        missing: &str,
    ) -> Result<String, SignatureError> {
        let policy = match self.policy {
            SignaturePolicy::Off => return Ok(String::new()),
            SignaturePolicy::Warn => "warn",
            SignaturePolicy::Require => "require",
        };
        let missing = missing.to_owned();
        let mut worst = SignatureError::Missing { missing, policy };
        for text in signatures {
            match self.verify_one(bytes, text) {
                Ok(key) => return Ok(key),
                Err(error) => worst = error,
            }
        }
        Err(worst)
    }

    fn verify_one(&self, bytes: &[u8], text: &str) -> Result<String, SignatureError> {
        let unreadable = |error: Error| SignatureError::Unreadable {
            reason: error.to_string(),
        };
        let signature = Signature::decode(text).map_err(unreadable)?;
        for (name, key) in &self.keys {
            match key.verify(bytes, &signature, true) {
                Ok(()) => return Ok(name.clone()),
                Err(Error::UnexpectedKeyId) => {}
                Err(Error::InvalidSignature) => {
                    return Err(SignatureError::Changed { key: name.clone() });
                }
                Err(error) => return Err(unreadable(error)),
            }
        }
        Err(SignatureError::OtherKey)
    }
}

impl Verdict {
    /// For people and programs; none if nobody asked.
    pub fn report(&self) -> Option<SignatureReport> {
        match self {
            Self::NotAsked => None,
            Self::Signed { key } => Some(SignatureReport {
                good: true,
                key: Some(key.clone()),
                reason: None,
            }),
            Self::Tolerated(error) => Some(SignatureReport {
                good: false,
                key: None,
                reason: Some(error.to_string()),
            }),
        }
    }
}

/// Where the signature of a file lies.
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// The signature that lies beside a file, if there is one, and what to say if not.
///
/// # Errors
/// If there is one that can't be read.
pub(crate) fn read_beside(file: &Path) -> Result<(Vec<String>, String), SignatureError> {
    let path = beside(file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let missing = format!("there is no {name} beside it");
    let unreadable = |reason: String| SignatureError::Unreadable { reason };
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| {
        file.take(SIGNATURE_MAX_BYTES as u64 + 1)
            .read_to_end(&mut text)
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), missing)),
        Err(error) => return Err(unreadable(format!("{name}: {error}"))),
        Ok(_) => {}
    }
    let text = self::text(text).map_err(unreadable)?;
    Ok((vec![text], missing))
}

/// Bytes as the text of a signature.
///
/// # Errors
/// In plain words, if they can't be one.
pub(crate) fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > SIGNATURE_MAX_BYTES {
        return Err(format!("it has more than {SIGNATURE_MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use minisign::KeyPair;

    use super::*;

    fn signed(pair: &KeyPair, bytes: &[u8]) -> String {
        let boxed = minisign::sign(None, &pair.sk, Cursor::new(bytes), None, None).unwrap();
        boxed.to_string()
    }

    fn signatures(policy: SignaturePolicy, pairs: &[&KeyPair]) -> Signatures {
        Signatures::new(&config::Signatures {
            policy,
            keys: pairs.iter().map(|pair| pair.pk.to_base64()).collect(),
        })
    }

    #[test]
    fn each_policy_judges_each_signature() {
        let pairs = [(); 3].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
        let [ours, second, stranger] = &pairs;
        let bytes = b"a plugin";
        let require = signatures(SignaturePolicy::Require, &[ours, second]);
        let warn = signatures(SignaturePolicy::Warn, &[ours, second]);
        let off = signatures(SignaturePolicy::Off, &[]);
        let good = signed(second, bytes);
        let key = second.pk.to_base64();
        let missing = SignatureError::Missing {
            missing: "nowhere".to_owned(),
            policy: "require",
        };
        let unreadable = SignatureError::Unreadable {
            reason: "Invalid encoding in minisign data".to_owned(),
        };
        let cases: [(Vec<String>, SignatureError); 4] = [
            (vec![], missing),
            (vec![signed(stranger, bytes)], SignatureError::OtherKey),
            (
                vec![signed(second, b"another plugin")],
                SignatureError::Changed { key: key.clone() },
            ),
            (vec!["nonsense".to_owned()], unreadable),
        ];
        for (given, expected) in cases {
            let judged = require.judge(bytes, &given, "nowhere");
            assert_eq!(judged, Err(expected));
            let tolerated = warn.judge(bytes, &given, "nowhere").unwrap();
            assert!(matches!(tolerated, Verdict::Tolerated(_)), "{tolerated:?}");
            assert_eq!(off.judge(bytes, &given, "nowhere"), Ok(Verdict::NotAsked));
        }
        // One good one is enough, whatever else is there.
        let given = [signed(stranger, bytes), good];
        for asked in [&require, &warn] {
            let judged = asked.judge(bytes, &given, "nowhere");
            assert_eq!(judged, Ok(Verdict::Signed { key: key.clone() }));
        }
    }

    #[test]
    fn a_signature_beside_a_file_is_read_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        let none = read_beside(&file).unwrap();
        assert_eq!(none.1, "there is no a.wasm.minisig beside it");
        assert!(none.0.is_empty());
        std::fs::write(beside(&file), "text").unwrap();
        assert_eq!(read_beside(&file).unwrap().0, ["text"]);
        std::fs::write(beside(&file), vec![b'x'; SIGNATURE_MAX_BYTES + 1]).unwrap();
        let long = read_beside(&file).unwrap_err().to_string();
        assert_eq!(
            long,
            "its signature can't be read: it has more than 4096 bytes"
        );
    }
}

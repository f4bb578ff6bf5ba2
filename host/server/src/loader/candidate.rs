//! Bytes that may become a version of a plugin: read whole, and judged by their
//! signatures.
//!
//! It owns the order: nothing is compiled whose signature isn't as the operator
//! wants it.

use std::path::PathBuf;
use std::sync::Arc;

use super::kept::Kept;
use crate::asks::Beside;
use crate::catalogue::FailedFile;
use crate::folder;
use crate::plugin_entry::PluginFile;
use crate::signatures::{self, Signatures, Verdict};
use crate::sources::{self, Record};

/// Bytes that may be loaded.
pub(super) struct Candidate {
    pub(super) file: PluginFile,
    pub(super) verdict: Verdict,
    /// the texts of its signatures
    pub(super) signatures: Vec<String>,
}

impl Candidate {
    /// A file, with the signature that lies beside it.
    ///
    /// # Errors
    /// Why it may not be loaded.
    pub(super) async fn of_file(
        path: PathBuf,
        max_bytes: u64,
        keys: Arc<Signatures>,
    ) -> Result<Self, FailedFile> {
        blocking(move || {
            let (bytes, sha256) =
                folder::read(&path, max_bytes).map_err(|reason| failed(None, reason))?;
            let read = signatures::read_beside(&path);
            let file = PluginFile {
                bytes,
                sha256,
                beside: Beside::of(&path),
            };
            if !keys.is_asked() {
                return Ok(Self {
                    file,
                    verdict: Verdict::NotAsked,
                    // Somebody may ask when it is rolled back to.
                    signatures: read.map(|(texts, _)| texts).unwrap_or_default(),
                });
            }
            let judged = read.and_then(|(signatures, missing)| {
                let verdict = keys.judge(&file.bytes, &signatures, &missing)?;
                Ok((verdict, signatures))
            });
            match judged {
                Ok((verdict, signatures)) => Ok(Self {
                    file,
                    verdict,
                    signatures,
                }),
                Err(error) => Err(failed(Some(file.sha256), error.to_string())),
            }
        })
        .await
    }

    /// A version that was good before, with the signatures that it had.
    ///
    /// # Errors
    /// Why it may not be loaded.
    pub(super) async fn of_kept(
        kept: Kept,
        plugin: String,
        sha256: String,
        max_bytes: u64,
        keys: Arc<Signatures>,
    ) -> Result<Self, FailedFile> {
        blocking(move || {
            let read = kept.read(&plugin, &sha256, max_bytes);
            let (bytes, record) = read.map_err(|reason| failed(Some(sha256.clone()), reason))?;
            let missing = "none was kept with it";
            match keys.judge(&bytes, &record.signatures, missing) {
                Ok(verdict) => Ok(Self {
                    file: PluginFile {
                        bytes,
                        sha256,
                        beside: record.asks.map_or(Beside::Nothing, Beside::Text),
                    },
                    verdict,
                    signatures: record.signatures,
                }),
                Err(error) => Err(failed(Some(sha256), error.to_string())),
            }
        })
        .await
    }

    /// What was fetched, with the signatures that came along.
    ///
    /// # Errors
    /// Why it may not be loaded.
    pub(super) async fn of_record(
        file: PathBuf,
        record: Record,
        missing: String,
        max_bytes: u64,
        keys: Arc<Signatures>,
    ) -> Result<Self, FailedFile> {
        blocking(move || {
            let bytes =
                sources::read(&file, &record, max_bytes).map_err(|reason| failed(None, reason))?;
            let sha256 = record.sha256;
            match keys.judge(&bytes, &record.signatures, &missing) {
                Ok(verdict) => Ok(Self {
                    file: PluginFile {
                        bytes,
                        sha256,
                        beside: Beside::Nothing,
                    },
                    verdict,
                    signatures: record.signatures,
                }),
                Err(error) => Err(failed(Some(sha256), error.to_string())),
            }
        })
        .await
    }
}

fn failed(sha256: Option<String>, reason: String) -> FailedFile {
    FailedFile { sha256, reason }
}

async fn blocking(
    read: impl FnOnce() -> Result<Candidate, FailedFile> + Send + 'static,
) -> Result<Candidate, FailedFile> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|panic| Err(failed(None, panic.to_string())))
}

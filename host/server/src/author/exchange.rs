//! A plugin from elsewhere as a file, and a file in a registry: what `fusebox plugin
//! pull` and `push` do.
//!
//! It owns the reports and the files that are written. What goes over the network is
//! [`crate::sources`]'s.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::AuthorError;
use crate::config::{Config, PluginSource, SourceUrl};
use crate::signatures::{self, SignatureReport, Signatures};
use crate::sources;

/// What `fusebox plugin pull` fetched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullReport {
    /// where from
    pub url: String,
    /// of what stands there: the manifest in a registry, or the file
    pub digest: String,
    /// of the file's bytes, in hex
    pub sha256: String,
    /// of the file
    pub bytes: usize,
    /// where it is now
    pub file: PathBuf,
    /// whose it is, if the configuration asks
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureReport>,
}

/// What `fusebox plugin push` put into a registry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushReport {
    /// where to
    pub url: String,
    /// of the manifest
    pub digest: String,
    /// whether the signature beside the file went along
    pub signed: bool,
}

/// Fetches a plugin into a file that is not there yet: `output`, or one here with the
/// name of what is fetched. A signature is judged by `config`, and put beside it.
///
/// # Errors
/// If it can't be had, is not signed as it should be, or can't be written.
pub async fn pull(
    config: &Config,
    url: &SourceUrl,
    digest: Option<String>,
    output: Option<&Path>,
) -> Result<PullReport, AuthorError> {
    let unfit = |reason: String| AuthorError::File {
        file: url.to_string(),
        reason,
    };
    let file = output.map_or_else(|| named_after(url), Path::to_path_buf);
    let source = PluginSource {
        url: url.clone(),
        digest,
        interval: None,
        token: None,
    };
    let fetched = sources::fetch(config, &source).await;
    let (record, bytes) = fetched.map_err(|error| unfit(error.to_string()))?;
    let keys = Signatures::new(&config.signatures);
    let judged = keys.judge(&bytes, &record.signatures, "none was found for it");
    let verdict = judged.map_err(|error| unfit(error.to_string()))?;
    write_new(&file, &bytes)?;
    if let Some(signature) = record.signatures.first() {
        write_new(&signatures::beside(&file), signature.as_bytes())?;
    }
    Ok(PullReport {
        url: url.to_string(),
        digest: record.digest,
        sha256: record.sha256,
        bytes: bytes.len(),
        file,
        signature: verdict.report(),
    })
}

/// Puts a file that a host would serve into a registry, with the signature that lies
/// beside it.
///
/// # Errors
/// If a host would not serve it, or the registry doesn't take it.
pub async fn push(
    config: &Config,
    file: &Path,
    url: &SourceUrl,
) -> Result<PushReport, AuthorError> {
    let unfit = |reason: String| AuthorError::File {
        file: url.to_string(),
        reason,
    };
    let reference = match url {
        SourceUrl::Oci(reference) if reference.digest().is_none() => reference,
        _ => {
            let words =
                "push to a tag in a registry, such as oci://registry.example/tools/weather:1.2";
            return Err(unfit(words.to_owned()));
        }
    };
    super::load(config, file).await?;
    let bytes = fs::read(file).map_err(|error| unfit(error.to_string()))?;
    let beside = signatures::read_beside(file).map_err(|error| unfit(error.to_string()))?;
    let signature = beside.0.into_iter().next();
    let signed = signature.is_some();
    let pushed = sources::push(config, reference, bytes, signature).await;
    Ok(PushReport {
        url: url.to_string(),
        digest: pushed.map_err(|error| unfit(error.to_string()))?,
        signed,
    })
}

/// The last part of the address, as a file in this folder.
fn named_after(url: &SourceUrl) -> PathBuf {
    let path = match url {
        SourceUrl::Oci(reference) => reference.repository(),
        SourceUrl::Https(url) => url.path(),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    let stem = last.strip_suffix(".wasm").unwrap_or(last);
    let stem = if stem.is_empty() { "plugin" } else { stem };
    PathBuf::from(format!("{stem}.wasm"))
}

/// Nothing of the author's is written over.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), AuthorError> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| AuthorError::File {
        file: path.display().to_string(),
        reason: match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "it is there already; remove it, or name another file with --output".to_owned()
            }
            _ => error.to_string(),
        },
    })
}

impl fmt::Display for PullReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} bytes from {}",
            self.file.display(),
            self.bytes,
            self.url
        )?;
        writeln!(f, "  sha256    {}", self.sha256)?;
        match &self.signature {
            Some(SignatureReport { key: Some(key), .. }) => {
                writeln!(f, "  signature good, by the key {key}")?;
            }
            Some(SignatureReport { reason, .. }) => {
                writeln!(
                    f,
                    "  signature none: {}",
                    reason.as_deref().unwrap_or_default()
                )?;
            }
            None => {}
        }
        let name = self.file.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(
            f,
            "A host fetches it by itself with these lines in its configuration:\n\n[plugins.{name}.source]\nurl = \"{}\"\ndigest = \"{}\"",
            self.url, self.digest
        )
    }
}

impl fmt::Display for PushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = if self.signed {
            "with its signature"
        } else {
            "without a signature"
        };
        writeln!(f, "{}: pushed, {signed}", self.url)?;
        writeln!(f, "  digest    {}", self.digest)
    }
}

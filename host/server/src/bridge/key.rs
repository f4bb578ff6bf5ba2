//! The key that a bridge shows to its host, before its client says anything.
//!
//! It owns the file and the handshake of lines. It never says the key to anybody
//! but the host: no error has it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderName, HeaderValue};
use bytes::BytesMut;
use fusebox_protocol::frame::LineDecoder;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::{BridgeError, CONNECT_TIMEOUT, Target};
use crate::transport::AUTHENTICATE;

/// The largest file with a key, and the longest answer to it.
const FILE_MAX_BYTES: u64 = 64 << 10;
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// A secret.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Key(String);

/// Reads a file with a key in it, on a line of its own.
pub(super) fn read(file: &Path) -> Result<Key, BridgeError> {
    let unusable = |reason: String| BridgeError::Key {
        file: file.to_owned(),
        reason,
    };
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(FILE_MAX_BYTES).read_to_string(&mut text))
        .map_err(|error| unusable(error.to_string()))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(key), None) => Ok(Key(key.to_owned())),
        (None, _) => Err(unusable("the file is empty".to_owned())),
        (Some(_), Some(_)) => Err(unusable("it has more than one line".to_owned())),
    }
}

/// The key as HTTP carries it.
pub(super) fn header(key: &Key) -> Result<(HeaderName, HeaderValue), BridgeError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", key.0));
    let mut value = value.map_err(|_| {
        BridgeError::Trust("--key-file: a key has only characters of ASCII".to_owned())
    })?;
    value.set_sensitive(true);
    Ok((AUTHORIZATION, value))
}

/// Shows the key on a stream of lines, and waits until the host lets it in.
pub(super) async fn show<S, D>(
    url: &Target,
    key: &Key,
    to_host: &mut S,
    from_host: &mut D,
) -> Result<(), BridgeError>
where
    S: AsyncWrite + Unpin,
    D: AsyncRead + Unpin,
{
    let mut line = json!({
        "jsonrpc": "2.0",
        "id": 0,
        "method": AUTHENTICATE,
        "params": {"key": key},
    })
    .to_string();
    line.push('\n');
    let shown = async {
        to_host.write_all(line.as_bytes()).await?;
        to_host.flush().await?;
        answer(from_host).await
    };
    let answer = match timeout(CONNECT_TIMEOUT, shown).await {
        Ok(answer) => answer.map_err(|error| url.lost(error))?,
        Err(_elapsed) => return Err(url.unreachable("it doesn't answer to the key")),
    };
    match serde_json::from_slice::<Answer>(&answer) {
        Ok(Answer { error: None, .. }) => Ok(()),
        Ok(Answer { error: Some(error) }) => Err(BridgeError::Refused {
            url: url.text.clone(),
            reason: error.message,
        }),
        Err(error) => Err(url.lost(error)),
    }
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// The first line of the host. Nothing follows it before something is asked.
async fn answer<D: AsyncRead + Unpin>(from_host: &mut D) -> std::io::Result<bytes::Bytes> {
    let mut decoder = LineDecoder::new(ANSWER_MAX_BYTES);
    let mut buffer = BytesMut::new();
    loop {
        if let Some(line) = decoder.next(&mut buffer).map_err(std::io::Error::other)? {
            return Ok(line);
        }
        if from_host.read_buf(&mut buffer).await? == 0 {
            return Err(std::io::Error::other("the host closed it"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text).unwrap();
        let read = read(&path).map(|key| key.0).map_err(|error| match error {
            BridgeError::Key { reason, .. } => reason,
            other => other.to_string(),
        });
        assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn a_file_has_one_key() {
        check("fbx_1_a\n", Ok("fbx_1_a"));
        check("\n  fbx_1_a  \n\n", Ok("fbx_1_a"));
        check("\n", Err("the file is empty"));
        check("a\nb\n", Err("it has more than one line"));
    }
}

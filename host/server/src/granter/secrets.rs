//! Where a secret comes from: the environment, a file or a program.
//!
//! It owns how its value is read, and that no message has any of it. It never
//! keeps it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use fusebox_engine::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::config::Source;

/// The shortest secret: a shorter text is found where it means nothing, and can't
/// be taken out of an error.
const MIN_BYTES: usize = 4;

/// The longest secret.
const MAX_BYTES: usize = 64 << 10;

/// How long a program may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// The value that a source has now, for a plugin.
///
/// # Errors
/// In plain words, without any of the value.
pub(super) async fn resolve(source: &Source) -> Result<Secret, String> {
    text(source).await.map(Secret::new)
}

/// The value that a source has now, for the host itself.
///
/// # Errors
/// In plain words, without any of the value.
pub(crate) async fn text(source: &Source) -> Result<String, String> {
    let (what, bytes) = match source {
        Source::Env(name) => (
            format!("the variable {name}"),
            std::env::var_os(name)
                .map(|value| value.into_encoded_bytes())
                .ok_or_else(|| format!("the host has no environment variable {name}"))?,
        ),
        Source::File(path) => (path.display().to_string(), from_file(path).await?),
        Source::Command(words) => (words[0].clone(), from_command(words).await?),
    };
    if bytes.len() > MAX_BYTES {
        return Err(format!("{what} gives more than {MAX_BYTES} bytes"));
    }
    let Ok(mut text) = String::from_utf8(bytes) else {
        return Err(format!("{what} gives no UTF-8 text"));
    };
    if !matches!(source, Source::Env(_)) {
        let end = text.strip_suffix('\n').unwrap_or(&text);
        let end = end.strip_suffix('\r').unwrap_or(end).len();
        text.truncate(end);
    }
    if text.len() < MIN_BYTES {
        return Err(format!("{what} gives less than {MIN_BYTES} bytes"));
    }
    Ok(text)
}

async fn from_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    read(file).await.map_err(failed)
}

/// What it writes on its standard output; what it says otherwise is not taken, for
/// it could be the secret too.
async fn from_command(words: &[String]) -> Result<Vec<u8>, String> {
    let program = &words[0];
    let mut child = Command::new(program)
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let stdout = child.stdout.take();
    let ended = tokio::time::timeout(COMMAND_TIMEOUT, async {
        let written = match stdout {
            Some(stdout) => read(stdout).await?,
            None => Vec::new(),
        };
        // Nobody reads the rest: it would wait, or end by a signal.
        let status = match written.len() > MAX_BYTES {
            true => None,
            false => Some(child.wait().await?),
        };
        std::io::Result::Ok((written, status))
    });
    match ended.await {
        Ok(Ok((_, Some(status)))) if !status.success() => {
            Err(format!("{program} ended with {status}"))
        }
        Ok(Ok((written, _))) => Ok(written),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program} took longer than {COMMAND_TIMEOUT:?}")),
    }
}

/// One byte more than a secret may have, and no more.
async fn read(from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_source_gives_its_text_without_the_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter22\r\n").unwrap();
        let shell = |script: &str| {
            let words = ["sh", "-c", script].map(str::to_owned);
            Source::Command(words.to_vec())
        };
        let expected = Secret::new("hunter22".to_owned());
        assert_eq!(resolve(&Source::File(file)).await, Ok(expected.clone()));
        assert_eq!(resolve(&shell("echo hunter22")).await, Ok(expected));
        let said = |source| async move { resolve(&source).await.unwrap_err() };
        assert_eq!(
            said(shell("echo hunter22; echo hunter22 >&2; exit 3")).await,
            "sh ended with exit status: 3"
        );
        assert_eq!(
            said(shell("printf abc")).await,
            "sh gives less than 4 bytes"
        );
        assert_eq!(
            said(shell("head -c 70000 /dev/zero; exec cat /dev/zero")).await,
            "sh gives more than 65536 bytes"
        );
        assert_eq!(
            said(shell("printf '\\377\\377\\377\\377'")).await,
            "sh gives no UTF-8 text"
        );
        assert_eq!(
            said(Source::Env("FUSEBOX_NO_SUCH_VARIABLE".to_owned())).await,
            "the host has no environment variable FUSEBOX_NO_SUCH_VARIABLE"
        );
        let absent = said(Source::File(folder.path().join("absent"))).await;
        assert!(
            absent.ends_with("absent: No such file or directory (os error 2)"),
            "{absent}"
        );
    }
}

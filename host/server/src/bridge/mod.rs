//! `fusebox bridge`: one client on standard input and output, a host behind a URL
//! on the other side.
//!
//! It owns the choice of the way and the end of both sides. It never changes what a
//! message says: what is lost is answered with an error of its own.

mod ends;
mod http;
mod key;
mod open;
mod pipe;
mod trust;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::transport::tls::TlsError;
use ends::Ends;

/// How long it may take to reach the host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// where the host is
    pub url: String,
    /// certificates that are trusted in place of the system's
    pub ca: Option<PathBuf>,
    /// whether any certificate is trusted
    pub insecure: bool,
    /// the file of the key that is shown to the host
    pub key_file: Option<PathBuf>,
    /// headers that each HTTP request gets
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a bridge ended before its client did.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The URL names no host that can be reached.
    #[error("`{url}` can't be used: {reason}; use tcp://, quic://, http:// or https://")]
    Url {
        /// the URL
        url: String,
        /// why
        reason: String,
    },
    /// Flags that the URL has no use for.
    #[error("--header is for http:// and https:// URLs: `{0}` has no headers")]
    NoHeaders(String),
    /// The host is not there.
    #[error("failed to connect to {url}: {reason}")]
    Connect {
        /// the URL
        url: String,
        /// why
        reason: String,
    },
    /// The host was there, and is not any more.
    #[error("the connection to {url} was lost: {reason}")]
    Lost {
        /// the URL
        url: String,
        /// why
        reason: String,
    },
    /// The file of the key can't be used.
    #[error("the key in {} can't be used (--key-file): {reason}", .file.display())]
    Key {
        /// the file
        file: PathBuf,
        /// why
        reason: String,
    },
    /// The host doesn't let the key in.
    #[error("{url} refuses the key: {reason}")]
    Refused {
        /// the URL
        url: String,
        /// the host's words
        reason: String,
    },
    /// A file of certificates can't be used.
    #[error("{0}")]
    Trust(String),
    /// Standard input or output.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<TlsError> for BridgeError {
    fn from(error: TlsError) -> Self {
        Self::Trust(error.to_string())
    }
}

impl From<rustls::Error> for BridgeError {
    fn from(error: rustls::Error) -> Self {
        Self::Trust(error.to_string())
    }
}

/// Joins the client on standard input and output to the host at the URL, until
/// the client closes its side.
///
/// # Errors
/// If the host can't be reached or is lost. What was asked of it and not answered
/// has got an error by then.
pub async fn run(options: Options) -> Result<(), BridgeError> {
    if options.insecure {
        tracing::warn!(
            "--insecure: any certificate is taken, so whoever is on the way can read and change everything"
        );
    }
    join(options, tokio::io::stdin(), tokio::io::stdout()).await
}

/// The same for any two ends.
async fn join<R, W>(mut options: Options, input: R, output: W) -> Result<(), BridgeError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let url = Target::parse(&options.url)?;
    if !options.headers.is_empty() && !url.is_http() {
        return Err(BridgeError::NoHeaders(url.text));
    }
    let key = options.key_file.as_deref().map(key::read).transpose()?;
    if url.is_http() {
        options
            .headers
            .extend(key.as_ref().map(key::header).transpose()?);
        return http::serve(&url, &options, Ends::new(input, output)).await;
    }
    match url.scheme {
        Scheme::Quic => {
            let mut session = pipe::quic(&url, &options).await?;
            if let Some(key) = &key {
                key::show(&url, key, &mut session.send, &mut session.recv).await?;
            }
            pipe::serve_quic(&url, session, Ends::new(input, output)).await
        }
        _ => {
            let stream = connect_tcp(&url).await?;
            let (mut reader, mut writer) = stream.into_split();
            if let Some(key) = &key {
                key::show(&url, key, &mut writer, &mut reader).await?;
            }
            pipe::serve(&url, writer, reader, Ends::new(input, output)).await
        }
    }
}

async fn connect_tcp(url: &Target) -> Result<TcpStream, BridgeError> {
    let connecting = timeout(
        CONNECT_TIMEOUT,
        TcpStream::connect((url.host.as_str(), url.port)),
    );
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(url.unreachable(error)),
        Err(_elapsed) => return Err(url.unreachable("it takes too long")),
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Tcp,
    Quic,
    Http,
    Https,
}

/// A URL, taken apart.
#[derive(Debug, Clone)]
struct Target {
    text: String,
    scheme: Scheme,
    /// a name or an address, without brackets
    host: String,
    port: u16,
    uri: Uri,
}

impl Target {
    fn parse(text: &str) -> Result<Self, BridgeError> {
        let wrong = |reason: &str| BridgeError::Url {
            url: text.to_owned(),
            reason: reason.to_owned(),
        };
        let uri: Uri = text.parse().map_err(|_| wrong("it is no URL"))?;
        let scheme = match uri.scheme_str() {
            Some("tcp") => Scheme::Tcp,
            Some("quic") => Scheme::Quic,
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err(wrong("it has another scheme")),
            None => return Err(wrong("it has no scheme")),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("it names no host"))?;
        let port = match (uri.port_u16(), scheme) {
            (Some(port), _) => port,
            (None, Scheme::Http) => 80,
            (None, Scheme::Https) => 443,
            (None, _) => return Err(wrong("it names no port")),
        };
        Ok(Self {
            text: text.to_owned(),
            scheme,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            uri,
        })
    }

    fn is_http(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }

    fn unreachable(&self, reason: impl ToString) -> BridgeError {
        BridgeError::Connect {
            url: self.text.clone(),
            reason: reason.to_string(),
        }
    }

    fn lost(&self, reason: impl ToString) -> BridgeError {
        BridgeError::Lost {
            url: self.text.clone(),
            reason: reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match Target::parse(text) {
            Ok(target) => format!("{:?} {} {}", target.scheme, target.host, target.port),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "for {text:?}");
    }

    #[test]
    fn urls_name_a_way_and_a_place() {
        check("tcp://127.0.0.1:9998", "Tcp 127.0.0.1 9998");
        check("quic://[::1]:9999", "Quic ::1 9999");
        check("http://localhost/mcp", "Http localhost 80");
        check(
            "https://mcp.example.com/mcp?x=1",
            "Https mcp.example.com 443",
        );
        let use_one = "use tcp://, quic://, http:// or https://";
        for (text, reason) in [
            ("udp://a:1", "it has another scheme"),
            ("127.0.0.1:9999", "it has no scheme"),
            ("tcp://127.0.0.1", "it names no port"),
            ("", "it is no URL"),
            ("http://", "it is no URL"),
        ] {
            check(
                text,
                &format!("`{text}` can't be used: {reason}; {use_one}"),
            );
        }
    }
}

//! The certificate that encrypted listeners show, from files or made at the start.
//!
//! It owns keys and what is agreed on in a handshake: versions, and the protocols
//! that a client may choose from. It never reads from a connection.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Listener};
use crate::file_watch::FileWatch;

/// HTTP/3, among the protocols of a QUIC connection.
pub(super) const H3: &[u8] = b"h3";

/// JSON-RPC as lines, each stream a session.
pub(crate) const LINES: &[u8] = b"mcp-ndjson";

/// What a client of `https://` chooses from.
const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What encrypted listeners need; what they show changes with its files.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<Shown>>);

/// What is shown at a moment.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    tcp: Arc<ServerConfig>,
    quic: Arc<QuicServerConfig>,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A listener that other machines reach, without one.
    #[error(
        "{0} is reached from other machines and needs a certificate: set `tls.cert` and `tls.key`"
    )]
    Missing(Listener),
    /// A file of it can't be used.
    #[error("`{key}` = {path:?} can't be used: {reason}")]
    File {
        /// the key of the configuration
        key: &'static str,
        /// the file
        path: String,
        /// why
        reason: String,
    },
    /// A certificate could not be made.
    #[error("failed to make a certificate: {0}; set `tls.cert` and `tls.key`")]
    Make(#[from] rcgen::Error),
    /// The certificate does not fit its key, for instance.
    #[error("`tls.cert` and `tls.key` can't be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No suite that QUIC starts with.
    #[error(transparent)]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// A chain of certificates and the key of the first.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// What the listeners of `config` need; none if none of them is encrypted.
    ///
    /// # Errors
    /// If there is no certificate that can be used.
    pub fn load(config: &Config) -> Result<Option<Self>, TlsError> {
        let listeners = config.encrypted();
        if listeners.is_empty() {
            return Ok(None);
        }
        if let Some(listener) = config.lacks_certificate() {
            return Err(TlsError::Missing(listener));
        }
        let tls = &config.tls;
        let shown = if tls.cert.as_os_str().is_empty() {
            Shown::new(&make(tls, &listeners)?, tls)?
        } else {
            Shown::new(&read(tls)?, tls)?
        };
        Ok(Some(Self(Arc::new(ArcSwap::from_pointee(shown)))))
    }

    /// For a new connection over TCP.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load().tcp.clone())
    }

    /// For new connections over QUIC.
    pub(super) fn quic(&self) -> Arc<QuicServerConfig> {
        self.0.load().quic.clone()
    }

    /// Shows what is in the files when they change, until `stop`. `renewed` is told of
    /// each change.
    pub(crate) async fn watch(
        self,
        settings: config::Tls,
        stop: CancellationToken,
        renewed: impl Fn(&Self),
    ) {
        let files = [&settings.cert, &settings.key, &settings.client_ca];
        let files = files.map(|file| file.clone()).to_vec();
        let files = files
            .into_iter()
            .filter(|file| !file.as_os_str().is_empty());
        // A certificate that was made at the start stays as it is.
        if settings.cert.as_os_str().is_empty() {
            return;
        }
        let mut watch = FileWatch::new(files.collect()).await;
        // What changed before the watch began is looked at once.
        let mut first = true;
        loop {
            if !std::mem::take(&mut first) {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = watch.changed() => {}
                }
            } else if read(&settings).is_ok_and(|now| now.chain == self.0.load().chain) {
                continue;
            }
            match read(&settings).and_then(|identity| Shown::new(&identity, &settings)) {
                Ok(shown) => {
                    self.0.store(Arc::new(shown));
                    renewed(&self);
                    tracing::info!("the certificate was read again; new connections are shown it");
                }
                Err(error) => {
                    tracing::error!(%error, "the certificate from before is shown on");
                }
            }
        }
    }
}

impl Shown {
    fn new(identity: &Identity, settings: &config::Tls) -> Result<Self, TlsError> {
        let provider = provider();
        let tcp = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let quic =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
        let verifier = verifier(settings)?;
        let show = |builder: rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>| {
            builder
                .with_client_cert_verifier(verifier.clone())
                .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        };
        let (mut tcp, mut quic) = (show(tcp)?, show(quic)?);
        tcp.alpn_protocols = HTTP.map(<[u8]>::to_vec).into();
        quic.alpn_protocols = [H3, LINES].map(<[u8]>::to_vec).into();
        // What comes with the first packet can be sent again by anybody who saw it:
        // a call must not be.
        quic.max_early_data_size = 0;
        Ok(Self {
            chain: identity.chain.clone(),
            tcp: Arc::new(tcp),
            quic: Arc::new(quic.try_into()?),
        })
    }
}

/// Who judges the certificates of clients.
fn verifier(settings: &config::Tls) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let file = &settings.client_ca;
    if file.as_os_str().is_empty() {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates("tls.client_ca", file)? {
        roots.add(certificate)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = match settings.client_required {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder
        .build()
        .map_err(|error| unusable("tls.client_ca", file, error.to_string()))
}

/// The cryptography, named where it is used: a process-wide default could be
/// another crate's.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(tls: &config::Tls) -> Result<Identity, TlsError> {
    let chain = read_certificates("tls.cert", &tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| unusable("tls.key", &tls.key, words(&error, "private key")))?;
    Ok(Identity { chain, key })
}

/// The certificates in a file, at least one.
pub(crate) fn read_certificates(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(key, path, words(&error, "certificate")))?;
    if chain.is_empty() {
        return Err(unusable(key, path, "it has no certificate".to_owned()));
    }
    Ok(chain)
}

fn words(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("it has no {wanted} in PEM"),
        other => format!("it is not PEM: {other}"),
    }
}

fn unusable(key: &'static str, path: &Path, reason: String) -> TlsError {
    let path = path.display().to_string();
    TlsError::File { key, path, reason }
}

/// A certificate that is trusted by whoever is told its fingerprint.
fn make(tls: &config::Tls, listeners: &[Listener]) -> Result<Identity, TlsError> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let addresses = listeners.iter().map(|one| one.addr.ip().to_string());
    names.extend(addresses);
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names)?;
    let certificate = made.cert.der().clone();
    tracing::warn!(
        sha256 = %fingerprint(&certificate),
        "no `tls.cert`: a certificate was made, which no client trusts by itself"
    );
    let path = &tls.self_signed_cert;
    if !path.as_os_str().is_empty() {
        write(path, &made.cert.pem())
            .map_err(|error| unusable("tls.self_signed_cert", path, error.to_string()))?;
        tracing::info!(file = %path.display(), "the certificate is written, for clients to trust");
    }
    Ok(Identity {
        chain: vec![certificate],
        key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
    })
}

/// In one step: nobody ever reads half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}

/// As `openssl x509 -fingerprint -sha256` and browsers show it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    digest
        .iter()
        .enumerate()
        .fold(String::new(), |mut out, (index, byte)| {
            let colon = if index == 0 { "" } else { ":" };
            // Writing to a String can't fail.
            let _ = write!(out, "{colon}{byte:02X}");
            out
        })
}

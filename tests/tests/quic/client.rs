//! A QUIC client of quinn, whose sessions are streams of lines. It checks nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fusebox_tests::{Host, LONG, Ledger};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connecting, Connection, ConnectionError, Endpoint, RecvStream, SendStream,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

/// The protocol of lines.
pub(crate) const LINES: &str = "mcp-ndjson";

/// An endpoint of its own, which remembers the sessions of TLS that it had.
pub(crate) struct Client {
    endpoint: Endpoint,
    address: SocketAddr,
}

impl Client {
    /// One that trusts the certificate which `host` made, and chooses `protocol`.
    pub(crate) fn new(host: &Host, protocol: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let made = CertificateDer::from_pem_file(host.certificate()).expect("a certificate");
        roots.add(made).expect("a certificate that can be trusted");
        Self::trusting(roots, host.quic_address(), protocol)
    }

    pub(crate) fn trusting(roots: RootCertStore, address: SocketAddr, protocol: &str) -> Self {
        Self::showing(None, roots, address, protocol)
    }

    /// One that shows the certificate in these files, and its key.
    pub(crate) fn showing(
        shown: Option<(&Path, &Path)>,
        roots: RootCertStore,
        address: SocketAddr,
        protocol: &str,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let mut tls = match shown {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_file(certificate);
                let chain = vec![certificate.expect("a certificate")];
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("a pair")
            }
        };
        tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        tls.enable_early_data = true;
        let tls = QuicClientConfig::try_from(tls).expect("a suite for QUIC");
        let any = "127.0.0.1:0".parse().expect("an address");
        let mut endpoint = Endpoint::client(any).expect("a UDP socket");
        endpoint.set_default_client_config(ClientConfig::new(Arc::new(tls)));
        Self { endpoint, address }
    }

    /// The same, whose packets go to another address.
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    pub(crate) fn begin(&self) -> Connecting {
        let connecting = self.endpoint.connect(self.address, "localhost");
        connecting.expect("a connection can be tried")
    }

    pub(crate) async fn try_connect(&self) -> Result<Connection, ConnectionError> {
        in_time(self.begin()).await
    }

    pub(crate) async fn connect(&self) -> Connection {
        self.try_connect().await.expect("a connection")
    }
}

/// A stream, which is a session.
pub(crate) struct Session {
    pub(crate) send: SendStream,
    reader: BufReader<RecvStream>,
    ledger: Ledger,
}

impl Session {
    pub(crate) async fn open(connection: &Connection) -> Self {
        Self::of(in_time(connection.open_bi()).await.expect("a stream"))
    }

    pub(crate) fn of((send, recv): (SendStream, RecvStream)) -> Self {
        let reader = BufReader::new(recv);
        Self {
            send,
            reader,
            ledger: Ledger::default(),
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.ledger.sent_lines(line.as_bytes());
        in_time(self.send.write_all(line.as_bytes()))
            .await
            .expect("the host takes a line");
    }

    /// The next line; none if the stream has ended.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match in_time(self.reader.read_line(&mut line)).await {
            Ok(0) | Err(_) => None,
            Ok(_) => {
                self.ledger.received(line.as_bytes());
                Some(serde_json::from_str(&line).expect("a line of JSON"))
            }
        }
    }

    /// Sends a request and gives its answer; what comes before is given too.
    pub(crate) async fn exchange(&mut self, message: &Value) -> (Vec<Value>, Value) {
        self.send(message).await;
        let mut before = Vec::new();
        loop {
            let next = self.receive().await.expect("an answer before the end");
            if next["id"] == message["id"] && next.get("method").is_none() {
                return (before, next);
            }
            before.push(next);
        }
    }

    pub(crate) async fn answer(&mut self, message: &Value) -> Value {
        self.exchange(message).await.1
    }
}

/// Waits, but not for ever.
pub(crate) async fn in_time<T>(what: impl IntoFuture<Output = T>) -> T {
    timeout(LONG, what).await.expect("it happens in time")
}

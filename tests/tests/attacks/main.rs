//! Proves that a host withstands who means it ill: each attack is cut off or
//! refused, the memory of the host stays bounded, and somebody else is served all
//! the while.

mod crowd;
mod endless;
mod floods;
mod slow;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use fusebox_tests::{Client, Host, LONG, Setup, until};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

/// TLS on a blocking socket.
type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// Somebody who calls all the while, one call after the other, on a connection
/// that was there before the attack.
struct Neighbour {
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    calling: JoinHandle<()>,
    before: usize,
    resident_kib: u64,
}

impl Neighbour {
    /// Begins to call, and has been answered when this returns.
    fn of(host: &Host) -> Self {
        let (answered, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let mut client = Client::modern(host);
        let calling = thread::spawn({
            let (answered, stop) = (answered.clone(), stop.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let text = client.text("hello", json!({"name": "Ada"}));
                    assert_eq!(text, "Hello, Ada!");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        // The host has made what it makes for the first calls.
        until("the neighbour is served", || {
            (answered.load(Ordering::Relaxed) > 20).then_some(())
        });
        Self {
            before: answered.load(Ordering::Relaxed),
            answered,
            stop,
            calling,
            resident_kib: host.resident_kib(),
        }
    }

    /// Has been answered during the attack and after it, and the host has not grown
    /// by more than this.
    #[track_caller]
    fn check(self, host: &Host, grown_kib_max: u64) {
        let now = self.answered.load(Ordering::Relaxed);
        assert!(now > self.before, "nothing was answered during the attack");
        until("the neighbour is served on", || {
            let over = self.calling.is_finished();
            (over || self.answered.load(Ordering::Relaxed) > now).then_some(())
        });
        self.stop.store(true, Ordering::Relaxed);
        self.calling.join().expect("every call was answered");
        let resident = host.resident_kib();
        let most = self.resident_kib + grown_kib_max;
        assert!(
            resident <= most,
            "resident {} KiB before, {resident} KiB after",
            self.resident_kib
        );
    }
}

/// A host that gives up on who is slow in a moment.
fn impatient() -> Setup {
    Setup::new()
        .plugin("hello")
        .config("[http]\nheader_timeout_ms = 500\nbody_timeout_ms = 500")
        .tcp()
        .encrypted("handshake_timeout_ms = 500")
}

/// A connection over TLS, on which `protocol` is agreed.
fn encrypted(host: &Host, protocol: &str) -> Encrypted {
    let mut roots = RootCertStore::empty();
    let made = CertificateDer::from_pem_file(host.certificate()).expect("a certificate");
    roots.add(made).expect("a certificate to trust");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    StreamOwned::new(connection, connect(host.https_address()))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    stream.set_write_timeout(Some(LONG)).expect("a timeout");
    stream
}

//! Proves what holds before a connection stands: certificates, protocols, no early
//! data, and how little an address is sent that may be somebody else's.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use fusebox_tests::{Connection, Host, LONG, Setup, fusebox};
use quinn::ConnectionError;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use serde_json::json;

use super::client::{Client, LINES, Session};
use super::{call, figures, text};

fn setup(tls: &str) -> Setup {
    Setup::new().plugin("hello").encrypted(tls)
}

async fn check_served(client: &Client) {
    let connection = client.connect().await;
    let mut session = Session::open(&connection).await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_protocol_is_refused() {
    let host = setup("").start();
    for protocol in ["hq-29", "h2", ""] {
        let client = match protocol {
            "" => Client::new(&host, "x"),
            other => Client::new(&host, other),
        };
        let refused = client
            .try_connect()
            .await
            .expect_err("no protocol in common");
        let ConnectionError::ConnectionClosed(close) = &refused else {
            panic!("{refused:?}");
        };
        // TLS's own alert `no_application_protocol`.
        assert_eq!(u64::from(close.error_code), 0x100 + 120, "{refused:?}");
    }
    figures(&host, 0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_before_the_handshake_is_done() {
    let host = setup("").start();
    let client = Client::new(&host, LINES);
    check_served(&client).await;
    // This one comes back with what the host gave it, and would like to.
    match client.begin().into_0rtt() {
        Ok(_) => panic!("the host allows early data"),
        Err(connecting) => drop(connecting.await.expect("a connection")),
    }
    check_served(&client).await;
}

/// A certificate for `localhost` with others between it and the one to trust.
fn chain(folder: &Path, between: usize) -> RootCertStore {
    let authority = |name: &str| {
        let mut params = CertificateParams::new([name.to_owned()]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let key = || KeyPair::generate().expect("a key");
    let (root, root_key) = (authority("root.example"), key());
    let trusted = root.self_signed(&root_key).expect("a certificate");
    let mut issuer = Issuer::new(root, root_key);
    let mut certificates = Vec::new();
    for index in 0..between {
        let params = authority(&format!("{index}.{}example", "long-name.".repeat(20)));
        let own = key();
        let signed = params.signed_by(&own, &issuer).expect("a certificate");
        certificates.push(signed.pem());
        issuer = Issuer::new(params, own);
    }
    let own = key();
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    certificates.push(leaf.signed_by(&own, &issuer).expect("a certificate").pem());
    certificates.reverse();
    std::fs::write(folder.join("cert.pem"), certificates.concat()).expect("a file");
    std::fs::write(folder.join("key.pem"), own.serialize_pem()).expect("a file");
    let mut roots = RootCertStore::empty();
    roots
        .add(trusted.der().clone())
        .expect("a certificate to trust");
    roots
}

fn keys(folder: &Path) -> String {
    format!(
        "cert = {:?}\nkey = {:?}",
        folder.join("cert.pem"),
        folder.join("key.pem")
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_certificate_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let roots = chain(folder.path(), 1);
    let host = setup(&keys(folder.path())).start();
    check_served(&Client::trusting(roots, host.quic_address(), LINES)).await;
    assert!(
        !host.log().contains("a certificate was made"),
        "{}",
        host.log()
    );
    assert!(!host.certificate().exists());
    // Somebody who trusts another is not fooled.
    let other = chain(tempfile::tempdir().expect("a folder").path(), 1);
    let client = Client::trusting(other, host.quic_address(), LINES);
    client.try_connect().await.expect_err("an unknown issuer");
}

/// The first flight of a real client, and what the host sends to its address, for
/// as long as nothing more comes from there.
struct Mute {
    socket: UdpSocket,
    sent: usize,
}

/// A client whose packets end here: only the first reaches the host.
fn first_packet(host: &Host) -> Mute {
    let trap = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
    trap.set_read_timeout(Some(LONG)).expect("a timeout");
    let address: SocketAddr = trap.local_addr().expect("an address");
    let client = Client::new(host, LINES).at(address);
    let connecting = client.begin();
    let mut packet = [0; 2048];
    let length = trap.recv(&mut packet).expect("a first packet");
    drop(connecting);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
    let sent = socket
        .send_to(&packet[..length], host.quic_address())
        .expect("it is sent");
    Mute { socket, sent }
}

impl Mute {
    /// Packets of the host until it has sent none for a while.
    fn heard(&self, patience: Duration) -> Vec<Vec<u8>> {
        self.socket.set_read_timeout(Some(LONG)).expect("a timeout");
        let mut packets = Vec::new();
        let mut packet = [0; 65_536];
        loop {
            match self.socket.recv(&mut packet) {
                Ok(length) => packets.push(packet[..length].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return packets,
            }
            self.socket
                .set_read_timeout(Some(patience))
                .expect("a timeout");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_proved_nothing_gets_three_times_what_it_sent_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    chain(folder.path(), 12);
    // With a chain of certificates that is longer than that.
    let chain_bytes = std::fs::metadata(folder.path().join("cert.pem"))
        .expect("a file")
        .len();
    assert!(chain_bytes > 8000, "{chain_bytes}");
    let tls = format!("{}\nhandshake_timeout_ms = 2000", keys(folder.path()));
    let host = setup(&tls).start();
    std::fs::write(
        host.certificate(),
        std::fs::read(folder.path().join("cert.pem")).expect("a file"),
    )
    .expect("something for the client to trust");
    let mute = first_packet(&host);
    // The host tries again for as long as it waits for the handshake.
    figures(&host, 1, 0);
    let heard: usize = mute
        .heard(Duration::from_secs(3))
        .iter()
        .map(Vec::len)
        .sum();
    assert!(heard > mute.sent, "the host has answered: {heard}");
    assert!(heard <= 3 * mute.sent, "{heard} for {}", mute.sent);
    // And gives the connection up.
    figures(&host, 0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_an_address_has_to_prove_itself_before_anything_is_kept_for_it() {
    let host = setup("").config("[quic]\nretry_handshakes = 0").start();
    let mute = first_packet(&host);
    let heard = mute.heard(Duration::from_millis(300));
    assert_eq!(heard.len(), 1, "one packet answers it");
    // A long header of type 3: a Retry, which is smaller than what it answers.
    assert_eq!(heard[0][0] & 0xb0, 0xb0, "{:02x}", heard[0][0]);
    assert!(heard[0].len() < 200, "{}", heard[0].len());
    figures(&host, 0, 0);
    // Who has nothing to hide comes back with the token.
    check_served(&Client::new(&host, LINES)).await;
}

#[test]
fn a_client_that_does_not_shake_hands_is_disconnected() {
    let host = setup("handshake_timeout_ms = 200").start();
    let begun = Instant::now();
    let mut silent = Connection::open(host.https_address());
    assert!(silent.is_closed_within(LONG));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    // Words that are no TLS end it at once.
    let mut plain = Connection::open(host.https_address());
    plain.send("GET", "/live", &[], b"");
    let said = plain.read_once();
    // TLS's own record of an alert, and no HTTP.
    assert_eq!(said.first(), Some(&21), "{said:?}");
    assert!(plain.is_closed_within(LONG));
}

#[test]
fn a_start_without_a_usable_certificate_names_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::create_dir(path.join("plugins")).expect("a folder");
    chain(path, 0);
    std::fs::write(path.join("empty.pem"), "").expect("a file");
    let other = KeyPair::generate().expect("a key").serialize_pem();
    std::fs::write(path.join("other.pem"), other).expect("a file");
    let check = |listen: &str, config: &str, code: i32, words: &str| {
        std::fs::write(path.join("my.toml"), config).expect("a file");
        let ran = fusebox(path, &["serve", "--config", "my.toml", "--listen", listen]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    };
    check(
        "quic://0.0.0.0:0",
        "",
        1,
        "quic://0.0.0.0:0 is reached from other machines and needs a certificate: set `tls.cert` and `tls.key`",
    );
    check(
        "127.0.0.1:0",
        "listen = ['https://0.0.0.0:0']",
        2,
        "my.toml:1: `tls.cert` is \"\"; it must be the path of a certificate, because https://0.0.0.0:0 is reached from other machines",
    );
    let here = "quic://127.0.0.1:0";
    for (cert, key, words) in [
        (
            "no.pem",
            "key.pem",
            "`tls.cert` = \"no.pem\" can't be used: No such file",
        ),
        (
            "empty.pem",
            "key.pem",
            "`tls.cert` = \"empty.pem\" can't be used: it has no certificate",
        ),
        (
            "cert.pem",
            "no.pem",
            "`tls.key` = \"no.pem\" can't be used: No such file",
        ),
        (
            "cert.pem",
            "cert.pem",
            "`tls.key` = \"cert.pem\" can't be used: it has no private key in PEM",
        ),
        (
            "cert.pem",
            "other.pem",
            "`tls.cert` and `tls.key` can't be used: keys may not be consistent",
        ),
    ] {
        check(
            here,
            &format!("[tls]\ncert = '{cert}'\nkey = '{key}'"),
            1,
            words,
        );
    }
    let config = "[tls]\nself_signed_cert = 'no/such/folder.pem'";
    check(
        here,
        config,
        1,
        "`tls.self_signed_cert` = \"no/such/folder.pem\" can't be used: ",
    );
}

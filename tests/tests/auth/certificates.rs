//! Clients that show a certificate, and a host whose own is renewed while it runs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use fusebox_tests::{Authority, Shown};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

/// Connects to an HTTPS listener, and shows this.
fn connect(
    address: SocketAddr,
    trusted: &Path,
    shown: Option<&Shown>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for one in CertificateDer::pem_file_iter(trusted).expect("a file") {
        roots.add(one.expect("a certificate")).expect("a good one");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let chain = CertificateDer::pem_file_iter(&shown.certificate).expect("a file");
            let chain = chain.collect::<Result<_, _>>().expect("certificates");
            let key = PrivateKeyDer::from_pem_file(&shown.key).expect("a key");
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let stream = TcpStream::connect(address).expect("a listener");
    stream
        .set_read_timeout(Some(fusebox_tests::LONG))
        .expect("a timeout");
    StreamOwned::new(connection, stream)
}

/// The names of the tools that are listed, or the status line; none: there is no
/// connection.
fn tools(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Option<String> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": modern_meta()}}).to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = String::new();
    // A peer that closes without a word has said all.
    let _ = stream.read_to_string(&mut response);
    let (head, body) = response.split_once("\r\n\r\n")?;
    let status = head.lines().next()?.to_owned();
    if !status.ends_with("200 OK") {
        return Some(status);
    }
    Some(names(&serde_json::from_str(body).ok()?, "tools").join(" "))
}

#[test]
fn a_certificate_gives_its_client_the_role_of_its_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    let setup = |required: bool| {
        Setup::new()
            .plugin("hello")
            .config("[roles.ops]\ncertificates = ['*.ops.example']\n[roles.ci]\ncertificates = ['ci.example']\ntools = ['add']\n[roles.x]\n")
            .encrypted(&format!(
                "client_ca = {:?}\nclient_role = ''\nclient_required = {required}",
                authority.file()
            ))
    };
    let ops = authority.sign("a.ops.example", "ops");
    let ci = authority.sign("ci.example", "ci");
    let nobody = authority.sign("x.example", "x");
    let stranger = other.sign("a.ops.example", "ops");
    for required in [true, false] {
        let host = setup(required).start();
        let ask = |shown| {
            tools(&mut connect(
                host.https_address(),
                &host.certificate(),
                shown,
            ))
        };
        assert_eq!(ask(Some(&ops)).as_deref(), Some("add hello"));
        assert_eq!(ask(Some(&ci)).as_deref(), Some("add"));
        assert_eq!(ask(Some(&nobody)), None, "its name has no role");
        assert_eq!(ask(Some(&stranger)), None, "another signed it");
        let without = (!required).then_some("HTTP/1.1 401 Unauthorized");
        assert_eq!(ask(None).as_deref(), without);
        // On a listener without certificates a key would be needed.
        assert_eq!(call(&host, &[]).head.status, 401);
    }
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let shown = old.sign("localhost 127.0.0.1", "host");
    let host = Setup::new()
        .plugin("hello")
        .encrypted(&format!(
            "cert = {:?}\nkey = {:?}",
            shown.certificate, shown.key
        ))
        .start();
    let mut before = connect(host.https_address(), &old.file(), None);
    // The handshake is made with the first byte.
    before
        .write_all(b"POST /mcp HTTP/1.1\r\n")
        .expect("it is taken");
    let ask =
        |trusted: &Authority| tools(&mut connect(host.https_address(), &trusted.file(), None));
    assert_eq!(ask(&old).as_deref(), Some("add hello"));
    let renewed = new.sign("localhost 127.0.0.1", "host");
    // In two steps, between which nothing fits.
    fs::copy(&renewed.key, &shown.key).expect("it is copied");
    fs::copy(&renewed.certificate, &shown.certificate).expect("it is copied");
    until("the new certificate is shown", || {
        (ask(&new).as_deref() == Some("add hello")).then_some(())
    });
    assert_eq!(
        ask(&old),
        None,
        "nobody who trusts only the old one comes in"
    );
    let url = format!("quic://{}", host.quic_address());
    for (trusted, code) in [(&new, Some(0)), (&old, Some(1))] {
        let ca = trusted.file().display().to_string();
        let bridge = fusebox_tests::Stdio::bridge(&[&url, "--ca", &ca]);
        let (ended, words) = bridge.close_input().end();
        assert_eq!(ended, code, "{words}");
    }
    // Whoever was there goes on.
    before
        .write_all(b"Host: localhost\r\nConnection: close\r\n\r\n")
        .expect("it is taken");
    let mut response = String::new();
    let _ = before.read_to_string(&mut response);
    assert!(response.starts_with("HTTP/1.1 4"), "{response}");
}

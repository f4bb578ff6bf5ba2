//! Where a plugin's requests go, and where they don't.

use std::sync::Arc;

use fusebox_tests::Client;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use super::server::Server;
use super::{EACH_ISOLATION, call, host, refused, setup};

/// The grant of `reach`, to this server at its address.
pub(crate) fn granted(server: &Server) -> String {
    let origin = server.url("");
    format!("[plugins.reach.grants.http]\nallow = [\"{origin}\"]\naddresses = [\"127.0.0.1\"]\n")
}

#[test]
fn a_granted_request_is_answered_and_its_connection_serves_again() {
    for isolation in EACH_ISOLATION {
        let server = Server::start();
        let limits = format!("[plugins.reach]\nisolation = \"{isolation}\"\n");
        let host = host(&(limits + &granted(&server)));
        let mut client = Client::modern(&host);
        for number in 1..=3 {
            let url = server.url(&format!("/{number}?q=1"));
            let fetched = call(&mut client, "fetch", json!({"url": url}));
            assert_eq!(
                fetched,
                Ok(json!({"status": 200, "body": "hello", "bytes": 5}))
            );
        }
        let url = server.url("/post");
        let post = json!({"url": url, "method": "POST", "send_bytes": 100_000});
        call(&mut client, "fetch", post).expect("an answer");
        let requests = server.requests();
        let lines: Vec<_> = requests
            .iter()
            .filter_map(|head| head.lines().next())
            .collect();
        assert_eq!(
            lines,
            [
                "GET /1?q=1 HTTP/1.1",
                "GET /2?q=1 HTTP/1.1",
                "GET /3?q=1 HTTP/1.1",
                "POST /post HTTP/1.1",
            ]
        );
        let host_header = format!("host: 127.0.0.1:{}\r\n", server.port());
        assert!(requests[0].contains(&host_header), "{requests:?}");
        assert!(
            requests[3].contains("content-length: 100000\r\n"),
            "{requests:?}"
        );
        assert_eq!(server.connections(), 1, "{isolation}");
    }
}

#[test]
fn a_plugin_without_the_grant_never_reaches_the_network() {
    for isolation in EACH_ISOLATION {
        let server = Server::start();
        let host = host(&format!("[plugins.reach]\nisolation = \"{isolation}\"\n"));
        let mut client = Client::modern(&host);
        let origin = server.url("");
        assert_eq!(
            refused(&mut client, "fetch", json!({"url": server.url("/")})),
            format!(
                "not granted: this plugin may send no request; [plugins.reach.grants.http] with allow = [\"{origin}\"] would allow GET {origin}"
            )
        );
        // A refusal is no fault, and nothing has come here.
        assert_eq!(host.plugin_health("reach")["faults"], 0);
        assert_eq!(server.connections(), 0);
    }
}

#[test]
fn a_request_must_fit_in_method_scheme_host_and_port() {
    let server = Server::start();
    let port = server.port();
    let config = format!(
        "[plugins.reach.grants.http]\naddresses = [\"127.0.0.1\"]\n\
         allow = [\"GET http://localhost:{port}\", \"https://127.0.0.1:{port}\"]\n"
    );
    let host = host(&config);
    let mut client = Client::modern(&host);
    let mut check = |method: &str, origin: &str| {
        let arguments = json!({"url": format!("{origin}/x"), "method": method});
        assert_eq!(
            refused(&mut client, "fetch", arguments),
            format!(
                "not granted: {method} {origin}; \"{origin}\" in `allow` of [plugins.reach.grants.http] would allow it"
            )
        );
    };
    check("POST", &format!("http://localhost:{port}"));
    check("GET", &format!("http://127.0.0.1:{port}"));
    check("GET", &format!("https://localhost:{port}"));
    check("GET", "http://localhost");
    check("GET", &format!("http://localhost.example.org:{port}"));
    assert_eq!(server.connections(), 0);
    let mut check = |method: &str, url: String, expected: &str| {
        let arguments = json!({"url": url, "method": method});
        assert_eq!(refused(&mut client, "fetch", arguments), expected);
    };
    check(
        "CONNECT",
        format!("http://localhost:{port}/"),
        "not granted: a tunnel through another server (CONNECT)",
    );
    check(
        "GET",
        format!("http://localhost:{port}@127.0.0.1:{port}/"),
        "not granted: an address with a user in it; send the header `authorization`",
    );
    assert_eq!(server.connections(), 0);
    let url = format!("http://LocalHost:{port}/");
    assert!(call(&mut client, "fetch", json!({"url": url})).is_ok());
}

/// The text of a refusal of an address.
fn address_refused(leads: &str, kind: &str, address: &str) -> String {
    format!(
        "not granted: {leads}, which is {kind}; \"{address}\" in `addresses` of [plugins.reach.grants.http] would allow it"
    )
}

#[test]
fn a_name_that_leads_to_loopback_leads_nowhere() {
    let server = Server::start();
    let port = server.port();
    let host = host(&format!(
        "[plugins.reach.grants.http]\nallow = [\"http://*:{port}\"]\n"
    ));
    let mut client = Client::modern(&host);
    // Numbers that some take for names, and some for addresses.
    for name in ["localhost", "2130706433", "0x7f000001", "127.1"] {
        let url = format!("http://{name}:{port}/");
        let said = refused(&mut client, "fetch", json!({"url": url}));
        let expected = [("127.0.0.1", "127.0.0.1"), ("::1", "::1")].map(|(at, address)| {
            address_refused(&format!("{name} leads to {at}"), "loopback", address)
        });
        assert!(expected.contains(&said), "{said}");
    }
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ] {
        let url = format!("http://{host}:{port}/");
        let said = refused(&mut client, "fetch", json!({"url": url}));
        assert_eq!(said, address_refused(address, "loopback", address));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_redirect_is_a_request_of_its_own() {
    const METADATA: &str = "http://169.254.169.254/latest/meta-data/";
    let server = Server::start();
    let to = |url: &str| json!({"url": server.url(&format!("/redirect?{url}"))});
    {
        let host = host(&granted(&server));
        let mut client = Client::modern(&host);
        // The host follows nothing.
        let found = call(&mut client, "fetch", to(METADATA)).expect("an answer");
        assert_eq!(found["status"], 302);
        assert_eq!(
            refused(&mut client, "fetch_following", to(METADATA)),
            "not granted: GET http://169.254.169.254; \"http://169.254.169.254\" in `allow` of [plugins.reach.grants.http] would allow it"
        );
        let followed = call(&mut client, "fetch_following", to(&server.url("/there")));
        assert_eq!(followed.expect("an answer")["body"], "hello");
    }
    // Who may send requests to every name may not send them to every address.
    let everywhere = granted(&server).replace("allow = [", "allow = [\"http://*\", ");
    let host = host(&everywhere);
    let mut client = Client::modern(&host);
    assert_eq!(
        refused(&mut client, "fetch_following", to(METADATA)),
        address_refused(
            "169.254.169.254",
            "link-local, and serves metadata of clouds",
            "169.254.169.254"
        )
    );
}

#[test]
fn no_plugin_uses_the_connection_of_another() {
    let server = Server::start();
    let origin = server.url("");
    let config = format!(
        "{}[plugins.other]\nprefix = \"other_\"\n[plugins.other.grants.http]\nallow = [\"{origin}\"]\n",
        granted(&server)
    );
    let reach = fusebox_tests::plugin("reach");
    let host = setup(&config).file("other", &reach).start();
    let mut client = Client::modern(&host);
    let url = json!({"url": server.url("/")});
    assert!(call(&mut client, "fetch", url.clone()).is_ok());
    assert_eq!(
        refused(&mut client, "other_fetch", url),
        address_refused("127.0.0.1", "loopback", "127.0.0.1").replace("reach", "other")
    );
    assert_eq!(server.requests().len(), 1);
}

/// A server with a certificate for `localhost` that signed itself, and that
/// certificate.
fn encrypted_server() -> (Server, String) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a certificate");
    (Server::start_tls(config), own.cert.pem())
}

#[test]
fn an_encrypted_request_goes_only_to_whom_the_system_trusts() {
    let (server, certificate) = encrypted_server();
    let url = json!({"url": format!("https://localhost:{}/", server.port())});
    let config = format!(
        "[plugins.reach.grants.http]\nallow = [\"https://localhost:{}\"]\naddresses = [\"127.0.0.1\"]\n",
        server.port()
    );
    {
        let host = host(&config);
        let mut client = Client::modern(&host);
        let said = refused(&mut client, "fetch", url.clone());
        let expected = "no encrypted connection: invalid peer certificate: ";
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(server.requests(), [""; 0]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, certificate).expect("a file");
    let file = file.to_str().expect("a name");
    let host = setup(&config).variable("SSL_CERT_FILE", file).start();
    let mut client = Client::modern(&host);
    let fetched = call(&mut client, "fetch", url).expect("an answer");
    assert_eq!(fetched["body"], "hello");
}

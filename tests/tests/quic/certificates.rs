//! Clients that show a certificate over QUIC: it lets them in, and gives them the
//! role of its name, as over TLS.

use fusebox_tests::{Authority, Host, Setup};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::client::{Client, LINES, Session, in_time};
use super::{closed_with, modern, request};

/// The code of a connection whose certificate lets it do nothing.
const NOT_LET_IN: u64 = 3;

/// A client with a certificate of this authority for this name.
fn client(authority: &Authority, host: &Host, name: &str) -> Client {
    let shown = authority.sign(name, "client");
    let shown = Some((&*shown.certificate, &*shown.key));
    Client::showing(shown, trusted(host), host.quic_address(), LINES)
}

fn trusted(host: &Host) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let made = CertificateDer::from_pem_file(host.certificate()).expect("a certificate");
    roots.add(made).expect("a certificate that can be trusted");
    roots
}

/// The tools that it is shown, or the code of its refusal; none: the connection
/// ended otherwise.
async fn tools(client: Client) -> Result<Vec<String>, Option<u64>> {
    let connection = client
        .try_connect()
        .await
        .map_err(|error| closed_with(&error))?;
    let Ok(stream) = in_time(connection.open_bi()).await else {
        return Err(closed_with(&in_time(connection.closed()).await));
    };
    let mut session = Session::of(stream);
    let list = modern(request(1, "tools/list", json!({})));
    let line = format!("{list}\n");
    // It may be closed by now.
    let _ = in_time(session.send.write_all(line.as_bytes())).await;
    let Some(answer) = session.receive().await else {
        return Err(closed_with(&in_time(connection.closed()).await));
    };
    let listed = answer["result"]["tools"].as_array().cloned();
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    Ok(listed.unwrap_or_default().iter().map(name).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_gives_its_client_the_role_of_its_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    for required in [true, false] {
        let host = Setup::new()
            .plugin("hello")
            .config("[roles.ops]\ncertificates = ['*.ops.example']\n[roles.ci]\ncertificates = ['ci.example']\ntools = ['add']\n[roles.x]\n")
            .encrypted(&format!(
                "client_ca = {:?}\nclient_role = ''\nclient_required = {required}",
                authority.file()
            ))
            .start();
        let shown = |name| client(&authority, &host, name);
        let both = Ok(vec!["add".to_owned(), "hello".to_owned()]);
        assert_eq!(tools(shown("a.ops.example")).await, both);
        assert_eq!(tools(shown("ci.example")).await, Ok(vec!["add".to_owned()]));
        // Its name has no role.
        assert_eq!(tools(shown("x.example")).await, Err(Some(NOT_LET_IN)));
        // Another signed it: TLS itself ends the connection.
        assert_eq!(
            tools(client(&other, &host, "a.ops.example")).await,
            Err(None)
        );
        // Without one, TLS ends it or the host, which asks for a key.
        let without = tools(Client::new(&host, LINES)).await;
        match required {
            true => assert_eq!(without, Err(None)),
            false => assert_eq!(without, Ok(Vec::new())),
        }
    }
}

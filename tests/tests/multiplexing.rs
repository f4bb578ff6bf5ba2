//! Proves that one connection carries many requests: pipelined over HTTP/1.1, whose
//! answers come in order, and side by side over HTTP/2, with and without TLS.

use std::sync::Arc;

use bytes::Bytes;
use fusebox_tests::{Connection, Host, LONG, Setup, check, modern_meta};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn setup() -> Setup {
    Setup::new().plugin("hello").plugin("misbehave")
}

fn call(id: usize, tool: &str, arguments: Value) -> Vec<u8> {
    let params = json!({"name": tool, "arguments": arguments, "_meta": modern_meta()});
    let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    message.to_string().into_bytes()
}

fn headers(tool: &'static str) -> [(&'static str, &'static str); 5] {
    [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
    ]
}

#[test]
fn requests_in_one_write_are_answered_in_order() {
    const REQUESTS: usize = 50;
    let host = setup().start();
    let mut connection = Connection::open(host.address());
    let mut bytes = Vec::new();
    for index in 0..REQUESTS {
        // The first is the slowest, and still its answer is the first.
        let (tool, arguments) = match index {
            0 => ("sleep", json!({"ms": 200})),
            _ => ("hello", json!({"name": format!("n{index}")})),
        };
        let body = call(index, tool, arguments);
        let mut head = String::from("POST /mcp HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers(tool) {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        bytes.extend(head.into_bytes());
        bytes.extend(body);
    }
    assert!(connection.send_raw(&bytes));
    for index in 0..REQUESTS {
        let response = connection.read_response().expect("an answer");
        assert_eq!(response.head.status, 200, "{}", response.text());
        let answer = response.json();
        let text = match index {
            0 => "ok".to_owned(),
            _ => format!("Hello, n{index}!"),
        };
        assert_eq!(answer["id"], index, "{answer}");
        assert_eq!(answer["result"]["content"][0]["text"], text, "{answer}");
    }
}

type Sender = http2::SendRequest<Full<Bytes>>;

/// A connection of HTTP/2 on these bytes.
async fn speak<S>(stream: S) -> Sender
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2 is spoken");
    tokio::spawn(connection);
    sender
}

fn request(host: &Host, body: Vec<u8>, tool: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::post(host.url());
    for (name, value) in headers(tool) {
        request = request.header(name, value);
    }
    request.body(Full::new(body.into())).expect("a request")
}

async fn json_of(response: Response<Incoming>) -> Value {
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.expect("a body");
    let message = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    check(&message, "2026-07-28", Some("tools/call")).expect("a message of its version");
    message
}

/// A hundred calls run at once, which the host itself says, and each is answered.
async fn check_side_by_side(host: &Host, sender: Sender) {
    const CALLS: usize = 100;
    let mut running = tokio::task::JoinSet::new();
    for index in 0..CALLS {
        // They wait for each other: none of them is over before all have begun.
        let body = call(index, "sleep", json!({"ms": 3000}));
        let request = request(host, body, "sleep");
        let mut sender = sender.clone();
        running.spawn(async move {
            let response = sender.send_request(request).await.expect("a response");
            (index, json_of(response).await)
        });
    }
    host.health_when("all run", |health| {
        health["calls_in_flight"] == CALLS && health["connections"] == 2
    });
    // A short one overtakes them all.
    let hello = call(1000, "hello", json!({"name": "Ada"}));
    let response = sender.clone().send_request(request(host, hello, "hello"));
    let answer = json_of(response.await.expect("a response")).await;
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Ada!");
    let mut seen = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (index, answer) = ended.expect("a call has ended");
        assert_eq!(answer["id"], index, "{answer}");
        assert_eq!(answer["result"]["content"][0]["text"], "ok", "{answer}");
        seen.push(index);
    }
    assert_eq!(seen.len(), CALLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_of_http2_run_side_by_side() {
    let host = setup().start();
    let stream = TcpStream::connect(host.address())
        .await
        .expect("a connection");
    let sender = speak(stream).await;
    timeout(LONG, check_side_by_side(&host, sender))
        .await
        .expect("in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_offers_http2_and_serves_the_same() {
    let host = setup().encrypted("").start();
    let stream = TcpStream::connect(host.https_address())
        .await
        .expect("a connection");
    let mut roots = RootCertStore::empty();
    let made = CertificateDer::from_pem_file(host.certificate()).expect("a certificate");
    roots.add(made).expect("a certificate to trust");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "localhost".try_into().expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let stream = connector.connect(name, stream).await.expect("TLS");
    let (_, agreed) = stream.get_ref();
    assert_eq!(agreed.alpn_protocol(), Some(&b"h2"[..]));
    let sender = speak(stream).await;
    timeout(LONG, check_side_by_side(&host, sender))
        .await
        .expect("in time");
}

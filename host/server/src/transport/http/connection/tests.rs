//! Proves that a panic of the host's own in one request ends that request alone.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use super::*;
use crate::config::Config;

/// A log that fails when the router says something: so that the host panics in the
/// midst of a request, and nowhere else.
struct Faulty;

impl<S: Subscriber> Layer<S> for Faulty {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        assert_ne!(event.metadata().target(), "fusebox::router", "a faulty log");
    }
}

/// Sends a message and gives the whole response.
async fn exchange(client: &mut DuplexStream, headers: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    loop {
        let mut piece = [0; 4096];
        let read = client.read(&mut piece).await.unwrap();
        assert!(read > 0, "the connection is closed after {said}");
        said += std::str::from_utf8(&piece[..read]).unwrap();
        let Some((head, body)) = said.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split_once("content-length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            return said;
        }
    }
}

#[tokio::test]
async fn a_panic_ends_its_request_and_not_its_connection() {
    let _log = tracing::subscriber::set_default(Registry::default().with(Faulty));
    let host = Host::new(Config::default(), None).unwrap();
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let serving = tokio::spawn(serve(host.clone(), server, local, Origin::default()));
    let begin = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let begun = exchange(&mut client, "", begin).await;
    let session = begun.split_once("mcp-session-id: ").unwrap().1;
    let session = session.lines().next().unwrap();
    let headers = format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    // The router says that this cancels nothing.
    let bad = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#;
    let failed = exchange(&mut client, &headers, bad).await;
    assert!(failed.starts_with("HTTP/1.1 500 "), "{failed}");
    assert!(failed.contains(r#""code":-32603"#), "{failed}");
    assert_eq!(host.parts.panics(), 1);
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    let pong = exchange(&mut client, &headers, ping).await;
    assert!(pong.starts_with("HTTP/1.1 200 "), "{pong}");
    drop(client);
    serving.await.unwrap();
}

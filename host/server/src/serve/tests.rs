//! Proves that each part of a host that serves is started anew under load, and that
//! nobody is refused or left without an answer for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::config;
use crate::config::Scheme;
use crate::supervise::State;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Asks once, on a connection of its own.
async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{PING}",
        PING.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    said
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_is_started_anew_under_load_and_nobody_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listener = |scheme| config::Listener {
        scheme,
        addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    };
    let mut config = Config::default()
        .with_plugins_dir(folder.path().to_owned())
        .with_listeners(vec![
            listener(Scheme::Http),
            listener(Scheme::Tcp),
            listener(Scheme::Quic),
        ]);
    config.audit.file = folder.path().join("audit.jsonl");
    let sockets = bind_all(&config, &mut Inherited::none(), Unasked::No).unwrap();
    let address = sockets.listeners[0].addr;
    let host = start(config, None).await.unwrap();
    let _handles = open(&host, sockets);
    let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, answered) = (stop.clone(), answered.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let said = ask(address).await;
                    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let parts = host.parts.report();
    for wanted in [
        "audit", "figures", "health", "plugins", "samples", "sweeping",
    ] {
        assert!(parts.contains_key(wanted), "{wanted}: {parts:?}");
    }
    let running: Vec<_> = parts
        .into_iter()
        // A certificate that was made at the start is not looked at again.
        .filter(|(name, part)| part.state == State::Running && name != "certificate")
        .map(|(name, _)| name)
        .collect();
    assert!(running.len() >= 8, "{running:?}");
    for name in &running {
        host.parts.stall(name);
        until("it is started anew", || {
            let part = &host.parts.report()[name];
            (part.restarts, part.state) == (1, State::Running)
        })
        .await;
        let before = answered.load(Ordering::Relaxed);
        until("others are served", || {
            answered.load(Ordering::Relaxed) > before + 10
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in load {
        client.await.unwrap();
    }
    // Files are noticed by the loader that came after.
    std::fs::write(folder.path().join("broken.wasm"), "no wasm").unwrap();
    until("the file is seen", || {
        host.catalogue.load().slots().contains_key("broken")
    })
    .await;
    assert!(host.stop().await);
}

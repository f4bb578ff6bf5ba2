//! Serves messages in this process, bytes in and bytes out, and does nothing
//! else: what `cargo xtask instructions` counts the instructions of.
//!
//! It owns the kinds of messages that are counted. It never counts: a run with
//! more messages minus one with fewer is what the messages cost.
#![forbid(unsafe_code)]

#[path = "../shared/ours.rs"]
#[allow(unreachable_pub, dead_code)]
mod ours;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use fusebox::host::Host;
use fusebox::origin::Origin;
use fusebox::transport::http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

const MISFIT: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hello","arguments":{"name":7},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// a call of `hello` in a warm instance
    Warm,
    /// a call of `hello` in a fresh instance
    Fresh,
    /// the same as `warm`, by HTTP/1.1: one request after the other on a connection
    Http,
    /// a list of tools, which enters no wasm
    List,
    /// a call whose arguments don't fit, which enters no wasm
    Misfit,
}

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    kind: Kind,
    #[arg(long)]
    messages: u32,
    /// a folder with `hello.wasm` and nothing else
    #[arg(long)]
    plugins: PathBuf,
    /// where compiled code is kept between runs
    #[arg(long)]
    cache: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let (isolation, message, expected) = match arguments.kind {
        Kind::Warm | Kind::Http => ("pooled", ours::MESSAGE, ours::ANSWER),
        Kind::Fresh => ("call", ours::MESSAGE, ours::ANSWER),
        Kind::List => ("call", LIST, "\"name\":\"hello\""),
        Kind::Misfit => ("call", MISFIT, "\"isError\":true"),
    };
    let settings = settings(isolation, &arguments.cache);
    let runtime = ours::runtime();
    let host = ours::host(&runtime, &settings, &arguments.plugins);
    if matches!(arguments.kind, Kind::Http) {
        runtime.block_on(by_http(host, message, expected, arguments.messages));
        return;
    }
    let frame = Bytes::from_static(message.as_bytes());
    for _ in 0..arguments.messages {
        let body = runtime.block_on(ours::message(&host, &frame));
        assert!(
            memchr::memmem::find(&body, expected.as_bytes()).is_some(),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
}

/// Sends each message in a request of its own, over a pipe in this process, and
/// reads its answer: what the system adds to a request is not in it.
async fn by_http(host: Arc<Host>, message: &str, expected: &str, messages: u32) {
    let (mut near, far) = tokio::io::duplex(16 << 10);
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 9999));
    let served = tokio::spawn(http::serve(host, far, local, Origin::default()));
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost:9999\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2026-07-28\r\n\
         Mcp-Method: tools/call\r\nMcp-Name: hello\r\nContent-Length: {}\r\n\r\n{message}",
        message.len()
    );
    let mut answer = vec![0; 16 << 10];
    for _ in 0..messages {
        let sent = near.write_all(request.as_bytes()).await;
        sent.expect("the host takes a request");
        let mut length = 0;
        // The message is the end of the response: the last brace closes it.
        while length == 0 || answer[length - 1] != b'}' {
            let read = near.read(&mut answer[length..]).await;
            let read = read.expect("the host answers");
            assert!(read > 0, "the host closed the connection");
            length += read;
        }
        let answer = &answer[..length];
        assert!(
            answer.starts_with(b"HTTP/1.1 200 ")
                && memchr::memmem::find(answer, expected.as_bytes()).is_some(),
            "{}",
            String::from_utf8_lossy(answer)
        );
    }
    drop(near);
    served.await.expect("the connection ends by itself");
}

/// Few instances, so that little address space is reserved; calls that never
/// change their instance, so that all cost the same.
fn settings(isolation: &str, cache: &Path) -> String {
    format!(
        "[engine]\nmax_instances = 4\nlong_call_threads = 1\ncache_dir = {:?}\n\
         [limits]\nisolation = {isolation:?}\nmax_calls_per_instance = 1_000_000_000\n\
         concurrent_calls_max = 4\n",
        cache.display().to_string()
    )
}

//! Serves messages in this process, bytes in and bytes out, and does nothing
//! else: what `cargo xtask instructions` counts the instructions of.
//!
//! It owns the kinds of messages that are counted. It never counts: a run with
//! more messages minus one with fewer is what the messages cost.
#![forbid(unsafe_code)]

#[path = "../shared/ours.rs"]
#[allow(unreachable_pub, dead_code)]
mod ours;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Parser, ValueEnum};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

const MISFIT: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hello","arguments":{"name":7},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// a call of `hello` in a warm instance
    Warm,
    /// a call of `hello` in a fresh instance
    Fresh,
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
        Kind::Warm => ("pooled", ours::MESSAGE, ours::ANSWER),
        Kind::Fresh => ("call", ours::MESSAGE, ours::ANSWER),
        Kind::List => ("call", LIST, "\"name\":\"hello\""),
        Kind::Misfit => ("call", MISFIT, "\"isError\":true"),
    };
    let settings = settings(isolation, &arguments.cache);
    let runtime = ours::runtime();
    let host = ours::host(&runtime, &settings, &arguments.plugins);
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

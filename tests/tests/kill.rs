//! Proves that `kill -9` at any moment under load takes nothing that was
//! acknowledged: the host starts again at once, tasks and values are there, and what
//! its caches hold is whole or passed over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use fusebox_tests::{Connection, Host, Random, Setup, modern_meta, plugin, until};
use serde_json::{Value, json};

/// How often: `FUSEBOX_KILLS` says another number.
const KILLS: usize = 20;

/// A moment is so many acknowledgements after the load began, at most.
const MOMENT_MAX: usize = 60;

/// What a client was told is kept.
enum Told {
    Value { key: String, value: String },
    Task(String),
}

/// A plugin of bytes that nobody has compiled yet.
fn variant(number: usize) -> Vec<u8> {
    let mut bytes = plugin("hello");
    // A custom section of its own, which changes nothing but the digest.
    let content = format!("\u{4}kill{number:08}");
    bytes.extend([0, u8::try_from(content.len()).expect("a short section")]);
    bytes.extend(content.as_bytes());
    bytes
}

/// A host with all its files in one folder.
fn start(folder: &Path, late: &[u8]) -> Host {
    let [tasks, values, cache] = ["tasks.redb", "values.redb", "cache"].map(|it| folder.join(it));
    Setup::new()
        .plugin("reach")
        .plugin("everything")
        .file("late", late)
        .config(&format!(
            "tasks.store = {tasks:?}\nengine.cache_dir = {cache:?}\n[keyvalue]\nstore = {values:?}\n\
             [plugins.reach.grants.keyvalue]\nmax_keys = 1000000\n"
        ))
        .start()
}

/// Sends a request; none if the host is gone before the answer.
fn ask(connection: &mut Connection, method: &str, name: &str, mut params: Value) -> Option<Value> {
    params["_meta"] = modern_meta();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: {name}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    if !connection.send_raw(format!("{head}{body}").as_bytes()) {
        return None;
    }
    let head = connection.read_head()?;
    let length: usize = head.header("content-length")?.parse().ok()?;
    connection.try_read(length)
}

/// Keeps values and makes tasks until the host is gone, and says what it was told.
fn load(
    connection: &mut Connection,
    begin: usize,
    told: &Sender<Told>,
    acknowledged: &AtomicUsize,
) {
    for number in begin.. {
        let told_now = if number % 3 == 0 {
            let arguments = json!({"seconds": 0, "label": "x"});
            let params = json!({"name": "slow_compute", "arguments": arguments});
            let answer = ask(connection, "tools/call", "slow_compute", params);
            let Some(answer) = answer else { return };
            let id = answer["result"]["taskId"].as_str();
            Told::Task(id.unwrap_or_else(|| panic!("no task: {answer}")).to_owned())
        } else {
            let (key, value) = (format!("k{number}"), format!("v{number}"));
            let arguments = json!({"key": key, "value": value});
            let params = json!({"name": "keep", "arguments": arguments});
            let answer = ask(connection, "tools/call", "keep", params);
            let Some(answer) = answer else { return };
            assert_ne!(answer["result"]["isError"], true, "{answer}");
            assert!(answer["result"].is_object(), "{answer}");
            Told::Value { key, value }
        };
        // Nobody listens once the host was killed and its clients have ended.
        let _ = told.send(told_now);
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// What was told is there.
fn check(host: &Host, told: &[Told]) {
    let mut connection = Connection::open(host.address());
    for one in told {
        match one {
            Told::Value { key, value } => {
                let params = json!({"name": "kept", "arguments": {"key": key}});
                let answer = ask(&mut connection, "tools/call", "kept", params).expect("an answer");
                assert_eq!(
                    answer["result"]["content"][0]["text"], **value,
                    "{key}: {answer}"
                );
            }
            Told::Task(id) => {
                let params = json!({"taskId": id});
                let answer = ask(&mut connection, "tasks/get", id, params).expect("an answer");
                let status = answer["result"]["status"].as_str();
                // It ended before the kill, or by it.
                assert!(matches!(status, Some("completed" | "failed")), "{answer}");
            }
        }
    }
}

#[test]
fn killed_at_any_moment_it_starts_again_with_all_it_acknowledged() {
    let kills = std::env::var("FUSEBOX_KILLS").ok();
    let kills = kills.map_or(KILLS, |kills| kills.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = Random::new(6);
    let mut late = variant(0);
    let mut all = Vec::new();
    for round in 0..kills {
        let mut host = start(folder.path(), &late);
        // The last that was told before the kill, and some of what was told long ago.
        let recent = all.len().saturating_sub(2 * MOMENT_MAX);
        check(&host, &all[recent..]);
        let (told, heard) = mpsc::channel();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let mut connection = Connection::open(host.address());
                let (told, acknowledged) = (told.clone(), acknowledged.clone());
                let begin = (round * 4 + client) * 1_000_000;
                thread::spawn(move || load(&mut connection, begin, &told, &acknowledged))
            })
            .collect();
        drop(told);
        let moment = random.below(MOMENT_MAX);
        until("the load is there", || {
            (acknowledged.load(Ordering::Relaxed) >= moment).then_some(())
        });
        // One that has to be compiled and put into the cache just now.
        late = variant(round + 1);
        if round % 2 == 0 {
            host.put("late", &late);
        }
        host.kill();
        for client in clients {
            client.join().expect("a client was told no lie");
        }
        all.extend(heard);
    }
    let host = start(folder.path(), &late);
    eprintln!("{kills} kills; {} acknowledgements", all.len());
    check(&host, &all);
    let health = host.plugin_health("late");
    assert_eq!(health["state"], "serving", "{health:#}");
}

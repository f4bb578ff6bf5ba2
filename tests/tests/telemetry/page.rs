//! Proves that the book's page on telemetry names all that a collector gets, and
//! nothing that it doesn't.

use std::collections::BTreeSet;
use std::net::TcpListener;

use fusebox_tests::{Client, Collected, Collector, Setup, Spoken, repository};
use serde_json::json;

/// The names in the first column of the table between two marks.
fn names(page: &str, of: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(&format!("<!-- {of} -->")).expect("a table");
    let (table, _) = rest.split_once("<!-- end of ").expect("its end");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

/// What the plugin itself calls its attributes; the page can't know that.
const A_PLUGINS_OWN: [&str; 3] = ["step", "ratio", "good"];

fn attributes(got: &Collected) -> BTreeSet<String> {
    let spans = got.spans.iter();
    spans
        .flat_map(|span| span.attributes.keys().cloned())
        .filter(|name| !A_PLUGINS_OWN.contains(&name.as_str()))
        .collect()
}

fn figures(got: &Collected) -> BTreeSet<String> {
    got.series
        .iter()
        .map(|series| series.name.clone())
        .collect()
}

#[test]
fn the_page_names_what_a_collector_gets() {
    let page =
        std::fs::read_to_string(repository().join("docs/src/telemetry.md")).expect("the page");
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("values.redb");
    // Nobody answers there: the span of the request says so.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("an address");
    let host = Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .plugin("reach")
        .config(&collector.config(Spoken::Grpc))
        .config("metrics_interval_ms = 100")
        .config(&format!("[keyvalue]\nstore = {store:?}"))
        .config("[plugins.reach.grants.keyvalue]\nmax_keys = 10")
        .config(&format!(
            "[plugins.reach.grants.http]\nallow = [\"http://{server}\"]\naddresses = [\"127.0.0.1\"]"
        ))
        .start();
    let answering = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().expect("a request");
        let read = stream.read(&mut [0; 1 << 12]).expect("its head");
        assert!(read > 0);
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).expect("an answer");
    });
    let mut client = Client::legacy(&host);
    client.text("hello", json!({"name": "Ada"}));
    client.call("trap", json!({})).expect_err("a fault");
    client
        .call("trace", json!({"how": "leave"}))
        .expect("two spans of its own");
    client
        .call("trace", json!({"how": "many"}))
        .expect("more than may be");
    client
        .call("fetch", json!({"url": format!("http://{server}/")}))
        .expect("an answer");
    answering.join().expect("the server answered");
    client.call("count", json!({"key": "a"})).expect("a number");
    client
        .request("prompts/get", json!({"name": "test_simple_prompt"}))
        .outcome()
        .expect("a prompt");
    client
        .request("resources/read", json!({"uri": "test://static-text"}))
        .outcome()
        .expect("a resource");
    client.delete();
    let (told, of_figures) = (names(&page, "attributes"), names(&page, "figures"));
    let got = collector.wait_for("all that the page names", |got| {
        let all = attributes(got).is_superset(&told) && figures(got).is_superset(&of_figures);
        all.then(|| got.clone())
    });
    assert_eq!(attributes(&got), told);
    assert_eq!(figures(&got), of_figures);
}

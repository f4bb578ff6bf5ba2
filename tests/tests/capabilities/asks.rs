//! What a component asks its operator for is shown wherever the operator looks, and
//! is granted by nobody else.

use std::fs;

use fusebox_tests::{Client, fusebox, plugin};
use serde_json::{Value, json};

use super::{Checked, host, refused, setup};

/// What the plugin `reach` has in its section, and no configuration gives by itself.
const UNGRANTED: [&str; 4] = [
    "limits.memory_max_bytes = 201326592",
    "grants.http.allow \"GET https://api.example.org\"",
    "grants.keyvalue",
    "grants.keyvalue_session.max_keys = 50",
];

/// A component with one more section of its own.
fn with_section(mut component: Vec<u8>, text: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"fusebox:asks";
    let number = |mut number: usize| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let contents = [&number(NAME.len()), NAME, text].concat();
    component.push(0);
    component.extend(number(contents.len()));
    component.extend(contents);
    component
}

#[test]
fn a_request_is_shown_and_grants_nothing() {
    let host = host("");
    let health = host.plugin_health("reach");
    assert_eq!(health["asks_ungranted"], json!(UNGRANTED), "{health:#}");
    let log = host.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("it asks for what it isn't granted"))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("plugin=\"reach\""), "{log}");
    let mut client = Client::modern(&host);
    let url = "https://api.example.org/";
    assert_eq!(
        refused(&mut client, "fetch", json!({"url": url})),
        "not granted: this plugin may send no request; [plugins.reach.grants.http] with allow = [\"https://api.example.org\"] would allow GET https://api.example.org"
    );
    let keep = json!({"key": "a", "value": "b"});
    assert_eq!(
        refused(&mut client, "keep", keep),
        "not granted: this plugin may keep nothing; [plugins.reach.grants.keyvalue] would allow it"
    );
}

#[test]
fn the_lines_that_check_prints_are_all_that_is_asked_for() {
    let file = Checked::new("reach");
    let report = file.says("");
    assert_eq!(report["asks"], json!(UNGRANTED));
    assert_eq!(report["asksUngranted"], json!(UNGRANTED));
    let lines = report["grantsNeeded"].as_str().expect("lines");
    let asked = "[plugins.reach]
memory_max_bytes = 201326592
[plugins.reach.grants.http]
allow = [\"GET https://api.example.org\"]
[plugins.reach.grants.keyvalue]
[plugins.reach.grants.keyvalue_session]
max_keys = 50
";
    assert!(lines.starts_with(asked), "{lines}");
    let after = file.says(lines);
    assert_eq!(after["asks"], json!(UNGRANTED));
    assert_eq!(after["asksUngranted"], json!([]));
    // A host takes them, and has nothing to say then.
    let host = setup(lines).start();
    let health = host.plugin_health("reach");
    assert!(health.get("asks_ungranted").is_none(), "{health:#}");
    assert!(!host.log().contains("it asks for"), "{}", host.log());
    // Less than is asked for is less.
    let part =
        file.says("[plugins.reach.grants]\nkeyvalue_session = { max_keys = 49 }\nkeyvalue = {}");
    assert_eq!(
        part["asksUngranted"],
        json!([UNGRANTED[0], UNGRANTED[1], UNGRANTED[3]])
    );
}

#[test]
fn a_bad_request_keeps_a_file_from_being_served_with_its_reason() {
    let bad: [(&[u8], &str); 4] = [
        (
            b"[http]\nallow = [\"https://a/b\"]",
            "`plugins.hello.grants.http.allow` is [\"https://a/b\"]; it must be",
        ),
        (b"[grants]", "unknown field `grants`"),
        (b"\xff", "it is not UTF-8 (byte 1)"),
        (&[b' '; 16_385], "it has 16385 bytes, and may have 16384"),
    ];
    for (text, reason) in bad {
        let file = with_section(plugin("hello"), text);
        let host = setup("").file("hello", &file).start();
        let health = host.plugin_health("hello");
        assert_eq!(health["state"], "failed", "{health:#}");
        let said = health["reason"].as_str().expect("a reason");
        let begins = "what it asks for (its section `fusebox:asks`) can't be read: ";
        assert!(
            said.starts_with(begins) && said.contains(reason),
            "{said}: {reason}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("hello.wasm"), &file).expect("a file");
        let ran = fusebox(folder.path(), &["plugin", "check", "hello.wasm"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn a_text_of_a_stranger_is_no_line_of_a_configuration() {
    let text = b"[config]\na = \"x\\n[plugins.hello.grants.http]\\nallow = ['https://*'] #\"";
    let folder = tempfile::tempdir().expect("a folder");
    let file = with_section(plugin("hello"), text);
    fs::write(folder.path().join("hello.wasm"), file).expect("a file");
    let ran = fusebox(folder.path(), &["plugin", "check", "hello.wasm"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr
            .contains("what `config.a` is for has characters that can't be seen"),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains("https://*"), "{ran:?}");
}

#[test]
fn a_file_beside_a_component_asks_for_it_and_is_taken_up_when_it_changes() {
    let beside = b"[http]\nallow = [\"https://api.example.org\"]\n";
    let host = setup("")
        .plugin("hello")
        .beside("hello.asks.toml", beside)
        .start();
    // In one step, as a file of a plugin.
    let put = |name: &str, bytes: &[u8]| {
        let place = host.path(name).with_extension("asks.toml");
        let temporary = host.path(name).with_file_name(".new");
        fs::write(&temporary, bytes).expect("written");
        fs::rename(&temporary, place).expect("put in place");
    };
    let asked = |entries: Value| {
        host.health_when("it asks for that", |health| {
            health["plugins"]["hello"]["asks_ungranted"] == entries
        });
    };
    asked(json!(["grants.http.allow \"https://api.example.org\""]));
    // It is granted nothing, and serves.
    let mut client = Client::modern(&host);
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
    put("hello", b"[keyvalue]\n");
    asked(json!(["grants.keyvalue"]));
    // What can't be read is told, and the version before goes on.
    put("hello", b"[htpp]\n");
    let health = host.health_when("it has failed", |health| {
        health["plugins"]["hello"]["failed_update"]["reason"].is_string()
    });
    let reason = health["plugins"]["hello"]["failed_update"]["reason"].as_str();
    let reason = reason.expect("a reason");
    let begins =
        "what it asks for (`hello.asks.toml` beside it) can't be read: unknown field `htpp`";
    assert!(reason.starts_with(begins), "{reason}");
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
    fs::remove_file(host.path("hello").with_extension("asks.toml")).expect("removed");
    host.health_when("it asks for nothing", |health| {
        let hello = &health["plugins"]["hello"];
        hello["failed_update"].is_null() && hello["asks_ungranted"].is_null()
    });
    // What a component says itself counts.
    put("reach", b"[files]\n\"/d\" = \"x\"\n");
    put("hello", beside);
    asked(json!(["grants.http.allow \"https://api.example.org\""]));
    assert_eq!(
        host.plugin_health("reach")["asks_ungranted"],
        json!(UNGRANTED)
    );

    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("hello.wasm"), plugin("hello")).expect("a file");
    fs::write(folder.path().join("hello.asks.toml"), beside).expect("a file");
    let ran = fusebox(folder.path(), &["plugin", "check", "--json", "hello.wasm"]);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        report["grantsNeeded"],
        "[plugins.hello.grants.http]\nallow = [\"https://api.example.org\"]\n"
    );
}

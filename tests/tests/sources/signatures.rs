//! Whose plugins are loaded: each policy with good, missing, foreign and changed
//! signatures, wherever the plugin comes from.

use std::fs;
use std::io::Cursor;

use fusebox_tests::{Client, Setup, fusebox, greeting, plugin};
use minisign::KeyPair;
use serde_json::{Value, json};

use crate::registry::{Registry, WASM, digest};
use crate::web::Files;
use crate::{Place, failed, hello, refusal, source};

pub(crate) fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("a pair of keys")
}

pub(crate) fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
    let signature = minisign::sign(None, &pair.sk, Cursor::new(bytes), None, None);
    signature.expect("a signature").to_string()
}

pub(crate) fn policy(policy: &str, pair: &KeyPair) -> String {
    format!(
        "[signatures]\npolicy = \"{policy}\"\nkeys = [{:?}]\n",
        pair.pk.to_base64()
    )
}

/// The same for the same text.
fn tag_of(signature: &str) -> String {
    digest(signature.as_bytes())[7..27].to_owned()
}

const REQUIRED: &str =
    "sign it with `minisign -Sm`, or set `signatures.policy` to another value than \"require\"";
pub(crate) const OTHER: &str =
    "it is signed by none of the keys in `signatures.keys`; if you trust its maker, add the key";

fn changed(pair: &KeyPair) -> String {
    let key = pair.pk.to_base64();
    format!("its signature by the key {key} does not fit: it was changed after it was signed")
}

/// What each policy makes of a plugin that `setup` brings with a signature, or
/// without one.
fn each_policy(setup: impl Fn(&str, Option<&str>) -> Setup, missing: &str) {
    let (ours, stranger, wasm) = (pair(), pair(), plugin("hello"));
    let good = sign(&ours, &wasm);
    let bad: [(Option<String>, String); 4] = [
        (None, format!("it is not signed: {missing}; {REQUIRED}")),
        (Some(sign(&stranger, &wasm)), OTHER.to_owned()),
        (Some(sign(&ours, &greeting("Howdy, "))), changed(&ours)),
        (
            Some("no signature".to_owned()),
            "its signature can't be read: Invalid encoding in minisign data".to_owned(),
        ),
    ];
    let serves = |policy: String, signature: Option<&str>| {
        let host = setup(&policy, signature).start();
        assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
        (host.plugin_health("hello")["signature"].clone(), host.log())
    };
    let key = ours.pk.to_base64();
    for asked in ["require", "warn"] {
        let (said, _) = serves(policy(asked, &ours), Some(&good));
        assert_eq!(said, json!({"good": true, "key": key, "reason": null}));
    }
    for (signature, reason) in &bad {
        let signature = signature.as_deref();
        let refused = setup(&policy("require", &ours), signature).start();
        assert_eq!(failed(&refused), *reason);
        let log = refused.log();
        assert!(
            log.contains(reason.split('`').next().expect("words")),
            "{log}"
        );
        drop(refused);
        let (said, log) = serves(policy("warn", &ours), signature);
        let reason = reason.replace("\"require\"", "\"warn\"");
        assert_eq!(said, json!({"good": false, "key": null, "reason": reason}));
        assert!(
            log.contains("a plugin is loaded without a good signature"),
            "{log}"
        );
        let (said, _) = serves(policy("off", &ours), signature);
        assert_eq!(said, Value::Null, "nobody asks");
    }
}

#[test]
fn of_a_file_in_the_folder() {
    let place = Place::new();
    let setup = |policy: &str, signature: Option<&str>| {
        let setup = place.setup("").config(policy).plugin("hello");
        match signature {
            Some(text) => setup.beside("hello.wasm.minisig", text.as_bytes()),
            None => setup,
        }
    };
    each_policy(setup, "there is no hello.wasm.minisig beside it");
}

#[test]
fn of_a_file_on_a_server() {
    let (place, wasm) = (Place::new(), plugin("hello"));
    let setup = |policy: &str, signature: Option<&str>| {
        // What is signed otherwise is another file.
        let files = Files::start();
        files.put("/hello.wasm", &wasm);
        if let Some(text) = signature {
            files.put("/hello.wasm.minisig", text.as_bytes());
        }
        let ca = place.write("ca.pem", files.certificate());
        let digest = digest(&wasm);
        place.setup(&format!("ca = {ca:?}")).config(policy).config(
            &(source("hello", &files.url("/hello.wasm")) + &format!("digest = {digest:?}\n")),
        )
    };
    each_policy(setup, "there is no /hello.wasm.minisig");
}

#[test]
fn of_an_artifact_with_an_annotation() {
    let (registry, place, wasm) = (Registry::start(), Place::new(), plugin("hello"));
    let setup = |policy: &str, signature: Option<&str>| {
        // Each has a tag of its own: what the cache has of another would serve first.
        let (tag, annotations) = match signature {
            Some(text) => (tag_of(text), json!({"fusebox.minisig": text})),
            None => ("none".to_owned(), json!({})),
        };
        registry.push_layers("tools/hello", &tag, &[(WASM, &wasm)], &annotations);
        place.hello(&registry.url(&format!("tools/hello:{tag}")), policy)
    };
    each_policy(
        setup,
        "its artifact has no signature, and none refers to it",
    );
}

#[test]
fn of_an_artifact_to_which_one_refers() {
    let (registry, place, wasm) = (Registry::start(), Place::new(), plugin("hello"));
    let setup = |policy: &str, signature: Option<&str>| {
        // Each has a repository of its own, so that nothing refers to it yet.
        let name = match signature {
            Some(text) => format!("tools/{}", tag_of(text)),
            None => "tools/none".to_owned(),
        };
        let manifest = registry.push(&name, "1", &wasm);
        if let Some(text) = signature {
            registry.attach(&name, &manifest, text);
        }
        place.hello(&registry.url(&format!("{name}:1")), policy)
    };
    each_policy(
        setup,
        "its artifact has no signature, and none refers to it",
    );
}

#[test]
fn an_unsigned_update_leaves_the_signed_version() {
    let (registry, place, ours) = (Registry::start(), Place::new(), pair());
    let push = |wasm: &[u8], signature: &str| {
        let annotations = json!({"fusebox.minisig": signature});
        registry.push_layers("tools/hello", "1", &[(WASM, wasm)], &annotations)
    };
    let first = push(&plugin("hello"), &sign(&ours, &plugin("hello")));
    let host = place
        .hello(&registry.url("tools/hello:1"), &policy("require", &ours))
        .start();
    let howdy = greeting("Howdy, ");
    // The signature of the first one doesn't make the second one good.
    push(&howdy, &sign(&ours, &plugin("hello")));
    let health = host.health_when("the update is refused", |health| {
        health["plugins"]["hello"]["failed_update"].is_object()
    });
    let known = &health["plugins"]["hello"];
    assert_eq!(known["failed_update"]["reason"], changed(&ours));
    assert_eq!(known["source"]["digest"], first);
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    let signed = push(&howdy, &sign(&ours, &howdy));
    host.health_when("the signed update serves", |health| {
        health["plugins"]["hello"]["source"]["digest"] == signed
    });
    assert_eq!(hello(&mut Client::modern(&host)), "Howdy, Ada!");
    assert_eq!(host.plugin_health("hello")["failed_update"], Value::Null);
}

#[test]
fn a_signature_that_comes_after_its_file_is_seen() {
    let (place, ours, wasm) = (Place::new(), pair(), plugin("hello"));
    let quick = "[reload]\npoll_interval_ms = 100\nsettle_ms = 20\n";
    let setup = place
        .setup("")
        .config(&policy("require", &ours))
        .config(quick);
    let host = setup.plugin("hello").start();
    assert!(failed(&host).starts_with("it is not signed"));
    let beside = host.path("hello").with_extension("wasm.minisig");
    fs::write(beside, sign(&ours, &wasm)).expect("a signature is written");
    host.health_when("the signed file serves", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
}

#[test]
fn the_cache_is_not_trusted_more_than_the_registry() {
    let (mut registry, place, ours) = (Registry::start(), Place::new(), pair());
    registry.push("tools/hello", "1", &plugin("hello"));
    let url = registry.url("tools/hello:1");
    // Fetched while nobody asked for signatures.
    let host = place.hello(&url, "").start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    drop(host);
    registry.end();
    let said = refusal(place.hello(&url, &policy("require", &ours)));
    let unsigned = format!(
        "it is not signed: its artifact has no signature, and none refers to it; {REQUIRED}"
    );
    assert_eq!(said, unsigned);
}

#[test]
fn check_says_whose_a_file_is() {
    let (place, ours, stranger) = (Place::new(), pair(), pair());
    let wasm = plugin("hello");
    fs::write(place.path().join("hello.wasm"), &wasm).expect("a plugin is written");
    let check = |policy_text: &str, signature: Option<String>| {
        place.write("host.toml", policy_text);
        let beside = place.path().join("hello.wasm.minisig");
        let _ = fs::remove_file(&beside);
        if let Some(text) = signature {
            fs::write(beside, text).expect("a signature is written");
        }
        let arguments = ["plugin", "check", "hello.wasm", "--config", "host.toml"];
        fusebox(place.path(), &arguments)
    };
    let require = policy("require", &ours);
    let good = check(&require, Some(sign(&ours, &wasm)));
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    let line = format!("  signature good, by the key {}\n", ours.pk.to_base64());
    assert!(good.stdout.contains(&line), "{}", good.stdout);
    let foreign = check(&require, Some(sign(&stranger, &wasm)));
    assert_eq!(foreign.code, Some(1));
    assert_eq!(foreign.stderr, format!("fusebox: hello.wasm: {OTHER}\n"));
    let missing = check(&require, None);
    assert_eq!(
        missing.stderr,
        format!(
            "fusebox: hello.wasm: it is not signed: there is no hello.wasm.minisig beside it; {REQUIRED}\n"
        )
    );
    let tolerated = check(&policy("warn", &ours), Some(sign(&stranger, &wasm)));
    let line = format!("  signature none: {OTHER}\n");
    assert!(tolerated.stdout.contains(&line), "{}", tolerated.stdout);
    let nobody = check("", None);
    assert_eq!(nobody.code, Some(0));
    assert!(!nobody.stdout.contains("signature"), "{}", nobody.stdout);
}

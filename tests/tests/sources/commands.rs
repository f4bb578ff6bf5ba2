//! `fusebox plugin push` and `pull`: a file into a registry and out of it again, with
//! its signature, and what is refused on the way.

use std::fs;

use fusebox_tests::{Client, Ran, fusebox, plugin};
use serde_json::{Value, json};

use crate::registry::{Registry, digest};
use crate::signatures::{OTHER, pair, policy, sign};
use crate::web::Files;
use crate::{Place, hello};

/// A command with a cache of its own, and these lines more in its configuration.
fn run(place: &Place, lines: &str, arguments: &[&str]) -> Ran {
    let cache = place.path().join("cache");
    let text = format!("[sources]\ncache_dir = {cache:?}\n{lines}\n");
    let config = place.write("host.toml", &text);
    let arguments = [&["plugin"], arguments, &["--config", &config]].concat();
    fusebox(place.path(), &arguments)
}

#[test]
fn a_pushed_file_is_served_and_pulled() {
    let (registry, place, ours) = (Registry::start(), Place::new(), pair());
    let url = registry.url("tools/hello:1");
    let wasm = plugin("hello");
    let signature = sign(&ours, &wasm);
    place.write("hello.wasm.minisig", &signature);
    fs::write(place.path().join("hello.wasm"), &wasm).expect("a plugin is written");

    let pushed = run(&place, "", &["push", "hello.wasm", &url, "--json"]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    let pushed: Value = serde_json::from_str(&pushed.stdout).expect("JSON");
    let manifest = pushed["digest"].clone();
    let expected = json!({"url": url, "digest": manifest, "signed": true});
    assert_eq!(pushed, expected);

    let host = place.hello(&url, &policy("require", &ours)).start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    assert_eq!(host.plugin_health("hello")["source"]["digest"], manifest);

    let elsewhere = Place::new();
    let require = policy("require", &ours);
    let pulled = run(&elsewhere, &require, &["pull", &url]);
    assert_eq!(pulled.stderr, "");
    let expected = format!(
        "hello.wasm: {} bytes from {url}\n  sha256    {}\n  signature good, by the key {}\n\
         A host fetches it by itself with these lines in its configuration:\n\n\
         [plugins.hello.source]\nurl = \"{url}\"\ndigest = {manifest}\n",
        wasm.len(),
        &digest(&wasm)[7..],
        ours.pk.to_base64()
    );
    assert_eq!(pulled.stdout, expected);
    let read = |name: &str| fs::read(elsewhere.path().join(name)).expect("a file");
    assert_eq!(read("hello.wasm"), wasm);
    assert_eq!(read("hello.wasm.minisig"), signature.as_bytes());

    let again = run(&elsewhere, &require, &["pull", &url]);
    assert_eq!(again.code, Some(1));
    assert_eq!(
        again.stderr,
        "fusebox: hello.wasm: it is there already; remove it, or name another file with --output\n"
    );
    let stranger = policy("require", &pair());
    let foreign = run(&elsewhere, &stranger, &["pull", &url, "--output", "b.wasm"]);
    assert_eq!(foreign.stderr, format!("fusebox: {url}: {OTHER}\n"));
    assert!(
        !elsewhere.path().join("b.wasm").exists(),
        "nothing is written"
    );
}

#[test]
fn what_is_pulled_from_a_server_says_how_to_pin_it() {
    let (files, place) = (Files::start(), Place::new());
    let wasm = plugin("hello");
    files.put("/tools/hello.wasm", &wasm);
    let url = files.url("/tools/hello.wasm");
    let ca = format!("ca = {:?}", place.write("ca.pem", files.certificate()));
    let pulled = run(&place, &ca, &["pull", &url]);
    assert_eq!(pulled.stderr, "");
    let pin = format!("url = \"{url}\"\ndigest = \"{}\"\n", digest(&wasm));
    assert!(pulled.stdout.ends_with(&pin), "{}", pulled.stdout);

    let other = format!("sha256:{}", "0".repeat(64));
    let arguments = ["pull", &url, "--digest", &other, "--output", "b.wasm"];
    let refused = run(&place, &ca, &arguments);
    let expected = format!(
        "fusebox: {url}: its digest is {}, and it has to be {other}\n",
        digest(&wasm)
    );
    assert_eq!(refused.stderr, expected);
}

#[test]
fn only_a_plugin_is_pushed_and_only_to_a_tag() {
    let (registry, place) = (Registry::start(), Place::new());
    place.write("broken.wasm", "no wasm");
    fs::write(place.path().join("hello.wasm"), plugin("hello")).expect("a plugin is written");
    let broken = run(&place, "", &["push", "broken.wasm", &registry.url("a:1")]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.stderr.starts_with("fusebox: broken.wasm: "),
        "{}",
        broken.stderr
    );
    let to_file = run(
        &place,
        "",
        &["push", "hello.wasm", "https://a.example/b.wasm"],
    );
    assert_eq!(
        to_file.stderr,
        "fusebox: https://a.example/b.wasm: push to a tag in a registry, such as oci://registry.example/tools/weather:1.2\n"
    );
    let nowhere = run(&place, "", &["push", "hello.wasm", "weather"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(
        nowhere
            .stderr
            .contains("it must be such as \"oci://registry.example/tools/weather:1.2\""),
        "{}",
        nowhere.stderr
    );
}

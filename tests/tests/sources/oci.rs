//! Plugins in a registry: tags that move, registries that go, artifacts that are
//! none, and who may have them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fusebox_tests::{Client, greeting, plugin, until};
use serde_json::json;

use crate::registry::{Registry, WASM, digest};
use crate::{Place, failed, hello, refusal, source, text};

#[test]
fn a_moved_tag_is_served_without_a_restart_or_a_lost_call() {
    let (registry, place) = (Registry::start(), Place::new());
    let first = registry.push("tools/hello", "1", &plugin("hello"));
    let url = registry.url("tools/hello:1");
    let host = place.hello(&url, "").start();
    let mut client = Client::modern(&host);
    assert_eq!(
        hello(&mut client),
        "Hello, Ada!",
        "it is there at the start"
    );
    let health = host.plugin_health("hello");
    assert_eq!(health["source"]["url"], url);
    assert_eq!(health["source"]["digest"], first);
    assert_eq!(health["source"]["error"], json!(null));
    let bytes = digest(&plugin("hello"));
    assert_eq!(format!("sha256:{}", text(&health["sha256"])), bytes);

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut client = Client::modern(&host);
            let mut said = vec![hello(&mut client)];
            while !done.load(Ordering::Relaxed) {
                let now = hello(&mut client);
                if said.last() != Some(&now) {
                    said.push(now);
                }
            }
            said
        });
        let second = registry.push("tools/hello", "1", &greeting("Howdy, "));
        host.health_when("the tag's new artifact serves", |health| {
            health["plugins"]["hello"]["source"]["digest"] == second
        });
        until("a call was answered by it", || {
            (hello(&mut client) == "Howdy, Ada!").then_some(())
        });
        // Back to what was there: nothing has to be fetched but the manifest.
        registry.push("tools/hello", "1", &plugin("hello"));
        host.health_when("the first one serves again", |health| {
            health["plugins"]["hello"]["source"]["digest"] == first
        });
        done.store(true, Ordering::Relaxed);
        let said = calling.join().expect("no call is lost");
        assert_eq!(said[..2], ["Hello, Ada!", "Howdy, Ada!"], "{said:?}");
    });
    assert_eq!(hello(&mut client), "Hello, Ada!");
}

#[test]
fn the_host_lives_without_its_registry() {
    let (mut registry, place) = (Registry::start(), Place::new());
    let served = registry.push("tools/hello", "1", &plugin("hello"));
    let url = registry.url("tools/hello:1");
    let host = place.hello(&url, "").start();
    registry.end();
    let health = host.health_when("the look fails", |health| {
        health["plugins"]["hello"]["source"]["error"].is_string()
    });
    let gone = format!(
        "{} can't be reached: Connection refused (os error 111)",
        registry.host()
    );
    let known = &health["plugins"]["hello"];
    assert_eq!(known["source"]["error"], gone);
    assert_eq!(known["source"]["digest"], served, "what was good last");
    assert!(known["source"]["next_look_ms"].is_u64(), "{known:#}");
    assert_eq!(known["state"], "serving");
    let causes = json!(["the source of plugin hello can't be used"]);
    assert_eq!(health["causes"], causes);
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    drop(host);

    // From the cache.
    let host = place.hello(&url, "").start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    assert_eq!(host.plugin_health("hello")["source"]["digest"], served);
    drop(host);

    // Without a cache the host is there, and says what is missing.
    let empty = Place::new();
    let host = empty.hello(&url, "").start();
    assert_eq!(failed(&host), format!("{url}: {gone}"));
    assert_eq!(
        host.health()["causes"],
        json!(["plugin hello can't be used"])
    );
    registry.begin();
    host.health_when("the registry is back", |health| {
        health["plugins"]["hello"]["state"] == "serving"
    });
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    let health = host.plugin_health("hello");
    assert_eq!(health["reason"], json!(null));
    assert_eq!(health["source"]["error"], json!(null));
    assert_eq!(health["source"]["failed_looks"], 0);
}

#[test]
fn a_bad_artifact_leaves_the_good_one() {
    let (mut registry, place) = (Registry::start(), Place::new());
    let good = registry.push("tools/hello", "1", &plugin("hello"));
    let url = registry.url("tools/hello:1");
    let host = place.hello(&url, "").start();
    registry.push("tools/hello", "1", b"no wasm at all");
    let health = host.health_when("the new artifact has failed", |health| {
        health["plugins"]["hello"]["failed_update"].is_object()
    });
    let known = &health["plugins"]["hello"];
    let bad = digest(b"no wasm at all");
    assert_eq!(
        format!("sha256:{}", text(&known["failed_update"]["sha256"])),
        bad
    );
    assert_eq!(known["state"], "serving");
    assert_eq!(known["source"]["digest"], good);
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    drop(host);
    registry.end();
    // What was bad was not remembered.
    let host = place.hello(&url, "").start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
}

#[test]
fn what_is_no_plugin_is_refused_with_the_reason() {
    let (registry, place) = (Registry::start(), Place::new());
    let wasm = plugin("hello");
    let push = |tag: &str, layers: &[(&str, &[u8])]| {
        registry.push_layers("tools/hello", tag, layers, &json!({}));
    };
    push("tar", &[("application/vnd.oci.image.layer.v1.tar", &wasm)]);
    push("twice", &[(WASM, &wasm), (WASM, b"more")]);
    push("changed", &[(WASM, &greeting("Changed"))]);
    let kept = registry.kept(&digest(&greeting("Changed")));
    fs::write(kept, greeting("Howdy, ")).expect("the registry's file is changed");
    push("good", &[(WASM, &wasm)]);
    let host = registry.host();
    let absent = format!("sha256:{}", "0".repeat(64));
    let cases = [
        (
            "tools/hello:tar".to_owned(),
            "it is no artifact with a plugin: a layer of the type `application/wasm` is wanted, and it has `application/vnd.oci.image.layer.v1.tar`".to_owned(),
        ),
        (
            "tools/hello:twice".to_owned(),
            "it is no artifact with a plugin: it has 2 layers of the type `application/wasm`, and one is wanted".to_owned(),
        ),
        (
            "tools/hello:changed".to_owned(),
            format!(
                "its digest is {}, and it has to be {}",
                digest(&greeting("Howdy, ")),
                digest(&greeting("Changed"))
            ),
        ),
        (
            "tools/hello:none".to_owned(),
            format!("there is no such plugin: {host} says 404 (not found)"),
        ),
        (
            format!("tools/hello@{absent}"),
            format!("there is no such plugin: {host} says 404 (not found)"),
        ),
    ];
    for (what, expected) in cases {
        let url = registry.url(&what);
        let said = refusal(place.hello(&url, ""));
        assert_eq!(said, format!("{url}: {expected}"));
    }
    let url = registry.url("tools/hello:good");
    let small = "[reload]\nfile_max_bytes = 2000";
    assert_eq!(
        refusal(place.hello(&url, small)),
        format!("{url}: it is larger than 2000 bytes (raise `reload.file_max_bytes`)")
    );
}

#[test]
fn a_digest_holds_whatever_the_tag_does() {
    let (registry, place) = (Registry::start(), Place::new());
    let first = registry.push("tools/hello", "1", &plugin("hello"));
    let pinned = [
        source("hello", &registry.url(&format!("tools/hello@{first}"))),
        source("hello", &registry.url("tools/hello:1")) + &format!("digest = {first:?}\n"),
    ];
    for pinned in pinned {
        let second = registry.push("tools/hello", "1", &greeting("Howdy, "));
        assert_ne!(first, second);
        let host = place.setup("").config(&pinned).start();
        assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
        let source = host.plugin_health("hello")["source"].clone();
        assert_eq!(source["digest"], first);
        // It can't change: nobody looks again.
        host.health_when("nobody will look", |health| {
            health["plugins"]["hello"]["source"]["next_look_ms"].is_null()
        });
    }
}

#[test]
fn artifacts_from_before_the_standard_are_served() {
    let (registry, place) = (Registry::start(), Place::new());
    let old = "application/vnd.wasm.content.layer.v1+wasm";
    let wasm = plugin("hello");
    registry.push_layers("tools/hello", "old", &[(old, &wasm)], &json!({}));
    let host = place.hello(&registry.url("tools/hello:old"), "").start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
}

#[test]
fn a_file_with_the_name_of_one_from_elsewhere_is_refused() {
    let (registry, place) = (Registry::start(), Place::new());
    registry.push("tools/hello", "1", &plugin("hello"));
    let url = registry.url("tools/hello:1");
    let quick = "[reload]\npoll_interval_ms = 100\nsettle_ms = 20";
    let setup = place.hello(&url, quick);
    let host = setup.file("hello", &greeting("Howdy, ")).start();
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    let health = host.health();
    assert_eq!(health["plugins"]["hello"]["source"]["file_refused"], true);
    let causes = json!(["hello.wasm is refused: the plugin comes from elsewhere"]);
    assert_eq!(health["causes"], causes);
    let told = format!(
        "hello.wasm is refused: the plugin hello comes from {url}; remove the file or [plugins.hello.source]"
    );
    assert!(host.log().contains(&told), "{}", host.log());
    host.remove("hello");
    host.health_when("the file is gone", |health| health["status"] == "healthy");
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
}

#[test]
fn a_registry_is_shown_what_docker_login_left() {
    let (registry, place) = (Registry::start_with_login(), Place::new());
    registry.push("tools/hello", "1", &plugin("hello"));
    let (host, url) = (registry.host(), registry.url("tools/hello:1"));
    let file = place.path().join("docker/config.json");
    let file = file.display();
    assert_eq!(
        refusal(place.hello(&url, "")),
        format!(
            "{url}: {host} refused it: it wants credentials, and there are none for it in {file}; `docker login {host}` puts them there"
        )
    );
    let auths = |auth: &str| json!({"auths": {&host: {"auth": auth}}}).to_string();
    place.write("docker/config.json", &auths("dGVzdGVyOndyb25n"));
    assert_eq!(
        refusal(place.hello(&url, "")),
        format!(
            "{url}: {host} refused it: it doesn't take the credentials for it in {file}; `docker login {host}` renews them"
        )
    );
    place.write("docker/config.json", "{");
    assert_eq!(
        refusal(place.hello(&url, "")),
        format!("{url}: {file} can't be used for {host}: Unable to read config")
    );
    place.write("docker/config.json", &auths("dGVzdGVyOmJldHdlZW4gdXM="));
    let running = place.hello(&url, "").start();
    assert_eq!(hello(&mut Client::modern(&running)), "Hello, Ada!");
    assert!(
        !running.log().contains("between us"),
        "no credential is told"
    );
}

#[test]
fn a_registry_is_shown_what_a_credential_helper_gives() {
    let (registry, place) = (Registry::start_with_login(), Place::new());
    registry.push("tools/hello", "1", &plugin("hello"));
    let (host, url) = (registry.host(), registry.url("tools/hello:1"));
    let helpers = json!({"credHelpers": {&host: "tests"}}).to_string();
    place.write("docker/config.json", &helpers);
    let path = format!("{}:/usr/bin:/bin", place.path().join("bin").display());
    let helper = |script: &str| {
        let file = place.write(
            "bin/docker-credential-tests",
            &format!("#!/bin/sh\n{script}\n"),
        );
        fs::set_permissions(file, fs::Permissions::from_mode(0o700)).expect("a script");
    };
    // It takes what it is told first: a helper that doesn't is another failure.
    helper("cat > /dev/null; echo 'hunter22'; exit 1");
    let file = place.path().join("docker/config.json");
    assert_eq!(
        refusal(place.hello(&url, "").variable("PATH", &path)),
        format!(
            "{url}: the credential helper `docker-credential-tests` named in {} failed for {host}",
            file.display()
        )
    );
    helper(r#"cat > /dev/null; echo '{"Username": "tester", "Secret": "between us"}'"#);
    let running = place.hello(&url, "").variable("PATH", &path).start();
    assert_eq!(hello(&mut Client::modern(&running)), "Hello, Ada!");
}

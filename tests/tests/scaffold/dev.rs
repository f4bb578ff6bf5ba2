//! `fusebox plugin dev`: what is saved is served, what doesn't compile is told while
//! the version before it goes on, and nothing is left running. What is served is
//! called by the MCP client of the TypeScript SDK.

use std::fs;
use std::path::Path;

use fusebox_tests::{node, until, until_for};
use serde_json::{Value, json};

use crate::served::{BUILD, Served};
use crate::{bad, empty, good};

/// Changes the source of a plugin, as an editor does.
fn edit(project: &Path, change: impl Fn(&str) -> String) {
    let source = project.join("src/lib.rs");
    let text = fs::read_to_string(&source).expect("the source");
    let changed = change(&text);
    assert_ne!(changed, text, "the change is one");
    let beside = project.join("src/lib.rs~");
    fs::write(&beside, changed).expect("written");
    fs::rename(&beside, &source).expect("put in place");
}

#[track_caller]
fn says(url: &str, arguments: &Value) -> String {
    let called = node("call.mjs", &[url, "hello", &arguments.to_string()]);
    let text = called["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {called}"))
        .to_owned()
}

#[test]
fn each_save_is_built_and_served_and_what_does_not_compile_changes_nothing() {
    let folder = empty();
    good(folder.path(), "fusebox plugin new live");
    let project = folder.path().join("live");
    let ada = json!({"name": "Ada"});

    let mut dev = Served::start(folder.path(), "fusebox plugin dev live");
    dev.says("dev  wrote live/plugins/live.wasm (");
    let config = dev.says(r#"{"mcpServers":{"live":{"#);
    let url = dev.url();
    assert!(config.contains(&url), "{config}");
    let curl = dev.says("curl -s ");
    assert!(
        curl.contains(&url) && curl.contains("\"name\":\"hello\""),
        "{curl}"
    );
    assert_eq!(says(&url, &ada), "Hello, Ada!");
    let call = dev.says("call hello: ok (fuel ");
    assert!(
        call.contains(" ms, memory ") && call.ends_with(" MiB)"),
        "{call}"
    );
    says(&url, &json!({"name": " "}));
    dev.says("call hello: isError (fuel ");
    says(&url, &json!({"name": 1}));
    dev.says("call hello: /name");

    edit(&project, |text| {
        text.replace("fn hello(", "fn hello(\n    ctx: &Context,")
            .replace("    Ok(", "    ctx.log_info(\"greeting\");\n    Ok(")
            .replace("Hello, {name}", "Good day, {name}")
    });
    dev.says("building: src/lib.rs has changed");
    dev.says("host plugin loaded plugin=live");
    assert_eq!(says(&url, &ada), "Good day, Ada!");
    dev.says("log  hello: info: greeting");

    edit(&project, |text| {
        text.replace("-> Result<String", "-> Missing<String")
    });
    dev.says("cannot find type `Missing`");
    dev.says("dev  the build failed; what was built before it is still served");
    assert_eq!(says(&url, &ada), "Good day, Ada!");

    edit(&project, |text| {
        text.replace("-> Missing<String", "-> Result<String")
            .replace("Good day", "Howdy")
    });
    dev.says("host plugin loaded plugin=live");
    assert_eq!(says(&url, &ada), "Howdy, Ada!");

    // The module of a tool may be in a new file, in a new folder.
    fs::create_dir(project.join("src/words")).expect("a folder");
    fs::write(project.join("src/words/greeting.txt"), "Salve").expect("written");
    edit(&project, |text| {
        text.replace(
            "format!(\"Howdy, {name}!\")",
            "format!(\"{}, {name}!\", include_str!(\"words/greeting.txt\"))",
        )
    });
    dev.says("host plugin loaded plugin=live");
    assert_eq!(says(&url, &ada), "Salve, Ada!");
    fs::write(project.join("src/words/greeting.txt"), "Ave").expect("written");
    dev.says("building: src/words/greeting.txt has changed");
    dev.says("host plugin loaded plugin=live");
    assert_eq!(says(&url, &ada), "Ave, Ada!");

    let status = dev.ends_with("INT");
    assert!(status.success(), "{status}: {:#?}", dev.log);
}

#[test]
fn a_project_that_does_not_compile_yet_is_served_once_it_does() {
    let folder = empty();
    good(folder.path(), "fusebox plugin new late");
    let project = folder.path().join("late");
    edit(&project, |text| {
        text.replace("-> Result<String", "-> Missing<String")
    });
    let mut dev = Served::start(&project, "fusebox plugin dev");
    dev.says("cannot find type `Missing`");
    dev.says("dev  the build failed");
    let url = dev.url();
    edit(&project, |text| {
        text.replace("-> Missing<String", "-> Result<String")
    });
    dev.says("host plugin loaded plugin=late");
    assert_eq!(says(&url, &json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn a_build_ends_with_the_command_and_leaves_nothing_running() {
    let folder = empty();
    good(folder.path(), "fusebox plugin new slow");
    let project = folder.path().join("slow");
    let told = folder.path().join("builds");
    // Stands for a compiler that takes its time.
    let script = format!(
        "fn main() {{ std::fs::write({told:?}, std::process::id().to_string()).unwrap(); \
         loop {{ std::thread::park(); }} }}"
    );
    fs::write(project.join("build.rs"), script).expect("written");
    let mut dev = Served::start(folder.path(), "fusebox plugin dev slow");
    dev.says("building: the first build");
    let builder = until_for(BUILD, "the build script runs", || {
        fs::read_to_string(&told).ok().filter(|id| !id.is_empty())
    });
    let status = dev.ends_with("TERM");
    assert!(status.success(), "{status}: {:#?}", dev.log);
    let place = Path::new("/proc").join(&builder);
    until("the build script has ended", || {
        // One that nobody has waited for yet has no memory map any more.
        let maps = fs::read_to_string(place.join("maps")).unwrap_or_default();
        maps.is_empty().then_some(())
    });
}

#[test]
fn what_can_not_be_served_is_told_before_anything_is_built() {
    let folder = empty();
    let folder = folder.path();
    bad(
        folder,
        "fusebox plugin dev",
        1,
        "there is no Cargo.toml, pyproject.toml or package.json in .; `fusebox plugin new NAME` makes a project",
    );
    good(folder, "fusebox plugin new taken");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let line = format!("fusebox plugin dev taken --listen {address}");
    bad(folder, &line, 1, "or choose another with --listen");
}

//! Proves that the book says what the program does: its table of errors is the
//! program's own, every field of a real `/health` is described, and the commands
//! and settings that it shows work.

use std::collections::BTreeSet;
use std::path::Path;

use fusebox_protocol::reason::Blame;
use fusebox_protocol::{Era, Reason, RefusalData, RpcError};
use fusebox_tests::{Client, Host, Setup, changed, fusebox, plugin, repository, until};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- Made by tests/tests/docs.rs from the table in host/protocol; UPDATE_DOCS=1 rewrites it. -->\n\n";
const END: &str = "\n<!-- end of what is made -->\n";

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// Every refusal, as a table in Markdown.
fn table_of_errors() -> String {
    let mut table = "| code | reason | HTTP | who has to act | retry | fault | what it means |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for reason in Reason::ALL {
        let who = match reason.blame() {
            Blame::Caller => "the caller",
            Blame::Plugin => "the plugin's author",
            Blame::Host => "nobody: the host is busy or stopping",
            Blame::Operator => "the operator",
        };
        let yes_no = |yes| if yes { "yes" } else { "no" };
        table += &format!(
            "| {} | `{reason}` | {} | {who} | {} | {} | {} |\n",
            reason.code(),
            RpcError::refusal(reason, "", RefusalData::default()).http_status(Era::Modern),
            yes_no(reason.retryable()),
            yes_no(reason.counts_as_fault()),
            reason.what_it_means(),
        );
    }
    table
}

#[test]
fn the_table_of_errors_is_the_one_of_the_program() {
    const PAGE: &str = "docs/src/errors.md";
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table_of_errors());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(repository().join(PAGE), &expected).expect("the page is written");
        return;
    }
    assert_eq!(
        page, expected,
        "{PAGE} is not up to date: run `UPDATE_DOCS=1 cargo xtask test --only tests -- --test docs`"
    );
}

/// A host with as many kinds of things to report as can be.
fn eventful_host() -> Host {
    let host = Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .plugin("reach")
        .file("greeter", &plugin("hello"))
        .config(
            "
            [circuit_breaker]
            failure_threshold = 1
            [reload]
            poll_interval_ms = 100
            settle_ms = 20
            [canary]
            enabled = true
            steps = [50, 100]
            [plugins.greeter]
            prefix = \"greeter_\"
            [plugins.everything]
            exclude = [\"no_such_*\"]
            [plugins.elsewhere.source]
            url = \"oci://127.0.0.1:1/tools/elsewhere:1\"
            [signatures]
            policy = \"warn\"
            keys = [\"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"]
            [telemetry]
            enabled = true
            endpoint = \"127.0.0.1:1\"
        ",
        )
        .start();
    let mut client = Client::modern(&host);
    client
        .call("trap", json!({}))
        .expect_err("a fault, which opens the breaker");
    host.put("another", &plugin("hello"));
    host.put("broken", b"no wasm");
    host.health_when("two claim one name", |health| {
        health["collisions"].get(0).is_some() && health["plugins"]["broken"].is_object()
    });
    host.put("hello", b"no wasm");
    host.health_when("an update failed", |health| {
        health["plugins"]["hello"]["failed_update"].is_object()
    });
    let other = changed("everything", &[(b"Please confirm", b"Kindly confirm")]);
    host.put("everything", &other);
    host.put("greeter", &changed("hello", &[(b"Hello, ", &[0xff; 7])]));
    until("one version is tried, and another rolled back", || {
        // Its first fault opens its breaker.
        let _ = client.call("greeter_hello", json!({"name": "Ada"}));
        let plugins = host.health()["plugins"].clone();
        let is_tried = plugins["everything"]["canary"].is_object();
        (is_tried && plugins["greeter"]["passed_over"].is_object()).then_some(())
    });
    host
}

/// The names of all fields. What `plugins`, `breakers` and `parts` hold is
/// by names of their own.
fn fields(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                names.insert(name.clone());
                match (name.as_str(), member) {
                    ("plugins" | "breakers" | "parts", Value::Object(named)) => {
                        named.values().for_each(|one| fields(one, names));
                    }
                    _ => fields(member, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, names)),
        _ => {}
    }
}

#[test]
fn every_field_of_health_is_described() {
    let page = read("docs/src/health.md");
    let described: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let host = eventful_host();
    let mut shown = BTreeSet::new();
    fields(&host.health(), &mut shown);
    assert!(shown.len() > 25, "a report is whole: {shown:?}");
    for name in &described {
        assert!(
            shown.contains(*name) || name.starts_with('/'),
            "docs/src/health.md describes `{name}`, which /health does not show"
        );
    }
    let missing: Vec<&String> = shown
        .iter()
        .filter(|name| !described.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/src/health.md has no line for {missing:?}"
    );
}

/// The lines of all blocks of this kind in a page of Markdown.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    page.split(&fence)
        .skip(1)
        .map(|rest| {
            let (block, _) = rest.split_once("```").expect("a block ends");
            block.to_owned()
        })
        .collect()
}

/// Lines of a shell that call the program: what follows its name.
fn commands(page: &str) -> Vec<String> {
    let blocks = blocks(page, "sh");
    let lines = blocks.iter().flat_map(|block| block.lines());
    lines
        .filter_map(|line| line.trim().strip_prefix("fusebox "))
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn every_command_that_is_shown_exists_with_its_flags() {
    let folder = repository();
    let mut seen = BTreeSet::new();
    for path in ["README.md", "docs/src/running.md", "docs/src/transports.md"] {
        for line in commands(&read(path)) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let length = if words[0] == "config" { 2 } else { 1 };
            let command = words[..length].join(" ");
            let mut arguments = words[..length].to_vec();
            arguments.push("--help");
            let help = fusebox(&folder, &arguments);
            assert_eq!(help.code, Some(0), "{path}: {line}: {help:?}");
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.stdout.contains(flag), "{path}: {line}: no {flag}");
            }
            seen.insert(command);
        }
    }
    let all = ["bridge", "config check", "config print", "serve", "stdio"];
    assert_eq!(seen, all.map(str::to_owned).into());
}

#[test]
fn the_page_describes_each_flag() {
    for (command, page) in [
        ("serve", "docs/src/running.md"),
        ("bridge", "docs/src/transports.md"),
    ] {
        let page = read(page);
        let help = fusebox(Path::new("."), &[command, "--help"]).stdout;
        let flags: Vec<&str> = help
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| word.starts_with("--") && *word != "--help")
            .collect();
        assert!(flags.len() >= 3, "{help}");
        for flag in flags {
            assert!(page.contains(&format!("| `{flag}` ")), "no line for {flag}");
        }
    }
}

#[test]
fn the_settings_of_a_desktop_client_start_the_host() {
    let page = read("docs/src/running.md");
    let settings: Vec<Value> = blocks(&page, "json")
        .iter()
        .map(|block| serde_json::from_str(block).expect("settings are JSON"))
        .collect();
    let [started, connected] = settings.as_slice() else {
        panic!("two kinds of clients: {settings:?}")
    };
    let server = &started["mcpServers"]["fusebox"];
    assert_eq!(server["command"], "/path/to/fusebox");
    let arguments: Vec<&str> = server["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|argument| argument.as_str().expect("a text"))
        .collect();
    assert_eq!(arguments, ["stdio", "--plugins", "/path/to/plugins"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugins = folder.path().display().to_string();
    let started = fusebox(folder.path(), &[arguments[0], arguments[1], &plugins]);
    // Its input is empty, so it ends at once, having said nothing.
    assert_eq!(
        (started.code, started.stdout.as_str()),
        (Some(0), ""),
        "{started:?}"
    );

    let url = connected["mcpServers"]["fusebox"]["url"].as_str();
    let defaults = fusebox(Path::new("."), &["config", "print"]).stdout;
    let value = |key: &str| -> String {
        let mut lines = defaults.lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{key} = ")));
        value.expect(key).trim_matches('"').to_owned()
    };
    let default = format!(
        "http://{}:{}{}",
        value("host"),
        value("port"),
        value("path")
    );
    assert_eq!(url, Some(default.as_str()));
}

#[test]
fn every_page_is_in_the_summary_and_there() {
    let summary = read("docs/src/SUMMARY.md");
    let linked: BTreeSet<String> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next().map(str::to_owned))
        .collect();
    let there: BTreeSet<String> = std::fs::read_dir(repository().join("docs/src"))
        .expect("the pages")
        .map(|page| {
            page.expect("a page")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .collect();
    assert_eq!(linked, there);
}

//! What `fusebox.toml` says of its keys and tables, for the schema and the book. Owns
//! where it says so; the words are the file's.

use super::DEFAULT_TOML;

/// The comment above a whole key such as `http.path`, as one line.
pub(super) fn of_key(key: &str) -> String {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let section = match table {
        "" => DEFAULT_TOML,
        _ => after(DEFAULT_TOML, &format!("\n[{table}]\n")),
    };
    above(section, &format!("\n{name} = "))
}

/// The comment above a table such as `http`; empty if it has none.
pub(super) fn of_table(table: &str) -> String {
    above(DEFAULT_TOML, &format!("\n[{table}]\n"))
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or("", |(_, rest)| rest)
}

/// The lines of comment right above a line.
fn above(text: &str, line: &str) -> String {
    let before = text.split_once(line).map_or("", |(before, _)| before);
    let lines: Vec<&str> = before
        .rsplit('\n')
        .take_while(|line| line.starts_with('#') && !line.starts_with("# ---"))
        .map(|line| line.trim_start_matches(['#', ' ']))
        .collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    lines.join(" ")
}

/// What is said of the keys of tables that the operator names, which the file shows as
/// examples only: the table, the key and what it is for.
pub(super) const OWN: &[(&str, &str, &str)] = &[
    ("plugins", "enabled", "false: the plugin is not loaded."),
    (
        "plugins",
        "prefix",
        "What clients see before the names of its tools and prompts.",
    ),
    (
        "plugins",
        "include",
        "Which of its tools are offered, by the names that the plugin gives them; * stands for any characters. None: all.",
    ),
    (
        "plugins",
        "canary",
        "Whether its new versions are tried on a part of the calls, whatever [canary] says: \"on\", \"off\" or \"\".",
    ),
    (
        "plugins",
        "exclude",
        "Which of its tools are not offered, whatever `include` says.",
    ),
    (
        "tools",
        "rename",
        "What clients know the tool by; the prefix of its plugin still stands before it.",
    ),
    (
        "tools",
        "description",
        "What clients and models read of the tool, in place of the plugin's own words.",
    ),
    (
        "source",
        "url",
        "Where the plugin comes from: an artifact in a registry, or a file of a web server.",
    ),
    (
        "source",
        "digest",
        "What has to be there: of the manifest in a registry, of the file for https://, which needs it.",
    ),
    (
        "source",
        "interval_ms",
        "How often the host looks what a tag stands for. 0: only at the start. Left out: as in [sources].",
    ),
    (
        "source",
        "token",
        "What an https:// server is shown (\"Bearer ...\").",
    ),
    ("grants", "config", "Keys and values for wasi:config."),
    (
        "grants",
        "secrets",
        "The same, from where secrets are kept. They are taken out of errors, faults and logs of the plugin.",
    ),
    ("grants", "env", "Environment variables of the plugin."),
    ("grants", "http", "Requests that the plugin may make."),
    ("grants", "sockets", "Connections that the plugin may open."),
    ("grants", "keyvalue", "A store of the plugin's own."),
    (
        "grants",
        "keyvalue_session",
        "A store for each session, in memory, until the session ends.",
    ),
    ("grants", "keyvalue_caller", "A store for each caller."),
    (
        "grants",
        "files",
        "Folders, by the absolute path under which the plugin finds them.",
    ),
    (
        "http",
        "allow",
        "Where requests may go, with methods before it if not all are meant; HOST is a name, *.NAME for all below it, or *.",
    ),
    (
        "http",
        "addresses",
        "Addresses and ranges that may be connected to although they are not public.",
    ),
    (
        "http",
        "timeout_ms",
        "Time for a request and all of its response.",
    ),
    (
        "http",
        "request_max_bytes",
        "The largest body of a request.",
    ),
    (
        "http",
        "response_max_bytes",
        "The largest body of a response.",
    ),
    ("http", "concurrent_max", "Requests on their way at once."),
    (
        "http",
        "propagate_trace",
        "Whether they carry the trace of their call on (`traceparent`), so that whoever serves them can join it.",
    ),
    ("sockets", "connect", "Where sockets may connect."),
    (
        "sockets",
        "addresses",
        "Addresses and ranges that may be connected to although they are not public.",
    ),
    ("sockets", "concurrent_max", "Sockets open at once."),
    ("keyvalue", "max_keys", "Keys that are kept at once."),
    (
        "keyvalue",
        "max_bytes",
        "Bytes of all keys and values together.",
    ),
    ("keyvalue", "value_max_bytes", "The largest value."),
    (
        "keyvalue",
        "owners_max",
        "How many sessions or callers may have something at once.",
    ),
    (
        "views",
        "path",
        "Where it is served. \"\": its name below the path of [http].",
    ),
    (
        "views",
        "plugins",
        "Whose tools, resources and prompts it shows; none: all.",
    ),
    (
        "views",
        "tools",
        "Which tools, by the names that clients see; * stands for any characters; none: all of those plugins.",
    ),
    ("views", "resources", "Which resources and templates."),
    ("views", "prompts", "Which prompts."),
    ("views", "exclude", "Which of all these not."),
    (
        "roles",
        "plugins",
        "Whose tools, resources and prompts are there for them; none: all.",
    ),
    (
        "roles",
        "tools",
        "Which tools, by the names that clients see; * stands for any characters; none: all of those plugins.",
    ),
    ("roles", "resources", "Which resources and templates."),
    ("roles", "prompts", "Which prompts."),
    ("roles", "exclude", "Which of all these not."),
    (
        "roles",
        "views",
        "The views that they may enter; none: all of them, and the endpoint of everything.",
    ),
    ("roles", "health", "Whether all of /health is told to them."),
    (
        "roles",
        "scope",
        "The scope that gives a token of [oauth] this role.",
    ),
    (
        "roles",
        "certificates",
        "The names in clients' certificates ([tls]) that give this role, * standing for any characters.",
    ),
];

/// What is said of a key of such a table.
pub(super) fn of_own(table: &str, key: &str) -> String {
    let table = if table.starts_with("keyvalue") {
        "keyvalue"
    } else {
        table
    };
    let told = OWN
        .iter()
        .find(|(of, name, _)| (*of, *name) == (table, key));
    told.map_or(String::new(), |(_, _, words)| (*words).to_owned())
}

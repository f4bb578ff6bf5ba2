//! Proves that the commands for authors hold for projects in JavaScript and Python as
//! they do for Rust: one is served while it is written, and what was built then is
//! tested, inspected and checked. The one in JavaScript has its schemas from zod. What
//! their manifests ask the operator for is in their components. Each is compiled once.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;

use fusebox_tests::{node, test_environment, typed};
use serde_json::{Value, json};

use crate::served::Served;
use crate::{empty, good, parsed};

/// With zod, which makes the schemas, and checks what they can't say.
const PLUGIN_JS: &str = r##"
import { plugin, tool } from "#fusebox";
import { z } from "zod";

export const hello = tool({
  name: "hello",
  description: "Greets someone.",
  input: z.object({
    name: z.string().min(1).describe("whom to greet").refine((name) => name !== "Bob", "not Bob"),
    times: z.int().min(1).max(3).default(1),
    tone: z.enum(["warm", "formal"]).optional(),
  }),
  output: z.object({ greetings: z.array(z.string()) }),
  handler({ name, times, tone = "warm" }) {
    const greeting = `${tone === "warm" ? "Hello" : "Good day"}, ${name}!`;
    return { greetings: Array(times).fill(greeting) };
  },
});

export const ask = tool({
  name: "ask",
  description: "Asks a server.",
  input: z.object({ port: z.int() }),
  handler({ port }, ctx) {
    const connection = ctx.connect("localhost", port);
    connection.write("good day");
    const heard = new TextDecoder().decode(connection.read());
    connection.close();
    return heard;
  },
});

export default plugin({ tools: [hello, ask] });
"##;

const CASES_JS: &str = r#"
[[case]]
name = "what is left out has its default"
tool = "hello"
arguments = { name = "Ada" }
structured = { greetings = ["Hello, Ada!"] }
[[case]]
name = "all that is given counts"
tool = "hello"
arguments = { name = "Ada", times = 2, tone = "formal" }
structured = { greetings = ["Good day, Ada!", "Good day, Ada!"] }
[[case]]
name = "what is in the schema is refused by the host"
tool = "hello"
arguments = { name = "Ada", times = 4 }
error = { kind = "tool", contains = "/times" }
[[case]]
name = "what no schema says is refused by zod"
tool = "hello"
arguments = { name = "Bob" }
error = { kind = "tool", contains = "`name`: not Bob" }
"#;

const ASKS_JS: &str = r#"{"http": {"allow": ["GET https://api.example.org"]}, "limits": {"memory_max_bytes": 268435456}}"#;

const PLUGIN_PY: &str = r#"
import socket
from typing import Annotated

from fusebox import Field, ToolError, tool


@tool(read_only=True)
def hello(name: Annotated[str, Field("whom to greet", minLength=1)], times: int = 1) -> list[str]:
    """Greets someone."""
    if name == "Bob":
        raise ToolError("not Bob")
    return [f"Hello, {name}!"] * times


@tool
def ask(port: int) -> str:
    """Asks a server, with Python's own sockets."""
    with socket.create_connection(("localhost", port)) as connection:
        connection.sendall(b"good day")
        return connection.recv(1000).decode()
"#;

const CASES_PY: &str = r#"
[[case]]
tool = "hello"
arguments = { name = "Ada" }
structured = { result = ["Hello, Ada!"] }
[[case]]
tool = "hello"
arguments = { name = "Ada", times = 2 }
structured = { result = ["Hello, Ada!", "Hello, Ada!"] }
[[case]]
tool = "hello"
arguments = { name = "" }
error = { kind = "tool", contains = "/name" }
[[case]]
tool = "hello"
arguments = { name = "Bob" }
error = { kind = "tool", contains = "not Bob" }
"#;

const ASKS_PY: &str = "\n[tool.fusebox.asks]\nlimits = { memory_max_bytes = 268435456 }\n\
                       http = { allow = [\"GET https://api.example.org\"] }\n";

/// What both manifests ask for, once it is in a component.
const ASKED: [&str; 2] = [
    "limits.memory_max_bytes = 268435456",
    "grants.http.allow \"GET https://api.example.org\"",
];

/// Puts a file of a project in place of another.
fn write(project: &Path, name: &str, text: &str) {
    fs::write(project.join(name), text).expect("written");
}

/// Serves the project in `live` while it is written; breaks `source` by `broken`, which
/// changes nothing. What was built stays in its folder.
fn develop(folder: &Path, source: &str, broken: &str, words: &str) {
    let project = folder.join("live");
    let mut dev = Served::start(folder, "fusebox plugin dev live");
    dev.says("dev  wrote live/plugins/live.wasm (");
    let url = dev.url();
    let greeted = || {
        let called = node("call.mjs", &[&url, "hello", r#"{"name": "Ada"}"#]);
        let text = called["content"][0]["text"].to_string();
        assert!(text.contains("Hello, Ada!"), "{called}");
    };
    greeted();
    dev.says("call hello: ok (fuel ");
    let good = fs::read_to_string(project.join(source)).expect("the source");
    write(&project, source, broken);
    dev.says(&format!("building: {source} has changed"));
    let told = dev.says("dev  the build failed; what was built before it is still served");
    // The language's own words may take several lines.
    if !told.contains(words) {
        dev.says(words);
    }
    greeted();
    let status = dev.ends_with("INT");
    assert!(status.success(), "{status}: {:#?}", dev.log);
    write(&project, source, &good);
}

/// What the other commands say of the component; gives the schema of its tool.
fn look(project: &Path) -> Value {
    let tested = good(project, "fusebox plugin test plugins/live.wasm");
    assert!(tested.stdout.contains(": 4 passed, 0 failed"), "{tested:?}");
    let checked = parsed(&good(
        project,
        "fusebox plugin check plugins/live.wasm --json",
    ));
    assert_eq!(checked["asksUngranted"], json!(ASKED), "{checked:#}");
    let inspected = parsed(&good(
        project,
        "fusebox plugin inspect plugins/live.wasm --json",
    ));
    let wit = inspected["wit"].as_str().expect("a text");
    assert!(wit.contains("export fusebox:plugin/tools@0.1.0;"), "{wit}");
    let tool = &inspected["tools"][0];
    assert_eq!(tool["name"], "hello", "{inspected:#}");
    tool["inputSchema"].clone()
}

/// Its tool `ask` reaches a server that it is granted by name, and none without the grant.
fn speaks(project: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut heard = [0; 64];
            let count = stream.read(&mut heard).unwrap_or_default();
            let _ = stream.write_all(&heard[..count]);
        }
    });
    let grants = format!(
        "[plugins.live.grants.sockets]\nconnect = [\"tcp://localhost:{port}\"]\naddresses = [\"127.0.0.1\"]\n"
    );
    write(project, "host.toml", &grants);
    let call = format!("fusebox plugin call plugins/live.wasm ask '{{\"port\":{port}}}' --json");
    let asked = parsed(&good(project, &format!("{call} --config host.toml")));
    let text = &asked["outcome"]["result"]["content"][0]["text"];
    assert_eq!(text, "good day", "{asked:#}");
    // Without the grant, it is a name that nobody looks up.
    let denied = parsed(&typed(project, &call));
    assert_eq!(denied["outcome"]["result"]["isError"], true, "{denied:#}");
}

#[test]
fn a_project_in_javascript_is_developed_tested_and_inspected() {
    let folder = empty();
    good(folder.path(), "fusebox plugin new live --lang js");
    let project = folder.path().join("live");
    // As `npm install zod` leaves it.
    let installed = test_environment().join("clients/node_modules/zod");
    fs::create_dir(project.join("node_modules")).expect("a folder");
    symlink(installed, project.join("node_modules/zod")).expect("a link");
    let manifest = project.join("package.json");
    let mut asking: Value =
        serde_json::from_str(&fs::read_to_string(&manifest).expect("a file")).expect("JSON");
    asking["fusebox"]["capabilities"] = json!(["sockets"]);
    asking["fusebox"]["asks"] = serde_json::from_str(ASKS_JS).expect("JSON");
    write(&project, "package.json", &asking.to_string());
    write(&project, "plugin.js", PLUGIN_JS);
    write(&project, "cases.toml", CASES_JS);

    develop(
        folder.path(),
        "plugin.js",
        "export default plugin(",
        "Unexpected end of file",
    );
    let schema = look(&project);
    let properties = &schema["properties"];
    assert_eq!(properties["name"]["minLength"], 1, "{schema:#}");
    assert_eq!(properties["name"]["description"], "whom to greet");
    assert_eq!(properties["times"]["maximum"], 3);
    assert_eq!(properties["tone"]["enum"], json!(["warm", "formal"]));
    assert_eq!(schema["required"], json!(["name"]));
    speaks(&project);
}

#[test]
fn a_project_in_python_is_developed_tested_and_inspected() {
    let folder = empty();
    good(folder.path(), "fusebox plugin new live --lang python");
    let project = folder.path().join("live");
    let manifest = fs::read_to_string(project.join("pyproject.toml")).expect("a file");
    let manifest = manifest.replace("capabilities = []", "capabilities = [\"sockets\"]");
    write(&project, "pyproject.toml", &(manifest + ASKS_PY));
    write(&project, "plugin.py", PLUGIN_PY);
    write(&project, "cases.toml", CASES_PY);

    develop(folder.path(), "plugin.py", "def hello(:\n", "SyntaxError");
    let schema = look(&project);
    assert_eq!(schema["properties"]["name"]["minLength"], 1, "{schema:#}");
    assert_eq!(schema["required"], json!(["name"]));
    speaks(&project);
}

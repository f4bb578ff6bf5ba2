//! Proves that a view serves its part of the plugins at a path of its own, in
//! both eras and over standard streams, and nothing else of them.

use fusebox_tests::{Client, Connection, Era, Host, Setup, Stdio, initialize_line, modern_meta};
use serde_json::{Value, json};

const CONFIG: &str = r#"
    [views.greetings]
    plugins = ["hello"]
    tools = ["hel*"]
    [views.some]
    path = "/elsewhere"
    plugins = ["everything", "not-here-yet"]
    tools = ["test_simple_text"]
    prompts = ["*_with_image"]
    resources = ["test://static-*"]
    [views.nothing]
    plugins = ["nobody"]
"#;

fn setup() -> Setup {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .config(CONFIG)
}

/// Posts a modern request to `path`, and gives its message.
fn modern(host: &Host, path: &str, method: &str, name: &str, mut params: Value) -> Value {
    params["_meta"] = modern_meta();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
    ];
    if !name.is_empty() {
        headers.push(("Mcp-Name", name));
    }
    let mut connection = Connection::open(host.address());
    connection
        .exchange("POST", path, &headers, body.to_string().as_bytes())
        .json()
}

fn names(host: &Host, path: &str, kind: &str, key: &str) -> Vec<String> {
    let listed = modern(host, path, &format!("{kind}/list"), "", json!({}));
    let items = listed["result"][kind].as_array().expect("a list").clone();
    items
        .iter()
        .map(|item| item[key].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_view_lists_its_part_and_serves_nothing_else() {
    let host = setup().start();
    assert_eq!(names(&host, "/mcp/greetings", "tools", "name"), ["hello"]);
    assert!(names(&host, "/mcp/greetings", "prompts", "name").is_empty());
    assert_eq!(
        names(&host, "/elsewhere", "tools", "name"),
        ["test_simple_text"]
    );
    let prompts = names(&host, "/elsewhere", "prompts", "name");
    assert_eq!(prompts, ["test_prompt_with_image"]);
    let resources = names(&host, "/elsewhere", "resources", "uri");
    assert_eq!(resources, ["test://static-text", "test://static-binary"]);
    assert!(names(&host, "/mcp/nothing", "tools", "name").is_empty());
    assert_eq!(names(&host, "/mcp", "tools", "name").len(), 40);

    let arguments = json!({"name": "hello", "arguments": {"name": "Ada"}});
    let call = |path| modern(&host, path, "tools/call", "hello", arguments.clone());
    for path in ["/mcp", "/mcp/greetings"] {
        let answer = call(path);
        assert_eq!(
            answer["result"]["content"][0]["text"], "Hello, Ada!",
            "{answer}"
        );
    }
    // A tool outside of the view is exactly one that doesn't exist.
    let unknown = json!({"code": -32602, "message": "unknown tool `hello`"});
    assert_eq!(call("/elsewhere")["error"], unknown);
    let uri = "test://watched-resource";
    let read = |path| modern(&host, path, "resources/read", uri, json!({"uri": uri}));
    assert!(read("/mcp")["result"].is_object());
    assert_eq!(read("/elsewhere")["error"]["code"], -32602);
    let prompt = "test_simple_prompt";
    let get = |path| modern(&host, path, "prompts/get", prompt, json!({"name": prompt}));
    assert!(get("/mcp")["result"].is_object());
    let unknown = json!({"code": -32602, "message": "unknown prompt `test_simple_prompt`"});
    assert_eq!(get("/elsewhere")["error"], unknown);
    // A path that is no view is no endpoint.
    let client = Client::of(Era::Legacy, &host);
    let session = client.session().expect("a session").to_owned();
    let status = |path: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Mcp-Session-Id", session.as_str()),
        ];
        let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let mut connection = Connection::open(host.address());
        connection
            .exchange("POST", path, &headers, ping)
            .head
            .status
    };
    assert_eq!(status("/mcp/other"), 404);
    // A session belongs to the view that it began in.
    assert_eq!((status("/mcp"), status("/elsewhere")), (200, 404));
}

#[test]
fn health_and_the_log_tell_of_views() {
    let host = setup().start();
    let view = |path: &str, counts: [u64; 4]| {
        json!({
            "path": path, "tools": counts[0], "resources": counts[1],
            "resource_templates": counts[2], "prompts": counts[3],
        })
    };
    let expected = json!({
        "greetings": view("/mcp/greetings", [1, 0, 0, 0]),
        "some": view("/elsewhere", [1, 2, 0, 1]),
        "nothing": view("/mcp/nothing", [0, 0, 0, 0]),
    });
    assert_eq!(host.health()["views"], expected);
    let warning = "view nothing shows nothing: no plugin here fits its names";
    assert!(host.log().contains(warning), "{}", host.log());
}

#[test]
fn standard_streams_serve_a_view_by_its_name() {
    let mut client = Stdio::start_with(setup(), &["--view", "greetings"]);
    client.exchange(&initialize_line(0));
    let listed = client.exchange(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}));
    let tools = listed["result"]["tools"].as_array().expect("tools");
    assert_eq!(tools.len(), 1, "{listed}");
    assert_eq!(tools[0]["name"], "hello");
}

#[test]
fn a_view_knows_tools_by_their_new_names_and_leaves_out_what_it_excludes() {
    let config = r#"
        [plugins.hello]
        prefix = "h_"
        [plugins.hello.tools.add]
        rename = "sum"
        description = "Adds."
        [views.short]
        tools = ["h_*", "test_s*"]
        exclude = ["h_hello", "test_simple_*", "*://static-*"]
        [views.old-names]
        tools = ["*add"]
        exclude = ["*"]
    "#;
    let setup = Setup::new().plugin("hello").plugin("everything");
    let host = setup.config(config).start();
    let shown = |kind, key| names(&host, "/mcp/short", kind, key);
    assert!(shown("tools", "name").contains(&"h_sum".to_owned()));
    assert!(!shown("tools", "name").contains(&"h_hello".to_owned()));
    assert!(shown("tools", "name").contains(&"test_sampling".to_owned()));
    assert!(!shown("tools", "name").contains(&"test_simple_text".to_owned()));
    assert!(!shown("prompts", "name").contains(&"test_simple_prompt".to_owned()));
    assert!(shown("prompts", "name").contains(&"test_prompt_with_image".to_owned()));
    assert!(!shown("resources", "uri").contains(&"test://static-text".to_owned()));
    let sum = json!({"name": "h_sum", "arguments": {"a": 1, "b": 2}});
    let call = |path| modern(&host, path, "tools/call", "h_sum", sum.clone());
    let answer = call("/mcp/short");
    assert_eq!(
        answer["result"]["structuredContent"],
        json!({"result": 3.0}),
        "{answer}"
    );
    let unknown = json!({"code": -32602, "message": "unknown tool `h_sum`"});
    assert_eq!(call("/mcp/old-names")["error"], unknown);
    assert!(names(&host, "/mcp/old-names", "tools", "name").is_empty());
}

/// Asks for `method` at `path`, as a client that knows tasks.
fn with_tasks(host: &Host, path: &str, method: &str, name: &str, mut params: Value) -> Value {
    let mut meta = modern_meta();
    let extensions = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    meta["io.modelcontextprotocol/clientCapabilities"] = extensions;
    params["_meta"] = meta;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let headers = [
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
        ("Mcp-Name", name),
    ];
    let mut connection = Connection::open(host.address());
    connection
        .exchange("POST", path, &headers, body.to_string().as_bytes())
        .json()
}

#[test]
fn a_task_is_known_in_the_view_that_it_was_made_in_alone() {
    let config = "[views.jobs]\nplugins = [\"everything\"]\ntools = [\"slow_compute\"]";
    let host = Setup::new().plugin("everything").config(config).start();
    for (own, other) in [("/mcp/jobs", "/mcp"), ("/mcp", "/mcp/jobs")] {
        let call = json!({"name": "slow_compute", "arguments": {"seconds": 500}});
        let created = with_tasks(&host, own, "tools/call", "slow_compute", call);
        let id = created["result"]["taskId"].as_str();
        let id = id.unwrap_or_else(|| panic!("no task: {created}"));
        let ask = |path: &str, method: &str| {
            let mut params = json!({"taskId": id});
            if method == "tasks/update" {
                params["inputResponses"] = json!({});
            }
            with_tasks(&host, path, method, id, params)
        };
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let answer = ask(other, method);
            assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
            assert_eq!(ask(own, "tasks/get")["result"]["status"], "working");
        }
        let ended = ask(own, "tasks/cancel");
        assert_eq!(ended["result"]["resultType"], "complete", "{ended}");
        assert_eq!(ask(own, "tasks/get")["result"]["status"], "cancelled");
    }
    host.health_when("nothing runs", |health| health["calls_in_flight"] == 0);
}

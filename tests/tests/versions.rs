//! Proves that a whole result has the members of the version spoken and no others,
//! for each of the five, over HTTP and over lines. What one version has more than the
//! one before it is written down here; the rest must be the same.

use fusebox_tests::{Client, Lines, Setup, initialize_line, server_meta};
use serde_json::{Value, json};

const VERSIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];

const MODERN: &str = "2026-07-28";

/// What every tool of the fixture says of its arguments.
fn schema(properties: &Value, required: &Value) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if required != &json!([]) {
        schema["required"] = required.clone();
    }
    schema
}

/// `add` and `hello`, as `version` lists them.
fn tools(version: &str) -> Value {
    let number = json!({"type": "number"});
    let arguments = json!({"a": number, "b": number});
    let mut add = json!({
        "name": "add",
        "description": "Adds two numbers.",
        "inputSchema": schema(&arguments, &json!(["a", "b"])),
    });
    let name = json!({"name": {"type": "string", "description": "whom to greet"}});
    let mut hello = json!({
        "name": "hello",
        "description": "Greets someone.",
        "inputSchema": schema(&name, &json!(["name"])),
    });
    if version >= "2025-03-26" {
        for tool in [&mut add, &mut hello] {
            tool["annotations"] = json!({"readOnlyHint": true});
        }
    }
    if version >= "2025-06-18" {
        add["outputSchema"] = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"result": number},
            "required": ["result"],
        });
    }
    json!({"tools": [add, hello]})
}

/// A result as `version` has it.
fn complete(version: &str, mut fields: Value, kept: Option<u64>) -> Value {
    if version == MODERN {
        fields["resultType"] = json!("complete");
        fields["_meta"] = server_meta();
        if let Some(ttl_ms) = kept {
            fields["ttlMs"] = json!(ttl_ms);
            fields["cacheScope"] = json!("public");
        }
    }
    fields
}

/// Requests, and what is answered in `version`: a result, or the code of an error.
fn cases(version: &str) -> Vec<(&'static str, Value, Result<Value, i64>)> {
    let mut sum = json!({"content": [{"type": "text", "text": "{\"result\":3.0}"}]});
    if version >= "2025-06-18" {
        sum["structuredContent"] = json!({"result": 3.0});
    }
    let done = |fields: Value| Ok(complete(version, fields, None));
    let kept = |fields: Value, ttl_ms: u64| Ok(complete(version, fields, Some(ttl_ms)));
    let legacy_only = || match version {
        MODERN => Err(-32601),
        _ => Ok(json!({})),
    };
    let text = json!({
        "uri": "test://static-text",
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    });
    let template = json!({
        "uriTemplate": "test://template/{id}/data",
        "name": "Dynamic Resource",
        "description": "A dynamic resource with parameter substitution",
        "mimeType": "application/json",
    });
    let reference = json!({"type": "ref/prompt", "name": "test_prompt_with_arguments"});
    let argument = json!({"name": "arg1", "value": "park"});
    let message = json!({"role": "user", "content": {
        "type": "text", "text": "This is a simple prompt for testing.",
    }});
    let missing = if version == MODERN { -32602 } else { -32002 };
    vec![
        ("ping", json!({}), legacy_only()),
        ("logging/setLevel", json!({"level": "info"}), legacy_only()),
        (
            "resources/subscribe",
            json!({"uri": "test://static-text"}),
            legacy_only(),
        ),
        (
            "tools/call",
            json!({"name": "add", "arguments": {"a": 1, "b": 2}}),
            done(sum),
        ),
        (
            "resources/read",
            json!({"uri": "test://static-text"}),
            kept(json!({"contents": [text]}), 60_000),
        ),
        (
            "resources/read",
            json!({"uri": "test://none"}),
            Err(missing),
        ),
        (
            "resources/templates/list",
            json!({}),
            kept(json!({"resourceTemplates": [template]}), 5000),
        ),
        (
            "completion/complete",
            json!({"ref": reference, "argument": argument}),
            done(json!({"completion": {"values": ["park"], "total": 1, "hasMore": false}})),
        ),
        (
            "prompts/get",
            json!({"name": "test_simple_prompt"}),
            done(json!({
                "description": "A simple test prompt with no arguments",
                "messages": [message],
            })),
        ),
    ]
}

fn setup() -> Setup {
    Setup::new().plugin("hello").plugin("everything")
}

/// Checks what `exchange` answers to each request, and the list of tools.
fn check(version: &str, exchange: &mut dyn FnMut(&str, Value) -> Value) {
    for (method, params, expected) in cases(version) {
        let answer = exchange(method, params);
        match expected {
            Ok(result) => assert_eq!(answer["result"], result, "{version}, {method}: {answer}"),
            Err(code) => assert_eq!(answer["error"]["code"], code, "{version}, {method}"),
        }
    }
    // Those of the other plugin are compared elsewhere.
    let mut listed = exchange("tools/list", json!({}))["result"].take();
    let all = listed["tools"].as_array_mut().expect("tools");
    all.retain(|tool| tool["name"] == "add" || tool["name"] == "hello");
    let expected = complete(version, tools(version), Some(5000));
    assert_eq!(listed, expected, "{version}");
}

#[test]
fn results_over_http_have_the_members_of_their_version() {
    let host = setup().start();
    for version in VERSIONS {
        let mut client = match version {
            MODERN => Client::modern(&host),
            version => Client::legacy_version(&host, version),
        };
        check(version, &mut |method, params| {
            client.request(method, params).message
        });
    }
}

#[test]
fn results_on_lines_have_the_members_of_their_version() {
    let host = setup().tcp().start();
    for version in VERSIONS {
        let mut lines = Lines::open(host.tcp_address());
        let mut initialize = initialize_line(0);
        initialize["params"]["protocolVersion"] = json!(version);
        if version != MODERN {
            let answer = lines.exchange(&initialize);
            let mut server = json!({"name": "fusebox", "version": env!("CARGO_PKG_VERSION")});
            if version >= "2025-06-18" {
                server["title"] = json!("Fusebox");
            }
            let mut capabilities = json!({
                "tools": {"listChanged": true},
                "prompts": {"listChanged": true},
                "resources": {"subscribe": true, "listChanged": true},
                "logging": {},
            });
            if version >= "2025-03-26" {
                capabilities["completions"] = json!({});
            }
            let expected = json!({
                "protocolVersion": version,
                "capabilities": capabilities,
                "serverInfo": server,
            });
            assert_eq!(answer["result"], expected, "{version}");
        }
        let mut last = 0;
        check(version, &mut |method, mut params| {
            last += 1;
            if version == MODERN {
                params["_meta"] = fusebox_tests::modern_meta();
            }
            lines.exchange(&json!({
                "jsonrpc": "2.0", "id": last, "method": method, "params": params,
            }))
        });
    }
}

//! What the host tells of itself and its tools, byte for byte, in each version.

use fusebox_protocol::ProtocolVersion::{
    self, V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28,
};
use fusebox_protocol::reply::{
    CacheHint, CacheScope, Dialect, DiscoverResult, Implementation, InitializeResult, ListKind,
    ListResult, ResourcesCapability, ServerCapabilities, TaskSupport, Tool,
};

use crate::reply::{check, dialect, json};

#[test]
fn tools_in_each_version() {
    let (schema, output, icons) = (
        json(r#"{"type":"object"}"#),
        json(r#"{"type":"object"}"#),
        json("[]"),
    );
    let (annotations, meta) = (json(r#"{"readOnlyHint":true}"#), json(r#"{"k":1}"#));
    let tool = Tool {
        name: "t",
        title: Some("T"),
        description: Some("d"),
        input_schema: &schema,
        output_schema: Some(&output),
        annotations: Some(&annotations),
        icons: Some(&icons),
        task_support: TaskSupport::Optional,
        meta: Some(&meta),
    };
    let check_tool = |tool: &Tool<'_>, version, expected: &str| {
        assert_eq!(
            tool.render(version).unwrap().as_str(),
            expected,
            "{version}"
        );
    };
    check_tool(
        &tool,
        V2024_11_05,
        r#"{"name":"t","description":"d","inputSchema":{"type":"object"}}"#,
    );
    check_tool(
        &tool,
        V2025_03_26,
        r#"{"name":"t","description":"d","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#,
    );
    let shown = r#"{"name":"t","title":"T","description":"d","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}"#;
    check_tool(
        &tool,
        V2025_06_18,
        &format!(r#"{shown},"_meta":{{"k":1}}}}"#),
    );
    check_tool(
        &tool,
        V2025_11_25,
        &format!(
            r#"{shown},"icons":[],"execution":{{"taskSupport":"optional"}},"_meta":{{"k":1}}}}"#
        ),
    );
    check_tool(
        &tool,
        V2026_07_28,
        &format!(r#"{shown},"icons":[],"_meta":{{"k":1}}}}"#),
    );
    let array = json(r#"{"type":"array"}"#);
    let bare = Tool {
        title: None,
        description: None,
        output_schema: Some(&array),
        annotations: None,
        icons: None,
        task_support: TaskSupport::Forbidden,
        meta: None,
        ..tool
    };
    check_tool(
        &bare,
        V2025_11_25,
        r#"{"name":"t","inputSchema":{"type":"object"}}"#,
    );
    check_tool(
        &bare,
        V2026_07_28,
        r#"{"name":"t","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}"#,
    );
}

#[test]
fn pages_of_tools() {
    let (a, b) = (json(r#"{"name":"a"}"#), json(r#"{"name":"b"}"#));
    let two = [&a, &b];
    let cache = CacheHint {
        ttl_ms: 5000,
        scope: CacheScope::Private,
    };
    let page = |version, tools, next_cursor| ListResult {
        dialect: dialect(version),
        kind: ListKind::Tools,
        items: tools,
        next_cursor,
        cache,
    };
    check(page(V2025_11_25, &[], None), r#"{"tools":[]}"#);
    check(
        page(V2025_11_25, &two, Some("c")),
        r#"{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"c"}"#,
    );
    let modern =
        r#"{"resultType":"complete","tools":[{"name":"a"}],"ttlMs":5000,"cacheScope":"private"}"#;
    check(page(V2026_07_28, &two[..1], None), modern);
}

const HOST: Implementation<'static> = Implementation {
    name: "fusebox",
    version: "0.1.0",
    title: Some("Fusebox"),
    description: Some("d"),
    website_url: Some("https://example.org"),
};

#[test]
fn introductions() {
    let check_host =
        |version, expected: &str| assert_eq!(HOST.render(version).unwrap().as_str(), expected);
    check_host(V2025_03_26, r#"{"name":"fusebox","version":"0.1.0"}"#);
    check_host(
        V2025_06_18,
        r#"{"name":"fusebox","version":"0.1.0","title":"Fusebox"}"#,
    );
    let full = r#"{"name":"fusebox","version":"0.1.0","title":"Fusebox","description":"d","websiteUrl":"https://example.org"}"#;
    check_host(V2025_11_25, full);
    check_host(V2026_07_28, full);
}

#[test]
fn initialize_in_each_version() {
    let everything = ServerCapabilities {
        tools: Some(true),
        prompts: Some(false),
        resources: Some(ResourcesCapability {
            subscribe: true,
            list_changed: true,
        }),
        logging: true,
        completions: true,
        tasks: true,
    };
    let initialize = |version, capabilities, instructions| InitializeResult {
        version,
        capabilities,
        server_info: HOST,
        instructions,
    };
    let shown = r#""tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true,"listChanged":true},"logging":{}"#;
    let info = r#""serverInfo":{"name":"fusebox","version":"0.1.0"}"#;
    let old = format!(r#"{{"protocolVersion":"2024-11-05","capabilities":{{{shown}}},{info}}}"#);
    check(initialize(V2024_11_05, everything, None), &old);
    let new = format!(
        r#"{{"protocolVersion":"2025-03-26","capabilities":{{{shown},"completions":{{}}}},{info},"instructions":"i"}}"#
    );
    check(initialize(V2025_03_26, everything, Some("i")), &new);
    let none = format!(r#"{{"protocolVersion":"2025-03-26","capabilities":{{}},{info}}}"#);
    check(
        initialize(V2025_03_26, ServerCapabilities::default(), None),
        &none,
    );
}

#[test]
fn discovery() {
    let info = HOST.render(V2025_03_26).unwrap();
    let discover = DiscoverResult {
        dialect: Dialect {
            version: V2026_07_28,
            server_info: Some(&info),
        },
        supported_versions: &ProtocolVersion::ALL,
        capabilities: ServerCapabilities {
            tools: Some(false),
            tasks: true,
            ..ServerCapabilities::default()
        },
        instructions: Some("i"),
        cache: CacheHint {
            ttl_ms: 0,
            scope: CacheScope::Public,
        },
    };
    let expected = r#"{"resultType":"complete","supportedVersions":["2024-11-05","2025-03-26","2025-06-18","2025-11-25","2026-07-28"],"capabilities":{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"instructions":"i","ttlMs":0,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fusebox","version":"0.1.0"}}}"#;
    check(discover, expected);
}

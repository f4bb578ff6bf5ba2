//! Resources, prompts and completions, byte for byte, in each version.

use fusebox_protocol::ProtocolVersion::{
    V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28,
};
use fusebox_protocol::reply::{
    Annotations, CacheHint, CacheScope, CompleteResult, Content, GetPromptResult, ListKind,
    ListResult, Prompt, PromptArgument, PromptMessage, ReadResourceResult, Resource, ResourceBody,
    ResourceContents, ResourceLink, ResourceTemplate, ResourceUpdated, Role,
};
use fusebox_protocol::{RequestId, reply};

use crate::reply::{check, dialect, json};

#[test]
fn resources_in_each_version() {
    let (icons, meta) = (json("[]"), json(r#"{"k":1}"#));
    let resource = Resource {
        link: ResourceLink {
            uri: "test://a",
            name: "a",
            title: Some("A"),
            description: Some("d"),
            mime_type: Some("text/plain"),
            size: Some(3),
            icons: Some(&icons),
        },
        annotations: Some(Annotations {
            audience: &[Role::User],
            priority: Some(0.5),
            last_modified: None,
        }),
        meta: Some(&meta),
    };
    let shown = |version| resource.render(version).unwrap().as_str().to_owned();
    let all = r#"{"uri":"test://a","name":"a","title":"A","description":"d","mimeType":"text/plain","size":3,"icons":[],"annotations":{"audience":["user"],"priority":0.5},"_meta":{"k":1}}"#;
    assert_eq!(shown(V2026_07_28), all);
    assert_eq!(shown(V2025_11_25), all);
    assert_eq!(shown(V2025_06_18), all.replace(r#","icons":[]"#, ""));
    let oldest = r#"{"uri":"test://a","name":"a","description":"d","mimeType":"text/plain","size":3,"annotations":{"audience":["user"],"priority":0.5}}"#;
    assert_eq!(shown(V2025_03_26), oldest);
    assert_eq!(shown(V2024_11_05), oldest);
}

#[test]
fn templates_and_their_page() {
    let template = ResourceTemplate {
        uri_template: "test://{id}",
        name: "t",
        title: Some("T"),
        description: None,
        mime_type: Some("application/json"),
        annotations: None,
        icons: None,
        meta: None,
    };
    let item = template.render(V2025_11_25).unwrap();
    let page = ListResult {
        dialect: dialect(V2025_11_25),
        kind: ListKind::ResourceTemplates,
        items: &[&item],
        next_cursor: None,
        cache: CacheHint {
            ttl_ms: 1,
            scope: CacheScope::Public,
        },
    };
    check(
        page,
        r#"{"resourceTemplates":[{"uriTemplate":"test://{id}","name":"t","title":"T","mimeType":"application/json"}]}"#,
    );
    let old = template.render(V2025_03_26).unwrap();
    assert_eq!(
        old.as_str(),
        r#"{"uriTemplate":"test://{id}","name":"t","mimeType":"application/json"}"#
    );
}

#[test]
fn what_was_read() {
    let contents = |body| ResourceContents {
        uri: "test://a",
        mime_type: Some("text/plain"),
        body,
        meta: None,
    };
    let both = [
        contents(ResourceBody::Text("x")),
        contents(ResourceBody::Blob(b"\0\x01")),
    ];
    let result = |version| ReadResourceResult {
        dialect: dialect(version),
        contents: &both,
        cache: CacheHint {
            ttl_ms: 7,
            scope: CacheScope::Private,
        },
    };
    let list = r#""contents":[{"uri":"test://a","mimeType":"text/plain","text":"x"},{"uri":"test://a","mimeType":"text/plain","blob":"AAE="}]"#;
    check(result(V2025_11_25), &format!("{{{list}}}"));
    check(
        result(V2026_07_28),
        &format!(r#"{{"resultType":"complete",{list},"ttlMs":7,"cacheScope":"private"}}"#),
    );
}

#[test]
fn prompts_in_each_version() {
    let argument = |name, required| PromptArgument {
        name,
        title: Some("N"),
        description: None,
        required,
    };
    let arguments = [argument("a", true), argument("b", false)];
    let prompt = Prompt {
        name: "p",
        title: None,
        description: Some("d"),
        arguments: &arguments,
        icons: None,
        meta: None,
    };
    let shown = |version| prompt.render(version).unwrap().as_str().to_owned();
    assert_eq!(
        shown(V2026_07_28),
        r#"{"name":"p","description":"d","arguments":[{"name":"a","title":"N","required":true},{"name":"b","title":"N","required":false}]}"#
    );
    assert_eq!(
        shown(V2024_11_05),
        r#"{"name":"p","description":"d","arguments":[{"name":"a","required":true},{"name":"b","required":false}]}"#
    );
    let message = |role, text| PromptMessage {
        role,
        content: Content::text(text),
    };
    let result = GetPromptResult {
        dialect: dialect(V2025_11_25),
        description: Some("d"),
        messages: &[message(Role::User, "q"), message(Role::Assistant, "a")],
        meta: None,
    };
    check(
        result,
        r#"{"description":"d","messages":[{"role":"user","content":{"type":"text","text":"q"}},{"role":"assistant","content":{"type":"text","text":"a"}}]}"#,
    );
}

#[test]
fn a_hundred_completions_at_most() {
    let values: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let result = |values| CompleteResult {
        dialect: dialect(V2025_11_25),
        values,
        total: Some(101),
        has_more: false,
    };
    let shown = serde_json::to_value(result(&values)).unwrap();
    assert_eq!(shown["completion"]["values"].as_array().unwrap().len(), 100);
    assert_eq!(shown["completion"]["hasMore"], true);
    check(
        result(&values[..1]),
        r#"{"completion":{"values":["0"],"total":101,"hasMore":false}}"#,
    );
}

#[test]
fn an_updated_resource() {
    let id = RequestId::from(7);
    let told = |subscription| {
        let mut out = Vec::new();
        let params = ResourceUpdated {
            uri: "test://a",
            subscription,
        };
        reply::notification(&mut out, "notifications/resources/updated", &params);
        String::from_utf8(out).unwrap()
    };
    let begin =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://a""#;
    assert_eq!(told(None), format!("{begin}}}}}"));
    assert_eq!(
        told(Some(&id)),
        format!(r#"{begin},"_meta":{{"io.modelcontextprotocol/subscriptionId":7}}}}}}"#)
    );
}

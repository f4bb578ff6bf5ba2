//! `x-mcp-header`: the rules for schemas, and the check of calls.

use fusebox_protocol::header_params::{HeaderParams, SchemaError};
use http::{HeaderMap, HeaderName, HeaderValue};

const SCHEMA: &str = r#"{"type":"object","properties":{
    "region":{"type":"string","x-mcp-header":"Region"},
    "count":{"type":"integer","x-mcp-header":"Count"},
    "dry":{"type":"boolean","x-mcp-header":"Dry-Run"},
    "where":{"type":"object","properties":{"zone":{"type":"string","x-mcp-header":"Zone"}}},
    "query":{"type":"string"}}}"#;

#[track_caller]
fn check(arguments: &str, headers: &[(&str, &str)], expected: Result<(), &str>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let found = HeaderParams::from_schema(SCHEMA)
        .unwrap()
        .check(&map, arguments);
    match (found, expected) {
        (Ok(()), Ok(())) => {}
        (Err(error), Err(part)) => {
            assert_eq!(error.code, -32020);
            assert!(error.message.contains(part), "{error}");
        }
        (found, expected) => panic!("{arguments} {headers:?}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn strings() {
    check("{}", &[], Ok(()));
    check(r#"{"query":"q"}"#, &[("Mcp-Param-Query", "other")], Ok(()));
    check(r#"{"region":"us"}"#, &[("Mcp-Param-Region", "us")], Ok(()));
    check(
        r#"{"r\u0065gion":"u\u0073"}"#,
        &[("MCP-PARAM-REGION", "us")],
        Ok(()),
    );
    check(
        r#"{"region":"é"}"#,
        &[("Mcp-Param-Region", "=?base64?w6k=?=")],
        Ok(()),
    );
    check(
        r#"{"region":"us"}"#,
        &[],
        Err("mcp-param-region is missing"),
    );
    check(
        r#"{"region":"us"}"#,
        &[("Mcp-Param-Region", "eu")],
        Err(r#"mcp-param-region is "eu", but the body says "us""#),
    );
    check(
        r#"{"region":"us"}"#,
        &[("Mcp-Param-Region", "US")],
        Err("but the body says"),
    );
    check(
        r#"{"region":"us"}"#,
        &[("Mcp-Param-Region", "us"), ("mcp-param-region", "us")],
        Err("given twice"),
    );
    check(
        r#"{"region":"us"}"#,
        &[("Mcp-Param-Region", "=?base64?dX?=")],
        Err("not valid base64"),
    );
}

#[test]
fn absent_and_null() {
    check(r#"{"region":null}"#, &[], Ok(()));
    check(
        r#"{"region":null}"#,
        &[("Mcp-Param-Region", "null")],
        Err("the argument `region` is not"),
    );
    check(
        "{}",
        &[("Mcp-Param-Zone", "z")],
        Err("the argument `where.zone` is not"),
    );
    check(r#"{"where":5}"#, &[], Ok(()));
    check(r#"{"region":{}}"#, &[], Ok(()));
    check(
        r#"{"region":{}}"#,
        &[("Mcp-Param-Region", "{}")],
        Err("but the body says"),
    );
}

#[test]
fn numbers_and_flags() {
    let number = |body: &str, header: &str, expected| {
        check(
            &format!(r#"{{"count":{body}}}"#),
            &[("Mcp-Param-Count", header)],
            expected,
        );
    };
    number("42", "42", Ok(()));
    number("42", "42.0", Ok(()));
    number("4.2e1", "42", Ok(()));
    number("-7", "-7", Ok(()));
    number("42", "43", Err("but the body says"));
    number("42", "0x2a", Err("but the body says"));
    number("42", "", Err("but the body says"));
    number("9007199254740993", "9007199254740993", Ok(()));
    number(
        "9007199254740993",
        "9007199254740992.0",
        Err("but the body says"),
    );
    check(r#"{"dry":true}"#, &[("Mcp-Param-Dry-Run", "true")], Ok(()));
    check(
        r#"{"dry":true}"#,
        &[("Mcp-Param-Dry-Run", "True")],
        Err("but the body says"),
    );
    check(
        r#"{"where":{"zone":"a"}}"#,
        &[("Mcp-Param-Zone", "a")],
        Ok(()),
    );
    check(
        r#"{"where":{"zone":"a"}}"#,
        &[],
        Err("mcp-param-zone is missing"),
    );
}

#[track_caller]
fn check_schema(schema: &str, expected: Result<bool, SchemaError>) {
    assert_eq!(
        HeaderParams::from_schema(schema).map(|params| params.is_empty()),
        expected,
        "{schema}"
    );
}

#[test]
fn schemas() {
    let at = |place: &str| place.to_owned();
    let property = |sub: &str| format!(r#"{{"properties":{{"a":{sub}}}}}"#);
    check_schema("{}", Ok(true));
    check_schema(
        &property(r#"{"type":"string","x-mcp-header":"A"}"#),
        Ok(false),
    );
    check_schema(
        &property(r#"{"type":"string","x-mcp\u002dheader":"A"}"#),
        Ok(false),
    );
    check_schema(
        &property(r#"{"type":"string","x-mcp-header":""}"#),
        Err(SchemaError::Name(at("/a"))),
    );
    check_schema(
        &property(r#"{"type":"string","x-mcp-header":"a b"}"#),
        Err(SchemaError::Name(at("/a"))),
    );
    check_schema(
        &property(r#"{"type":"string","x-mcp-header":"a\r\nB: c"}"#),
        Err(SchemaError::Name(at("/a"))),
    );
    check_schema(
        &property(r#"{"type":"string","x-mcp-header":1}"#),
        Err(SchemaError::Name(at("/a"))),
    );
    for kind in [r#""number""#, r#""object""#, r#"["string","null"]"#] {
        let schema = property(&format!(r#"{{"type":{kind},"x-mcp-header":"A"}}"#));
        check_schema(&schema, Err(SchemaError::Type(at("/a"))));
    }
    check_schema(
        &property(r#"{"x-mcp-header":"A"}"#),
        Err(SchemaError::Type(at("/a"))),
    );
    check_schema(
        r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
        Err(SchemaError::Duplicate(at("a"))),
    );
}

#[test]
fn annotations_out_of_reach() {
    let annotated = r#"{"type":"string","x-mcp-header":"A"}"#;
    let check_place = |schema: String, place: &str| {
        check_schema(&schema, Err(SchemaError::Unreachable(place.to_owned())));
    };
    check_place(r#"{"type":"string","x-mcp-header":"A"}"#.to_owned(), "/");
    check_place(
        format!(r#"{{"properties":{{"l":{{"items":{annotated}}}}}}}"#),
        "/l/items",
    );
    check_place(
        format!(r#"{{"anyOf":[{{"properties":{{"a":{annotated}}}}}]}}"#),
        "/anyOf/a",
    );
    check_place(format!(r#"{{"$defs":{{"D":{annotated}}}}}"#), "/D");
    check_place(
        format!(r#"{{"additionalProperties":{annotated}}}"#),
        "/additionalProperties",
    );
    check_place(
        format!(r#"{{"patternProperties":{{"x":{annotated}}}}}"#),
        "/x",
    );
    // A property of that name, and data that looks like an annotation.
    check_schema(
        r#"{"properties":{"x-mcp-header":{"type":"string"}}}"#,
        Ok(true),
    );
    check_schema(
        &format!(r#"{{"default":{annotated},"examples":[{annotated}],"const":{annotated}}}"#),
        Ok(true),
    );
}

#[test]
fn schemas_that_can_not_be_read() {
    let deep = format!(
        "{}\"x-mcp-header\"{}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for schema in [deep.as_str(), r#"{"x-mcp-header""#] {
        assert!(matches!(
            HeaderParams::from_schema(schema),
            Err(SchemaError::Unreadable(_))
        ));
    }
}

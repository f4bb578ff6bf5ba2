//! `RawJson`: what it takes, and that it keeps every byte that matters.

use fusebox_protocol::{JsonKind, RawJson};

#[track_caller]
fn check(input: &str, expected: Result<&str, &str>) {
    let found = RawJson::parse(input.to_owned()).map_err(|e| e.to_string());
    match (&found, expected) {
        (Ok(json), Ok(text)) => {
            assert_eq!(json.as_str(), text, "{input:?}");
            assert_eq!(
                serde_json::to_string(json).unwrap(),
                text,
                "{input:?} serialised"
            );
        }
        (Err(message), Err(part)) => assert!(message.contains(part), "{input:?}: {message}"),
        _ => panic!("{input:?} gave {found:?}, expected {expected:?}"),
    }
}

#[test]
fn text_is_kept_as_it_was_written() {
    check("{}", Ok("{}"));
    check(" 1.0 ", Ok("1.0"));
    check(
        "123456789012345678901234567890",
        Ok("123456789012345678901234567890"),
    );
    check("1e999", Ok("1e999"));
    check(r#"{"b":1,"a":2,"b":3}"#, Ok(r#"{"b":1,"a":2,"b":3}"#));
    check(r#""\u00e9\/""#, Ok(r#""\u00e9\/""#));
}

#[test]
fn line_breaks_between_tokens_become_spaces() {
    check("{\n  \"a\": [1,\r\n2]\r}\n", Ok("{   \"a\": [1,  2] }"));
    check(r#""a\nb""#, Ok(r#""a\nb""#));
}

#[test]
fn what_is_no_json_is_refused() {
    check("", Err("EOF"));
    check("{", Err("EOF"));
    check("{} {}", Err("trailing"));
    check("\"a\nb\"", Err("control character"));
    check("01", Err("invalid number"));
    check("NaN", Err("expected value"));
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    check(r#""\ud83d\ude00""#, Ok(r#""\ud83d\ude00""#));
    check(r#""\\ud800""#, Ok(r#""\\ud800""#));
    check(r#""\ud800""#, Err("at byte 1"));
    check(r#"{"a":"\uDC00\uD800"}"#, Err("at byte 6"));
    check(r#""\ud83d\ud83d\ude00""#, Err("at byte 1"));
}

#[test]
fn kinds() {
    let kinds = [
        ("{}", JsonKind::Object),
        ("[]", JsonKind::Array),
        ("\"\"", JsonKind::String),
        ("-1", JsonKind::Number),
        ("0", JsonKind::Number),
        ("true", JsonKind::Bool),
        ("false", JsonKind::Bool),
        ("null", JsonKind::Null),
    ];
    for (text, kind) in kinds {
        assert_eq!(
            RawJson::parse(text.to_owned()).unwrap().kind(),
            kind,
            "{text}"
        );
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(RawJson::parse(deep.clone()).unwrap().as_str(), deep);
}

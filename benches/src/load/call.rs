//! One kind of call: what is sent, and which answers are right.
//!
//! It owns the checking of a body. It never reads a socket. Once an answer has
//! been read and understood, the next ones need only be the same bytes with
//! another number in them; one that isn't is read and understood again.

use std::cell::OnceCell;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};

use super::LoadError;
use super::framing::version;
use super::settings::{Era, Protocol, Settings};
use super::template::{DIGITS, PROBE_ID, Template, digits};

/// What an answer must be.
#[derive(Debug)]
enum Expected {
    /// a result whose first content is this text
    Text(String),
    /// a result like the first one
    LikeTheFirst,
    /// these bytes
    Bytes,
    /// any answer to this call: it is an attack
    Any,
}

/// One kind of call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: String,
    /// the message, with [`PROBE_ID`] as its number
    pub(super) body: Vec<u8>,
    /// how often it is made, beside the others
    pub(super) weight: usize,
    expected: Expected,
    /// an answer that was understood
    known: OnceCell<Template>,
    /// its result
    first: OnceCell<Value>,
}

/// What an answer was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    /// a typed error; whether it says when to try again
    Refused {
        reason: String,
        retryable: bool,
    },
    Wrong(String),
}

/// A line of the file of `--calls`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tool: String,
    arguments: Value,
    expect: Option<String>,
    #[serde(default = "one")]
    weight: usize,
}

fn one() -> usize {
    1
}

/// An argument of that many bytes, with its number at the start.
fn argument(bytes: usize) -> String {
    let mut text = PROBE_ID.to_string();
    text.extend(std::iter::repeat_n('x', bytes.saturating_sub(DIGITS)));
    text
}

impl Call {
    fn new(body: Vec<u8>, tool: &str, expected: Expected) -> Self {
        Self {
            tool: tool.to_owned(),
            body,
            weight: 1,
            expected,
            known: OnceCell::new(),
            first: OnceCell::new(),
        }
    }

    /// A call of a tool with these arguments.
    fn of_tool(era: Era, tool: &str, arguments: &Value, expected: Expected) -> Self {
        let mut params = json!({ "name": tool, "arguments": arguments });
        if era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version(era),
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{PROBE_ID},\"method\":\"tools/call\",\"params\":{params}}}"
        );
        Self::new(body.into_bytes(), tool, expected)
    }

    /// The calls that the settings ask for, with arguments of that many bytes.
    pub(super) fn of_settings(settings: &Settings, payload: usize) -> Result<Vec<Self>, LoadError> {
        let text = argument(payload);
        let greeting = || {
            Self::of_tool(
                settings.era,
                &settings.tool,
                &json!({ &*settings.argument: text }),
                Expected::Text(settings.expect.replace("{}", &text)),
            )
        };
        match settings.protocol {
            Protocol::Redis => {
                let call = Self::new(
                    b"*2\r\n$3\r\nGET\r\n$5\r\nbench\r\n".to_vec(),
                    "GET",
                    Expected::Bytes,
                );
                // A value that is no number is left as it is.
                call.learn_bytes("v".repeat(payload).into_bytes());
                Ok(vec![call])
            }
            Protocol::Fixed => Ok(vec![Self::new(
                greeting().body,
                &settings.tool,
                Expected::Bytes,
            )]),
            Protocol::Echo | Protocol::QuicEcho => {
                let body = greeting().body;
                let call = Self::new(body.clone(), "echo", Expected::Bytes);
                call.learn_bytes(body);
                Ok(vec![call])
            }
            Protocol::Http | Protocol::H2 | Protocol::H3 | Protocol::Tcp | Protocol::Quic => {
                match &settings.calls {
                    None => Ok(vec![greeting()]),
                    Some(path) => of_file(settings, path, &text),
                }
            }
        }
    }

    /// The calls of an attacker.
    pub(super) fn attacks(settings: &Settings) -> Vec<Self> {
        let one = |tool: &String| Self::of_tool(settings.era, tool, &json!({}), Expected::Any);
        settings.attack.iter().map(one).collect()
    }

    /// What is set under the key before it is asked for.
    pub(super) fn redis_value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        if let Some(known) = self.known.get() {
            known.write(&digits(PROBE_ID), &mut value);
        }
        value
    }

    fn learn_bytes(&self, bytes: Vec<u8>) {
        // Set once, before anything is compared.
        let _ = self.known.set(Template::of(bytes));
    }

    /// Whether an answer has still to be seen before any can be compared.
    pub(super) fn wants_probe(&self) -> bool {
        self.known.get().is_none() && !matches!(self.expected, Expected::Any)
    }

    /// Takes the answer to [`PROBE_ID`] as the pattern of all others, if it is right.
    pub(super) fn learn(&self, status: u16, body: &[u8]) -> Result<(), LoadError> {
        let verdict = match self.expected {
            Expected::Bytes if status == 200 && !body.is_empty() => Verdict::Right,
            Expected::Bytes => Verdict::Wrong(shown(status, body)),
            _ => self.understand(PROBE_ID, status, body),
        };
        match verdict {
            Verdict::Right => {
                self.learn_bytes(body.to_vec());
                Ok(())
            }
            Verdict::Refused { .. } => Err(LoadError::Wrong(shown(status, body))),
            Verdict::Wrong(why) => Err(LoadError::Wrong(why)),
        }
    }

    /// Where the number stands in an answer.
    pub(super) fn id_at(&self) -> Option<usize> {
        self.known.get()?.first_hole()
    }

    /// Checks an answer to the last byte.
    pub(super) fn judge(&self, id: u64, status: u16, body: &[u8]) -> Verdict {
        match self.known.get() {
            Some(known) if status == 200 && known.matches(body, &digits(id)) => Verdict::Right,
            _ if matches!(self.expected, Expected::Bytes) => Verdict::Wrong(shown(status, body)),
            _ => self.understand(id, status, body),
        }
    }

    /// Reads an answer as JSON.
    fn understand(&self, id: u64, status: u16, body: &[u8]) -> Verdict {
        let wrong = || Verdict::Wrong(shown(status, body));
        let Ok(answer) = serde_json::from_slice::<Value>(body) else {
            return wrong();
        };
        if answer["id"] != json!(id) {
            return wrong();
        }
        if matches!(self.expected, Expected::Any) {
            return match answer["error"]["data"]["reason"].as_str() {
                Some(reason) => refused(reason, &answer),
                None if answer.get("result").is_some() => Verdict::Right,
                None => wrong(),
            };
        }
        if let Some(reason) = answer["error"]["data"]["reason"].as_str() {
            return refused(reason, &answer);
        }
        let result = &answer["result"];
        let is_right = status == 200
            && result["isError"] != json!(true)
            && match &self.expected {
                Expected::Text(text) => {
                    let expected = at_number(text, id);
                    result["content"][0]["text"] == json!(expected)
                }
                _ => self.is_like_the_first(id, result),
            };
        if is_right { Verdict::Right } else { wrong() }
    }

    fn is_like_the_first(&self, id: u64, result: &Value) -> bool {
        if !result.is_object() {
            return false;
        }
        let first = self.first.get_or_init(|| result.clone());
        serde_json::from_str::<Value>(&at_number(&first.to_string(), id))
            .is_ok_and(|first| first == *result)
    }
}

fn refused(reason: &str, answer: &Value) -> Verdict {
    Verdict::Refused {
        reason: reason.to_owned(),
        retryable: answer["error"]["data"]["retryAfterMs"].is_u64(),
    }
}

/// The text with another number in it.
fn at_number(text: &str, id: u64) -> String {
    text.replace(&PROBE_ID.to_string(), &id.to_string())
}

fn of_file(
    settings: &Settings,
    path: &std::path::Path,
    text: &str,
) -> Result<Vec<Call>, LoadError> {
    let bad =
        |why: &dyn std::fmt::Display| LoadError::Settings(format!("{}: {why}", path.display()));
    let file = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let lines: Vec<Line> = serde_json::from_str(&file).map_err(|error| bad(&error))?;
    if lines.iter().all(|line| line.weight == 0) {
        return Err(bad(&"there is no call in it"));
    }
    lines
        .into_iter()
        .filter(|line| line.weight > 0)
        .map(|line| {
            let arguments = line
                .arguments
                .to_string()
                .replace("{}\"", &format!("{text}\""));
            let arguments = serde_json::from_str(&arguments).map_err(|error| bad(&error))?;
            let expected = match line.expect {
                Some(expect) => Expected::Text(expect.replace("{}", text)),
                None => Expected::LikeTheFirst,
            };
            let mut call = Call::of_tool(settings.era, &line.tool, &arguments, expected);
            call.weight = line.weight;
            Ok(call)
        })
        .collect()
}

/// The start of an answer, for an error message.
fn shown(status: u16, body: &[u8]) -> String {
    const BYTES_MAX: usize = 300;
    let mut text = String::from_utf8_lossy(&body[..body.len().min(BYTES_MAX)]).into_owned();
    if body.len() > BYTES_MAX {
        let _ = write!(text, "... ({} bytes)", body.len());
    }
    if status == 200 {
        text
    } else {
        format!("HTTP {status}: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call::of_tool(
            Era::Modern,
            "hello",
            &json!({ "name": argument(12) }),
            Expected::Text(format!("Hello, {}!", argument(12))),
        )
    }

    fn answer(id: u64, name: u64) -> Vec<u8> {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"Hello, {name}xx!"}}]}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn an_answer_is_right_for_its_number_alone() {
        let call = call();
        assert!(call.wants_probe());
        call.learn(200, &answer(PROBE_ID, PROBE_ID)).expect("right");
        let (a, b) = (1_234_567_890, 1_234_567_891);
        assert_eq!(call.judge(a, 200, &answer(a, a)), Verdict::Right);
        for (status, body) in [
            (200, answer(b, b)),
            (200, answer(a, b)),
            (500, answer(a, a)),
            (200, Vec::new()),
        ] {
            let verdict = call.judge(a, status, &body);
            assert!(matches!(verdict, Verdict::Wrong(_)), "{verdict:?}");
        }
    }

    #[test]
    fn another_spelling_of_the_right_answer_is_right() {
        let call = call();
        call.learn(200, &answer(PROBE_ID, PROBE_ID)).expect("right");
        let id = 1_234_567_890;
        let other = String::from_utf8(answer(id, id)).expect("UTF-8");
        let other = other.replace("\"result\":", "\"result\": ");
        assert_eq!(call.judge(id, 200, other.as_bytes()), Verdict::Right);
    }

    #[test]
    fn a_refusal_has_its_reason() {
        let body = br#"{"id":1234567890,"error":{"code":-32000,"message":"","data":{"reason":"overloaded","retryAfterMs":5}}}"#;
        let expected = Verdict::Refused {
            reason: "overloaded".into(),
            retryable: true,
        };
        assert_eq!(call().judge(1_234_567_890, 503, body), expected);
    }
}

//! Broken input without end: frames that were changed at random, fed to the
//! decoder and to the parser. Nothing may panic, every byte is accounted for,
//! and what is understood says the same when it is written again.

use bytes::BytesMut;
use fusebox_protocol::envelope::parse;
use fusebox_protocol::era::{check_modern, of_message};
use fusebox_protocol::frame::LineDecoder;
use fusebox_protocol::params::{
    CallToolParams, CompleteParams, GetPromptParams, Meta, SubscriptionsListenParams,
};
use fusebox_protocol::{Incoming, Message, RawJson, Request, reply};

/// Change it, or set `FUSEBOX_SEED`, to see other input.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const ROUNDS: usize = 50_000;
const FRAME_MAX_BYTES: usize = 300;

const FRAMES: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1.5,"b":[true,null]}}}"#,
    r#"{"jsonrpc":"2.0","id":"x\u00e9","method":"tools\/list","params":{"cursor":"c","_meta":{"progressToken":7}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"r"}}"#,
    r#"{"jsonrpc":"2.0","id":9007199254740993,"result":{"roots":[]}}"#,
    r#"[{"jsonrpc":"2.0","id":3,"method":"ping"},{"jsonrpc":"2.0","id":4,"error":{"code":1,"message":"m"}}]"#,
    r#"{"jsonrpc":"2.0","id":5,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"v"},"notifications":{"taskIds":["t"]}}}"#,
];

/// Pieces that break or bend JSON where they land.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    ",",
    ":",
    "null",
    "1e9",
    "-",
    "\n",
    "\r\n",
    "\u{e9}",
    "\"id\":1,",
];

struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] = self.next().to_le_bytes()[0],
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                3 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                4 => {
                    let end = (at + self.below(20)).min(bytes.len());
                    let repeated = bytes[at..end].to_vec();
                    bytes.splice(at..at, repeated);
                }
                _ => {
                    let end = (at + self.below(10)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
    }
}

fn seed() -> u64 {
    let seed = std::env::var("FUSEBOX_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SEED);
    eprintln!("seed {seed}");
    seed
}

/// Everything that a request is asked before it is served.
fn use_request(request: &Request<'_>) {
    let _ = Meta::from_params(&request.params);
    let _ = check_modern(request, None);
    let _ = GetPromptParams::from_params(&request.params);
    let _ = CompleteParams::from_params(&request.params);
    let _ = SubscriptionsListenParams::from_params(&request.params);
    let Ok(call) = CallToolParams::from_params(&request.params) else {
        return;
    };
    // The arguments go into a plugin as they are: they must be JSON alone.
    let arguments: &serde_json::value::RawValue = serde_json::from_str(call.arguments).unwrap();
    let mut out = Vec::new();
    let params = serde_json::json!({ "name": call.name });
    assert!(reply::request(
        &mut out,
        &request.id,
        &request.method,
        &params
    ));
    let Ok(Incoming::Single(Message::Request(again))) = parse(&out, 0) else {
        panic!("{} was not understood again", String::from_utf8_lossy(&out));
    };
    assert_eq!((&again.id, &again.method), (&request.id, &request.method));
    assert_eq!(
        CallToolParams::from_params(&again.params).unwrap().name,
        call.name
    );
    assert_eq!(arguments.get(), call.arguments);
}

fn use_message(message: &Message<'_>) {
    let _ = of_message(None, message);
    if let Message::Request(request) = message {
        use_request(request);
    }
    if let Message::Response(response) = message {
        let (Ok(raw) | Err(raw)) = response.outcome;
        if let Ok(checked) = RawJson::parse(raw.get().to_owned()) {
            assert!(!checked.as_str().contains(['\n', '\r']));
        }
    }
}

/// The code of an answer, whose id may be a number too large for a `Value`.
#[track_caller]
fn code_of(answer: &[u8]) -> i64 {
    let answer = std::str::from_utf8(answer).unwrap();
    let Ok(Incoming::Single(Message::Response(response))) = parse(answer.as_bytes(), 0) else {
        panic!("no answer: {answer}");
    };
    let error: serde_json::Value =
        serde_json::from_str(response.outcome.unwrap_err().get()).unwrap();
    error["code"].as_i64().unwrap()
}

/// Returns whether the frame was understood.
fn use_frame(bytes: &[u8]) -> bool {
    match parse(bytes, 4) {
        Ok(Incoming::Single(message)) => use_message(&message),
        Ok(Incoming::Batch(batch)) => batch.iter().flatten().for_each(use_message),
        Err(malformed) => {
            assert!(
                matches!(malformed.error.code, -32700 | -32600 | -32602),
                "{malformed:?}"
            );
            let mut out = Vec::new();
            reply::error(&mut out, malformed.id.as_ref(), &malformed.error);
            assert_eq!(code_of(&out), malformed.error.code);
            return false;
        }
    }
    true
}

#[test]
fn mutated_messages() {
    let mut random = XorShift(seed());
    let mut understood = 0;
    for _ in 0..ROUNDS {
        let mut bytes = FRAMES[random.below(FRAMES.len())].as_bytes().to_vec();
        random.mutate(&mut bytes);
        understood += usize::from(use_frame(&bytes));
    }
    // Were it none or all of them, the mutations would test nothing.
    assert!(
        (ROUNDS / 10..ROUNDS * 9 / 10).contains(&understood),
        "{understood} of {ROUNDS} were understood"
    );
}

#[test]
fn mutated_streams() {
    let mut random = XorShift(seed());
    for _ in 0..ROUNDS / 10 {
        let mut stream = Vec::new();
        for _ in 0..5 {
            let mut bytes = FRAMES[random.below(FRAMES.len())].as_bytes().to_vec();
            random.mutate(&mut bytes);
            stream.extend_from_slice(&bytes);
            stream.push(b'\n');
        }
        let mut decoder = LineDecoder::new(FRAME_MAX_BYTES);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (read, later) = rest.split_at((1 + random.below(200)).min(rest.len()));
            rest = later;
            buffer.extend_from_slice(read);
            loop {
                match decoder.next(&mut buffer) {
                    Ok(Some(frame)) => {
                        use_frame(&frame);
                        found.push(Some(frame.to_vec()));
                    }
                    Ok(None) => break,
                    Err(_) => found.push(None),
                }
            }
            assert!(buffer.len() <= FRAME_MAX_BYTES + 1);
        }
        assert_eq!(found, lines_of(&stream));
        assert_eq!(decoder.finish(&mut buffer), Ok(None));
    }
}

/// What the decoder must give, found the simple way.
fn lines_of(stream: &[u8]) -> Vec<Option<Vec<u8>>> {
    let lines = stream
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| (line.len() <= FRAME_MAX_BYTES).then(|| line.to_vec()))
        .collect()
}

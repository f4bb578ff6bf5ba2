//! What never ends: heads, bodies and lines without a length, and JSON that is
//! deeper than any reader. A bounded part of it is taken, whatever is sent.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::thread;

use fusebox_tests::{Connection, Frames, Lines, frames};
use serde_json::{Value, json};

use super::{Neighbour, connect, encrypted, impatient};

/// What an attacker would send if nobody stopped it.
const ATTACK_BYTES: u64 = 10 << 30;

/// What may be under way in the buffers of two sockets when a connection is cut off,
/// beside what the host itself takes.
const UNDER_WAY_BYTES: u64 = 32 << 20;

const GROWN_KIB_MAX: u64 = 96 << 10;

/// Sends `piece` until the host has had enough; how many bytes it took.
fn pour<W: Write>(mut stream: W, begin: &[u8], piece: &[u8]) -> u64 {
    let mut sent = begin.len() as u64;
    stream.write_all(begin).expect("the beginning is taken");
    while sent < ATTACK_BYTES && stream.write_all(piece).is_ok() {
        sent += piece.len() as u64;
    }
    sent
}

#[test]
fn a_head_of_ten_gigabytes_is_cut_off_at_its_bound() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let begin = b"GET /live HTTP/1.1\r\nHost: localhost\r\n";
    let lines = "x-more: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(1000);
    // One header that doesn't end, and a request line that doesn't.
    let long = "y".repeat(64 << 10);
    for (begin, piece) in [
        (&begin[..], lines.as_bytes()),
        (b"GET /live HTTP/1.1\r\nx-more: ", long.as_bytes()),
        (b"GET /", long.as_bytes()),
    ] {
        let taken = pour(connect(host.address()), begin, piece);
        assert!(taken < UNDER_WAY_BYTES, "{taken} bytes were taken");
        let taken = pour(encrypted(&host, "http/1.1"), begin, piece);
        assert!(taken < UNDER_WAY_BYTES, "{taken} bytes were taken over TLS");
    }
    neighbour.check(&host, GROWN_KIB_MAX);
}

/// Pieces of one head, without an end.
fn pour_pieces<S: std::io::Read + Write>(mut client: Frames<S>) -> u64 {
    assert!(client.send(
        frames::HEADERS,
        frames::END_STREAM,
        1,
        &frames::get("/live")
    ));
    // Literal headers that no table keeps.
    let piece = b"\x00\x01x\x7f\x01".iter().copied();
    let piece: Vec<u8> = piece.chain([b'y'; 128]).collect::<Vec<u8>>().repeat(100);
    let mut sent = 0;
    while sent < ATTACK_BYTES && client.send(frames::CONTINUATION, 0, 1, &piece) {
        sent += piece.len() as u64;
    }
    sent
}

#[test]
fn a_head_of_http_2_in_endless_pieces_is_cut_off_at_its_bound() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let taken = pour_pieces(Frames::open(host.address()));
    assert!(taken < UNDER_WAY_BYTES, "{taken} bytes were taken");
    let taken = pour_pieces(Frames::over(encrypted(&host, "h2")));
    assert!(taken < UNDER_WAY_BYTES, "{taken} bytes were taken over TLS");
    neighbour.check(&host, GROWN_KIB_MAX);
}

#[test]
fn a_giant_body_without_a_length_is_refused_with_413() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let begin = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..4 {
        let stream = connect(host.address());
        let answer = stream.try_clone().expect("a socket can be shared");
        let reading = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = std::io::Read::read_to_end(&mut &answer, &mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let taken = pour(&stream, begin, chunk.as_bytes());
        assert!(taken < UNDER_WAY_BYTES, "{taken} bytes were taken");
        let said = reading.join().expect("it was read");
        assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    }
    neighbour.check(&host, GROWN_KIB_MAX);
}

#[test]
fn a_line_that_does_not_end_is_answered_and_never_kept() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let stream: TcpStream = connect(host.tcp_address());
    let mut writer = stream.try_clone().expect("a socket can be shared");
    // A line is skipped however long it is, so that its sender can go on: what it
    // takes is time and no room.
    let piece = "y".repeat(1 << 20);
    for _ in 0..256 {
        writer.write_all(piece.as_bytes()).expect("it is skipped");
    }
    writer.write_all(b"\n").expect("it is skipped");
    let mut answers = std::io::BufRead::lines(std::io::BufReader::new(&stream));
    let answer = answers.next().expect("an answer").expect("a line");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    let _ = stream.shutdown(Shutdown::Both);
    neighbour.check(&host, GROWN_KIB_MAX);
}

/// JSON that is as deep as it is long.
fn bombs() -> Vec<String> {
    const DEPTH: usize = 1_000_000;
    let call = |arguments: String| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"hello","arguments":{{"name":{arguments}}}}}}}"#
        )
    };
    vec![
        "[".repeat(DEPTH),
        r#"{"a":"#.repeat(DEPTH / 4),
        format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)),
        call(format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        call(format!(
            "{}1{}",
            r#"{"a":"#.repeat(DEPTH / 4),
            "}".repeat(DEPTH / 4)
        )),
    ]
}

#[test]
fn json_that_is_too_deep_is_refused_before_it_is_read() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    for bomb in bombs() {
        let mut connection = Connection::open(host.address());
        let headers = [("Content-Type", "application/json")];
        let answer = connection.exchange("POST", "/mcp", &headers, bomb.as_bytes());
        assert_eq!(answer.head.status, 400, "{}", answer.text());
        let code = answer.json()["error"]["code"].clone();
        assert!([-32700, -32600].map(Value::from).contains(&code), "{code}");
        let mut lines = Lines::open(host.tcp_address());
        assert!(lines.send_raw(format!("{bomb}\n").as_bytes()));
        let answer = lines.receive().expect("an answer");
        // On lines a list is a batch, until a version is agreed on that has none.
        let first = answer.get(0).unwrap_or(&answer);
        // Arguments that are too deep are told to whoever wrote them.
        let is_refused = first["error"]["code"] == code || first["result"]["isError"] == true;
        assert!(is_refused, "{answer}");
        let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
        assert_eq!(lines.exchange(&ping)["result"], json!({}), "it goes on");
    }
    neighbour.check(&host, GROWN_KIB_MAX);
}

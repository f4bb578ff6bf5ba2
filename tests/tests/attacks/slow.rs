//! Slowloris: clients that say a little now and then, so that they are never quite
//! idle, in a head, a body or a handshake. What counts is the whole.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use fusebox_tests::{Frames, Host, LONG, frames};

use super::{Neighbour, connect, encrypted, impatient};

/// Between two bytes: well within what the host waits for the whole.
const STEP: Duration = Duration::from_millis(50);

const GROWN_KIB_MAX: u64 = 64 << 10;

/// Sends `bytes` again and again, a byte at a time, until the host has had enough;
/// gives what it said.
fn dribble<S: Read + Write>(mut stream: S, begin: &[u8], bytes: &[u8]) -> String {
    let end = Instant::now() + LONG;
    stream.write_all(begin).expect("the beginning is taken");
    for byte in bytes.iter().cycle() {
        assert!(Instant::now() < end, "the host waits for ever");
        if stream
            .write_all(&[*byte])
            .and_then(|()| stream.flush())
            .is_err()
        {
            break;
        }
        thread::sleep(STEP);
    }
    let mut said = Vec::new();
    // A connection that is cut off may take the last words along.
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it is not closed"),
        _ => String::from_utf8_lossy(&said).into_owned(),
    }
}

/// So many at once, each with a connection of its own.
fn crowd<S: Read + Write + Send + 'static>(
    open: impl Fn() -> S,
    begin: &'static [u8],
    bytes: &'static [u8],
) -> Vec<String> {
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let stream = open();
            thread::spawn(move || dribble(stream, begin, bytes))
        })
        .collect();
    let said = slow
        .into_iter()
        .map(|one| one.join().expect("it is cut off"));
    said.collect()
}

/// Nothing of what the host serves for others ever came of it.
fn check_unanswered(said: &[String], allowed: &str) {
    for words in said {
        let fine = words.is_empty() || words.starts_with(allowed);
        assert!(fine, "{words}");
    }
}

fn plain(host: &Host) -> impl Fn() -> TcpStream + use<> {
    let address = host.address();
    move || connect(address)
}

#[test]
fn a_head_that_dribbles_is_cut_off() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let begin = b"GET /live HTTP/1.1\r\nHost: localhost\r\n";
    let more = b"x-more: 1\r\n";
    check_unanswered(&crowd(plain(&host), begin, more), "HTTP/1.1 4");
    let over_tls = crowd(|| encrypted(&host, "http/1.1"), begin, more);
    check_unanswered(&over_tls, "HTTP/1.1 4");
    neighbour.check(&host, GROWN_KIB_MAX);
}

#[test]
fn a_body_that_dribbles_is_refused_with_408() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let sized = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 100000\r\n\r\n";
    let chunked = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for (begin, more) in [(&sized[..], &b" "[..]), (&chunked[..], &b"1\r\n \r\n"[..])] {
        check_unanswered(&crowd(plain(&host), begin, more), "HTTP/1.1 408");
        let over_tls = crowd(|| encrypted(&host, "http/1.1"), begin, more);
        check_unanswered(&over_tls, "HTTP/1.1 408");
    }
    // The answer comes for who reads while it dribbles.
    let mut one = connect(host.address());
    one.write_all(sized).expect("the beginning is taken");
    let mut said = [0; 12];
    one.read_exact(&mut said).expect("a refusal");
    assert_eq!(&said, b"HTTP/1.1 408");
    neighbour.check(&host, GROWN_KIB_MAX);
}

#[test]
fn a_handshake_that_dribbles_is_cut_off() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let address = host.https_address();
    // A record that says it has 512 bytes of a ClientHello of 508.
    let begin = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let said = crowd(|| connect(address), begin, b"\x00");
    assert!(said.iter().all(|words| !words.contains("HTTP")), "{said:?}");
    neighbour.check(&host, GROWN_KIB_MAX);
}

/// The beginning of a head, and more of it frame by frame, until the host has had
/// enough.
fn dribble_head<S: Read + Write>(mut client: Frames<S>) {
    let end = Instant::now() + LONG;
    assert!(client.send(
        frames::HEADERS,
        frames::END_STREAM,
        1,
        &frames::get("/live")
    ));
    // A literal header that no table keeps.
    while client.send(frames::CONTINUATION, 0, 1, b"\x00\x01x\x01y") {
        assert!(Instant::now() < end, "the host waits for ever");
        thread::sleep(STEP);
    }
}

#[test]
fn over_http_2_too() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    dribble_head(Frames::open(host.address()));
    dribble_head(Frames::over(encrypted(&host, "h2")));
    // A body: its stream is refused, and the others of its connection go on.
    let mut client = Frames::open(host.address());
    assert!(client.send(frames::HEADERS, frames::END_HEADERS, 1, &frames::post()));
    let refused = thread::spawn({
        let mut slow = Frames::open(host.address());
        move || {
            assert!(slow.send(frames::HEADERS, frames::END_HEADERS, 1, &frames::post()));
            for _ in 0..5 {
                slow.send(frames::DATA, 0, 1, b" ");
                thread::sleep(STEP);
            }
            slow.next(frames::HEADERS).expect("a refusal")
        }
    });
    // `:status` with a value of its own, 408: the static table knows no such.
    let head = client.next(frames::HEADERS).expect("a refusal");
    assert_eq!(&head[..1], b"\x48", "{head:02x?}");
    assert!(client.send(
        frames::HEADERS,
        frames::END_HEADERS | frames::END_STREAM,
        3,
        &frames::get("/live")
    ));
    // `:status: 200` is the eighth of the table.
    let head = client.next(frames::HEADERS).expect("an answer");
    assert_eq!(head.first(), Some(&0x88), "{head:02x?}");
    let head = refused.join().expect("it is refused");
    assert_eq!(&head[..1], b"\x48", "{head:02x?}");
    neighbour.check(&host, GROWN_KIB_MAX);
}

//! Many small things that cost the host more than their sender: frames of HTTP/2
//! that have to be answered, streams that are given up as soon as they begin, and
//! requests whose answers nobody reads.

use std::io::{Read, Write};
use std::thread;

use fusebox_tests::{Frames, frames, until};

use super::{Neighbour, connect, encrypted, impatient};

/// The host's reason when it closes a connection of HTTP/2 for its behaviour.
const ENHANCE_YOUR_CALM: u32 = 11;

const GROWN_KIB_MAX: u64 = 96 << 10;

/// The reason of the GOAWAY that comes; none if the socket was cut off before.
fn goodbye<S: Read + Write>(client: &mut Frames<S>) -> Option<u32> {
    let goaway = client.next(frames::GOAWAY)?;
    Some(u32::from_be_bytes([
        goaway[4], goaway[5], goaway[6], goaway[7],
    ]))
}

/// Begins streams and gives them up at once, until the host has had enough.
fn reset_rapidly<S: Read + Write>(mut client: Frames<S>) {
    const STREAMS: u32 = 50_000;
    let head = frames::get("/live");
    let end = frames::END_HEADERS | frames::END_STREAM;
    let sent = (0..STREAMS).take_while(|number| {
        let stream = number * 2 + 1;
        client.send(frames::HEADERS, end, stream, &head)
            && client.send(frames::RST_STREAM, 0, stream, &[0, 0, 0, 8])
    });
    let sent = sent.count();
    assert!(sent < STREAMS as usize, "the host took them all");
    let reason = goodbye(&mut client);
    assert!(
        reason.is_none_or(|reason| reason == ENHANCE_YOUR_CALM),
        "{reason:?}"
    );
}

#[test]
fn rapid_resets_end_their_connection_in_clear_and_over_tls() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    for _ in 0..5 {
        reset_rapidly(Frames::open(host.address()));
        reset_rapidly(Frames::over(encrypted(&host, "h2")));
    }
    neighbour.check(&host, GROWN_KIB_MAX);
}

/// Streams that the host itself has to reset: each is an error of its own.
#[test]
fn resets_that_the_host_is_made_to_send_end_the_connection() {
    let host = impatient().start();
    let neighbour = Neighbour::of(&host);
    let mut client = Frames::open(host.address());
    // A head without a path is malformed, and its stream is reset.
    let head = [0x82, 0x86];
    let end = frames::END_HEADERS | frames::END_STREAM;
    let mut number = 0_u32;
    while number < 500_000 && client.send(frames::HEADERS, end, number * 2 + 1, &head) {
        number += 1;
    }
    assert!(number < 500_000, "the host took them all");
    let reason = goodbye(&mut client);
    assert!(
        reason.is_none_or(|reason| reason == ENHANCE_YOUR_CALM),
        "{reason:?}"
    );
    neighbour.check(&host, GROWN_KIB_MAX);
}

/// Sends frames that have to be answered and reads none of the answers, until the
/// host takes no more, and then cuts it off.
#[test]
fn questions_whose_answers_nobody_reads_are_not_answered_for_ever() {
    const FRAMES_MAX: usize = 20_000_000;
    let host = impatient()
        .config("[socket]\nwrite_timeout_ms = 500")
        .start();
    let neighbour = Neighbour::of(&host);
    for (kind, payload) in [(frames::PING, &[7; 8][..]), (frames::SETTINGS, &[][..])] {
        let mut client = Frames::open(host.address());
        let end = frames::END_HEADERS | frames::END_STREAM;
        // A request first, so that it is no client that says nothing at all.
        assert!(client.send(frames::HEADERS, end, 1, &frames::get("/live")));
        let sent = (0..FRAMES_MAX).take_while(|_| client.send(kind, 0, 0, payload));
        let sent = sent.count();
        assert!(sent < FRAMES_MAX, "the host took {sent} frames");
    }
    neighbour.check(&host, GROWN_KIB_MAX);
}

#[test]
fn pipelined_requests_whose_answers_nobody_reads_are_not_taken_for_ever() {
    const BYTES_MAX: usize = 512 << 20;
    let host = impatient()
        .config("[socket]\nwrite_timeout_ms = 500")
        .start();
    let neighbour = Neighbour::of(&host);
    let requests = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (mut stream, requests) = (connect(host.address()), requests.clone());
            thread::spawn(move || {
                let mut sent = 0;
                while sent < BYTES_MAX && stream.write_all(requests.as_bytes()).is_ok() {
                    sent += requests.len();
                }
                sent
            })
        })
        .collect();
    for flood in floods {
        let sent = flood.join().expect("it was cut off");
        assert!(sent < BYTES_MAX, "the host took {sent} bytes");
    }
    until("they are told of", || {
        (host.health()["slow_readers"].as_u64() >= Some(4)).then_some(())
    });
    neighbour.check(&host, GROWN_KIB_MAX);
}

//! `LineDecoder`, fed in pieces of every size.

use bytes::BytesMut;
use fusebox_protocol::frame::LineDecoder;

const FRAME_MAX_BYTES: usize = 5;

/// Feeds `input` in pieces of each size, and expects the same frames of all.
/// `!` stands for a frame that was too long.
#[track_caller]
fn check(input: &str, expected: &[&str]) {
    for piece_bytes in 1..=input.len().max(1) {
        let mut decoder = LineDecoder::new(FRAME_MAX_BYTES);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for piece in input.as_bytes().chunks(piece_bytes) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.next(&mut buffer) {
                    Ok(Some(frame)) => found.push(String::from_utf8(frame.to_vec()).unwrap()),
                    Ok(None) => break,
                    Err(e) => {
                        assert_eq!(e.to_string(), "the message is longer than 5 bytes");
                        found.push("!".to_owned());
                    }
                }
            }
            assert!(
                buffer.len() <= FRAME_MAX_BYTES + 1,
                "{} bytes are held back",
                buffer.len()
            );
        }
        match decoder.finish(&mut buffer) {
            Ok(last) => found.extend(last.map(|frame| String::from_utf8(frame.to_vec()).unwrap())),
            Err(_) => found.push("!".to_owned()),
        }
        assert!(buffer.is_empty());
        assert_eq!(found, expected, "{input:?} in pieces of {piece_bytes}");
    }
}

#[test]
fn lines() {
    check("", &[]);
    check("a\n", &["a"]);
    check("a\r\nb\n", &["a", "b"]);
    check("\n\r\n\na\n\n", &["a"]);
    check("a\rb\n", &["a\rb"]);
}

#[test]
fn last_line_without_its_end() {
    check("a\nb", &["a", "b"]);
    check("a\nb\r", &["a", "b"]);
    check("a\n\r", &["a"]);
    check("12345", &["12345"]);
    check("123456", &["!"]);
}

#[test]
fn bound_counts_no_line_end() {
    check("12345\n", &["12345"]);
    check("12345\r\n", &["12345"]);
    check("1234\r\r\n", &["1234\r"]);
    check("12345\r\r\n", &["!"]);
}

#[test]
fn too_long_is_said_once_and_the_next_frame_is_read() {
    check("123456\nab\n", &["!", "ab"]);
    check(
        "1234567890123456789012345678901234567890\r\nab\n",
        &["!", "ab"],
    );
    check("ab\n1234567\n12345678\nc\n", &["ab", "!", "!", "c"]);
    check("1234567890", &["!"]);
}

//! HTTP/2 as a client, frame by frame, with every byte in the test's hands: frames
//! may come in any order, and in any number. Checks nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wait::LONG;

/// A piece of a body.
pub const DATA: u8 = 0;
/// The head of a request, or its beginning.
pub const HEADERS: u8 = 1;
/// The end of a stream, by force.
pub const RST_STREAM: u8 = 3;
/// What one side asks of the other.
pub const SETTINGS: u8 = 4;
/// A question whether the other is there.
pub const PING: u8 = 6;
/// The end of a connection, with a code.
pub const GOAWAY: u8 = 7;
/// More of a head.
pub const CONTINUATION: u8 = 9;

/// The flag of a frame that nothing follows on its stream.
pub const END_STREAM: u8 = 1;
/// The flag of a frame with which a head is whole.
pub const END_HEADERS: u8 = 4;

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Frames<S = TcpStream>(S);

impl Frames {
    /// Connects in clear text. Reading from it gives up after [`LONG`].
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        stream.set_write_timeout(Some(LONG)).expect("a timeout");
        Self::over(stream)
    }
}

impl<S: Read + Write> Frames<S> {
    /// Begins to speak HTTP/2 over this.
    ///
    /// # Panics
    /// If it takes not even the first bytes.
    pub fn over(mut stream: S) -> Self {
        stream.write_all(PREFACE).expect("the preface");
        let mut frames = Self(stream);
        assert!(frames.send(SETTINGS, 0, 0, &[]), "the settings are taken");
        frames
    }

    /// Sends a frame. Says whether the host still took it.
    ///
    /// # Panics
    /// If the payload is longer than any frame.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).expect("a short frame");
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).is_ok()
    }

    /// The payload of the next frame of this kind; none if the connection ends.
    pub fn next(&mut self, wanted: u8) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).ok()?;
            if head[3] == wanted {
                return Some(payload);
            }
        }
    }
}

/// The head of `GET path` without TLS, of a path shorter than 127 bytes.
pub fn get(path: &str) -> Vec<u8> {
    // `:method: GET` and `:scheme: http` are in the table that both sides know.
    let mut head = vec![0x82, 0x86];
    literal(&mut head, 4, path);
    literal(&mut head, 1, "localhost");
    head
}

/// The head of `POST /mcp` with a body of JSON, without TLS.
pub fn post() -> Vec<u8> {
    let mut head = vec![0x83, 0x86];
    literal(&mut head, 4, "/mcp");
    literal(&mut head, 1, "localhost");
    literal(&mut head, 31, "application/json");
    head
}

/// A header whose name is at this place of the table that both sides know.
fn literal(head: &mut Vec<u8>, name: u8, value: &str) {
    let length = u8::try_from(value.len()).expect("a short value");
    match name {
        // A name beyond the first 15 takes a second byte: what is over 15.
        15.. => head.extend([0x0f, name - 15]),
        _ => head.push(name),
    }
    head.push(length);
    head.extend(value.as_bytes());
}

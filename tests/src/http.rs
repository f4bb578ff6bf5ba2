//! HTTP/1.1 as a client, on one blocking socket, with every byte in the test's
//! hands: requests may be malformed, and it can be seen in how many pieces an
//! answer comes. Every message that is read is checked. Never retries, never follows, never speaks TLS.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::strict::Ledger;
use crate::wait::LONG;

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Head {
    /// the status code
    pub status: u16,
    /// names in lower case, in order
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(present, _)| present == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the body is an event stream.
    pub fn is_stream(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
    }
}

/// A response that has been read whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// its head
    pub head: Head,
    /// its body, without the framing
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it isn't.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {:?} {}", self.head, self.text()))
    }
}

/// A connection to a host.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    host: String,
    /// what has been read and not been used
    buffer: Vec<u8>,
    ledger: Ledger,
}

impl Connection {
    /// Connects. Reading from it gives up after [`LONG`].
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("failed to connect to {address}: {error}"));
        // Requests must not wait for anything here, so that answers are not late.
        stream
            .set_nodelay(true)
            .expect("a socket takes TCP_NODELAY");
        stream
            .set_read_timeout(Some(LONG))
            .expect("a socket takes a timeout");
        stream
            .set_write_timeout(Some(LONG))
            .expect("a socket takes a timeout");
        Self {
            stream,
            host: address.to_string(),
            buffer: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// Sends bytes as they are. Says whether the host still took them.
    pub fn send_raw(&mut self, bytes: &[u8]) -> bool {
        self.ledger.sent_http(bytes);
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request with a `Host` and a `Content-Length` of its own, in one write.
    ///
    /// # Panics
    /// If the host has closed the connection.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let bytes = request(&self.host, method, path, headers, body);
        assert!(
            self.send_raw(&bytes),
            "the host closed the connection before {method} {path}"
        );
    }

    /// Reads once from the socket, and gives what came: empty if it is closed.
    ///
    /// # Panics
    /// If nothing comes for [`LONG`].
    pub fn read_once(&mut self) -> Vec<u8> {
        let mut piece = vec![0; 1 << 20];
        loop {
            match self.stream.read(&mut piece) {
                Ok(length) => {
                    piece.truncate(length);
                    return piece;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if timed_out(&error) => panic!("the host sent nothing for {LONG:?}"),
                // A reset is a close too.
                Err(_) => return Vec::new(),
            }
        }
    }

    /// Reads the head of the next response; none if the connection is closed.
    ///
    /// # Panics
    /// If what comes is no HTTP.
    pub fn read_head(&mut self) -> Option<Head> {
        loop {
            if let Some((head, length)) = parse_head(&self.buffer) {
                self.buffer.drain(..length);
                self.ledger.session(head.header("mcp-session-id"));
                return Some(head);
            }
            let piece = self.read_once();
            if piece.is_empty() {
                return None;
            }
            self.buffer.extend(piece);
        }
    }

    /// Reads the rest of a response whose head was read. Not for a stream that
    /// never ends.
    ///
    /// # Panics
    /// If the connection is closed before the end, or a message in it breaks its
    /// schema.
    pub fn read_body(&mut self, head: &Head) -> Vec<u8> {
        let body = self.read_unchecked(head);
        if !head.is_stream() {
            self.ledger.received_body(&body);
        }
        body
    }

    /// Reads so many bytes of a body as JSON; none if the connection is closed before
    /// all of them are there.
    ///
    /// # Panics
    /// If they are no JSON.
    pub fn try_read(&mut self, length: usize) -> Option<Value> {
        while self.buffer.len() < length {
            let piece = self.read_once();
            if piece.is_empty() {
                return None;
            }
            self.buffer.extend(piece);
        }
        let body: Vec<u8> = self.buffer.drain(..length).collect();
        Some(serde_json::from_slice(&body).expect("JSON"))
    }

    fn read_unchecked(&mut self, head: &Head) -> Vec<u8> {
        if head.header("transfer-encoding").is_some() {
            let mut body = Vec::new();
            while let Some(chunk) = self.read_chunk() {
                body.extend(chunk);
            }
            return body;
        }
        let length = head.header("content-length").map_or(0, |length| {
            length.parse::<usize>().expect("Content-Length is a number")
        });
        while self.buffer.len() < length {
            let piece = self.read_once();
            assert!(!piece.is_empty(), "the connection was closed within a body");
            self.buffer.extend(piece);
        }
        self.buffer.drain(..length).collect()
    }

    /// The next chunk of a chunked body; none at its end, or if it is cut off.
    fn read_chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            let size = httparse::parse_chunk_size(&self.buffer).expect("a chunk's size");
            if let httparse::Status::Complete((start, length)) = size {
                let length = usize::try_from(length).expect("a chunk fits into memory");
                let end = start + length + 2;
                if self.buffer.len() >= end {
                    let chunk = self.buffer[start..start + length].to_vec();
                    self.buffer.drain(..end);
                    return (length > 0).then_some(chunk);
                }
            }
            let piece = self.read_once();
            if piece.is_empty() {
                return None;
            }
            self.buffer.extend(piece);
        }
    }

    /// Sends a request and reads its whole response.
    ///
    /// # Panics
    /// If the connection is closed without one.
    pub fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.send(method, path, headers, body);
        self.read_response().unwrap_or_else(|| {
            panic!("the host closed the connection without an answer to {method} {path}")
        })
    }

    /// Reads a whole response; none if the connection is closed.
    pub fn read_response(&mut self) -> Option<Response> {
        let head = self.read_head()?;
        let body = self.read_body(&head);
        Some(Response { head, body })
    }

    /// Whether the host has closed this connection; takes at most `patience`.
    pub fn is_closed_within(&mut self, patience: Duration) -> bool {
        self.stream
            .set_read_timeout(Some(patience))
            .expect("a socket takes a timeout");
        match self.stream.read(&mut [0; 1]) {
            Ok(length) => length == 0,
            Err(error) => !timed_out(&error),
        }
    }

    /// Reads the events of a stream whose head was read.
    pub fn into_events(self) -> Events {
        Events {
            connection: self,
            text: Vec::new(),
        }
    }
}

/// The messages of an event stream.
#[derive(Debug)]
pub struct Events {
    connection: Connection,
    text: Vec<u8>,
}

impl Events {
    /// The next event as it came, or a comment, without the empty line at its
    /// end; none if the stream has ended.
    ///
    /// # Panics
    /// If nothing comes for [`LONG`], or a message breaks its schema.
    pub fn next_event(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.text, b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event[..end]).into_owned();
                self.connection.ledger.received(data(&event).as_bytes());
                return Some(event);
            }
            self.text.extend(self.connection.read_chunk()?);
        }
    }

    /// The next message; none if the stream has ended. Comments and events
    /// without data are passed over.
    ///
    /// # Panics
    /// If nothing comes for [`LONG`], or the data is not JSON.
    pub fn next_message(&mut self) -> Option<Value> {
        loop {
            let event = self.next_event()?;
            let data = data(&event);
            if data.is_empty() {
                continue;
            }
            return Some(
                serde_json::from_str(&data)
                    .unwrap_or_else(|error| panic!("no JSON in an event ({error}): {event}")),
            );
        }
    }

    /// The next message whose `method` is this one; others are passed over.
    ///
    /// # Panics
    /// If the stream ends first, or nothing comes for [`LONG`].
    pub fn wait_for(&mut self, method: &str) -> Value {
        loop {
            let message = self
                .next_message()
                .unwrap_or_else(|| panic!("the stream ended before {method}"));
            if message["method"] == method {
                return message;
            }
        }
    }

    /// The connection, for another request after the stream has ended.
    pub fn into_connection(self) -> Connection {
        self.connection
    }
}

/// What an event carries.
fn data(event: &str) -> String {
    let lines = event.lines();
    let data = lines.filter_map(|line| line.strip_prefix("data:"));
    data.map(str::trim).collect::<Vec<_>>().join("\n")
}

/// The bytes of a request. A `Host` among `headers` replaces the given one.
fn request(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        text += &format!("Host: {host}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if method == "POST" || !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    let mut bytes = text.into_bytes();
    bytes.extend(body);
    bytes
}

/// The head at the start of `bytes` and its length, if it is whole.
fn parse_head(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).unwrap_or_else(|error| {
        panic!(
            "not an HTTP response ({error}): {}",
            String::from_utf8_lossy(bytes)
        )
    });
    let httparse::Status::Complete(length) = parsed else {
        return None;
    };
    let headers = response.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    let head = Head {
        status: response.code.expect("a whole head has a status"),
        headers: headers.collect(),
    };
    Some((head, length))
}

fn timed_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

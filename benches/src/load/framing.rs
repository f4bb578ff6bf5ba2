//! Where an answer begins and ends on a stream of bytes, and what a request
//! looks like on it.
//!
//! It owns framing alone. It never looks into a body.

use std::borrow::Cow;

use super::LoadError;
use super::call::Call;
use super::settings::{Era, Protocol, Settings};
use super::template::Template;

const HEADERS_MAX: usize = 64;

/// The version that is spoken in each era.
pub(super) const fn version(era: Era) -> &'static str {
    match era {
        Era::Modern => "2026-07-28",
        Era::Legacy => "2025-11-25",
    }
}

/// How messages are told apart on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Lines,
    Http,
    Redis,
}

/// One whole answer.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) body: Cow<'a, [u8]>,
    /// the HTTP status
    pub(super) status: u16,
    /// bytes that it took
    pub(super) taken: usize,
    /// the session that the server opened with it
    pub(super) session: Option<String>,
    /// the server closes the connection after it
    pub(super) last: bool,
}

impl<'a> Frame<'a> {
    fn plain(body: &'a [u8], taken: usize) -> Self {
        Self {
            body: Cow::Borrowed(body),
            status: 200,
            taken,
            session: None,
            last: false,
        }
    }
}

impl Framing {
    pub(super) fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http | Protocol::Fixed => Self::Http,
            Protocol::Redis => Self::Redis,
            Protocol::Tcp
            | Protocol::Quic
            | Protocol::Echo
            | Protocol::QuicEcho
            | Protocol::H2
            | Protocol::H3 => Self::Lines,
        }
    }

    /// Whether answers come in the order of their requests.
    pub(super) fn in_order(self) -> bool {
        matches!(self, Self::Http | Self::Redis)
    }

    /// The first answer in `input`, if it is there whole.
    pub(super) fn next(self, input: &[u8]) -> Result<Option<Frame<'_>>, LoadError> {
        match self {
            Self::Lines => Ok(memchr::memchr(b'\n', input)
                .map(|end| Frame::plain(input[..end].trim_ascii_end(), end + 1))),
            Self::Redis => redis(input),
            Self::Http => http(input),
        }
    }
}

fn malformed(what: impl Into<String>) -> LoadError {
    LoadError::Malformed(what.into())
}

/// `$3\r\nabc\r\n`, or a status such as `+OK\r\n`.
fn redis(input: &[u8]) -> Result<Option<Frame<'_>>, LoadError> {
    let Some(line) = memchr::memchr(b'\n', input) else {
        return Ok(None);
    };
    let after = line + 1;
    let first = input[..line].trim_ascii_end();
    match first.first() {
        Some(b'+') => Ok(Some(Frame::plain(first, after))),
        Some(b'$') => {
            let length: usize = std::str::from_utf8(&first[1..])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| malformed("a length of Redis that is no number"))?;
            let taken = after + length + 2;
            Ok((input.len() >= taken).then(|| Frame::plain(&input[after..after + length], taken)))
        }
        _ => Err(malformed(String::from_utf8_lossy(first))),
    }
}

fn http(input: &[u8]) -> Result<Option<Frame<'_>>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response
        .parse(input)
        .map_err(|error| LoadError::other("a head of HTTP", error))?
    {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or(0);
    let (mut length, mut chunked, mut session, mut last) = (None, false, None, false);
    for header in response.headers.iter() {
        let value = || String::from_utf8_lossy(header.value);
        match header.name {
            name if name.eq_ignore_ascii_case("content-length") => {
                length = Some(
                    value()
                        .trim()
                        .parse::<usize>()
                        .map_err(|error| LoadError::other("Content-Length", error))?,
                );
            }
            name if name.eq_ignore_ascii_case("transfer-encoding") => {
                chunked = value().eq_ignore_ascii_case("chunked");
            }
            name if name.eq_ignore_ascii_case("connection") => {
                last = value().eq_ignore_ascii_case("close");
            }
            name if name.eq_ignore_ascii_case("mcp-session-id") => {
                session = Some(value().into_owned());
            }
            _ => {}
        }
    }
    let body = &input[head..];
    let (body, taken) = match (chunked, length) {
        (true, _) => match unchunked(body)? {
            Some((whole, taken)) => (Cow::Owned(whole), taken),
            None => return Ok(None),
        },
        (false, length) => {
            let length = match (length, status) {
                (Some(length), _) => length,
                (None, 202 | 204 | 304) => 0,
                (None, _) => return Err(malformed("an answer of HTTP without a length")),
            };
            match body.get(..length) {
                Some(body) => (Cow::Borrowed(body), length),
                None => return Ok(None),
            }
        }
    };
    Ok(Some(Frame {
        body,
        status,
        taken: head + taken,
        session,
        last,
    }))
}

/// A body in chunks, put together, and how many bytes it took.
fn unchunked(input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, LoadError> {
    let mut whole = Vec::new();
    let mut at = 0;
    loop {
        let (start, size) = match httparse::parse_chunk_size(&input[at..])
            .map_err(|_| malformed("a chunk of HTTP"))?
        {
            httparse::Status::Complete((start, size)) => (start, size as usize),
            httparse::Status::Partial => return Ok(None),
        };
        let Some(chunk) = input.get(at + start..at + start + size + 2) else {
            return Ok(None);
        };
        whole.extend_from_slice(&chunk[..size]);
        at += start + size + 2;
        if size == 0 {
            return Ok(Some((whole, at)));
        }
    }
}

/// The bytes of a call, with holes for its number.
pub(super) fn request(settings: &Settings, call: &Call, session: Option<&str>) -> Template {
    match settings.protocol {
        Protocol::Tcp | Protocol::Quic | Protocol::Echo | Protocol::QuicEcho => {
            let mut line = call.body.clone();
            line.push(b'\n');
            Template::of(line)
        }
        Protocol::H2 | Protocol::H3 | Protocol::Redis => Template::of(call.body.clone()),
        Protocol::Http | Protocol::Fixed => Template::of(http_request(
            settings,
            &call.body,
            Some(&call.tool),
            session,
        )),
    }
}

/// A `POST` with a body; `tool` is what the headers of 2026-07-28 name.
pub(super) fn http_request(
    settings: &Settings,
    body: &[u8],
    tool: Option<&str>,
    session: Option<&str>,
) -> Vec<u8> {
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n",
        settings.path, settings.target
    );
    for (name, value) in mcp_headers(settings.era, tool, session) {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

/// The headers that MCP asks for.
pub(super) fn mcp_headers<'a>(
    era: Era,
    tool: Option<&'a str>,
    session: Option<&'a str>,
) -> Vec<(&'static str, &'a str)> {
    let mut headers = Vec::new();
    let begins = era == Era::Legacy && session.is_none() && tool.is_none();
    if !begins {
        headers.push(("MCP-Protocol-Version", version(era)));
    }
    if let (Era::Modern, Some(tool)) = (era, tool) {
        headers.push(("Mcp-Method", "tools/call"));
        headers.push(("Mcp-Name", tool));
    }
    if let Some(session) = session {
        headers.push(("Mcp-Session-Id", session));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, input: &[u8]) -> Vec<(u16, String)> {
        let mut found = Vec::new();
        let mut rest = input;
        while let Some(frame) = framing.next(rest).expect("well-formed") {
            found.push((
                frame.status,
                String::from_utf8(frame.body.to_vec()).expect("UTF-8"),
            ));
            rest = &rest[frame.taken..];
        }
        found
    }

    #[test]
    fn lines_and_their_rest() {
        let found = frames(Framing::Lines, b"one\ntwo\r\nthr");
        assert_eq!(found, [(200, "one".into()), (200, "two".into())]);
    }

    #[test]
    fn answers_of_redis() {
        let found = frames(Framing::Redis, b"+OK\r\n$3\r\na\nb\r\n$3\r\nab");
        assert_eq!(found, [(200, "+OK".into()), (200, "a\nb".into())]);
        assert!(Framing::Redis.next(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn answers_of_http_with_a_length_and_in_chunks() {
        let input = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nMcp-Session-Id: s\r\n\r\nhi\
            HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
            HTTP/1.1 202 Accepted\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal";
        let found = frames(Framing::Http, input);
        assert_eq!(
            found,
            [
                (200, "hi".into()),
                (503, "abc".into()),
                (202, String::new())
            ]
        );
        let first = Framing::Http.next(input).expect("one").expect("whole");
        assert_eq!(first.session.as_deref(), Some("s"));
    }
}

//! A client that speaks either era over HTTP, TCP or standard streams behind one
//! face, and that can be asked: what comes on the stream of a call is shown
//! message by message, and can be answered. It checks nothing of MCP by itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::Era;
use crate::host::{Host, Setup};
use crate::http::{Connection, Events};
use crate::lines::{Lines, Stdio};

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// How a client reaches the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Streamable HTTP
    Http,
    /// lines over TCP
    Tcp,
    /// lines over standard streams, of a host process of its own
    Stdio,
}

/// Each way in each era.
pub const EVERYWHERE: [(Way, Era); 6] = [
    (Way::Http, Era::Legacy),
    (Way::Http, Era::Modern),
    (Way::Tcp, Era::Legacy),
    (Way::Tcp, Era::Modern),
    (Way::Stdio, Era::Legacy),
    (Way::Stdio, Era::Modern),
];

/// Each way in the legacy era.
pub const LEGACY_WAYS: [(Way, Era); 3] = [EVERYWHERE[0], EVERYWHERE[2], EVERYWHERE[4]];

/// Each way in the modern era.
pub const MODERN_WAYS: [(Way, Era); 3] = [EVERYWHERE[1], EVERYWHERE[3], EVERYWHERE[5]];

/// Runs `check` with a client that declares `capabilities`, once for each of
/// `ways`. The network's ways share one host; standard streams have one each.
pub fn each(
    ways: &[(Way, Era)],
    setup: impl Fn() -> Setup,
    capabilities: &Value,
    check: impl Fn(&mut Caller),
) {
    let shared = ways.iter().any(|(way, _)| *way != Way::Stdio);
    let host = shared.then(|| Rc::new(setup().tcp().start()));
    for &(way, era) in ways {
        // Shown only if the check fails.
        eprintln!("over {way:?}, {era:?}:");
        let mut caller = match &host {
            Some(host) if way != Way::Stdio => Caller::open(host, way, era, capabilities),
            _ => Caller::over_stdio(setup(), era, capabilities),
        };
        check(&mut caller);
    }
}

/// A response, and what came before it on the same stream.
#[derive(Debug)]
pub struct Answer {
    /// notifications and questions
    pub before: Vec<Value>,
    /// the response
    pub message: Value,
    /// of the HTTP response; 200 on other ways
    pub status: u16,
}

/// A client.
#[derive(Debug)]
pub struct Caller {
    /// the era it speaks
    pub era: Era,
    /// how it reaches the host
    pub way: Way,
    /// what it declares; a modern client with each request
    pub capabilities: Value,
    host: Option<Rc<Host>>,
    link: Link,
    last_id: u64,
}

#[derive(Debug)]
enum Link {
    Http(Http),
    Tcp(Lines),
    Stdio(Stdio),
}

#[derive(Debug)]
struct Http {
    address: SocketAddr,
    session: Option<String>,
    /// by the id of the request
    streams: HashMap<u64, Stream>,
}

#[derive(Debug)]
enum Stream {
    /// the request is sent
    Sent(Connection),
    /// the answer comes as events
    Events(Events),
}

impl Caller {
    /// Connects; a legacy client initializes.
    ///
    /// # Panics
    /// If the host refuses, or `way` needs a process of its own.
    pub fn open(host: &Rc<Host>, way: Way, era: Era, capabilities: &Value) -> Self {
        let link = match way {
            Way::Http => Link::Http(Http {
                address: host.address(),
                session: None,
                streams: HashMap::new(),
            }),
            Way::Tcp => Link::Tcp(Lines::open(host.tcp_address())),
            Way::Stdio => panic!("standard streams belong to one process"),
        };
        Self::begin_with(Some(host.clone()), link, way, era, capabilities)
    }

    /// Starts a host for itself.
    ///
    /// # Panics
    /// If it doesn't start.
    pub fn over_stdio(setup: Setup, era: Era, capabilities: &Value) -> Self {
        let link = Link::Stdio(Stdio::start(setup));
        Self::begin_with(None, link, Way::Stdio, era, capabilities)
    }

    fn begin_with(
        host: Option<Rc<Host>>,
        link: Link,
        way: Way,
        era: Era,
        capabilities: &Value,
    ) -> Self {
        let mut caller = Self {
            era,
            way,
            capabilities: capabilities.clone(),
            host,
            link,
            last_id: 0,
        };
        if era == Era::Legacy {
            let answer = caller.request(
                "initialize",
                json!({
                    "protocolVersion": LEGACY,
                    "capabilities": capabilities,
                    "clientInfo": {"name": "fusebox-tests", "version": "1"},
                }),
            );
            assert_eq!(
                answer.message["result"]["protocolVersion"], LEGACY,
                "{answer:?}"
            );
            caller.notify("notifications/initialized", json!({}));
        }
        caller
    }

    /// The host, which other clients may share.
    ///
    /// # Panics
    /// If it serves standard streams.
    pub fn host(&self) -> &Rc<Host> {
        self.host.as_ref().expect("a host that listens")
    }

    /// The host, if it has an address to ask at.
    pub fn reachable(&self) -> Option<&Rc<Host>> {
        self.host.as_ref()
    }

    /// Sends a request and gives its id.
    pub fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last_id += 1;
        if self.era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            });
        }
        let id = self.last_id;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        if let Some(connection) = self.send(&message)
            && let Link::Http(http) = &mut self.link
        {
            http.streams.insert(id, Stream::Sent(connection));
        }
        id
    }

    /// The next message on the stream of a request; none if the stream, or the
    /// connection, has ended. Lines have one stream for everything.
    ///
    /// # Panics
    /// If nothing comes for long.
    pub fn next(&mut self, id: u64) -> Option<Value> {
        self.next_with_status(id).map(|(message, _)| message)
    }

    fn next_with_status(&mut self, id: u64) -> Option<(Value, u16)> {
        match &mut self.link {
            Link::Http(http) => http.next(id),
            Link::Tcp(lines) => lines.receive().map(|message| (message, 200)),
            Link::Stdio(stdio) => stdio.receive().map(|message| (message, 200)),
        }
    }

    /// Waits for the response to a request.
    ///
    /// # Panics
    /// If the stream ends before.
    pub fn answer(&mut self, id: u64) -> Answer {
        let mut before = Vec::new();
        loop {
            let next = self.next_with_status(id);
            let (message, status) =
                next.unwrap_or_else(|| panic!("no response to {id}, but {before:?}"));
            // The host's own requests have ids too.
            if message["id"] == id && message.get("method").is_none() {
                return Answer {
                    before,
                    message,
                    status,
                };
            }
            before.push(message);
        }
    }

    /// Sends a request and waits for its response.
    pub fn request(&mut self, method: &str, params: Value) -> Answer {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// Sends a request and gives its result, or its error.
    ///
    /// # Errors
    /// The JSON-RPC error object.
    pub fn result(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let mut message = self.request(method, params).message;
        match message.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(message["error"].take()),
        }
    }

    /// Closes the connection of a request, without waiting for its answer.
    ///
    /// # Panics
    /// If the request has no connection of its own.
    pub fn hang_up(&mut self, id: u64) {
        match &mut self.link {
            Link::Http(http) => drop(http.streams.remove(&id)),
            Link::Tcp(_) | Link::Stdio(_) => panic!("lines have one connection for everything"),
        }
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.one_way(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Answers a question of the host with `outcome`: `{"result": ...}` or
    /// `{"error": ...}`.
    pub fn reply(&mut self, question: &Value, outcome: &Value) {
        let mut message = outcome.clone();
        message["jsonrpc"] = json!("2.0");
        message["id"] = question["id"].clone();
        self.one_way(&message);
    }

    /// Opens the stream of changes, and gives the id that [`Caller::next`] reads
    /// it by. A modern client asks for `wanted`, and its first message is the
    /// acknowledgement; a legacy one hears of everything.
    ///
    /// # Panics
    /// If there is no such stream.
    pub fn listen(&mut self, wanted: Value) -> u64 {
        if self.era == Era::Modern {
            return self.begin("subscriptions/listen", json!({"notifications": wanted}));
        }
        self.last_id += 1;
        if let Link::Http(http) = &mut self.link {
            let mut connection = Connection::open(http.address);
            let session = http.session.clone().unwrap_or_default();
            let headers = [
                ("Accept", "text/event-stream"),
                ("MCP-Protocol-Version", LEGACY),
                ("Mcp-Session-Id", &session),
            ];
            connection.send("GET", "/mcp", &headers, b"");
            let head = connection.read_head().expect("an answer");
            assert_eq!((head.status, head.is_stream()), (200, true), "{head:?}");
            let events = Stream::Events(connection.into_events());
            http.streams.insert(self.last_id, events);
        }
        self.last_id
    }

    /// Says that nothing more will be sent, and gives what is left of the
    /// connection's messages once the host has closed it.
    ///
    /// # Panics
    /// Over HTTP, which has no such end; or if the host doesn't close it.
    pub fn finish(self) -> Vec<Value> {
        match self.link {
            Link::Http(_) => panic!("HTTP has no end of input"),
            Link::Tcp(mut lines) => {
                lines.close_input();
                std::iter::from_fn(|| lines.receive()).collect()
            }
            Link::Stdio(stdio) => {
                let mut stdio = stdio.close_input();
                std::iter::from_fn(|| stdio.receive()).collect()
            }
        }
    }

    /// A result as this client's version has it: `fields`, and what a modern
    /// result has besides.
    #[must_use]
    pub fn complete(&self, mut fields: Value) -> Value {
        if self.era == Era::Modern {
            fields["resultType"] = json!("complete");
            fields["_meta"] = server_meta();
        }
        fields
    }

    /// The same for a result that a modern client may keep.
    #[must_use]
    pub fn kept(&self, fields: Value, ttl_ms: u64, scope: &str) -> Value {
        let mut fields = self.complete(fields);
        if self.era == Era::Modern {
            fields["ttlMs"] = json!(ttl_ms);
            fields["cacheScope"] = json!(scope);
        }
        fields
    }

    /// Sends what has no answer.
    fn one_way(&mut self, message: &Value) {
        if let Some(mut connection) = self.send(message) {
            let response = connection.read_response().expect("an answer");
            assert_eq!(
                (response.head.status, response.text()),
                (202, String::new()),
                "{message}"
            );
        }
    }

    /// Sends a message; over HTTP, on the connection that is given back.
    fn send(&mut self, message: &Value) -> Option<Connection> {
        let line = format!("{message}\n");
        let taken = match &mut self.link {
            Link::Http(http) => return Some(http.post(message, self.era)),
            Link::Tcp(lines) => lines.send_raw(line.as_bytes()),
            Link::Stdio(stdio) => stdio.send_raw(line.as_bytes()),
        };
        assert!(taken, "the host closed the connection before {message}");
        None
    }
}

impl Http {
    fn post(&self, message: &Value, era: Era) -> Connection {
        let method = message["method"].as_str().unwrap_or_default();
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        if let Some(session) = &self.session {
            headers.extend([
                ("MCP-Protocol-Version", LEGACY),
                ("Mcp-Session-Id", session),
            ]);
        }
        if era == Era::Modern {
            headers.extend([("MCP-Protocol-Version", MODERN), ("Mcp-Method", method)]);
            let params = &message["params"];
            let name = match method {
                "tools/call" | "prompts/get" => params["name"].as_str(),
                "resources/read" => params["uri"].as_str(),
                "tasks/get" | "tasks/update" | "tasks/cancel" => params["taskId"].as_str(),
                _ => None,
            };
            headers.extend(name.map(|name| ("Mcp-Name", name)));
        }
        let mut connection = Connection::open(self.address);
        connection.send("POST", "/mcp", &headers, message.to_string().as_bytes());
        connection
    }

    fn next(&mut self, id: u64) -> Option<(Value, u16)> {
        let mut events = match self.streams.remove(&id)? {
            Stream::Events(events) => events,
            Stream::Sent(mut connection) => {
                let head = connection.read_head().expect("an answer");
                if let Some(session) = head.header("mcp-session-id") {
                    self.session = Some(session.to_owned());
                }
                if !head.is_stream() {
                    let body = connection.read_body(&head);
                    let message = serde_json::from_slice(&body).unwrap_or_else(|error| {
                        panic!("not JSON ({error}): {}", String::from_utf8_lossy(&body))
                    });
                    return Some((message, head.status));
                }
                connection.into_events()
            }
        };
        let message = events.next_message()?;
        self.streams.insert(id, Stream::Events(events));
        Some((message, 200))
    }
}

/// The `_meta` of each modern result.
pub fn server_meta() -> Value {
    json!({"io.modelcontextprotocol/serverInfo": {
        "name": "fusebox",
        "version": env!("CARGO_PKG_VERSION"),
        "title": "Fusebox",
    }})
}

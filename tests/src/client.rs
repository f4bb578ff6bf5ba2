//! An MCP client over Streamable HTTP, of either era, that shows the whole
//! answer. It understands only as much of MCP as it needs to be answered.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::host::Host;
use crate::http::{Connection, Events, Head};

const PATH: &str = "/mcp";
const MODERN: &str = "2026-07-28";

/// The two kinds of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// up to 2025-11-25: `initialize` and a session
    Legacy,
    /// 2026-07-28: every request for itself
    Modern,
}

impl Era {
    /// The first, the other, and so on.
    pub fn in_turn(number: usize) -> Self {
        [Self::Legacy, Self::Modern][number % 2]
    }
}

/// A request's answer.
#[derive(Debug)]
pub struct Exchange {
    /// the head of the HTTP response
    pub head: Head,
    /// what came on the stream before the response, if there was a stream
    pub notifications: Vec<Value>,
    /// the JSON-RPC response; null if there was no body
    pub message: Value,
}

impl Exchange {
    /// The result, or the error.
    ///
    /// # Errors
    /// The JSON-RPC error object.
    pub fn outcome(self) -> Result<Value, Value> {
        match self.message.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(self.message["error"].clone()),
        }
    }
}

/// A client with one connection.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    era: Era,
    version: String,
    session: Option<String>,
    connection: Option<Connection>,
    last_id: u64,
}

impl Client {
    /// A client of 2025-11-25 with a session.
    ///
    /// # Panics
    /// If the host doesn't open one.
    pub fn legacy(host: &Host) -> Self {
        Self::legacy_version(host, "2025-11-25")
    }

    /// A client of one of the older versions, with a session.
    ///
    /// # Panics
    /// If the host doesn't agree to that version.
    pub fn legacy_version(host: &Host, version: &str) -> Self {
        let mut client = Self::new(host, Era::Legacy, version);
        let answer = client.request(
            "initialize",
            json!({
                "protocolVersion": version,
                "capabilities": {},
                "clientInfo": {"name": "fusebox-tests", "version": "1"},
            }),
        );
        let session = answer.head.header("mcp-session-id").map(str::to_owned);
        assert!(session.is_some(), "no session: {answer:?}");
        assert_eq!(answer.message["result"]["protocolVersion"], version);
        client.session = session;
        let status = client.notify("notifications/initialized", json!({}));
        assert_eq!(status, 202, "`notifications/initialized` is accepted");
        client
    }

    /// A client of 2026-07-28.
    pub fn modern(host: &Host) -> Self {
        Self::new(host, Era::Modern, MODERN)
    }

    /// A client of the given era.
    pub fn of(era: Era, host: &Host) -> Self {
        match era {
            Era::Legacy => Self::legacy(host),
            Era::Modern => Self::modern(host),
        }
    }

    fn new(host: &Host, era: Era, version: &str) -> Self {
        Self {
            address: host.address(),
            era,
            version: version.to_owned(),
            session: None,
            connection: None,
            last_id: 0,
        }
    }

    /// The id of the last request.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The session's id.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Sends a request and reads its answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn request(&mut self, method: &str, params: Value) -> Exchange {
        let mut connection = self.send(method, params);
        let head = connection.read_head().expect("an answer");
        if head.is_stream() {
            let mut events = connection.into_events();
            let mut notifications = Vec::new();
            loop {
                let message = events
                    .next_message()
                    .expect("a response before the stream ends");
                if message.get("id") == Some(&json!(self.last_id)) {
                    // The end of the stream is not waited for: a new connection is cheap.
                    return Exchange {
                        head,
                        notifications,
                        message,
                    };
                }
                notifications.push(message);
            }
        }
        let body = connection.read_body(&head);
        self.connection = Some(connection);
        let message = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).unwrap_or_else(|error| {
                panic!("not JSON ({error}): {}", String::from_utf8_lossy(&body))
            }),
        };
        Exchange {
            head,
            notifications: Vec::new(),
            message,
        }
    }

    /// Sends a request and leaves its answer to be read from the connection.
    pub fn send(&mut self, method: &str, params: Value) -> Connection {
        self.last_id += 1;
        let params = self.complete(params);
        let message =
            json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        self.post(method, &message)
    }

    /// Sends a notification and gives the HTTP status.
    pub fn notify(&mut self, method: &str, params: Value) -> u16 {
        let params = self.complete(params);
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let mut connection = self.post(method, &message);
        let response = connection.read_response().expect("an answer");
        assert!(
            response.body.is_empty(),
            "a notification has no answer: {}",
            response.text()
        );
        self.connection = Some(connection);
        response.head.status
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// The JSON-RPC error object.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, Value> {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
            .outcome()
    }

    /// The text of the tool's first piece of content.
    ///
    /// # Panics
    /// If the call fails.
    pub fn text(&mut self, tool: &str, arguments: Value) -> String {
        let result = self
            .call(tool, arguments)
            .unwrap_or_else(|error| panic!("{tool} failed: {error}"));
        result["content"][0]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{tool} gave no text: {result}"))
            .to_owned()
    }

    /// Opens the stream on which the host tells about changes of the list of
    /// tools: the GET stream, or `subscriptions/listen`.
    ///
    /// # Panics
    /// If the host offers none.
    pub fn listen(&mut self) -> Events {
        let mut connection = match self.era {
            Era::Legacy => {
                let mut connection = Connection::open(self.address);
                let headers = self.headers("GET", &Value::Null);
                connection.send("GET", PATH, &borrowed(&headers), b"");
                connection
            }
            Era::Modern => self.send(
                "subscriptions/listen",
                json!({"notifications": {"toolsListChanged": true}}),
            ),
        };
        let head = connection.read_head().expect("an answer");
        assert_eq!((head.status, head.is_stream()), (200, true), "{head:?}");
        let mut events = connection.into_events();
        if self.era == Era::Modern {
            events.wait_for("notifications/subscriptions/acknowledged");
        }
        events
    }

    /// Ends the session and gives the HTTP status.
    pub fn delete(&mut self) -> u16 {
        let headers = self.headers("DELETE", &Value::Null);
        Connection::open(self.address)
            .exchange("DELETE", PATH, &borrowed(&headers), b"")
            .head
            .status
    }

    fn post(&mut self, method: &str, message: &Value) -> Connection {
        let mut connection = self
            .connection
            .take()
            .unwrap_or_else(|| Connection::open(self.address));
        let headers = self.headers(method, &message["params"]);
        connection.send(
            "POST",
            PATH,
            &borrowed(&headers),
            message.to_string().as_bytes(),
        );
        connection
    }

    /// The headers of a request.
    pub fn headers(&self, method: &str, params: &Value) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("Accept", "application/json, text/event-stream".to_owned()),
        ];
        if self.era == Era::Modern || method != "initialize" {
            headers.push(("MCP-Protocol-Version", self.version.clone()));
        }
        if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id", session.clone()));
        }
        if self.era == Era::Modern {
            headers.push(("Mcp-Method", method.to_owned()));
            let named = match method {
                "resources/read" => "uri",
                _ => "name",
            };
            if let Some(name) = params[named].as_str() {
                headers.push(("Mcp-Name", name.to_owned()));
            }
        }
        headers
    }

    /// What every request of the era carries, unless it brings its own.
    fn complete(&self, mut params: Value) -> Value {
        if self.era == Era::Modern && params["_meta"].is_null() {
            params["_meta"] = modern_meta();
        }
        params
    }
}

/// The `_meta` that 2026-07-28 demands of every request.
pub fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

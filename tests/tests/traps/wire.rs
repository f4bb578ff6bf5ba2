//! A client that sends what it is given, to the byte, and shows what comes, to the
//! byte, over every way in both eras. It checks nothing but that.

use std::rc::Rc;

use fusebox_tests::{
    Connection, EVERYWHERE, Era, Host, Lines, Response, Setup, Stdio, Way, initialize_line,
    modern_meta,
};
use serde_json::{Value, json};

/// A client on one way in one era; a legacy one has initialized.
pub(crate) struct Wire {
    pub(crate) way: Way,
    pub(crate) era: Era,
    /// of a legacy client over HTTP
    session: Option<String>,
    /// what a legacy client was answered to `initialize`
    pub(crate) initialized: String,
    link: Link,
}

enum Link {
    Http(Rc<Host>),
    Tcp(Lines),
    Stdio(Stdio),
}

/// Runs `check` on each way in each era.
pub(crate) fn everywhere(setup: impl Fn() -> Setup, check: impl Fn(&mut Wire)) {
    let host = Rc::new(setup().tcp().start());
    for (way, era) in EVERYWHERE {
        // Shown only if the check fails.
        eprintln!("over {way:?}, {era:?}:");
        let link = match way {
            Way::Http => Link::Http(host.clone()),
            Way::Tcp => Link::Tcp(Lines::open(host.tcp_address())),
            Way::Stdio => Link::Stdio(Stdio::start(setup())),
        };
        let mut wire = Wire {
            way,
            era,
            session: None,
            initialized: String::new(),
            link,
        };
        if era == Era::Legacy {
            wire.begin();
        }
        check(&mut wire);
    }
}

impl Wire {
    fn begin(&mut self) {
        let line = initialize_line(0).to_string();
        match &self.link {
            Link::Http(host) => {
                let response = post(host, &[], &line);
                let session = response.head.header("mcp-session-id");
                self.session = Some(session.expect("a session").to_owned());
                self.initialized = response.text();
            }
            _ => {
                self.send_line(&line);
                self.initialized = self.receive_line();
            }
        }
    }

    /// A message of this era: `params` is the inside of an object.
    pub(crate) fn message(&self, id: &str, method: &str, params: &str) -> String {
        let mut params = params.to_owned();
        if self.era == Era::Modern {
            let comma = if params.is_empty() { "" } else { "," };
            params += &format!("{comma}\"_meta\":{}", modern_meta());
        }
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#)
    }

    /// Sends a request as it is, and gives the answer as it is. Over HTTP, `routed` is
    /// what the headers of a modern request name: the method and the name.
    pub(crate) fn exchange(&mut self, routed: (&str, Option<&str>), text: &str) -> String {
        match &self.link {
            Link::Http(host) => self.post(host, routed, text).text(),
            _ => {
                self.send_line(text);
                self.receive_line()
            }
        }
    }

    /// Asks for a method with `params`, the inside of an object.
    pub(crate) fn ask(&mut self, id: &str, method: &str, params: &str) -> Value {
        let text = self.message(id, method, params);
        let answer = self.exchange((method, None), &text);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Calls a tool; `arguments` is JSON.
    pub(crate) fn call(&mut self, tool: &str, arguments: &str) -> Value {
        let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
        let text = self.message("1", "tools/call", &params);
        let answer = self.exchange(("tools/call", Some(tool)), &text);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Sends what must not be answered.
    #[track_caller]
    pub(crate) fn silent(&mut self, routed: (&str, Option<&str>), text: &str) {
        if let Link::Http(host) = &self.link {
            let response = self.post(host, routed, text);
            let silent = (response.head.status, response.text());
            assert_eq!(silent, (202, String::new()), "{text}");
            return;
        }
        self.send_line(text);
        self.serves(text);
    }

    /// Whether it is served, and nothing else comes before.
    #[track_caller]
    pub(crate) fn serves(&mut self, after: &str) {
        let answer = self.ask("99", "resources/templates/list", "");
        let list = &answer["result"]["resourceTemplates"];
        assert!(answer["id"] == 99 && list.is_array(), "{after}: {answer}");
    }

    fn post(&self, host: &Host, (method, name): (&str, Option<&str>), text: &str) -> Response {
        let mut headers = Vec::new();
        if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id", session.as_str()));
        }
        if self.era == Era::Modern {
            headers.extend([
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", method),
            ]);
            headers.extend(name.map(|name| ("Mcp-Name", name)));
        }
        post(host, &headers, text)
    }

    fn send_line(&mut self, text: &str) {
        let line = format!("{text}\n");
        let taken = match &mut self.link {
            Link::Tcp(lines) => lines.send_raw(line.as_bytes()),
            Link::Stdio(stdio) => stdio.send_raw(line.as_bytes()),
            Link::Http(_) => false,
        };
        assert!(taken, "the connection is open");
    }

    fn receive_line(&mut self) -> String {
        let line = match &mut self.link {
            Link::Tcp(lines) => lines.receive_line(),
            Link::Stdio(stdio) => stdio.receive_line(),
            Link::Http(_) => None,
        };
        let line = String::from_utf8(line.expect("a line")).expect("UTF-8");
        line.trim_end().to_owned()
    }

    /// A whole response as this era has it.
    pub(crate) fn response(&self, id: u64, mut result: Value) -> Value {
        if self.era == Era::Modern {
            result["resultType"] = json!("complete");
            result["_meta"] = fusebox_tests::server_meta();
        }
        json!({"jsonrpc": "2.0", "id": id, "result": result})
    }
}

/// Posts text on a connection of its own.
pub(crate) fn post(host: &Host, headers: &[(&str, &str)], body: &str) -> Response {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    all.extend_from_slice(headers);
    Connection::open(host.address()).exchange("POST", "/mcp", &all, body.as_bytes())
}

//! Proves that the operator's interface lets in whoever has its token and nobody else,
//! says what the host does, and does what it is told.

mod access;
mod commands;
mod draining;
mod encrypted;
mod orders;
mod plugins;
mod start;
mod views;

use std::net::SocketAddr;

use fusebox_tests::{Connection, Host, Response, Setup};
use serde_json::{Value, json};

/// A host with the interface.
struct Administered {
    host: Host,
    token: String,
}

impl Administered {
    fn start(setup: Setup) -> Self {
        let host = setup.admin().start();
        let file = std::fs::read_to_string(host.admin().1).expect("the token is in its file");
        Self {
            host,
            token: file.trim().to_owned(),
        }
    }

    fn misbehaving(config: &str) -> Self {
        Self::start(Setup::new().plugin("misbehave").config(config))
    }

    fn address(&self) -> SocketAddr {
        self.host.admin().0
    }

    /// Asks with these headers alone.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut all = vec![("Connection", "close")];
        all.extend(headers);
        let path = format!("/admin/v1/{path}");
        Connection::open(self.address()).exchange(method, &path, &all, body.as_bytes())
    }

    /// Asks as the operator.
    fn get(&self, path: &str) -> Value {
        let response = self.ask("GET", path, &[("Authorization", &self.bearer())], "");
        assert_eq!(response.head.status, 200, "{path}: {}", response.text());
        response.json()
    }

    /// Orders as the operator.
    fn order(&self, path: &str, body: &Value) -> Response {
        let bearer = self.bearer();
        let headers = [
            ("Authorization", &*bearer),
            ("Content-Type", "application/json"),
        ];
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        self.ask("POST", path, &headers, &body)
    }

    fn done(&self, path: &str, body: &Value) -> Value {
        let response = self.order(path, body);
        assert_eq!(response.head.status, 200, "{path}: {}", response.text());
        response.json()
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// A refusal: its status and its code.
#[track_caller]
fn check_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.head.status, status, "{}", response.text());
    assert_eq!(response.json()["error"]["code"], json!(code));
}

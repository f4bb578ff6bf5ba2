//! What was asked on a connection, so that what comes can be checked against it.
//! Reads what a test sends, be it whole or not, and never changes it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

use super::{MODERN, VERSIONS, Version, WITHOUT_ID, check, version};

/// The version of each session that was agreed on in this process.
static SESSIONS: LazyLock<Mutex<HashMap<String, Version>>> = LazyLock::new(Mutex::default);

/// The memory of a connection.
#[derive(Debug, Default)]
pub struct Ledger {
    /// requests by their id as JSON
    asked: HashMap<String, Asked>,
    /// versions that were spoken here
    spoken: Vec<Version>,
    /// the session that the last response named
    session: Option<String>,
}

#[derive(Debug)]
struct Asked {
    method: String,
    version: Option<Version>,
}

impl Ledger {
    /// Notes lines that the client sends. What is no line of JSON is passed over.
    pub fn sent_lines(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(message) = serde_json::from_slice(line) {
                self.sent(&message, None);
            }
        }
    }

    /// Notes an HTTP request that the client sends, with what its headers say.
    pub fn sent_http(&mut self, bytes: &[u8]) {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else {
            return;
        };
        let header = |wanted: &str| {
            let mut headers = request.headers.iter();
            let found = headers.find(|header| header.name.eq_ignore_ascii_case(wanted))?;
            std::str::from_utf8(found.value).ok()
        };
        let agreed = header("mcp-session-id").and_then(|session| sessions().get(session).copied());
        let claimed = header("mcp-protocol-version").and_then(version);
        let spoken = agreed.or(claimed);
        self.speak(spoken);
        if let Ok(message) = serde_json::from_slice(&bytes[length..]) {
            self.sent(&message, spoken);
        }
    }

    /// Notes the session that a response names.
    pub fn session(&mut self, session: Option<&str>) {
        self.session = session.map(str::to_owned);
    }

    /// Checks what has come on a stream of messages, if it is one.
    ///
    /// # Panics
    /// If the version that is spoken has no such message.
    #[track_caller]
    pub fn received(&mut self, bytes: &[u8]) {
        self.check(bytes, false);
    }

    /// Checks the body of an HTTP response, if it is a message. If it is a refusal,
    /// it needs no id in any version.
    ///
    /// # Panics
    /// If the version that is spoken has no such message.
    #[track_caller]
    pub fn received_body(&mut self, bytes: &[u8]) {
        self.check(bytes, true);
    }

    #[track_caller]
    fn check(&mut self, bytes: &[u8], is_body: bool) {
        match serde_json::from_slice(bytes) {
            Ok(Value::Array(batch)) => {
                // A version without batches must not be answered with one.
                let taken = self.agreed().is_none_or(|version| version == "2025-03-26");
                assert!(
                    taken || !batch.iter().any(is_message),
                    "a batch in {:?}",
                    self.spoken
                );
                for message in &batch {
                    self.one(message, is_body);
                }
            }
            Ok(message) if is_message(&message) => self.one(&message, is_body),
            _ => {}
        }
    }

    fn sent(&mut self, message: &Value, spoken: Option<Version>) {
        if let Value::Array(batch) = message {
            for message in batch {
                self.sent(message, spoken);
            }
            return;
        }
        let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) else {
            return;
        };
        let claim = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
        // `initialize` says only what it would like.
        let version = match claim.as_str() {
            Some(claim) => version(claim),
            None if method == "initialize" => None,
            None => spoken.or_else(|| self.agreed()),
        };
        self.speak(version);
        let method = method.to_owned();
        self.asked.insert(id.to_string(), Asked { method, version });
    }

    /// The version of the handshake, if there was one here.
    fn agreed(&self) -> Option<Version> {
        let mut spoken = self.spoken.iter().copied();
        spoken.find(|version| *version != MODERN)
    }

    fn speak(&mut self, version: Option<Version>) {
        if let Some(version) = version.filter(|version| !self.spoken.contains(version)) {
            self.spoken.push(version);
        }
    }

    #[track_caller]
    fn one(&mut self, message: &Value, is_body: bool) {
        let is_response = message.get("method").is_none();
        let nameless = is_response && message["id"].is_null();
        let asked = match message.get("id") {
            Some(id) if is_response => self.asked.get(&id.to_string()),
            _ => None,
        };
        let method = asked.map(|asked| asked.method.clone());
        let mut versions = match asked.and_then(|asked| asked.version) {
            Some(version) => vec![version],
            // To a body that can't be read, the newest say how to answer.
            None if nameless && is_body => VERSIONS
                .into_iter()
                .filter(|version| *version >= WITHOUT_ID)
                .collect(),
            // What a host assumes of a peer that never began, a test must know itself.
            None if self.agreed().is_none() && (nameless || asked.is_some()) => VERSIONS.to_vec(),
            None if self.spoken.is_empty() => VERSIONS.to_vec(),
            None => self.spoken.clone(),
        };
        // Whether it was asked for here or elsewhere, this is only said once.
        let agreed = message["result"]["protocolVersion"].as_str();
        if let Some(agreed) = agreed.filter(|_| method.as_deref().is_none_or(|m| m == "initialize"))
        {
            let agreed = version(agreed).expect("a version that there is");
            versions = vec![agreed];
            self.speak(Some(agreed));
            if let Some(session) = self.session.take() {
                sessions().insert(session, agreed);
            }
        }
        let mut misfits = Vec::new();
        for version in versions {
            match check(message, version, method.as_deref()) {
                Ok(()) => return,
                Err(misfit) => misfits.push(format!("{version}: {misfit}")),
            }
        }
        panic!("no message of the version spoken: {misfits:#?}\n{message}");
    }
}

fn is_message(value: &Value) -> bool {
    value.get("jsonrpc").is_some()
}

fn sessions() -> std::sync::MutexGuard<'static, HashMap<String, Version>> {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

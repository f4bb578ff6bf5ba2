//! A browser with one page, which does what it is asked and says what it sees. It ends
//! with the value that stands for it. Judges nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::place;
use crate::process::stop;
use crate::script::{node_program, with_environment};

/// A browser.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts one for the pages of `url`, which likes light or dark pages and is so
    /// many pixels large.
    ///
    /// # Panics
    /// If it doesn't start.
    pub fn start(url: &str, scheme: &str, (width, height): (u32, u32)) -> Self {
        let script = place::repository().join("tests/clients/dashboard.mjs");
        let mut command = Command::new(node_program());
        command
            .arg(script)
            .args([url, scheme, &width.to_string(), &height.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = with_environment(command).spawn().expect("Node starts");
        let asked = child.stdin.take().expect("a pipe");
        let told = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut browser = Self { child, asked, told };
        let ready = browser.line();
        assert_eq!(ready, json!({"ready": true}), "the browser starts");
        browser
    }

    /// Asks something, and waits for what comes of it.
    ///
    /// # Panics
    /// If nothing does.
    pub fn ask(&mut self, what: &Value) -> Value {
        self.send(what);
        self.receive()
    }

    /// Asks something that takes a while.
    ///
    /// # Panics
    /// If the browser is gone.
    pub fn send(&mut self, what: &Value) {
        writeln!(self.asked, "{what}").expect("the browser is there");
    }

    /// What comes of what was sent.
    ///
    /// # Panics
    /// If nothing does.
    pub fn receive(&mut self) -> Value {
        let mut line = self.line();
        assert!(line["error"].is_null(), "{line}");
        line["told"].take()
    }

    /// Opens a page.
    pub fn open(&mut self, path: &str) {
        self.ask(&json!({"do": "open", "path": path}));
    }

    /// Waits until something is seen.
    pub fn see(&mut self, at: &str) {
        self.ask(&json!({"do": "seen", "at": at}));
    }

    /// The text of the first that is there.
    pub fn text(&mut self, at: &str) -> String {
        let text = self.ask(&json!({"do": "text", "at": at}));
        text.as_str().expect("a text").to_owned()
    }

    /// Clicks.
    pub fn click(&mut self, at: &str) {
        self.ask(&json!({"do": "click", "at": at}));
    }

    /// What a script in the page gives.
    pub fn run(&mut self, script: &str) -> Value {
        self.ask(&json!({"do": "run", "script": script}))
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        // What it asks of a page has an end of its own.
        self.told.read_line(&mut line).expect("the browser speaks");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

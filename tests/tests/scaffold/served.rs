//! A host that was started by a line of a page, as written but for the port: a
//! free one. It ends with the value that stands for it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use fusebox_tests::{LONG, shell, signal, until};

/// How long a build may take on a slow machine that does several other things.
pub(crate) const BUILD: Duration = LONG.saturating_mul(5);

pub(crate) struct Served {
    child: Child,
    lines: Receiver<String>,
    /// what it has said so far, as far as it was waited for
    pub(crate) log: Vec<String>,
}

impl Served {
    /// Starts it.
    pub(crate) fn start(folder: &Path, line: &str) -> Self {
        // In place of the shell, so that the process that is ended is the host's.
        let mut command = shell(folder, &format!("exec {line} --listen 127.0.0.1:0"));
        let child = command
            .env("XDG_STATE_HOME", folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("the host starts");
        let stderr = child.stderr.take().expect("the log is piped");
        let (sender, lines) = mpsc::channel();
        // To its end, whoever listens: a host whose log nobody reads would wait.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            lines,
            log: Vec::new(),
        }
    }

    /// Waits for a line of its log with these words that it wasn't asked for yet.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        let end = Instant::now() + BUILD;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it didn't say {words:?} after\n{}", self.log.join("\n"));
            };
            self.log.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Where it answers MCP, which it has still to say.
    #[track_caller]
    pub(crate) fn url(&mut self) -> String {
        let line = self.says("listening on http://");
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        url.expect("an address").to_owned()
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, and gives how it ends.
    pub(crate) fn ends_with(&mut self, name: &str) -> ExitStatus {
        signal(self.process(), name);
        until("it has ended", || {
            self.child.try_wait().expect("a child can be waited for")
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It can have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

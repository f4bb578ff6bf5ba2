//! A host that was started by a line of a page, as written but for the port: a
//! free one. It ends with the value that stands for it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use fusebox_tests::shell;

pub(crate) struct Served {
    child: Child,
    /// where it answers MCP
    pub(crate) url: String,
}

impl Served {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(folder: &Path, line: &str) -> Self {
        // In place of the shell, so that the process that is ended is the host's.
        let mut command = shell(folder, &format!("exec {line} --listen 127.0.0.1:0"));
        let child = command
            .env("XDG_STATE_HOME", folder.join("state"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut served = Self {
            child: child.expect("the host starts"),
            url: String::new(),
        };
        let stderr = served.child.stderr.take().expect("the log is piped");
        let mut lines = BufReader::new(stderr).lines();
        let mut log = Vec::new();
        let url = lines.by_ref().find_map(|line| {
            let line = line.expect("the log is text");
            let start = line.find("http://");
            log.push(line.clone());
            let words = line[start?..].split_whitespace();
            words.map(|word| word.trim_matches('"').to_owned()).next()
        });
        served.url = url.unwrap_or_else(|| panic!("it listens nowhere: {log:#?}"));
        // A host whose log nobody reads would wait.
        std::thread::spawn(move || lines.for_each(drop));
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It can have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

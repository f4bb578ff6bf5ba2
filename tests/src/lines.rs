//! JSON-RPC as lines: over TCP, and over the standard streams of a host that
//! was started as a child. Shows each line as it came, and checks it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio as Pipe};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::{Setup, host_command};
use crate::process::{resident_kib, stop};
use crate::strict::Ledger;
use crate::wait::{LONG, until};

/// A connection to a TCP listener.
#[derive(Debug)]
pub struct Lines {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    ledger: Ledger,
}

impl Lines {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens there.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("failed to connect to {address}: {error}"));
        stream
            .set_nodelay(true)
            .expect("a socket takes TCP_NODELAY");
        stream
            .set_read_timeout(Some(LONG))
            .expect("a socket takes a timeout");
        stream
            .set_write_timeout(Some(LONG))
            .expect("a socket takes a timeout");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        Self {
            stream,
            reader,
            ledger: Ledger::default(),
        }
    }

    /// Sends bytes as they are. Says whether the host still took them.
    pub fn send_raw(&mut self, bytes: &[u8]) -> bool {
        self.ledger.sent_lines(bytes);
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) -> bool {
        self.send_raw(format!("{message}\n").as_bytes())
    }

    /// The next line as JSON; none if the connection is closed.
    ///
    /// # Panics
    /// If the line is not JSON, breaks its schema, or nothing comes for [`LONG`].
    pub fn receive(&mut self) -> Option<Value> {
        self.receive_line().map(|line| parse(&line))
    }

    /// The next line as it came; none if the connection is closed.
    ///
    /// # Panics
    /// If it breaks its schema, or nothing comes for [`LONG`].
    pub fn receive_line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => {
                self.ledger.received(&line);
                Some(line)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                panic!("the host sent nothing for {LONG:?}")
            }
            // A reset is a close too.
            Err(_) => None,
        }
    }

    /// Says that nothing more will be sent; answers can still be received.
    pub fn close_input(&mut self) {
        // A peer that has gone already needs no telling.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request and gives the answer with its id; what else comes is
    /// passed over.
    ///
    /// # Panics
    /// If the connection is closed first.
    pub fn exchange(&mut self, message: &Value) -> Value {
        self.send(message);
        loop {
            let answer = self
                .receive()
                .expect("an answer before the connection is closed");
            if answer["id"] == message["id"] {
                return answer;
            }
        }
    }
}

/// A host that serves its standard streams, or a bridge to one.
#[derive(Debug)]
pub struct Stdio {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    /// none if what it says is not checked
    ledger: Option<Ledger>,
    /// what a bridge says to people
    words: Option<JoinHandle<String>>,
    /// kept, since the host reads from it
    plugins: Option<TempDir>,
}

impl Stdio {
    /// Starts one.
    pub fn start(setup: Setup) -> Self {
        Self::start_with(setup, &[])
    }

    /// Starts one with further arguments.
    pub fn start_with(setup: Setup, further: &[&str]) -> Self {
        let (arguments, plugins) = setup.into_arguments();
        let mut command = host_command();
        command.arg("stdio").args(arguments).args(further);
        command.stderr(Pipe::null());
        let mut host = Self::spawn(command);
        host.plugins = Some(plugins);
        host
    }

    /// Starts another server that speaks lines over its standard streams. Whether
    /// it keeps to its schemas is its own business.
    pub fn program(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.stderr(Pipe::null());
        let mut server = Self::spawn(command);
        server.ledger = None;
        server
    }

    /// Starts `fusebox bridge` with these arguments.
    pub fn bridge(arguments: &[&str]) -> Self {
        let mut command = host_command();
        command.arg("bridge").args(arguments).stderr(Pipe::piped());
        let mut bridge = Self::spawn(command);
        let stderr = bridge.child.stderr.take().expect("the words are piped");
        bridge.words = Some(thread::spawn(move || {
            std::io::read_to_string(stderr).unwrap_or_default()
        }));
        bridge
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Pipe::piped())
            .stdout(Pipe::piped())
            .spawn()
            .expect("the host starts");
        let stdout = child.stdout.take().expect("the output is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                if !matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0)
                    || sender.send(line).is_err()
                {
                    return;
                }
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            ledger: Some(Ledger::default()),
            words: None,
            plugins: None,
        }
    }

    /// Sends bytes as they are. Says whether the host still took them.
    pub fn send_raw(&mut self, bytes: &[u8]) -> bool {
        if let Some(ledger) = &mut self.ledger {
            ledger.sent_lines(bytes);
        }
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).is_ok()
    }

    /// The next line as JSON; none if the host has closed its output.
    ///
    /// # Panics
    /// If the line is not JSON, breaks its schema, or nothing comes for [`LONG`].
    pub fn receive(&mut self) -> Option<Value> {
        self.receive_line().map(|line| parse(&line))
    }

    /// The next line as it came; none if the host has closed its output.
    ///
    /// # Panics
    /// If it breaks its schema, or nothing comes for [`LONG`].
    pub fn receive_line(&mut self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(LONG) {
            Ok(line) => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.received(&line);
                }
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the host sent nothing for {LONG:?}"),
        }
    }

    /// Sends a request and gives the answer with its id; what else comes is
    /// passed over.
    ///
    /// # Panics
    /// If the host closes its output first.
    pub fn exchange(&mut self, message: &Value) -> Value {
        self.send_raw(format!("{message}\n").as_bytes());
        loop {
            let answer = self
                .receive()
                .expect("an answer before the output is closed");
            if answer["id"] == message["id"] {
                return answer;
            }
        }
    }

    /// Whether the process is there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Closes its input; what it still writes can be received.
    #[must_use]
    pub fn close_input(mut self) -> Self {
        self.stdin = None;
        self
    }

    /// Its resident memory in KiB.
    ///
    /// # Panics
    /// If it isn't alive.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(self.child.id())
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) -> bool {
        self.send_raw(format!("{message}\n").as_bytes())
    }

    /// Waits until a bridge has ended by itself. Its exit code, and what it said to
    /// people.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn end(mut self) -> (Option<i32>, String) {
        let status = until("the bridge has ended", || {
            self.child.try_wait().expect("a child can be waited for")
        });
        let words = self.words.take().expect("the words are kept");
        (status.code(), words.join().expect("the words are read"))
    }

    /// Closes its input and waits until it has ended.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn finish(mut self) -> ExitStatus {
        self.stdin = None;
        until("the host has ended", || {
            self.child.try_wait().expect("a child can be waited for")
        })
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        self.stdin = None;
        stop(&mut self.child);
    }
}

/// An `initialize` request of 2025-11-25 with this id.
pub fn initialize_line(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "fusebox-tests", "version": "1"},
    }})
}

fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line)
        .unwrap_or_else(|error| panic!("not JSON ({error}): {}", String::from_utf8_lossy(line)))
}

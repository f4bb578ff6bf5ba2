//! Sockets that this process was given when it started: by systemd, or by the host
//! whose place it takes.
//!
//! It owns which of them is which listener. It binds nothing itself, and takes what
//! the environment says once, before there is another thread.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use listenfd::ListenFd;

use crate::config::Listener;
use crate::seal::KEY_BYTES;

/// Which listener of the configuration each socket is, from a host to the one that
/// takes its place: `place=listener`, with commas between.
pub(crate) const SOCKETS: &str = "FUSEBOX_SOCKETS";

/// How systemd names the sockets.
const NAMES: &str = "LISTEN_FDNAMES";

/// How long the host before may take to say the little that it has to say.
const WORDS_PATIENCE: Duration = Duration::from_secs(10);

/// What this process began with.
#[derive(Debug)]
pub struct Inherited {
    tcp: Vec<Given<TcpListener>>,
    udp: Vec<Given<UdpSocket>>,
    pub(crate) predecessor: Option<Predecessor>,
    pub(crate) program: Program,
}

/// What it takes to run the same program again, wherever its file is by then.
#[derive(Clone, Debug)]
pub struct Program {
    /// none: the system doesn't say
    pub(crate) path: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
}

/// The host whose place this one takes.
#[derive(Debug)]
pub(crate) struct Predecessor {
    /// closed when that process has ended
    pub(crate) line: UnixStream,
    /// what it sealed with
    pub(crate) seal: [u8; KEY_BYTES],
}

/// A socket, and what is known of it.
#[derive(Debug)]
struct Given<S> {
    socket: S,
    addr: SocketAddr,
    /// what systemd calls it
    name: Option<String>,
    /// what the host before had it for
    listener: Option<String>,
}

impl<S> Given<S> {
    fn is(&self, listener: &Listener) -> bool {
        match &self.listener {
            Some(known) => *known == listener.to_string(),
            None => self.addr == listener.addr,
        }
    }

    fn is_called(&self, listener: &Listener) -> bool {
        self.listener.is_none() && self.name.as_deref() == Some(listener.scheme.as_str())
    }
}

impl Inherited {
    /// Nothing, for a host that is not to be restarted.
    pub(crate) fn none() -> Self {
        Self {
            tcp: Vec::new(),
            udp: Vec::new(),
            predecessor: None,
            program: Program {
                path: None,
                arguments: Vec::new(),
            },
        }
    }

    /// What the environment of this process says. To be called once, at its start.
    ///
    /// # Errors
    /// If the host whose place this one takes has nothing to say.
    pub fn take() -> io::Result<Self> {
        let names = std::env::var(NAMES).unwrap_or_default();
        let listeners = std::env::var(SOCKETS).ok();
        let predecessor = listeners.as_ref().map(|_| Predecessor::at_stdin());
        let mut inherited = Self {
            tcp: Vec::new(),
            udp: Vec::new(),
            predecessor: predecessor.transpose()?,
            program: Program {
                path: std::env::current_exe().ok(),
                arguments: std::env::args_os().skip(1).collect(),
            },
        };
        let mut given = ListenFd::from_env();
        let mut names = names.split(':').filter(|_| listeners.is_none());
        for place in 0..given.len() {
            let name = names.next().map(str::to_owned);
            let listener = listeners.as_deref().and_then(|all| listener_at(all, place));
            inherited.sort(&mut given, place, name, listener)?;
        }
        Ok(inherited)
    }

    fn sort(
        &mut self,
        given: &mut ListenFd,
        place: usize,
        name: Option<String>,
        listener: Option<String>,
    ) -> io::Result<()> {
        // What is no socket of that kind stays where it is.
        if let Ok(Some(socket)) = given.take_tcp_listener(place) {
            socket.set_nonblocking(true)?;
            let addr = socket.local_addr()?;
            self.tcp.push(Given {
                socket,
                addr,
                name,
                listener,
            });
        } else if let Ok(Some(socket)) = given.take_udp_socket(place) {
            socket.set_nonblocking(true)?;
            let addr = socket.local_addr()?;
            self.udp.push(Given {
                socket,
                addr,
                name,
                listener,
            });
        }
        Ok(())
    }

    /// The socket of a listener over TCP, if there is one.
    ///
    /// # Errors
    /// If it would be reached by more than the configuration says.
    pub(crate) fn tcp(&mut self, listener: &Listener) -> io::Result<Option<TcpListener>> {
        pick(&mut self.tcp, listener)
    }

    /// The socket of a listener over UDP, if there is one.
    ///
    /// # Errors
    /// If it would be reached by more than the configuration says.
    pub(crate) fn udp(&mut self, listener: &Listener) -> io::Result<Option<UdpSocket>> {
        pick(&mut self.udp, listener)
    }

    /// Says which sockets no listener wanted, and closes them.
    pub(crate) fn close_others(&mut self) {
        let tcp = self.tcp.drain(..).map(|given| (given.addr, "TCP"));
        let udp = self.udp.drain(..).map(|given| (given.addr, "UDP"));
        for (addr, kind) in tcp.chain(udp) {
            tracing::warn!(
                %addr,
                kind,
                "a socket was handed over that no listener is for: set `listen`, or name it \
                 http, https, tcp or quic (`FileDescriptorName=`)"
            );
        }
    }
}

/// What stands for a place in the list of a host before.
fn listener_at(all: &str, place: usize) -> Option<String> {
    let mut all = all.split(',').filter_map(|one| one.split_once('='));
    let found = all.find(|(at, _)| at.parse() == Ok(place));
    found.map(|(_, listener)| listener.to_owned())
}

fn pick<S>(given: &mut Vec<Given<S>>, listener: &Listener) -> io::Result<Option<S>> {
    let by_address = given.iter().position(|one| one.is(listener));
    let by_name = || given.iter().position(|one| one.is_called(listener));
    let Some(found) = by_address.or_else(by_name) else {
        return Ok(None);
    };
    let found = given.swap_remove(found);
    // What the start has checked is the address in the configuration.
    if listener.addr.ip().is_loopback() && !found.addr.ip().is_loopback() {
        let addr = found.addr;
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the socket that was handed over is bound to {addr}: say so in `listen`"),
        ));
    }
    Ok(Some(found.socket))
}

impl Predecessor {
    /// The host before is at the other end of standard input.
    fn at_stdin() -> io::Result<Self> {
        let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        line.set_read_timeout(Some(WORDS_PATIENCE))?;
        let mut seal = [0; KEY_BYTES];
        (&line).read_exact(&mut seal)?;
        line.set_nonblocking(true)?;
        Ok(Self { line, seal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(addr: &str, name: Option<&str>, listener: Option<&str>) -> Given<u8> {
        Given {
            socket: 1,
            addr: addr.parse().unwrap(),
            name: name.map(str::to_owned),
            listener: listener.map(str::to_owned),
        }
    }

    fn picked(given: Given<u8>, listener: &str) -> Option<u8> {
        pick(&mut vec![given], &listener.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_socket_is_known_by_its_address_its_name_or_the_host_before() {
        let here = "127.0.0.1:9999";
        assert_eq!(
            picked(given(here, None, None), "http://127.0.0.1:9999"),
            Some(1)
        );
        assert_eq!(
            picked(given(here, None, None), "http://127.0.0.1:9998"),
            None
        );
        assert_eq!(
            picked(given(here, Some("http"), None), "http://127.0.0.1:1"),
            Some(1)
        );
        assert_eq!(
            picked(given(here, Some("https"), None), "http://127.0.0.1:1"),
            None
        );
        let known = Some("http://127.0.0.1:0");
        assert_eq!(
            picked(given(here, None, known), "http://127.0.0.1:0"),
            Some(1)
        );
        assert_eq!(picked(given(here, None, known), "tcp://127.0.0.1:0"), None);
    }

    #[test]
    fn a_socket_that_strangers_reach_is_not_taken_for_one_that_they_do_not() {
        let public = given("0.0.0.0:80", Some("http"), None);
        let error = pick(&mut vec![public], &"http://127.0.0.1:80".parse().unwrap());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("0.0.0.0:80"), "{error}");
        let public = given("0.0.0.0:80", Some("http"), None);
        assert_eq!(picked(public, "http://0.0.0.0:8080"), Some(1));
    }

    #[test]
    fn the_list_of_a_host_before_is_read_by_place() {
        let all = "0=http://127.0.0.1:0,4=quic://[::1]:9";
        assert_eq!(listener_at(all, 0).as_deref(), Some("http://127.0.0.1:0"));
        assert_eq!(listener_at(all, 4).as_deref(), Some("quic://[::1]:9"));
        assert_eq!(listener_at(all, 1), None);
    }
}

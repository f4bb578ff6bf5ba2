//! The connection that a call came by, as far as fairness and bounds need to know
//! it: where it comes from, how many calls it has under way, and how much it has not
//! taken yet.
//!
//! It owns the two counts. It never refuses anything itself and never knows
//! what a connection speaks.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use crate::auth::Caller;

/// What carries a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// standard input and output
    Pipe,
    /// TCP, encrypted or not
    Tcp,
    /// QUIC
    Quic,
}

impl Carrier {
    /// As conventions name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pipe => "pipe",
            Self::Tcp => "tcp",
            Self::Quic => "quic",
        }
    }
}

/// Versions of HTTP, by the number that stands for each.
const HTTP_VERSIONS: [(http::Version, &str); 4] = [
    (http::Version::HTTP_10, "1.0"),
    (http::Version::HTTP_11, "1.1"),
    (http::Version::HTTP_2, "2"),
    (http::Version::HTTP_3, "3"),
];

/// One connection. Clones are the same connection.
#[derive(Clone, Debug)]
pub struct Origin(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    id: u64,
    peer: Option<SocketAddr>,
    carrier: Carrier,
    /// a place in [`HTTP_VERSIONS`], counted from 1; 0: it is none of HTTP
    http: AtomicU8,
    certified: Option<Caller>,
    calls: AtomicUsize,
    undelivered_bytes: AtomicUsize,
}

impl Default for Origin {
    /// A connection of its own, of nobody in particular.
    fn default() -> Self {
        Self::with(None, Carrier::Pipe, None)
    }
}

impl Origin {
    /// A connection from an address, by a client that has shown a certificate.
    pub fn new(peer: SocketAddr, carrier: Carrier, certified: Option<Caller>) -> Self {
        Self::with(Some(peer), carrier, certified)
    }

    /// Another one from the same address, of nobody in particular.
    #[must_use]
    pub fn beside(&self) -> Self {
        let beside = Self::with(self.0.peer, self.0.carrier, None);
        let http = self.0.http.load(Ordering::Relaxed);
        beside.0.http.store(http, Ordering::Relaxed);
        beside
    }

    fn with(peer: Option<SocketAddr>, carrier: Carrier, certified: Option<Caller>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Counts {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            peer,
            carrier,
            http: AtomicU8::new(0),
            certified,
            calls: AtomicUsize::new(0),
            undelivered_bytes: AtomicUsize::new(0),
        }))
    }

    /// Where it comes from; none: from nowhere else.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.peer.map(|peer| peer.ip())
    }

    /// And from which port.
    pub fn port(&self) -> Option<u16> {
        self.0.peer.map(|peer| peer.port())
    }

    /// What carries it.
    pub fn carrier(&self) -> Carrier {
        self.0.carrier
    }

    /// It speaks this version of HTTP.
    pub fn speaks(&self, version: http::Version) {
        let mut versions = HTTP_VERSIONS.iter();
        let place = versions.position(|(known, _)| *known == version);
        let number = place.map_or(0, |place| place as u8 + 1);
        // It is the same for each request: what isn't written stays with all cores.
        if self.0.http.load(Ordering::Relaxed) != number {
            self.0.http.store(number, Ordering::Relaxed);
        }
    }

    /// The version of HTTP that it speaks, as conventions name it; none: none of HTTP.
    pub fn http_version(&self) -> Option<&'static str> {
        let number = usize::from(self.0.http.load(Ordering::Relaxed));
        let found = number
            .checked_sub(1)
            .and_then(|place| HTTP_VERSIONS.get(place));
        found.map(|(_, name)| *name)
    }

    /// Who its client is by the certificate that it has shown.
    pub fn certified(&self) -> Option<&Caller> {
        self.0.certified.as_ref()
    }

    /// No other connection of this process has it.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Begins a call, unless `max` are under way.
    pub fn begin(&self, max: usize) -> Option<Underway> {
        // One more than there may be is taken back at once: no other call of this
        // connection can begin by mistake meanwhile, only be refused early.
        let before = self.0.calls.fetch_add(1, Ordering::Relaxed);
        let underway = Underway(self.clone());
        (before < max).then_some(underway)
    }

    /// Bytes of answers that were made and not taken.
    pub fn undelivered_bytes(&self) -> usize {
        self.0.undelivered_bytes.load(Ordering::Relaxed)
    }

    /// Counts an answer for as long as the guard lives.
    pub fn deliver(&self, bytes: usize) -> Undelivered {
        self.0.undelivered_bytes.fetch_add(bytes, Ordering::Relaxed);
        Undelivered {
            origin: self.clone(),
            bytes,
        }
    }
}

/// A call of a connection, until this is dropped.
#[derive(Debug)]
#[must_use = "the call ends with the guard"]
pub struct Underway(Origin);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer that waits to be taken, until this is dropped.
#[derive(Debug)]
#[must_use = "the answer counts as taken with the end of the guard"]
pub struct Undelivered {
    origin: Origin,
    bytes: usize,
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        self.origin
            .0
            .undelivered_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_so_many_calls_and_no_more() {
        let (one, other) = (Origin::default(), Origin::default());
        let first = one.begin(2);
        let second = one.clone().begin(2);
        assert!(first.is_some() && second.is_some());
        assert!(one.begin(2).is_none());
        assert!(one.begin(2).is_none(), "a refusal takes no place");
        assert!(other.begin(2).is_some(), "connections have their own");
        drop(first);
        assert!(one.begin(2).is_some());
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn what_is_taken_is_no_longer_counted() {
        let origin = Origin::default();
        let answer = origin.deliver(7);
        assert_eq!(origin.undelivered_bytes(), 7);
        drop(answer);
        assert_eq!(origin.undelivered_bytes(), 0);
    }
}

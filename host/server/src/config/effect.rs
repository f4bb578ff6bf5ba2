//! When a key that is changed in the file takes effect in a running host. Owns that
//! one answer for each key; changes nothing by itself.

use super::rules::PLUGINS;

/// When a new value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// for the next call or request
    AtOnce,
    /// for connections that are opened after it
    NewConnections,
    /// when the host is started again
    Restart,
}

impl Effect {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::NewConnections => "for new connections",
            Self::Restart => "at the next start",
        }
    }
}

/// Tables of which every key holds at once.
const AT_ONCE_TABLES: &[&str] = &[
    "auth",
    "backpressure",
    "canary",
    "circuit_breaker",
    "limits",
    "lists",
    "message_queue",
    "oauth",
    "plugins",
    "rate_limits",
    "roles",
    "views",
];

const AT_ONCE: &[&str] = &[
    "health_check_interval_ms",
    "shutdown_timeout_ms",
    "http.body_max_bytes",
    "http.body_timeout_ms",
    "http.sse_keep_alive_ms",
    "http.sse_retry_ms",
    "http.allowed_origins",
    "http.allowed_hosts",
    "session.ask_timeout_ms",
    "quic.retry_handshakes",
    "reload.poll_interval_ms",
    "reload.settle_ms",
    "reload.file_max_bytes",
    "tasks.deadline_ms",
    "tasks.poll_interval_ms",
    "log.level",
];

const NEW_CONNECTIONS: &[&str] = &[
    "http.header_timeout_ms",
    "http.idle_timeout_ms",
    "http.head_max_bytes",
    "http.head_max_fields",
    "http.http2_streams_max",
    "http.http2_ping_ms",
    "stream.frame_max_bytes",
    "stream.calls_in_flight_max",
    "stream.idle_timeout_ms",
    "socket.nodelay",
    "socket.keepalive",
    "socket.write_timeout_ms",
    "socket.undelivered_max_bytes",
    "tls.client_role",
    "tls.handshake_timeout_ms",
];

/// When a new value of a whole key, such as `limits.fuel`, takes effect.
pub fn effect(key: &str) -> Effect {
    let table = key.split('.').next().unwrap_or_default();
    let of_source = table == PLUGINS && key.contains(".source.");
    match () {
        () if of_source => Effect::Restart,
        () if AT_ONCE_TABLES.contains(&table) || AT_ONCE.contains(&key) => Effect::AtOnce,
        () if NEW_CONNECTIONS.contains(&key) => Effect::NewConnections,
        () => Effect::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::*;

    #[test]
    fn each_name_is_that_of_a_key() {
        for key in AT_ONCE.iter().chain(NEW_CONNECTIONS) {
            assert!(RULES.iter().any(|(known, _)| known == key), "{key}");
        }
        let known = super::super::unknown::names_in("");
        for table in AT_ONCE_TABLES {
            assert!(known.contains(table), "{table}");
        }
        assert_eq!(effect("plugins.a.source.url"), Effect::Restart);
        assert_eq!(effect("plugins.a.fuel"), Effect::AtOnce);
        assert_eq!(effect("port"), Effect::Restart);
    }
}

//! Server-sent events, as Streamable HTTP carries messages.
//!
//! Owns the text of an event stream. It never decides when to send one.

/// Writes one event of the default type, `message`. Empty `data` gives the
/// priming event of 2025-11-25, which only carries an id. An `id` with a line
/// break or a NUL, which no stream can carry, is left out.
pub fn event(out: &mut Vec<u8>, data: &[u8], id: Option<&str>) {
    if let Some(id) = id.filter(|id| !id.contains(['\n', '\r', '\0'])) {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    // A message is one line; were it not, each of its lines needs the prefix,
    // or the rest would be read as fields of the event.
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// Writes a comment, which keeps the connection alive and which clients ignore.
pub fn keep_alive(out: &mut Vec<u8>) {
    out.extend_from_slice(b":\n\n");
}

/// Tells the client how long to wait before it reconnects.
pub fn retry(out: &mut Vec<u8>, retry_ms: u64) {
    out.extend_from_slice(format!("retry: {retry_ms}\n\n").as_bytes());
}

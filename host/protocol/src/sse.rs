//! Server-sent events, as Streamable HTTP and the HTTP+SSE of 2024-11-05 carry
//! messages.
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
    fields(out, data);
}

/// Writes one event of a type of its own, as the transport of 2024-11-05 has
/// them. `name` is a word.
pub fn named_event(out: &mut Vec<u8>, name: &'static str, data: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    fields(out, data);
}

fn fields(out: &mut Vec<u8>, data: &[u8]) {
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

//! What `fusebox plugin dev` shows of the log: a line for each thing that an author
//! wants to see.
//!
//! It owns the form of these lines. What is in them is whoever's that logs them.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::TARGET;
use crate::call_log::{CALLS, WORDS};

/// How much of the log is shown (directives as in `FUSEBOX_LOG`).
pub const FILTER: &str = concat!(
    "info,fusebox::calls=debug,fusebox::words=debug,",
    "wasmtime=warn,cranelift=warn,hyper=warn"
);

/// Makes lines of events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let line = line(event.metadata().target(), *event.metadata().level(), &said);
        writeln!(writer, "{line}")
    }
}

/// What an event has.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, value)),
        }
    }

    /// Takes a field out.
    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.fields.iter().position(|(field, _)| *field == name)?;
        Some(self.fields.remove(place).1)
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }
}

fn line(target: &str, level: Level, said: &Said) -> String {
    let mut said = Said {
        message: said.message.clone(),
        fields: said.fields.clone(),
    };
    let handler = said.take("handler");
    match (target, handler) {
        (CALLS, Some(handler)) => {
            let used = used(&mut said).unwrap_or_default();
            marked("call", &format!("{handler}: {}{used}", said.message))
        }
        (WORDS, Some(handler)) => {
            let level = level.as_str().to_lowercase();
            let logger = said.take("logger");
            let logger = logger.map(|logger| format!(" ({logger})"));
            let logger = logger.unwrap_or_default();
            let words = serde_json::from_str::<String>(&said.message);
            let words = words.unwrap_or_else(|_| said.message.clone());
            marked("log", &format!("{handler}: {level}{logger}: {words}"))
        }
        (TARGET, _) => marked("dev", &said.message),
        (_, handler) => {
            let handler = handler.map(|handler| ("handler", handler));
            let fields = said.fields.iter().cloned().chain(handler);
            let fields = fields.map(|(name, value)| format!(" {name}={value}"));
            let fields: String = fields.collect();
            let level = match level {
                Level::ERROR => "error: ",
                Level::WARN => "warning: ",
                _ => "",
            };
            marked("host", &format!("{level}{}{fields}", said.message))
        }
    }
}

/// What a call used; none if its handler didn't run.
fn used(said: &mut Said) -> Option<String> {
    let fuel = said.take("fuel")?;
    let elapsed_ms: f64 = said.take("elapsed_ms")?.parse().ok()?;
    let memory: f64 = said.take("memory_bytes")?.parse().ok()?;
    let mib = memory / f64::from(1 << 20);
    Some(format!(
        " (fuel {fuel}, {elapsed_ms:.3} ms, memory {mib:.2} MiB)"
    ))
}

/// A line, or several that stand below each other, with the mark of who says it.
/// What a plugin says must not steer the terminal.
fn marked(mark: &str, text: &str) -> String {
    let mut line = format!("{mark:<5}");
    for char in text.trim_end().chars() {
        match char {
            '\n' => line += "\n     ",
            '\t' => line.push(char),
            char if char.is_control() => line.extend(char.escape_unicode()),
            char => line.push(char),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str, fields: &[(&'static str, &str)]) -> Said {
        Said {
            message: message.to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn each_kind_of_event_has_its_line() {
        let call = [
            ("plugin", "hello"),
            ("handler", "add"),
            ("fuel", "5829"),
            ("elapsed_ms", "0.1"),
            ("memory_bytes", "2097152"),
        ];
        assert_eq!(
            line(CALLS, Level::DEBUG, &said("ok", &call)),
            "call add: ok (fuel 5829, 0.100 ms, memory 2.00 MiB)"
        );
        assert_eq!(
            line(CALLS, Level::DEBUG, &said("kept", &call[..2])),
            "call add: kept"
        );
        let words = [("plugin", "hello"), ("handler", "add"), ("logger", "sums")];
        assert_eq!(
            line(WORDS, Level::INFO, &said("\"1\\n2\\u001b[2J\"", &words)),
            "log  add: info (sums): 1\n     2\\u{1b}[2J"
        );
        assert_eq!(
            line(WORDS, Level::WARN, &said("{\"a\":1}", &words[..2])),
            "log  add: warn: {\"a\":1}"
        );
        assert_eq!(
            line(
                "fusebox::loader",
                Level::WARN,
                &said("it failed", &call[..2])
            ),
            "host warning: it failed plugin=hello handler=add"
        );
        assert_eq!(
            line(TARGET, Level::INFO, &said("building", &[])),
            "dev  building"
        );
    }
}

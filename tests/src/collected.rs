//! What a collector got, read from what it prints of it: spans, lines of the log and
//! series of figures. It checks nothing.

use std::collections::BTreeMap;

/// Names and values, as the collector shows them.
type Attributes = BTreeMap<String, String>;

/// One span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// its trace, in hex
    pub trace: String,
    /// its id, in hex
    pub id: String,
    /// the id of its parent; empty: it has none
    pub parent: String,
    /// what it is called
    pub name: String,
    /// `SPAN_KIND_SERVER` and the like
    pub kind: String,
    /// `STATUS_CODE_ERROR` and the like
    pub status: String,
    /// in nanoseconds since 1970
    pub start: u128,
    /// in nanoseconds since 1970
    pub end: u128,
    /// what it carries
    pub attributes: Attributes,
    /// what its events carry
    pub events: Vec<Attributes>,
    /// the ids of the spans that it is linked with
    pub links: Vec<String>,
    /// what is said of its host
    pub resource: Attributes,
}

/// One line of a log.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// `INFO` and the like
    pub level: String,
    /// what it says
    pub words: String,
    /// what it carries
    pub attributes: Attributes,
    /// the trace that it belongs to, in hex; empty: to none
    pub trace: String,
    /// the span that it belongs to
    pub span: String,
}

/// One figure, and one of its series.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// the name of the figure
    pub name: String,
    /// its unit
    pub unit: String,
    /// what the series carries
    pub attributes: Attributes,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// the spans, in the order in which they came
    pub spans: Vec<Span>,
    /// the lines of the log
    pub lines: Vec<Line>,
    /// the figures
    pub series: Vec<Series>,
}

/// What the next attribute belongs to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nothing,
    Resource,
    Span,
    Event,
    Link,
    Line,
    Figure,
    Series,
}

impl Collected {
    /// Reads what a collector has printed so far.
    pub fn read(printed: &str) -> Self {
        let mut collected = Self::default();
        let mut place = Place::default();
        let mut resource = Attributes::new();
        for line in printed.lines() {
            let text = line.trim();
            let begins = |what: &str| text.starts_with(what);
            if begins("ResourceSpans #") || begins("ResourceLog #") || begins("ResourceMetrics #") {
                resource.clear();
                place = Place::Nothing;
            } else if text == "Resource attributes:" {
                place = Place::Resource;
            } else if begins("Span #") {
                collected.spans.push(Span {
                    resource: resource.clone(),
                    ..Span::default()
                });
                place = Place::Span;
            } else if begins("SpanEvent #") {
                if let Some(span) = collected.spans.last_mut() {
                    span.events.push(Attributes::new());
                }
                place = Place::Event;
            } else if begins("SpanLink #") {
                place = Place::Link;
            } else if begins("LogRecord #") {
                collected.lines.push(Line::default());
                place = Place::Line;
            } else if begins("Metric #") {
                collected.series.push(Series::default());
                place = Place::Figure;
            } else if begins("NumberDataPoints #") || begins("HistogramDataPoints #") {
                let last = collected.series.last().cloned().unwrap_or_default();
                collected.series.push(Series {
                    attributes: Attributes::new(),
                    ..last
                });
                place = Place::Series;
            } else if begins("ScopeSpans #") || begins("ScopeLogs #") || begins("ScopeMetrics #") {
                place = Place::Nothing;
            } else {
                collected.take(place, text, &mut resource);
            }
        }
        collected
    }

    fn take(&mut self, place: Place, text: &str, resource: &mut Attributes) {
        let Some((name, value)) = text.split_once(':') else {
            return;
        };
        let value = value.trim();
        let of_list = name.strip_prefix("-> ").map(|name| (name, inner(value)));
        match (place, of_list) {
            (Place::Resource, Some((name, value))) => {
                resource.insert(name.to_owned(), value.to_owned());
            }
            (Place::Span, field) => {
                self.spans
                    .last_mut()
                    .into_iter()
                    .for_each(|span| match field {
                        Some((name, value)) => {
                            span.attributes.insert(name.to_owned(), value.to_owned());
                        }
                        None => span.field(name.trim(), value),
                    })
            }
            (Place::Event, Some((name, value))) => {
                let event = self
                    .spans
                    .last_mut()
                    .and_then(|span| span.events.last_mut());
                event
                    .into_iter()
                    .for_each(|event| drop(event.insert(name.to_owned(), value.to_owned())));
            }
            (Place::Link, Some(("ID", value))) => {
                let span = self.spans.last_mut();
                span.into_iter()
                    .for_each(|span| span.links.push(value.to_owned()));
            }
            (Place::Line, field) => {
                self.lines
                    .last_mut()
                    .into_iter()
                    .for_each(|line| match field {
                        Some((name, value)) => {
                            line.attributes.insert(name.to_owned(), value.to_owned());
                        }
                        None => line.field(name.trim(), value),
                    })
            }
            (Place::Figure, Some((name, value))) => {
                let series = self.series.last_mut();
                series.into_iter().for_each(|series| match name {
                    "Name" => series.name = value.to_owned(),
                    "Unit" => series.unit = value.to_owned(),
                    _ => {}
                });
            }
            (Place::Series, Some((name, value))) => {
                let series = self.series.last_mut();
                series.into_iter().for_each(|series| {
                    series.attributes.insert(name.to_owned(), value.to_owned());
                });
            }
            _ => {}
        }
    }

    /// The spans of a trace.
    pub fn trace(&self, trace: &str) -> Vec<&Span> {
        self.spans
            .iter()
            .filter(|span| span.trace == trace)
            .collect()
    }

    /// Whether there is a figure of this name.
    pub fn has_figure(&self, name: &str) -> bool {
        self.series.iter().any(|series| series.name == name)
    }
}

impl Span {
    fn field(&mut self, name: &str, value: &str) {
        let into = match name {
            "Trace ID" => &mut self.trace,
            "Parent ID" => &mut self.parent,
            "ID" => &mut self.id,
            "Name" => &mut self.name,
            "Kind" => &mut self.kind,
            "Status code" => &mut self.status,
            "Start time" => return self.start = value.parse().unwrap_or_default(),
            "End time" => return self.end = value.parse().unwrap_or_default(),
            _ => return,
        };
        value.clone_into(into);
    }

    /// An attribute; empty if it isn't there.
    pub fn says(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Line {
    fn field(&mut self, name: &str, value: &str) {
        let into = match name {
            "Trace ID" => &mut self.trace,
            "Span ID" => &mut self.span,
            "SeverityText" => &mut self.level,
            "Body" => return inner(value).clone_into(&mut self.words),
            _ => return,
        };
        value.clone_into(into);
    }
}

/// `x` of `Str(x)`.
fn inner(value: &str) -> &str {
    let inside = value.split_once('(').map(|(_, rest)| rest);
    inside
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(value)
}

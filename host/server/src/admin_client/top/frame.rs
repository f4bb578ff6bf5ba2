//! One frame of `fusebox top`.
//!
//! It owns what stands where. It asks nobody and waits for nothing.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Sparkline, Table, TableState};

use crate::admin_client::told::{Entry, Plugin, Snapshot};

/// Recent faults that are shown at most.
const FAULTS_SHOWN: usize = 10;

/// Rows of a plot, its frame included.
const PLOT_HEIGHT: u16 = 5;

/// Characters of a version that are shown.
const SHA_SHOWN: usize = 12;

/// What is drawn.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) host: String,
    pub(super) snapshot: Snapshot,
    /// why what is shown is old, if it is
    pub(super) lost: Option<String>,
    /// plugins that are passed over
    pub(super) scroll: usize,
}

impl View {
    /// Rows that it takes to show all.
    pub(super) fn height(&self) -> u16 {
        let rows =
            self.head().len() + self.plugins_height() + self.fuses().len() + self.faults().len();
        u16::try_from(rows)
            .unwrap_or(u16::MAX)
            .saturating_add(PLOT_HEIGHT + 2)
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let (head, fuses, faults) = (self.head(), self.fuses(), self.faults());
        let rows = |lines: &Vec<Line<'_>>| u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let [top, plots, plugins, under, foot] = Layout::vertical([
            Constraint::Length(rows(&head)),
            Constraint::Length(PLOT_HEIGHT),
            Constraint::Min(3),
            Constraint::Max(rows(&fuses).saturating_add(rows(&faults))),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(Paragraph::new(head), top);
        self.draw_plots(frame, plots);
        self.draw_plugins(frame, plugins);
        let more: Vec<Line<'_>> = fuses.into_iter().chain(faults).collect();
        frame.render_widget(Paragraph::new(more), under);
        let keys = Line::styled("q quits, up and down scroll", dim());
        frame.render_widget(Paragraph::new(keys), foot);
    }

    fn head(&self) -> Vec<Line<'_>> {
        let figures = &self.snapshot.figures;
        let status = Style::new().fg(match figures.status.as_str() {
            "healthy" => Color::Green,
            "degraded" => Color::Yellow,
            _ => Color::Blue,
        });
        let up = humantime::format_duration(Duration::from_secs(figures.uptime_s));
        let mut lines = vec![Line::from(vec![
            Span::styled("Fusebox ", bold()),
            Span::raw(format!("{}  ", self.snapshot.version)),
            Span::styled(figures.status.clone(), status.add_modifier(Modifier::BOLD)),
            Span::raw(format!("  up {up}  {}", self.host)),
        ])];
        if let Some(lost) = &self.lost {
            let old = format!("DISCONNECTED, this is old: {lost}");
            let style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
            lines.push(Line::styled(old, style));
        }
        let causes = figures.causes.iter();
        lines.extend(causes.map(|cause| Line::styled(format!("  {cause}"), Color::Yellow)));
        let last = self.snapshot.samples.last().cloned().unwrap_or_default();
        let millis = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
        lines.push(Line::from(format!(
            "requests {:.1}/s  errors {:.1}/s  latency ms 50% {} 95% {} 99% {}",
            last.requests,
            last.errors,
            millis(last.p50_ms),
            millis(last.p95_ms),
            millis(last.p99_ms),
        )));
        lines.push(Line::from(format!(
            "in flight {}  waiting {}  connections {}  sessions {}  instances {}  memory {:.0} MiB  cpu {} %",
            figures.calls_in_flight,
            figures.queue_depth,
            figures.connections,
            figures.sessions,
            figures.instances_alive,
            figures.memory_mb,
            figures.cpu_percent,
        )));
        lines.push(Line::styled(
            format!(
                "{} requests and {} errors since the start",
                figures.requests_total, figures.errors_total
            ),
            dim(),
        ));
        lines
    }

    fn draw_plots(&self, frame: &mut Frame<'_>, area: Rect) {
        let halves =
            Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas::<2>(area);
        let samples = self.snapshot.samples.iter();
        let requests: Vec<f64> = samples.clone().map(|one| one.requests).collect();
        // Sparks are whole numbers.
        let slow: Vec<f64> = samples
            .map(|one| one.p99_ms.unwrap_or(0.0) * 1000.0)
            .collect();
        let plots = [
            ("requests a second", requests, Color::Cyan, 1.0),
            ("latency at 99 %, ms", slow, Color::Magenta, 1000.0),
        ];
        for ((name, values, color, unit), half) in plots.into_iter().zip(halves) {
            let width = usize::from(half.width.saturating_sub(2));
            let shown = &values[values.len().saturating_sub(width)..];
            let most = shown.iter().copied().fold(0.0, f64::max) / unit;
            let block = Block::new().borders(Borders::ALL).border_style(dim());
            let block = block.title(format!(" {name} (highest {most:.1}) "));
            let sparks = shown.iter().map(|value| value.round().max(0.0) as u64);
            let plot = Sparkline::default().block(block).style(color);
            frame.render_widget(plot.data(sparks.collect::<Vec<u64>>()), half);
        }
    }

    fn plugins_height(&self) -> usize {
        self.snapshot.plugins.len().max(1) + 1
    }

    fn draw_plugins(&self, frame: &mut Frame<'_>, area: Rect) {
        let head = [
            "PLUGIN",
            "STATE",
            "VERSION",
            "CALLS",
            "FAULTS",
            "REFUSED",
            "IN FLIGHT",
            "FUEL",
        ];
        let rows: Vec<Row<'_>> = self.snapshot.plugins.iter().map(row).collect();
        let widths = [
            Constraint::Min(12),
            Constraint::Length(14),
            Constraint::Length(12),
            Constraint::Length(9),
            Constraint::Length(7),
            Constraint::Length(7),
            Constraint::Length(9),
            Constraint::Length(9),
        ];
        let table = Table::new(rows, widths).header(Row::new(head).style(bold()));
        let mut state = TableState::new().with_offset(self.scroll);
        frame.render_stateful_widget(table, area, &mut state);
    }

    /// The fuses that are not closed.
    fn fuses(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for (name, plugin) in &self.snapshot.plugins {
            for (handler, fuse) in &plugin.handlers {
                let (words, color) = match fuse.state.as_str() {
                    "closed" => continue,
                    "open" => ("-- x --  OPEN", Color::Red),
                    _ => ("-- ~ --  HALF-OPEN", Color::Yellow),
                };
                let mut line = format!("{words}  {handler} of {name}");
                if let Some(retry) = fuse.retry_after_ms {
                    line += &format!(", probes in {} s", retry.div_ceil(1000));
                }
                if let Some(fault) = &fuse.last_fault {
                    line += &format!(" ({fault})");
                }
                lines.push(Line::styled(line, color));
            }
            for problem in plugin.reason.iter().chain(&plugin.failed_update) {
                lines.push(Line::styled(format!("{name}: {problem}"), Color::Red));
            }
        }
        titled(
            "Fuses that are not closed, and files that can't be used",
            lines,
        )
    }

    fn faults(&self) -> Vec<Line<'_>> {
        let entries = self.snapshot.entries.iter().rev();
        let faults = entries.filter(|entry| entry.kind == "fault");
        let lines = faults.take(FAULTS_SHOWN).map(|entry| self.fault(entry));
        titled("Recent faults", lines.collect())
    }

    fn fault(&self, entry: &Entry) -> Line<'_> {
        let ago = self.snapshot.now_ms.saturating_sub(entry.at_ms) / 1000;
        let ago = humantime::format_duration(Duration::from_secs(ago));
        let reason = entry.reason.as_deref().unwrap_or("fault");
        let (plugin, handler, message) = (&entry.plugin, &entry.handler, &entry.message);
        Line::from(vec![
            Span::styled(format!("{ago} ago  "), dim()),
            Span::styled(reason.to_owned(), Color::Red),
            Span::raw(format!("  {handler} of {plugin}: {message}")),
        ])
    }
}

/// Nothing, if there are no lines.
fn titled<'a>(title: &'static str, mut lines: Vec<Line<'a>>) -> Vec<Line<'a>> {
    if !lines.is_empty() {
        lines.insert(0, Line::styled(title, bold()));
    }
    lines
}

fn row<'a>((name, plugin): (&'a String, &'a Plugin)) -> Row<'a> {
    let version = plugin.sha256.as_deref().unwrap_or("-");
    let version = version.get(..SHA_SHOWN).unwrap_or(version);
    let style = match plugin.state.as_str() {
        "failed" => Style::new().fg(Color::Red),
        "disabled" => dim(),
        _ => Style::new(),
    };
    Row::new([
        name.clone(),
        plugin.state.clone(),
        version.to_owned(),
        short(plugin.calls),
        short(plugin.faults),
        short(plugin.refused),
        short(plugin.in_flight),
        short(plugin.fuel),
    ])
    .style(style)
}

/// A number in few characters.
fn short(number: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (10_000, "k"),
    ];
    let unit = UNITS.into_iter().find(|(least, _)| number >= *least);
    match unit {
        None => number.to_string(),
        Some((10_000, name)) => format!("{:.1}{name}", number as f64 / 1e3),
        Some((unit, name)) => format!("{:.1}{name}", number as f64 / unit as f64),
    }
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (1_234_567, "1.2M"),
            (5_000_000_000, "5.0G"),
            (u64::MAX, "18446744.1T"),
        ] {
            assert_eq!(short(number), expected);
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_shown() {
        let snapshot = serde_json::from_value(serde_json::json!({
            "now_ms": 10_000,
            "entries": [{"kind": "fault", "at_ms": 7_000, "plugin": "p", "handler": "h",
                         "reason": "trapped", "message": "it trapped"}],
            "plugins": {"p": {"state": "serving", "handlers": {
                "h": {"state": "open", "retry_after_ms": 1_500, "last_fault": "trapped"},
                "i": {"state": "closed"}}}},
        }));
        let view = View {
            snapshot: snapshot.unwrap(),
            ..View::default()
        };
        let text = |lines: Vec<Line<'_>>| -> Vec<String> {
            lines.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            text(view.fuses())[1..],
            ["-- x --  OPEN  h of p, probes in 2 s (trapped)"]
        );
        assert_eq!(
            text(view.faults())[1..],
            ["3s ago  trapped  h of p: it trapped"]
        );
    }
}

//! `fusebox top`: a running host in a terminal.
//!
//! It owns the terminal while it runs, and asks the host once a second. What is drawn
//! is in `frame`.

mod frame;

use std::io;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::{Backend, TestBackend};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::runtime::Runtime;

use super::told::Snapshot;
use super::{Client, ClientError};
use frame::View;

/// How often the host is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is drawn where there is no terminal.
const ONCE_WIDTH: u16 = 100;
const ONCE_HEIGHT_MAX: u16 = 500;

impl Client {
    async fn snapshot(&self) -> Result<Snapshot, ClientError> {
        self.read(&["snapshot"]).await
    }
}

/// One frame, as text.
///
/// # Errors
/// If the host can't be asked.
pub async fn once(client: &Client) -> Result<String, ClientError> {
    let view = View {
        host: client.host(),
        snapshot: client.snapshot().await?,
        ..View::default()
    };
    let height = view.height().min(ONCE_HEIGHT_MAX);
    let mut terminal = match Terminal::new(TestBackend::new(ONCE_WIDTH, height)) {
        Ok(terminal) => terminal,
        Err(never) => match never {},
    };
    let drawn = terminal.draw(|frame| view.draw(frame)).map(|_| ());
    match drawn {
        Ok(()) => Ok(text(terminal.backend())),
        Err(never) => match never {},
    }
}

/// What stands there, without what is empty at its ends.
fn text(drawn: &TestBackend) -> String {
    let buffer = drawn.buffer();
    let lines = buffer
        .content()
        .chunks(usize::from(buffer.area.width.max(1)));
    let lines = lines.map(|cells| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    });
    let all: Vec<String> = lines.collect();
    let mut text = all.join("\n").trim_end().to_owned();
    text.push('\n');
    text
}

/// Shows the host until somebody presses `q`.
///
/// # Errors
/// If the host can't be asked at the start, or the terminal not be used.
pub fn run(runtime: &Runtime, client: &Client) -> Result<(), ClientError> {
    // Before the terminal is taken: a mistake is told in words.
    let snapshot = runtime.block_on(client.snapshot())?;
    let mut view = View {
        host: client.host(),
        snapshot,
        ..View::default()
    };
    let mut terminal = ratatui::try_init()?;
    let ended = watch(&mut terminal, runtime, client, &mut view);
    ratatui::try_restore()?;
    ended
}

fn watch<B>(
    terminal: &mut Terminal<B>,
    runtime: &Runtime,
    client: &Client,
    view: &mut View,
) -> Result<(), ClientError>
where
    B: Backend<Error = io::Error>,
{
    loop {
        terminal.draw(|frame| view.draw(frame))?;
        let next = Instant::now() + INTERVAL;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            if !event::poll(left)? {
                break;
            }
            match pressed(&event::read()?) {
                Some(Key::Quit) => return Ok(()),
                Some(Key::Down) => view.scroll = view.scroll.saturating_add(1),
                Some(Key::Up) => view.scroll = view.scroll.saturating_sub(1),
                None => {}
            }
            view.scroll = view
                .scroll
                .min(view.snapshot.plugins.len().saturating_sub(1));
            terminal.draw(|frame| view.draw(frame))?;
        }
        match runtime.block_on(client.snapshot()) {
            Ok(snapshot) => (view.snapshot, view.lost) = (snapshot, None),
            // What was seen last stays, and is said to be old.
            Err(error) => view.lost = Some(error.to_string()),
        }
    }
}

enum Key {
    Quit,
    Up,
    Down,
}

fn pressed(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else {
        return None;
    };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        // In this mode of the terminal it is a key like others.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Down | KeyCode::Char('j') => Some(Key::Down),
        KeyCode::Up | KeyCode::Char('k') => Some(Key::Up),
        _ => None,
    }
}

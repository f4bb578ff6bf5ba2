//! Proves that a thread that panics at a line, or hangs there, takes that line and no
//! other: the next one goes on with what waits, and it is told.

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::{Audit, AuditReport};
use super::*;
use crate::config::Config;
use crate::supervise::{Parts, State as Standing};

/// Takes lines, but for those that it fails at in its own way.
struct Sink<F>(Arc<Mutex<Vec<u8>>>, F);

impl<F: Fn(&str)> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.1)(&String::from_utf8_lossy(bytes));
        self.0.lock().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An audit log that is written here.
fn audit(fails: impl Fn(&str) + Send + Sync + 'static) -> (Audit, Arc<Mutex<Vec<u8>>>) {
    let written = Arc::<Mutex<Vec<u8>>>::default();
    let into = written.clone();
    let fails = Arc::new(fails);
    let open = move || -> Box<dyn Write> {
        let fails = fails.clone();
        Box::new(Sink(into.clone(), move |line: &str| fails(line)))
    };
    let settings = Config::default().audit;
    (Audit::with(&settings, Box::new(open)), written)
}

fn parts() -> Arc<Parts> {
    let now = Instant::now();
    Parts::new(now, CancellationToken::new(), TaskTracker::new())
}

/// Waits until something holds.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("waited in vain");
}

fn actions(written: &Mutex<Vec<u8>>) -> Vec<String> {
    let text = String::from_utf8(written.lock().clone()).unwrap();
    let lines = text.lines();
    let action = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["action"].as_str().unwrap().to_owned()
    };
    lines.map(action).collect()
}

#[tokio::test]
async fn a_panic_takes_one_line_and_the_rest_is_written() {
    let (audit, written) = audit(|line| assert!(!line.contains("bad"), "a mistake at {line}"));
    let parts = parts();
    // They wait before anybody writes.
    for action in ["a", "bad 1", "b", "bad 2", "c"] {
        audit.admin("ada", action, "ok");
    }
    audit.start(&parts);
    until(|| audit.report().written == 3).await;
    assert_eq!(actions(&written), ["a", "b", "c"]);
    let AuditReport { dropped, .. } = audit.report();
    assert_eq!(dropped, 2, "lines that went with their thread are counted");
    let part = parts.report().remove("audit").unwrap();
    assert_eq!((part.state, part.restarts), (Standing::Running, 2));
    let reason = part.last_reason.unwrap();
    assert!(reason.starts_with("it panicked: a mistake at"), "{reason}");
    assert_eq!(parts.panics(), 2);
    audit.admin("ada", "d", "ok");
    audit.close().await;
    assert_eq!(actions(&written), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_thread_that_hangs_is_replaced_and_ends_when_it_can() {
    let (release, held) = mpsc::channel::<()>();
    let (held, hung) = (Mutex::new(held), Arc::new(AtomicUsize::new(0)));
    let counted = hung.clone();
    let (audit, written) = audit(move |line| {
        if line.contains("hang") {
            counted.fetch_add(1, Ordering::Relaxed);
            // Ends with the test.
            let _ = held.lock().recv();
        }
    });
    let parts = parts();
    audit.start(&parts);
    audit.admin("ada", "hang", "ok");
    until(|| hung.load(Ordering::Relaxed) == 1).await;
    // As the watchdog does once it has said nothing for long.
    parts.stall("audit");
    for action in ["a", "b"] {
        audit.admin("ada", action, "ok");
    }
    until(|| audit.report().written == 2).await;
    assert_eq!(actions(&written), ["a", "b"]);
    assert_eq!(parts.report()["audit"].restarts, 1);
    drop(release);
    until(|| audit.report().written == 3).await;
    // It takes no more: the other one does.
    audit.admin("ada", "c", "ok");
    until(|| audit.report().written == 4).await;
    assert_eq!(actions(&written), ["a", "b", "hang", "c"]);
}

#[tokio::test]
async fn refusals_have_lines_up_to_an_allowance_and_the_rest_is_told_at_the_end() {
    use super::super::{Asked, Refused, Sender, Why};
    use crate::auth::{Audience, Denied};
    use crate::origin::Origin;

    let (audit, written) = audit(|_| {});
    let audience = Audience::default();
    let origin = Origin::default();
    for _ in 0..100 {
        let sender = Sender {
            audience: &audience,
            origin: &origin,
            session: None,
        };
        audit.refused(&Refused {
            sender,
            asked: Asked::Nothing,
            why: Why::Denied(&Denied::Unknown),
        });
    }
    assert_eq!(audit.report().unwritten, 40);
    audit.start(&parts());
    audit.close().await;
    let text = String::from_utf8(written.lock().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 61, "{text}");
    assert_eq!(
        (
            &lines[0]["outcome"],
            &lines[0]["reason"],
            &lines[0]["denied"]
        ),
        (
            &"refused".into(),
            &"unauthenticated".into(),
            &"unknown".into()
        )
    );
    assert_eq!(lines[60]["unwritten"], 40);
}

#[test]
fn the_time_of_a_line_is_that_of_its_record() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_500_000);
    let time = super::super::record::time(at);
    assert_eq!(time, "1970-01-01T00:00:01.500000Z");
}

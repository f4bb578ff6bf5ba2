//! Functions that were compiled before are not compiled again, and what is made of them
//! is the same: each version of a component answers as it was written, whichever of its
//! functions came from the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fusebox_engine::{Engine, EngineConfig, FaultKind, FunctionStore, Isolation, Limits, Plugin};

use crate::{Guest, component};

/// How many functions a component has beside those that are its tools.
const INNER: usize = 40;

/// Keeps everything, and counts.
#[derive(Debug, Default)]
struct Counting {
    kept: Mutex<HashMap<[u8; 32], Arc<[u8]>>>,
    found: AtomicUsize,
    made: AtomicUsize,
}

impl Counting {
    /// Since it was asked last: functions that were there, and those that were compiled.
    fn counted(&self) -> (usize, usize) {
        let [found, made] = [&self.found, &self.made].map(|count| count.swap(0, Ordering::Relaxed));
        (found, made)
    }
}

impl FunctionStore for Counting {
    fn get(&self, key: &[u8; 32]) -> Option<Arc<[u8]>> {
        let found = self
            .kept
            .lock()
            .expect("nobody panics with it")
            .get(key)
            .cloned()?;
        self.found.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    fn keep(&self, key: &[u8; 32], code: Arc<[u8]>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.kept
            .lock()
            .expect("nobody panics with it")
            .insert(*key, code);
    }
}

/// Functions that call each other: each adds its number, and the one at `changed` more.
/// `traps` has the first of them trap, under a module of another layout.
fn version(changed: usize, more: i64, traps: bool) -> Vec<u8> {
    let wit = "package test:sums; world sums { export sum: func(start: s64) -> s64; \
               export fails: func(start: s64) -> s64; }";
    let inner: String = (0..INNER)
        .map(|number| {
            let added = number as i64 + if number == changed { more } else { 0 };
            let next = match number + 1 < INNER {
                true => format!("(call $inner{})", number + 1),
                false => String::new(),
            };
            format!(
                "(func $inner{number} (param i64) (result i64)
                   (i64.store (i32.const {place}) (local.get 0))
                   (i64.add (local.get 0) (i64.const {added})) {next})\n",
                place = number * 8,
            )
        })
        .collect();
    let fails = if traps { "unreachable" } else { "local.get 0" };
    let padding = if traps {
        "nop ".repeat(50)
    } else {
        String::new()
    };
    component(
        wit,
        &format!(
            "(module (memory (export \"memory\") 1)
               (func (export \"fails\") (param i64) (result i64) {padding} {fails})
               (func (export \"sum\") (param i64) (result i64) (call $inner0 (local.get 0)))
               {inner}
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"
        ),
    )
}

fn sum(guest: &Guest) -> i64 {
    let (text, _, is_error) = guest.result("sum", r#"{"start": 1000}"#);
    assert!(!is_error, "{text}");
    text.parse().expect("a number")
}

#[test]
fn what_has_not_changed_is_not_compiled_again_and_answers_the_same() {
    let store = Arc::new(Counting::default());
    let engine = Engine::new(&EngineConfig {
        max_instances: 4,
        long_call_threads: 1,
        functions: Some(store.clone()),
        ..EngineConfig::default()
    });
    let engine = engine.expect("an engine");
    let load = |bytes: &[u8]| {
        let loaded = Plugin::load(&engine, bytes, Limits::default(), Isolation::Call);
        Guest::of(loaded.expect("a plugin"))
    };
    let all: i64 = (0..INNER as i64).sum::<i64>() + 1000;

    let first = load(&version(0, 0, false));
    let (_, made) = store.counted();
    assert!(made > INNER, "{made} made");
    assert_eq!(sum(&first), all);

    // Not all are found: what a thread has compiled before has a part in the key of some.
    let same = load(&version(0, 0, false));
    let (found, made_again) = store.counted();
    assert!(
        found > 0 && made_again < made,
        "{found} found, {made_again} of {made} made"
    );
    assert_eq!(sum(&same), all);

    for more in 1..10 {
        let other = load(&version(17, more, false));
        let (found, made_again) = store.counted();
        assert!(made_again > 0, "one has changed");
        assert!(found > 0, "most have not");
        assert_eq!((sum(&other), sum(&first)), (all + more, all));
    }

    // All that follows lies elsewhere now, and a trap is still the function's.
    let moved = load(&version(17, 7, true));
    let (found, _) = store.counted();
    assert!(found > 0);
    assert_eq!((sum(&moved), sum(&same)), (all + 7, all));
    let kind = moved.fault("fails", r#"{"start": 1}"#);
    assert!(matches!(kind, FaultKind::Trapped(_)), "{kind:?}");
    let (text, _, _) = same.result("fails", r#"{"start": 1}"#);
    assert_eq!(text, "1");
}

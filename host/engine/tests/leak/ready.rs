//! Instances that are made before a call needs them: each serves one call, finds
//! nothing, and is no different from one that the call makes by itself.

use std::thread;
use std::time::{Duration, Instant};

use fusebox_engine::{CallError, Engine, FaultKind};

use crate::guest::{CLEAN, FEW_PAGES, Guest, Imports, MANY_PAGES, Start};
use crate::{BOTH, ROUNDS, engine};

/// Ready instances of each plugin.
const READY: usize = 2;

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn all_are_ready(engine: &Engine) {
    until("all are ready", || engine.instances_ready() == READY as u64);
}

#[test]
fn a_call_finds_an_instance_that_was_made_for_it() {
    let engine = engine(64);
    let guest = Guest::ready(&engine, Imports::Pollables, Start::Nothing, READY);
    assert_eq!(guest.text("write", MANY_PAGES), CLEAN);
    assert_eq!(guest.made(), 1, "the first call has to wait");
    for _ in 0..ROUNDS {
        for tool in ["write", "find"] {
            all_are_ready(&engine);
            assert_eq!(guest.text(tool, MANY_PAGES), CLEAN, "{tool}");
        }
        all_are_ready(&engine);
        guest.traps("trap", FEW_PAGES);
    }
    assert_eq!(guest.made(), 1);
    assert_eq!(
        engine.instances_alive(),
        0,
        "those that are ready don't count"
    );
    drop(guest);
    until("they go with their plugin", || {
        engine.instances_ready() == 0
    });
}

#[test]
fn so_does_a_call_in_one_go() {
    let engine = engine(64);
    let guest = Guest::ready(&engine, Imports::Contract, Start::Nothing, READY);
    for _ in 0..ROUNDS {
        for tool in ["write", "find"] {
            // On a busy machine a call may outlive its slice, and be run again.
            until("a call has to wait for none", || {
                let before = guest.made();
                assert_eq!(guest.text(tool, FEW_PAGES), CLEAN, "{tool}");
                guest.made() == before
            });
        }
    }
}

#[test]
fn it_uses_what_it_would_use_without() {
    for imports in BOTH {
        let engine = engine(64);
        let load = |ready| Guest::ready(&engine, imports, Start::Works, ready);
        let expected = load(0).usage("find", FEW_PAGES);
        let guest = load(READY);
        guest.text("find", FEW_PAGES);
        for _ in 0..ROUNDS {
            all_are_ready(&engine);
            let usage = guest.usage("find", FEW_PAGES);
            assert_eq!(usage.fuel, expected.fuel, "{imports:?}");
            assert_eq!(usage.memory_bytes, expected.memory_bytes, "{imports:?}");
        }
        if imports == Imports::Pollables {
            assert_eq!(guest.made(), 1, "only the first call had to wait");
        }
    }
}

#[test]
fn what_speaks_or_fails_while_it_is_made_is_made_by_its_call() {
    for imports in BOTH {
        let engine = engine(64);
        let load = |start| Guest::ready(&engine, imports, start, READY);
        let guest = load(Start::Logs);
        for calls in 1..=ROUNDS {
            assert_eq!(guest.text("find", FEW_PAGES), CLEAN);
            assert_eq!(guest.logged(), calls, "{imports:?}: each call hears it");
        }
        let guest = load(Start::Traps);
        for _ in 0..ROUNDS {
            guest.traps("find", FEW_PAGES);
        }
        assert!(
            guest.made() >= ROUNDS,
            "{imports:?}: each call made its own"
        );
        until("none is ready", || engine.instances_ready() == 0);
    }
}

#[test]
fn they_are_few_and_with_those_who_are_called() {
    // One ready instance for eight that serve calls.
    let large = engine(8 * READY as u32);
    let quiet = Guest::ready(&large, Imports::Contract, Start::Nothing, READY);
    quiet.text("find", FEW_PAGES);
    all_are_ready(&large);
    let busy = Guest::ready(&large, Imports::Pollables, Start::Nothing, READY);
    // A plugin that nobody calls gives its own up.
    until("an instance is ready for the plugin that is called", || {
        let before = busy.made();
        assert_eq!(busy.text("find", FEW_PAGES), CLEAN);
        assert!(large.instances_ready() <= READY as u64);
        busy.made() == before
    });
    // Too few: none is ever made.
    let small = engine(4);
    let guest = Guest::ready(&small, Imports::Contract, Start::Nothing, READY);
    for calls in 1..=ROUNDS {
        guest.text("find", FEW_PAGES);
        assert!(guest.made() >= calls);
    }
    assert_eq!(small.instances_ready(), 0);
    let ended = guest.call_until("endless", FEW_PAGES, Some(Instant::now()));
    let Err(CallError::Fault(fault)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(fault.kind, FaultKind::Deadline);
}

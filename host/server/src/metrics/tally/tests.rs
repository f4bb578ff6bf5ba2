//! Totals over versions that come and go.

use std::time::{Duration, SystemTime};

use fusebox_engine::Usage;

use super::*;

/// The handlers of one version, as long as it lives.
struct Version {
    meter: Arc<VersionMeter>,
    handlers: Vec<(HandlerKey, Followed)>,
}

impl Version {
    fn with(tools: &[&str]) -> Self {
        let breaker = config::Config::default().circuit_breaker;
        let handler = |tool: &&str| {
            let followed = (Arc::default(), Breaker::new(breaker));
            (("tool", (*tool).to_owned()), followed)
        };
        Self {
            meter: Arc::default(),
            handlers: tools.iter().map(handler).collect(),
        }
    }

    fn followed(self, tallies: &Tallies, name: &str) -> Self {
        tallies.follow_all(name, &self.meter, self.handlers.iter().cloned());
        self
    }

    fn call(&self, tool: usize, times: u64) {
        for _ in 0..times {
            self.handlers[tool].1.0.call();
            self.meter.ran(&Usage {
                fuel: 10,
                memory_bytes: 1000,
                elapsed: Duration::from_millis(1),
            });
        }
    }
}

fn tallies(plugins_max: usize, handlers_max: usize) -> Tallies {
    Tallies::new(config::Metrics {
        plugins_max,
        handlers_max,
    })
}

/// The calls of each handler of a plugin.
fn calls(tallies: &Tallies, there: &[&str], plugin: &str) -> Vec<(String, u64)> {
    let read = tallies.read_those(there.iter().copied());
    let handlers = read.get(plugin).map(|one| &one.handlers);
    let handlers = handlers.into_iter().flatten();
    handlers
        .map(|((_, name), totals)| (name.clone(), totals.calls))
        .collect()
}

fn named(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    let counts = counts.iter();
    counts
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn a_new_version_goes_on_where_the_old_one_ends() {
    let tallies = tallies(9, 9);
    let old = Version::with(&["a", "b"]).followed(&tallies, "p");
    old.call(0, 3);
    old.call(1, 1);
    let fault = |version: &Version| version.handlers[0].1.0.fault("trapped", SystemTime::now());
    fault(&old);
    let new = Version::with(&["a"]).followed(&tallies, "p");
    new.call(0, 2);
    // The old version still has a call under way.
    assert_eq!(calls(&tallies, &["p"], "p"), named(&[("a", 5), ("b", 1)]));
    old.call(0, 1);
    drop(old);
    fault(&new);
    assert_eq!(calls(&tallies, &["p"], "p"), named(&[("a", 6), ("b", 1)]));
    let read = tallies.read_those(["p"].into_iter());
    let reading = &read["p"];
    assert_eq!((reading.totals.fuel, reading.memory_max_bytes), (70, 1000));
    let a = &reading.handlers[&("tool", "a".to_owned())];
    assert_eq!(a.faults, [("trapped", 2)].into());
    // The same version again is not followed twice.
    let new = new.followed(&tallies, "p");
    assert_eq!(calls(&tallies, &["p"], "p")[0].1, 6);
    drop(new);
    assert_eq!(calls(&tallies, &["p"], "p")[0].1, 6);
}

#[test]
fn what_came_and_went_between_two_looks_is_not_lost() {
    let tallies = tallies(9, 9);
    for _ in 0..5 {
        let version = Version::with(&["a"]).followed(&tallies, "p");
        version.call(0, 2);
    }
    assert_eq!(calls(&tallies, &["p"], "p"), named(&[("a", 10)]));
    let plugins = tallies.plugins.lock();
    assert!(plugins["p"].live.is_empty(), "nothing is kept of them");
}

#[test]
fn of_a_plugin_that_has_gone_nothing_is_left() {
    let tallies = tallies(9, 9);
    let version = Version::with(&["a"]).followed(&tallies, "p");
    version.call(0, 1);
    assert_eq!(
        calls(&tallies, &[], "p"),
        named(&[("a", 1)]),
        "it ends its calls"
    );
    drop(version);
    assert!(tallies.read_those([].into_iter()).is_empty());
}

#[test]
fn handlers_beyond_the_limit_are_one() {
    let tallies = tallies(9, 2);
    let version = Version::with(&["a", "b", "c", "d"]).followed(&tallies, "p");
    for tool in 0..4 {
        version.call(tool, 1);
    }
    assert_eq!(
        calls(&tallies, &["p"], "p"),
        named(&[(OTHERS, 2), ("a", 1), ("b", 1)])
    );
    // Another plugin finds no room at all.
    let another = Version::with(&["x"]).followed(&tallies, "q");
    another.call(0, 7);
    assert_eq!(calls(&tallies, &["p", "q"], "q"), named(&[(OTHERS, 7)]));
    // Names that change with each version don't pile up, and no call is lost.
    let mut newest = version;
    for number in 0..10 {
        let tools = [format!("n{number}"), format!("m{number}")];
        let tools = [tools[0].as_str(), tools[1].as_str()];
        newest = Version::with(&tools).followed(&tallies, "p");
        newest.call(0, 1);
    }
    let left = calls(&tallies, &["p", "q"], "p");
    assert!(left.len() <= 3, "{left:?}");
    let sum: u64 = left.iter().map(|(_, calls)| calls).sum();
    assert_eq!(sum, 14, "{left:?}");
    drop(newest);
}

#[test]
fn plugins_beyond_the_limit_are_one() {
    let tallies = tallies(2, 9);
    let versions: Vec<_> = ["p", "q", "r", "s"]
        .iter()
        .map(|name| Version::with(&["a"]).followed(&tallies, name))
        .collect();
    versions.iter().for_each(|version| version.call(0, 1));
    let there = ["p", "q", "r", "s"];
    let read = tallies.read_those(there.into_iter());
    let names: Vec<_> = read.keys().map(String::as_str).collect();
    assert_eq!(names, [OTHERS, "p", "q"]);
    assert_eq!(calls(&tallies, &there, OTHERS), named(&[(OTHERS, 2)]));
}

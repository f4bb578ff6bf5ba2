//! What came of a case: all rounds as they were, and what follows from them.
//!
//! It owns the files in `results/`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::case::{Bound, Case, Goal, Metric};
use super::plot::shown;

/// One goal and how far it was reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// the goal in words
    pub goal: String,
    /// the value: the median over all rounds
    pub value: f64,
    /// what was wanted, such as `at least 3.00`
    pub wanted: String,
    /// whether it is reached
    pub met: bool,
    /// the lowest and the highest of the rounds
    pub spread: (f64, f64),
}

/// All of one case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseResult {
    /// its number in the table
    pub case: u32,
    /// what it is called
    pub title: String,
    /// the command that makes these figures
    pub command: String,
    /// a run of minutes, whose figures are rough
    pub quick: bool,
    /// the processor, and how many of them
    pub machine: String,
    /// what was wanted
    pub outcomes: Vec<Outcome>,
    /// the median of the figure that is drawn, for each side
    pub drawn: BTreeMap<String, f64>,
    /// its unit
    pub unit: String,
    /// what must be known about it
    pub notes: Vec<String>,
    /// for each side, the reports of all rounds
    pub rounds: BTreeMap<String, Vec<Value>>,
}

impl CaseResult {
    /// Draws the conclusions from the rounds of a case.
    ///
    /// # Errors
    /// If a goal is about a figure that no round has.
    pub fn new(
        case: &Case,
        quick: bool,
        rounds: BTreeMap<String, Vec<Value>>,
        mut notes: Vec<String>,
    ) -> Result<Self> {
        notes.extend(busy(&rounds));
        let outcomes = case
            .goals
            .iter()
            .map(|goal| outcome(goal, &rounds).with_context(|| goal.text.to_owned()))
            .collect::<Result<_>>()?;
        let drawn = rounds
            .iter()
            .filter_map(|(side, reports)| {
                let values = reports.iter().filter_map(|one| figure(case.drawn, one));
                Some((side.clone(), median(values.collect())?))
            })
            .collect();
        Ok(Self {
            case: case.number,
            title: case.title.to_owned(),
            command: command(case.number),
            quick,
            machine: machine(),
            outcomes,
            drawn,
            unit: case.drawn.unit().to_owned(),
            notes,
            rounds,
        })
    }

    /// Writes it into the folder.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{:02}.json", self.case));
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("failed to write {}", path.display()))
    }

    /// Reads what is in the folder, in the order of the cases.
    ///
    /// # Errors
    /// If a file is not a result.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(found);
        };
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let text = std::fs::read_to_string(&path)?;
                found.push(
                    serde_json::from_str::<Self>(&text)
                        .with_context(|| format!("failed to read {}", path.display()))?,
                );
            }
        }
        found.sort_by_key(|result| result.case);
        Ok(found)
    }
}

/// The command that runs one case.
pub fn command(case: u32) -> String {
    format!("cargo xtask bench --case {case}")
}

/// The figure in a report of `loadgen`, or of an in-process run.
pub fn figure(metric: Metric, report: &Value) -> Option<f64> {
    let cpu = || report["server"]["cpu_us_per_request"].as_f64();
    match metric {
        Metric::CpuPerRequest => cpu(),
        Metric::RequestsPerCpuSecond => cpu().filter(|cpu| *cpu > 0.0).map(|cpu| 1e6 / cpu),
        Metric::RequestsPerSecond => report["requests_per_second"].as_f64(),
        Metric::MessagesPerSecond => report["messages_per_second"].as_f64(),
        Metric::P99 => report["latency_us"]["p99"].as_f64(),
        Metric::Slowest => report["service_us"]["max"].as_f64(),
        Metric::Memory => Some(report["server"]["memory"]["pss_kib"].as_f64()? / 1024.0),
        Metric::MemoryPerConnection => {
            let at = |when: &str| report["server"][when]["pss_kib"].as_f64();
            let open = report["connections"].as_f64()? + report["idle"].as_f64()?;
            Some((at("memory")? - at("memory_before")?) / open)
        }
        Metric::CpuPerCall | Metric::MemoryEach => report["value"].as_f64(),
    }
}

fn outcome(goal: &Goal, rounds: &BTreeMap<String, Vec<Value>>) -> Result<Outcome> {
    let of = |side: &str| -> Result<Vec<f64>> {
        let reports = rounds.get(side).with_context(|| format!("no `{side}`"))?;
        let figures = reports.iter().map(|one| figure(goal.metric, one));
        figures
            .collect::<Option<_>>()
            .with_context(|| format!("`{side}` has no {:?}", goal.metric))
    };
    let mut values = of(goal.side)?;
    if let Some(over) = goal.over {
        // Round by round: what disturbed one of them disturbed its neighbour.
        values = values.iter().zip(of(over)?).map(|(a, b)| a / b).collect();
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let value = median(values).context("no round")?;
    Ok(Outcome {
        goal: goal.text.to_owned(),
        value,
        wanted: match goal.bound {
            Bound::AtLeast(bound) => format!("at least {}", shown(bound)),
            Bound::AtMost(bound) => format!("at most {}", shown(bound)),
        },
        met: goal.bound.is_met(value),
        spread: (low, high),
    })
}

/// What is to be known if the generator could not ask when it should have: a machine
/// that keeps the generator waiting keeps the server waiting too.
fn busy(rounds: &BTreeMap<String, Vec<Value>>) -> Option<String> {
    const QUIET_US: f64 = 1000.0;
    let late = |report: &Value| report["late_us"]["p99"].as_f64();
    let worst = rounds.values().flatten().filter_map(late);
    let worst = worst.max_by(f64::total_cmp).filter(|us| *us > QUIET_US)?;
    Some(format!(
        "The machine was busy with something else: in one round the generator itself was {} ms \
         late (p99) to ask.",
        shown(worst / 1000.0)
    ))
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => values.get(middle).copied(),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {count} processors")
}

#[cfg(test)]
mod tests {
    use super::super::case::Kind;
    use super::*;
    use serde_json::json;

    fn report(cpu: f64) -> Value {
        json!({ "server": { "cpu_us_per_request": cpu } })
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let case = Case {
            number: 4,
            title: "a case",
            kind: Kind::InProcess,
            drawn: Metric::CpuPerRequest,
            goals: vec![Goal::ratio(
                "three times",
                Metric::RequestsPerCpuSecond,
                "a",
                "b",
                Bound::AtLeast(3.0),
            )],
        };
        // The second round was disturbed: its ratio was not.
        let rounds = BTreeMap::from([
            (
                "a".to_owned(),
                vec![report(10.0), report(100.0), report(12.0)],
            ),
            (
                "b".to_owned(),
                vec![report(40.0), report(400.0), report(24.0)],
            ),
        ]);
        let result = CaseResult::new(&case, true, rounds, Vec::new()).expect("figures");
        let outcome = &result.outcomes[0];
        assert!((outcome.value - 4.0).abs() < 1e-9, "{outcome:?}");
        assert!(outcome.met);
        assert!((outcome.spread.0 - 2.0).abs() < 1e-9, "{outcome:?}");
        assert!((result.drawn["a"] - 12.0).abs() < 1e-9);
    }

    #[test]
    fn a_busy_machine_is_named() {
        let rounds = |late: f64| {
            let report = |late: f64| json!({ "late_us": { "p99": late } });
            let closed = json!({ "late_us": null });
            BTreeMap::from([("a".to_owned(), vec![closed, report(20.0), report(late)])])
        };
        assert_eq!(busy(&rounds(900.0)), None);
        assert!(busy(&rounds(2500.0)).is_some_and(|note| note.contains(" 2.50 ms ")));
    }

    #[test]
    fn a_goal_without_its_figure_is_an_error() {
        let goal = Goal::figure("x", Metric::P99, "a", Bound::AtMost(1.0));
        assert!(outcome(&goal, &BTreeMap::new()).is_err());
        let rounds = BTreeMap::from([("a".to_owned(), vec![report(1.0)])]);
        assert!(outcome(&goal, &rounds).is_err());
    }
}

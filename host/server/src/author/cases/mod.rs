//! Calls of a plugin's tools beside what they must answer: `fusebox plugin test`.
//!
//! It owns the running and the report. The calls are those of [`Loaded::call`],
//! under the limits of a host.

mod compare;
mod file;

use std::fmt;

pub use compare::Difference;
pub use file::{Cases, CasesError};
use serde::Serialize;
use serde_json::Value;

use super::{AuthorError, Loaded};
use file::Case;

/// What `fusebox plugin test` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// of the plugin, as it was given
    pub file: String,
    /// cases that went as they must
    pub passed: usize,
    /// the others
    pub failed: usize,
    /// each, in the order of their file
    pub cases: Vec<CaseReport>,
}

/// How one case went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseReport {
    /// its own
    pub name: String,
    /// that was called
    pub tool: String,
    /// what is otherwise than it must be; empty if the case passed
    pub differences: Vec<Difference>,
    /// what the tool said meanwhile, a line each
    pub said: Vec<String>,
    /// units of fuel
    pub fuel: u64,
    /// wall-clock time, in milliseconds
    pub elapsed_ms: f64,
}

impl Loaded {
    /// Runs each case, one after the other.
    pub async fn test(&self, cases: &Cases) -> TestReport {
        let mut reports = Vec::with_capacity(cases.0.len());
        for case in &cases.0 {
            reports.push(self.run(case).await);
        }
        let failed = reports.iter().filter(|case| !case.is_success()).count();
        TestReport {
            file: self.file.clone(),
            passed: reports.len() - failed,
            failed,
            cases: reports,
        }
    }

    async fn run(&self, case: &Case) -> CaseReport {
        let mut report = CaseReport {
            name: case.name.clone(),
            tool: case.tool.clone(),
            differences: Vec::new(),
            said: Vec::new(),
            fuel: 0,
            elapsed_ms: 0.0,
        };
        match self.call(&case.tool, &case.arguments).await {
            Ok(called) => {
                report.differences = compare::differences(&case.expected, &called.outcome);
                report.said = called.said;
                report.fuel = called.fuel;
                report.elapsed_ms = called.elapsed_ms;
            }
            Err(error) => report.differences.push(not_called(&case.tool, &error)),
        }
        report
    }
}

/// The plugin has no such tool.
fn not_called(tool: &str, error: &AuthorError) -> Difference {
    Difference {
        at: "tool".to_owned(),
        expected: Value::from(tool),
        got: Value::from(error.to_string()),
    }
}

impl CaseReport {
    /// Whether everything was as it must be.
    pub fn is_success(&self) -> bool {
        self.differences.is_empty()
    }
}

impl TestReport {
    /// Whether every case passed.
    pub fn is_success(&self) -> bool {
        self.failed == 0
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            let word = if case.is_success() { "ok  " } else { "FAIL" };
            writeln!(f, "{word} {} ({:.3} ms)", case.name, case.elapsed_ms)?;
            if case.is_success() {
                continue;
            }
            for line in &case.said {
                writeln!(f, "     | {line}")?;
            }
            for difference in &case.differences {
                write!(f, "{difference}")?;
            }
        }
        let Self { passed, failed, .. } = self;
        writeln!(f, "{}: {passed} passed, {failed} failed", self.file)
    }
}

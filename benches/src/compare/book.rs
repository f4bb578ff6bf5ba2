//! The book's page of figures: a table of goals, and a drawing of each case.
//!
//! It owns what stands between the two markers in the page, and nothing else of
//! it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::case::Case;
use super::plot::{draw, shown};
use super::results::{CaseResult, command};

const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of figures -->";

/// The goals of all cases as a table in Markdown, and the details below it.
/// `drawings` is where the page finds the drawings; none: without them.
pub fn table(cases: &[Case], results: &[CaseResult], drawings: Option<&str>) -> String {
    let mut text = String::from(
        "| # | case | goal | wanted | measured (lowest to highest round) | met | command |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for case in cases {
        let result = results.iter().find(|result| result.case == case.number);
        let Some(result) = result else {
            let _ = writeln!(
                text,
                "| {} | {} | | | no figures yet | | `{}` |",
                case.number,
                case.title,
                command(case.number)
            );
            continue;
        };
        for (at, outcome) in result.outcomes.iter().enumerate() {
            let (number, title, command) = match at {
                0 => (
                    case.number.to_string(),
                    case.title,
                    format!("`{}`", result.command),
                ),
                _ => Default::default(),
            };
            let _ = writeln!(
                text,
                "| {number} | {title} | {} | {} | **{}** ({} to {}) | {} | {command} |",
                outcome.goal,
                outcome.wanted,
                shown(outcome.value),
                shown(outcome.spread.0),
                shown(outcome.spread.1),
                if outcome.met { "yes" } else { "**no**" },
            );
        }
    }
    details(&mut text, results, drawings);
    text
}

fn details(text: &mut String, results: &[CaseResult], drawings: Option<&str>) {
    let machines: std::collections::BTreeSet<_> =
        results.iter().map(|result| &*result.machine).collect();
    for machine in machines {
        let _ = writeln!(text, "\nMeasured on: {machine}.");
    }
    for result in results {
        let _ = writeln!(text, "\n### {}. {}\n", result.case, result.title);
        if let Some(drawings) = drawings {
            let _ = writeln!(
                text,
                "![{}]({drawings}/{:02}.svg)\n",
                result.title, result.case
            );
        }
        let _ = writeln!(text, "| side | {} (median) |\n|---|---|", result.unit);
        for (side, value) in &result.drawn {
            let _ = writeln!(text, "| {side} | {} |", shown(*value));
        }
        for note in &result.notes {
            let _ = writeln!(text, "\n{note}");
        }
    }
}

/// Writes table and drawings into the book's page.
///
/// # Errors
/// If the page has lost its markers, or can't be written.
pub fn write(page: &Path, cases: &[Case], results: &[CaseResult]) -> Result<()> {
    let old =
        fs::read_to_string(page).with_context(|| format!("failed to read {}", page.display()))?;
    let (before, rest) = old.split_once(BEGIN).context("the page has no marker")?;
    let (_, after) = rest.split_once(END).context("the page has no end marker")?;
    let name = page.file_stem().context("the page has no name")?;
    let folder = page.with_file_name(name);
    fs::create_dir_all(&folder)?;
    for result in results {
        draw(result, &folder.join(format!("{:02}.svg", result.case)))?;
    }
    let table = table(cases, results, Some(&name.to_string_lossy()));
    fs::write(page, format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))?;
    Ok(())
}

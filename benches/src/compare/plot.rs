//! One drawing for each case: a bar for each side.
//!
//! It owns how it looks. It never computes a figure.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use plotters::prelude::*;

use super::results::CaseResult;

const WIDTH: u32 = 760;
const BAR: u32 = 34;
const TOP: u32 = 40;
const LABELS: i32 = 250;
const OURS: RGBColor = RGBColor(214, 112, 24);
const OTHERS: RGBColor = RGBColor(96, 112, 128);

/// Draws a case as SVG.
///
/// # Errors
/// If the file can't be written.
pub fn draw(result: &CaseResult, path: &Path) -> Result<()> {
    let height = TOP + BAR * result.drawn.len() as u32 + 10;
    {
        let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
        paint(result, &area).map_err(|error| anyhow!("{error}"))?;
    }
    // What the backend writes ends without a line end.
    let mut text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to draw {}", path.display()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(std::fs::write(path, text)?)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn paint(result: &CaseResult, area: &Area<'_>) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let title = format!("{}. {} ({})", result.case, result.title, result.unit);
    area.draw(&Text::new(title, (8, 10), ("sans-serif", 15).into_font()))?;
    let most = result.drawn.values().copied().fold(f64::EPSILON, f64::max);
    let room = f64::from(WIDTH) - f64::from(LABELS) - 110.0;
    for (row, (side, value)) in result.drawn.iter().enumerate() {
        let y = (TOP + BAR * row as u32) as i32;
        let end = LABELS + (value / most * room).max(1.0) as i32;
        let colour = if side.starts_with("fusebox") {
            OURS
        } else {
            OTHERS
        };
        let font = ("sans-serif", 14).into_font();
        area.draw(&Text::new(side.clone(), (8, y + 6), font.clone()))?;
        area.draw(&Rectangle::new(
            [(LABELS, y), (end, y + BAR as i32 - 10)],
            colour.filled(),
        ))?;
        area.draw(&Text::new(shown(*value), (end + 6, y + 6), font))?;
    }
    area.present()?;
    Ok(())
}

/// A figure with as many digits as say something.
pub fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                let left = digits.len() - at;
                if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        large if large >= 100.0 => format!("{value:.0}"),
        small if small >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn figures_are_readable() {
        let check = |value: f64, text: &str| assert_eq!(shown(value), text);
        check(1_234_567.8, "1,234,568");
        check(1000.0, "1,000");
        check(999.0, "999");
        check(12.34, "12.3");
        check(0.25, "0.25");
    }
}

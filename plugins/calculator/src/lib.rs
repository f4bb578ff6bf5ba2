//! A component that knows nothing of this host, as the examples of other hosts are:
//! a world of its own, and bindings by `wit-bindgen` alone.

use std::cell::Cell;

wit_bindgen::generate!({ path: "wit", world: "calculator", generate_all });

use exports::example::calculator::arithmetic::{self, Operation, Problem, Statistics, Style};
use exports::example::calculator::digest::{self, GuestRunning};
use exports::example::calculator::geometry::{self, Figure, Point};
use wasi::config::store;

struct Calculator;

impl Guest for Calculator {
    fn about() -> String {
        let owner = store::get("owner").ok().flatten();
        let owner = owner.map(|owner| format!(" of {owner}"));
        let version = env!("CARGO_PKG_VERSION");
        format!("calculator {version}{}", owner.unwrap_or_default())
    }
}

impl arithmetic::Guest for Calculator {
    fn calculate(operation: Operation, left: i64, right: i64) -> Result<i64, Problem> {
        let (left, right) = (i128::from(left), i128::from(right));
        let exact = match operation {
            Operation::Add => left + right,
            Operation::Subtract => left - right,
            Operation::Multiply => left * right,
            Operation::Divide if right == 0 => return Err(Problem::DivisionByZero),
            Operation::Divide => left / right,
        };
        i64::try_from(exact).map_err(|_| Problem::Overflow(exact.to_string()))
    }

    fn summarise(numbers: Vec<f64>) -> Statistics {
        let range = numbers.iter().fold(None, |range, number| {
            let (least, greatest) = range.unwrap_or((*number, *number));
            Some((number.min(least), number.max(greatest)))
        });
        Statistics {
            count: numbers.len() as u32,
            mean: numbers.iter().sum::<f64>() / numbers.len() as f64,
            range,
        }
    }

    fn write(number: u64, base: Option<u8>, style: Style) -> Result<String, String> {
        let base = base.unwrap_or(10);
        if !(2..=36).contains(&base) {
            return Err(format!("there is no base {base}"));
        }
        let mut left = number;
        let mut written = Vec::new();
        loop {
            if style.contains(Style::GROUPED) && written.len() % 4 == 3 {
                written.push('_');
            }
            let digit = (left % u64::from(base)) as u32;
            written.extend(char::from_digit(digit, base.into()));
            left /= u64::from(base);
            if left == 0 {
                break;
            }
        }
        if style.contains(Style::SIGNED) {
            written.push('+');
        }
        Ok(written.into_iter().rev().collect())
    }
}

impl geometry::Guest for Calculator {
    fn area(figure: Figure) -> f64 {
        match figure {
            Figure::Nothing => 0.0,
            Figure::Circle((_, radius)) => std::f64::consts::PI * f64::from(radius).powi(2),
            Figure::Polygon(corners) => {
                let next = corners.iter().cycle().skip(1);
                let doubled: f64 = corners
                    .iter()
                    .zip(next)
                    .map(|(one, next)| one.x * next.y - next.x * one.y)
                    .sum();
                doubled.abs() / 2.0
            }
        }
    }

    fn move_(
        figure: Figure,
        by: Point,
        name: Option<Option<char>>,
    ) -> (Figure, Option<Option<char>>) {
        let moved = |point: Point| Point {
            x: point.x + by.x,
            y: point.y + by.y,
        };
        let figure = match figure {
            Figure::Nothing => Figure::Nothing,
            Figure::Circle((middle, radius)) => Figure::Circle((moved(middle), radius)),
            Figure::Polygon(corners) => Figure::Polygon(corners.into_iter().map(moved).collect()),
        };
        (figure, name)
    }
}

impl digest::Guest for Calculator {
    type Running = Running;

    fn checksum(bytes: Vec<u8>) -> (u32, Vec<u8>) {
        let sum = bytes.iter().map(|byte| u32::from(*byte)).sum();
        (sum, bytes.into_iter().rev().collect())
    }
}

/// A sum that grows.
struct Running(Cell<u32>);

impl GuestRunning for Running {
    fn new() -> Self {
        Self(Cell::new(0))
    }

    fn push(&self, byte: u8) {
        self.0.set(self.0.get().wrapping_add(byte.into()));
    }
}

export!(Calculator);

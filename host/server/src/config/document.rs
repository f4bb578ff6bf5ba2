//! A file and the environment over it, as one tree: what a variable sets takes the
//! place of what the file says. Owns which line of which of the two a place is.
//! Judges no key and no value.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::{Environment, Setting};
use super::error::{ConfigError, Location, Problem};
use super::references;
use super::rules::ALIASES;

/// What is read, in one text: places in it are places of both.
pub(super) struct Document<'a> {
    file: &'a str,
    /// the file, and after it a line for each variable
    text: String,
    file_bytes: usize,
    file_lines: usize,
    /// the same variables at the same places, and nothing before them
    variables_alone: String,
    settings: Vec<Setting>,
    references: &'a BTreeMap<String, String>,
    errors: Vec<ConfigError>,
}

impl<'a> Document<'a> {
    /// The text of `file`, and an environment.
    pub(super) fn new(file: &'a str, text: &str, environment: &'a Environment) -> Self {
        let (settings, errors) = environment.settings(text);
        let mut all = format!("{text}\n");
        let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
        let mut variables_alone: String = all.bytes().map(blank).collect();
        for setting in &settings {
            for text in [&mut all, &mut variables_alone] {
                text.push_str(&setting.line);
                text.push('\n');
            }
        }
        Self {
            file,
            text: all,
            file_bytes: text.len(),
            file_lines: text.matches('\n').count() + 1,
            variables_alone,
            settings,
            references: environment.variables(),
            errors,
        }
    }

    /// What is at a place, and after it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The tree, its references resolved, and what is wrong with variables.
    ///
    /// # Errors
    /// If it can't be told what the file says.
    pub(super) fn tree(&self) -> Result<(DeTable<'_>, Vec<ConfigError>), Vec<ConfigError>> {
        let mut errors = self.errors.clone();
        let (tree, mistakes) = DeTable::parse_recoverable(&self.text[..self.file_bytes]);
        // What the parser makes of a broken line would only mislead.
        if !mistakes.is_empty() {
            errors.extend(mistakes.iter().map(|mistake| self.syntax_error(mistake)));
            return Err(errors);
        }
        let mut tree = tree.into_inner();
        let mut wrong = Vec::new();
        references::resolve(&mut tree, self.references, &mut wrong);
        if !wrong.is_empty() {
            let told = wrong.into_iter().map(|(at, problem)| {
                let location = Some(Location::of(&self.text, at));
                self.error(location, problem)
            });
            errors.extend(told);
            return Err(errors);
        }
        let (variables, mistakes) = DeTable::parse_recoverable(&self.variables_alone);
        debug_assert!(mistakes.is_empty(), "{mistakes:?}");
        self.lay_over(&mut tree, variables.into_inner(), &mut Vec::new());
        Ok((tree, errors))
    }

    /// One error at a place.
    pub(super) fn error(&self, location: Option<Location>, problem: Problem) -> ConfigError {
        let variable = location.and_then(|location| self.variable(location));
        match variable {
            Some(variable) => ConfigError {
                file: variable.to_owned(),
                location: None,
                problem,
            },
            None => ConfigError {
                file: self.file.to_owned(),
                location,
                problem,
            },
        }
    }

    /// The name of a place, as `FILE:LINE` or the variable.
    pub(super) fn origin(&self, location: Location) -> String {
        match self.variable(location) {
            Some(variable) => variable.to_owned(),
            None => format!("{}:{}", self.file, location.line),
        }
    }

    fn variable(&self, location: Location) -> Option<&str> {
        let line = location.line.checked_sub(self.file_lines + 1)?;
        self.settings.get(line).map(|one| one.variable.as_str())
    }

    fn syntax_error(&self, mistake: &toml::de::Error) -> ConfigError {
        let location = Location::of(&self.text, mistake.span().map_or(0, |span| span.start));
        let problem = Problem::Syntax {
            column: location.column,
            reason: mistake.message().replace('\n', ", "),
        };
        self.error(Some(location), problem)
    }

    fn lay_over<'i>(&self, into: &mut DeTable<'i>, from: DeTable<'i>, path: &mut Vec<String>) {
        for (key, value) in from {
            let name = key.get_ref().to_string();
            path.push(name.clone());
            let sets = self.settings.iter().any(|one| one.path == *path);
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(inner) if !sets => {
                    let there = into
                        .entry(key)
                        .or_insert_with(|| Spanned::new(span, DeValue::Table(DeTable::new())));
                    // What is no table stays, and is told as a mistake of the file.
                    if let DeValue::Table(there) = there.get_mut() {
                        self.lay_over(there, inner, path);
                    }
                }
                value => {
                    let whole = path.join(".");
                    let aliases = ALIASES.iter().filter(|(_, key)| *key == whole);
                    for (alias, _) in aliases {
                        into.remove(alias.rsplit('.').next().unwrap_or(alias));
                    }
                    into.remove(name.as_str());
                    into.insert(key, Spanned::new(span, value));
                }
            }
            path.pop();
        }
    }
}

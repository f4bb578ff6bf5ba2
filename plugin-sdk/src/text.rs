//! Arguments that are text: those of prompts and the variables of URIs. Each is
//! read into its parameter's type by `FromStr`.

use std::fmt::Display;
use std::str::FromStr;

use crate::arguments::unknown;
use crate::error::HandlerError;

/// One argument of a prompt, as the macro finds it.
pub struct TextArgument {
    /// its name on the wire
    pub name: &'static str,
    /// a name for people
    pub title: Option<&'static str>,
    /// what it means
    pub description: Option<&'static str>,
    /// whether it must be given
    pub required: bool,
}

/// Puts what was given in the order of the declaration.
///
/// # Errors
/// If an argument is unknown or given twice.
pub(crate) fn place<'a>(
    given: &'a [(String, String)],
    arguments: &[TextArgument],
) -> Result<Vec<Option<&'a str>>, HandlerError> {
    let mut placed = vec![None; arguments.len()];
    for (name, value) in given {
        let index = arguments.iter().position(|argument| argument.name == name);
        let Some(index) = index else {
            let mut names = arguments.iter().map(|argument| argument.name);
            return Err(HandlerError::invalid(unknown(name, &mut names, "prompt")));
        };
        if placed[index].replace(value.as_str()).is_some() {
            return Err(HandlerError::invalid_argument(name, "given twice"));
        }
    }
    Ok(placed)
}

/// Reads an argument that must be there.
///
/// # Errors
/// If it isn't, or doesn't fit its type.
pub(crate) fn required<T>(name: &str, given: Option<&str>) -> Result<T, HandlerError>
where
    T: FromStr<Err: Display>,
{
    match given {
        Some(given) => parse(name, given),
        None => Err(HandlerError::invalid_argument(
            name,
            "missing required argument",
        )),
    }
}

/// Reads an argument that may be left out.
///
/// # Errors
/// If it doesn't fit its type.
pub(crate) fn optional<T>(name: &str, given: Option<&str>) -> Result<Option<T>, HandlerError>
where
    T: FromStr<Err: Display>,
{
    given.map(|given| parse(name, given)).transpose()
}

fn parse<T>(name: &str, given: &str) -> Result<T, HandlerError>
where
    T: FromStr<Err: Display>,
{
    const SHOWN_MAX_CHARS: usize = 40;
    given.parse().map_err(|error| {
        let found = match given.chars().count() <= SHOWN_MAX_CHARS {
            true => format!("{given:?}"),
            false => "the text".to_owned(),
        };
        HandlerError::invalid_argument(name, format_args!("{found} doesn't fit: {error}"))
    })
}

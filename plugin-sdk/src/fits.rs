//! What a type must be able to do where it stands in the signature of a handler, and
//! what the compiler says if it can't.
//!
//! It owns the words. Nobody implements these traits by hand: whatever has what one
//! of them is made of has it. Those implementations are not recommended, so that an
//! error names the handler's mistake and not what `serde` is made of.

use std::fmt::Display;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arguments::{self, Argument};
use crate::error::HandlerError;
use crate::text;

/// An argument of a tool.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// /// How far a point is from the middle.
/// #[tool]
/// fn distance(point: Point) -> f64 {
///     point.x.hypot(point.y)
/// }
///
/// assert_eq!(distance(Point { x: 3.0, y: 4.0 }), 5.0);
/// ```
///
/// Without the two derives it is refused when it is compiled, with the words below:
///
/// ```compile_fail
/// # use fusebox_sdk::prelude::*;
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// /// How far a point is from the middle.
/// #[tool]
/// fn distance(point: Point) -> f64 {
///     point.x.hypot(point.y)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an argument of a tool",
    label = "it can't be read from JSON, or has no schema",
    note = "put `#[derive(Deserialize, JsonSchema)]` above the type; what it is made of needs both too"
)]
pub trait ArgumentValue: Sized {
    /// Makes its schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// Reads one that must be there.
    ///
    /// # Errors
    /// If it isn't, or is of another type.
    fn required(argument: &Argument, given: Option<&RawValue>) -> Result<Self, HandlerError>;

    /// Reads one that may be left out, or be null.
    ///
    /// # Errors
    /// If it is of another type.
    fn optional(
        argument: &Argument,
        given: Option<&RawValue>,
    ) -> Result<Option<Self>, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> ArgumentValue for T {
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn required(argument: &Argument, given: Option<&RawValue>) -> Result<Self, HandlerError> {
        arguments::required(argument, given)
    }

    fn optional(
        argument: &Argument,
        given: Option<&RawValue>,
    ) -> Result<Option<Self>, HandlerError> {
        arguments::optional(argument, given)
    }
}

/// All arguments of a tool with `input_schema`, as one value.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::{Value, json};
///
/// /// Counts whatever it is given.
/// #[tool(input_schema = r#"{"type": "object"}"#)]
/// fn count(arguments: Value) -> usize {
///     arguments.as_object().map_or(0, |members| members.len())
/// }
///
/// assert_eq!(count(json!({"a": 1, "b": 2})), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hold the arguments of a tool",
    label = "it can't be read from JSON",
    note = "put `#[derive(Deserialize)]` above the type, or take `serde_json::Value`"
)]
pub trait WholeValue: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// If the arguments are of another type.
    fn of_arguments(json: &str) -> Result<Self, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> WholeValue for T {
    fn of_arguments(json: &str) -> Result<Self, HandlerError> {
        arguments::whole(json)
    }
}

/// A default of an argument of a tool.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// enum Unit {
///     Celsius,
///     Fahrenheit,
/// }
///
/// /// A temperature, with its unit.
/// #[tool]
/// fn shown(degrees: f64, #[arg(default = Unit::Celsius)] unit: Unit) -> String {
///     match unit {
///         Unit::Celsius => format!("{degrees} °C"),
///         Unit::Fahrenheit => format!("{degrees} °F"),
///     }
/// }
///
/// assert_eq!(shown(20.5, Unit::Celsius), "20.5 °C");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't have a default",
    label = "the schema shows the default, and this can't be written as JSON",
    note = "put `#[derive(Serialize)]` above the type, or take an `Option` and no default"
)]
pub trait DefaultValue {
    /// As the schema shows it. One that has no JSON is not shown.
    fn shown(&self) -> Value;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> DefaultValue for T {
    fn shown(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// An argument of a prompt, or a variable of a URI.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use std::net::Ipv4Addr;
///
/// /// Explains an address.
/// #[prompt]
/// fn explain(address: Ipv4Addr) -> String {
///     let kind = if address.is_private() { "private" } else { "public" };
///     format!("Explain the {kind} address {address}.")
/// }
///
/// assert_eq!(explain(Ipv4Addr::new(10, 0, 0, 1)), "Explain the private address 10.0.0.1.");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from text",
    label = "an argument of a prompt and a variable of a URI are text",
    note = "take `String`, or implement `std::str::FromStr` for it, with an error that has `std::fmt::Display`"
)]
pub trait TextValue: Sized {
    /// Reads one that must be there.
    ///
    /// # Errors
    /// If it isn't, or the text doesn't fit.
    fn required(name: &str, given: Option<&str>) -> Result<Self, HandlerError>;

    /// Reads one that may be left out.
    ///
    /// # Errors
    /// If the text doesn't fit.
    fn optional(name: &str, given: Option<&str>) -> Result<Option<Self>, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> TextValue for T {
    fn required(name: &str, given: Option<&str>) -> Result<Self, HandlerError> {
        text::required(name, given)
    }

    fn optional(name: &str, given: Option<&str>) -> Result<Option<Self>, HandlerError> {
        text::optional(name, given)
    }
}

/// An error that a handler may return.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use std::fmt;
///
/// #[derive(Debug)]
/// struct Full;
///
/// impl fmt::Display for Full {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("there is no room left")
///     }
/// }
///
/// /// Packs a bag.
/// #[tool]
/// fn pack(things: Vec<String>) -> Result<usize, Full> {
///     if things.len() > 3 { Err(Full) } else { Ok(things.len()) }
/// }
///
/// assert_eq!(HandlerError::from(Full).message(), "there is no room left");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the error of a handler",
    label = "the caller reads the error, and this has no text",
    note = "implement `std::fmt::Display` for it, or return `Result<_, HandlerError>`"
)]
pub trait IntoHandlerError {
    /// What the caller reads.
    fn into_handler_error(self) -> HandlerError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<HandlerError>> IntoHandlerError for E {
    fn into_handler_error(self) -> HandlerError {
        self.into()
    }
}

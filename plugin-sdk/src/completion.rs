//! What a completion's function takes besides what is typed, and what it may
//! return.

use crate::Completion;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;

/// As many values as MCP lets a server propose.
const VALUES_MAX: usize = 100;

/// The arguments that were chosen before the one that is being completed.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Proposes streets of the town that was chosen before.
/// #[completion(prompt = "visit", argument = "street")]
/// fn streets(value: &str, known: &Known) -> Vec<&'static str> {
///     let streets: &[_] = match known.get("town") {
///         Some("Oslo") => &["Bygdøy allé", "Karl Johans gate"],
///         _ => &[],
///     };
///     let streets = streets.iter().copied();
///     streets.filter(|street| street.starts_with(value)).collect()
/// }
///
/// let known = Known::new([("town".into(), "Oslo".into())]);
/// assert_eq!(streets("K", &known), ["Karl Johans gate"]);
/// assert!(streets("K", &Known::default()).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Known(Vec<(String, String)>);

impl Known {
    /// Names and values, as for a test of a completion.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let known = Known::new([("country".into(), "Italy".into())]);
    /// assert_eq!(known.get("country"), Some("Italy"));
    /// ```
    pub fn new(arguments: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(arguments.into_iter().collect())
    }

    /// The value of an argument, if it was chosen.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let known = Known::new([("country".into(), "Italy".into())]);
    /// assert_eq!(known.get("country").unwrap_or("anywhere"), "Italy");
    /// assert_eq!(known.get("town"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a completion may return, alone or in a `Result`: a list of text, best
/// first, or a [`Completion`].
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Files of the plugin's store; that one can't be read is an error of its own.
/// #[completion(resource = "notes://{name}", argument = "name")]
/// fn names(value: &str, ctx: &Context) -> Result<Vec<String>, HandlerError> {
///     let mut names = ctx.store()?.keys()?;
///     names.retain(|name| name.starts_with(value));
///     Ok(names)
/// }
///
/// let ctx = Context::for_test();
/// ctx.store()?.set("today", "sunny")?;
/// assert_eq!(names("to", &ctx)?, ["today"]);
/// # Ok::<(), HandlerError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a completion can't return `{Self}`",
    label = "it is no list of text",
    note = "return `Vec<String>`, `Vec<&str>`, `Completion`, or a `Result` of these"
)]
pub trait IntoCompletion {
    /// Makes the proposals.
    ///
    /// ```
    /// # use fusebox_sdk::IntoCompletion;
    /// # use fusebox_sdk::prelude::*;
    /// let proposed = vec!["Milan", "Rome"].into_completion()?;
    /// assert_eq!((proposed.values.len(), proposed.total), (2, Some(2)));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// The handler's own.
    fn into_completion(self) -> Result<Completion, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Completion {
    fn into_completion(self) -> Result<Self, HandlerError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Vec<String> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        Ok(Completion::of_all(self))
    }
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Vec<&str> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        Ok(Completion::of_all(self))
    }
}

impl<T: IntoCompletion, E: IntoHandlerError> IntoCompletion for Result<T, E> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        self.map_err(E::into_handler_error)?.into_completion()
    }
}

impl Completion {
    /// All that there are, best first. The first hundred are proposed, and it
    /// is said how many there are.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let proposed = Completion::of_all((1..=250).map(|number| number.to_string()));
    /// assert_eq!(proposed.values.len(), 100);
    /// assert_eq!((proposed.total, proposed.has_more), (Some(250), true));
    /// ```
    pub fn of_all<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
        let total = values.len();
        values.truncate(VALUES_MAX);
        Self {
            values,
            total: u32::try_from(total).ok(),
            has_more: total > VALUES_MAX,
        }
    }
}

//! Why the operator's interface doesn't do what it is asked, as it goes onto the wire.
//!
//! It owns statuses, codes and words. It never decides anything.

use http::StatusCode;
use serde::Serialize;

use crate::control::ControlError;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// Nothing was shown.
    #[error(
        "the token is needed: send `Authorization: Bearer TOKEN`; the file that it is in is named in the host's log"
    )]
    Missing,
    /// What was shown opens nothing.
    #[error("this is not the token of this host, which makes another at each start")]
    Wrong,
    /// The name that the host is called by.
    #[error("host `{0}` is not allowed; add it to `admin.allowed_hosts`")]
    Host(String),
    /// The page that asks.
    #[error("pages of `{0}` may not use this interface")]
    Origin(String),
    /// There is no such path.
    #[error("there is nothing at {0}")]
    Path(String),
    /// The path takes other methods.
    #[error("this path takes {0}")]
    Method(&'static str),
    /// The body isn't what it should be.
    #[error("the body can't be used: {0}")]
    Body(String),
    /// It is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It didn't come in time.
    #[error("the body took too long")]
    TooSlow,
    /// The loader doesn't do it.
    #[error(transparent)]
    Order(#[from] ControlError),
    /// As many watch as may.
    #[error("{0} watch already; close another page, or ask again later")]
    Watchers(usize),
    /// The host can't do it.
    #[error("{0}")]
    Failed(String),
}

impl Problem {
    /// The status that it is told with.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::Path(_) => StatusCode::NOT_FOUND,
            Self::Order(error) => order_status(error),
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Watchers(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A word for programs, which stays the same when the message gets better.
    fn code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Wrong => "unauthenticated",
            Self::Host(_) => "host_not_allowed",
            Self::Origin(_) => "origin_not_allowed",
            Self::Path(_) => "not_found",
            Self::Method(_) => "method_not_allowed",
            Self::Body(_) => "bad_body",
            Self::TooLarge(_) => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::Order(error) => error.code(),
            Self::Watchers(_) => "too_many_watchers",
            Self::Failed(_) => "failed",
        }
    }

    /// The body.
    pub(super) fn body(&self) -> Told {
        Told {
            error: Error {
                code: self.code(),
                message: self.to_string(),
            },
        }
    }
}

fn order_status(error: &ControlError) -> StatusCode {
    match error {
        ControlError::NoSuchPlugin { .. }
        | ControlError::NoSuchVersion { .. }
        | ControlError::NoSuchHandler { .. }
        | ControlError::NoCanary { .. } => StatusCode::NOT_FOUND,
        ControlError::Busy | ControlError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CONFLICT,
    }
}

/// What is told of a refusal.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    error: Error,
}

#[derive(Debug, Serialize)]
struct Error {
    code: &'static str,
    message: String,
}

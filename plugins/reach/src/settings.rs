//! Configuration, secrets and environment.

use fusebox_sdk::prelude::*;

use crate::files::wasi::cli::environment::get_environment;

/// A value of the configuration.
#[tool]
pub(crate) fn setting(key: String, ctx: &Context) -> Result<String, HandlerError> {
    Ok(ctx.config(&key)?.unwrap_or("nothing".to_owned()))
}

/// How long a secret is.
#[tool]
pub(crate) fn secret_bytes(key: String, ctx: &Context) -> Result<usize, HandlerError> {
    Ok(ctx.secret(&key)?.expose().len())
}

/// All environment variables.
#[tool]
pub(crate) fn environment() -> Vec<String> {
    let pairs = get_environment().into_iter();
    pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Where a secret could get out.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    Error,
    Argument,
    Log,
    Progress,
    Panic,
    Result,
}

/// Lets a secret out.
#[tool]
pub(crate) fn leak(key: String, way: Way, ctx: &Context) -> Result<String, HandlerError> {
    let secret = ctx.secret(&key)?;
    let secret = secret.expose();
    match way {
        Way::Error => Err(HandlerError::new(format!("the server refused {secret}"))),
        Way::Argument => Err(HandlerError::invalid_argument(
            "key",
            format!("it is {secret}"),
        )),
        Way::Log => {
            ctx.log_error(&format!("trying {secret}"));
            Ok("logged".to_owned())
        }
        Way::Progress => {
            ctx.progress_message(1.0, 2.0, format!("trying {secret}"));
            Ok("told".to_owned())
        }
        Way::Panic => panic!("{secret} is no good"),
        Way::Result => Ok(secret.to_owned()),
    }
}

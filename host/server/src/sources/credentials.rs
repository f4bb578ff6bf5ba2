//! Who the host is, for servers that want to know: what `docker login` left, a netrc
//! file, or a token that the configuration names.
//!
//! It owns where credentials are looked for, and the advice when they don't do. It
//! never keeps or shows them.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use netrc::Netrc;
use oci_client::secrets::RegistryAuth;
use reqwest::Url;

use super::error::FetchError;
use crate::config::Source;
use crate::granter::secrets;

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// The name under which docker keeps the credentials of its own registry.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Credentials, and what to say when they don't do.
pub(super) struct Login {
    pub(super) auth: RegistryAuth,
    pub(super) advice: String,
}

/// What the host shows a registry.
pub(super) async fn registry(registry: &str) -> Result<Login, FetchError> {
    let file = docker_config();
    let shown = file.as_ref().map_or_else(
        || "~/.docker/config.json".to_owned(),
        |file| file.display().to_string(),
    );
    let server = match registry {
        "docker.io" => DOCKER_HUB.to_owned(),
        other => other.to_owned(),
    };
    let is_there = file.is_some_and(|file| file.is_file());
    let asked = tokio::task::spawn_blocking(move || look_up(&server, is_there));
    let found = match tokio::time::timeout(HELPER_TIMEOUT, asked).await {
        Ok(Ok(found)) => found,
        Ok(Err(panic)) => return Err(FetchError::Credentials(panic.to_string())),
        Err(_) => {
            return Err(FetchError::Credentials(format!(
                "the credential helper in {shown} took longer than {HELPER_TIMEOUT:?}"
            )));
        }
    };
    match found {
        Ok(Some(DockerCredential::UsernamePassword(user, password))) => Ok(Login {
            auth: RegistryAuth::Basic(user, password),
            advice: format!(
                "it doesn't take the credentials for it in {shown}; `docker login {registry}` renews them"
            ),
        }),
        Ok(Some(DockerCredential::IdentityToken(_))) => Err(FetchError::Credentials(format!(
            "{shown} has an identity token for {registry}, which can't be used here; log in with a user and a password or access token"
        ))),
        Ok(None) => Ok(Login {
            auth: RegistryAuth::Anonymous,
            advice: format!(
                "it wants credentials, and there are none for it in {shown}; `docker login {registry}` puts them there"
            ),
        }),
        // What a helper wrote is not shown: it could be the secret.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(FetchError::Credentials(format!(
                "the credential helper `{helper}` named in {shown} failed for {registry}"
            )))
        }
        Err(error) => Err(FetchError::Credentials(format!(
            "{shown} can't be used for {registry}: {error}"
        ))),
    }
}

fn docker_config() -> Option<PathBuf> {
    let given = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = given.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

/// Docker's file, and then that of podman.
fn look_up(
    server: &str,
    docker: bool,
) -> Result<Option<DockerCredential>, CredentialRetrievalError> {
    if docker {
        match docker_credential::get_credential(server) {
            Err(CredentialRetrievalError::NoCredentialConfigured) => {}
            // So say the helpers of docker, by their protocol.
            Err(CredentialRetrievalError::HelperFailure { stdout, .. })
                if stdout.contains("credentials not found") => {}
            found => return found.map(Some),
        }
    }
    // It may not be there, and then has nothing.
    Ok(docker_credential::get_podman_credential(server).ok())
}

/// What the host shows a server of files.
pub(super) enum Shown {
    /// `Authorization: Bearer`
    Token(String),
    /// `Authorization: Basic`
    User(String, String),
    /// nothing
    Nothing,
}

impl Shown {
    /// What to do when it doesn't do; `key` is where a token would be named.
    pub(super) fn advice(&self, key: &str) -> String {
        match self {
            Self::Token(_) => format!("it doesn't take the token of `{key}`"),
            Self::User(..) => "it doesn't take what the netrc file has for it".to_owned(),
            Self::Nothing => format!(
                "it wants credentials; give a token in `{key}`, or a user and a password in a netrc file"
            ),
        }
    }
}

/// The token, or what a netrc file has for this host.
pub(super) async fn server(
    url: &Url,
    token: Option<&Source>,
    key: &str,
) -> Result<Shown, FetchError> {
    if let Some(source) = token {
        let token = secrets::text(source).await;
        let failed = |reason: String| FetchError::Credentials(format!("`{key}`: {reason}"));
        return token.map(Shown::Token).map_err(failed);
    }
    let Some(file) = Netrc::get_file() else {
        return Ok(Shown::Nothing);
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let shown = file.display().to_string();
    let unusable =
        |reason: String| FetchError::Credentials(format!("{shown} can't be used: {reason}"));
    let read = tokio::task::spawn_blocking(move || Netrc::from_file(&file)).await;
    let netrc = match read {
        Ok(Ok(netrc)) => netrc,
        // The words of the parser may be those of the file.
        Ok(Err(netrc::Error::Parsing { .. })) => {
            return Err(unusable("it is no netrc file".to_owned()));
        }
        Ok(Err(error)) => return Err(unusable(error.to_string())),
        Err(panic) => return Err(unusable(panic.to_string())),
    };
    // `default` is for any host, which is more than anyone means by it.
    Ok(match netrc.hosts.get(&host) {
        Some(found) => Shown::User(found.login.clone(), found.password.clone()),
        None => Shown::Nothing,
    })
}

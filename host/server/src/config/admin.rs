//! `[admin]`: where the operator's own interface is. Owns the plain types, and what
//! they must agree on with the listeners. Opens nothing.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::Problem;
use super::listener::ListenerError;
use super::overlay::Overlay;
use super::sections::xdg_folder;
use super::{Config, Listener, Scheme};

/// The port of the interface, unless something else is said.
pub const ADMIN_PORT: u16 = 9990;

/// `[admin]`: the operator's interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Where it is.
    pub listen: AdminListen,
    /// The file for its token as the configuration has it, perhaps empty; see
    /// [`Admin::token_file`].
    pub token_file: PathBuf,
    /// `Host` values, as in `http.allowed_hosts`.
    pub allowed_hosts: Vec<String>,
}

/// Whether there is an interface for the operator, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminListen {
    /// On loopback, at [`ADMIN_PORT`], where a host serves and the port is free.
    Auto,
    /// Nowhere.
    Off,
    /// Here, or the host doesn't start.
    At(Listener),
}

/// Why a text is no place for the interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminListenError {
    /// It is no listener.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// It is one that speaks no HTTP over TCP.
    #[error("`{0}` can't be the admin interface: use http:// or https://")]
    Scheme(Listener),
}

impl AdminListen {
    /// The word for [`AdminListen::Auto`].
    const AUTO: &str = "auto";

    /// The listener that it asks for, if it does.
    pub fn listener(self) -> Option<Listener> {
        match self {
            Self::Off => None,
            Self::At(listener) => Some(listener),
            Self::Auto => Some(Listener {
                scheme: Scheme::Http,
                addr: SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT)),
            }),
        }
    }
}

impl FromStr for AdminListen {
    type Err = AdminListenError;

    fn from_str(text: &str) -> Result<Self, AdminListenError> {
        match text {
            Self::AUTO => Ok(Self::Auto),
            "" => Ok(Self::Off),
            _ => {
                let listener: Listener = text.parse()?;
                match listener.scheme {
                    Scheme::Http | Scheme::Https => Ok(Self::At(listener)),
                    Scheme::Tcp | Scheme::Quic => Err(AdminListenError::Scheme(listener)),
                }
            }
        }
    }
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(Self::AUTO),
            Self::Off => Ok(()),
            Self::At(listener) => listener.fmt(f),
        }
    }
}

impl Serialize for AdminListen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AdminListen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Admin {
    /// The file for the token of an interface on this port; none if the user has no
    /// home. `variable` looks up an environment variable (`std::env::var_os`).
    pub fn token_file(
        &self,
        port: u16,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Option<PathBuf> {
        if !self.token_file.as_os_str().is_empty() {
            return Some(self.token_file.clone());
        }
        default_token_file(port, variable)
    }
}

/// Where the token of an interface on this port is, unless its configuration says
/// otherwise: programs of the same user find it there.
pub fn default_token_file(
    port: u16,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    xdg_folder("XDG_STATE_HOME", ".local/state", variable)
        .map(|states| states.join("fusebox").join(format!("admin-{port}.token")))
}

impl Config {
    /// The flag `--admin`.
    #[must_use]
    pub fn with_admin(mut self, admin: Option<AdminListen>) -> Self {
        if let Some(listen) = admin {
            self.admin.listen = listen;
        }
        self
    }

    /// The address of the interface, if other machines reach it and could read what is
    /// said there.
    pub fn admin_in_clear(&self) -> Option<Listener> {
        let listener = self.admin.listen.listener()?;
        let is_exposed = !listener.addr.ip().is_loopback() && !listener.scheme.is_encrypted();
        is_exposed.then_some(listener)
    }
}

/// The interface has an address of its own.
pub(super) fn validate(config: &Config, overlay: &mut Overlay<'_>) {
    let AdminListen::At(listener) = config.admin.listen else {
        return;
    };
    let taken = config.listeners().iter().any(|other| {
        !other.scheme.is_udp() && other.addr == listener.addr && listener.addr.port() != 0
    });
    if taken {
        let location = overlay.location("admin.listen");
        overlay.error(location, Problem::SameAddress { listener });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_is_somewhere_or_nowhere() {
        let check = |text: &str, expected: &str| {
            let shown = match text.parse::<AdminListen>() {
                Ok(listen) => format!(
                    "{listen} {:?}",
                    listen.listener().map(|one| one.to_string())
                ),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected, "for {text:?}");
        };
        check("auto", "auto Some(\"http://127.0.0.1:9990\")");
        check("", " None");
        check(
            "https://[::1]:1",
            "https://[::1]:1 Some(\"https://[::1]:1\")",
        );
        check("0", "http://127.0.0.1:0 Some(\"http://127.0.0.1:0\")");
        check(
            "tcp://127.0.0.1:1",
            "`tcp://127.0.0.1:1` can't be the admin interface: use http:// or https://",
        );
        check(
            "off",
            "`off` is not an address: use IP:PORT, such as 127.0.0.1:9999 or [::1]:9999",
        );
    }

    #[test]
    fn the_token_is_where_the_user_keeps_state() {
        let admin = Config::default().admin;
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/u"));
        assert_eq!(
            admin.token_file(1, home),
            Some("/home/u/.local/state/fusebox/admin-1.token".into())
        );
        assert_eq!(admin.token_file(1, |_| None), None);
        let given = Admin {
            token_file: "/t".into(),
            ..admin
        };
        assert_eq!(given.token_file(1, home), Some("/t".into()));
    }

    #[test]
    fn what_is_sent_in_clear_to_other_machines_is_known() {
        let check = |listen: &str, expected: Option<&str>| {
            let config = Config::default().with_admin(Some(listen.parse().unwrap()));
            let in_clear = config.admin_in_clear().map(|one| one.to_string());
            assert_eq!(in_clear.as_deref(), expected, "for {listen:?}");
        };
        check("auto", None);
        check("", None);
        check("127.0.0.1:1", None);
        check("0.0.0.0:1", Some("http://0.0.0.0:1"));
        check("https://0.0.0.0:1", None);
    }
}

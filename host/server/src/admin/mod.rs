//! The operator's interface: a listener of its own, apart from all that clients reach,
//! with the page `/dashboard` and an API below `/admin/v1/`.
//!
//! It owns who may come in there, what they are told and what they may order. It never
//! does what is ordered itself: that is the part's whose it is.

mod access;
mod answer;
mod connection;
mod events;
mod lists;
mod orders;
mod pages;
mod problem;
mod pulse;
mod routes;
mod settings;
mod snapshot;
pub(crate) mod token;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;

use crate::config::{AdminListen, Config, Listener, Scheme};
use crate::host::Host;
use crate::inherited::Inherited;
use crate::successor::Handle;
use crate::transport::listen;
use crate::transport::tls::Tls;
use pulse::Pulse;
use token::{Token, TokenFile};

/// What the requests of the interface share.
struct Admin {
    host: Arc<Host>,
    token: Token,
    /// where the interface is
    local: SocketAddr,
    /// whether what is said there is encrypted
    encrypted: bool,
    /// requests with a wrong token
    strangers: AtomicU64,
    pulse: Pulse,
}

/// A bound interface.
pub struct Bound {
    socket: Arc<TcpListener>,
    /// for the host that takes this one's place
    handle: Handle,
    /// where it is: a port of 0 was chosen by the system
    pub addr: SocketAddr,
    tls: Option<Tls>,
    token: Token,
    file: TokenFile,
}

/// Why there is no interface.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The socket.
    #[error(
        "failed to open the admin interface on {listener}: {error}; stop the program that has the port, or choose another with `admin.listen`"
    )]
    Listen {
        /// where
        listener: Listener,
        /// the system's reason
        error: io::Error,
    },
    /// There is no file for its token.
    #[error(
        "failed to write the token of the admin interface to {file:?}: {error}; name another file with `admin.token_file`"
    )]
    File {
        /// the file
        file: String,
        /// the system's reason
        error: io::Error,
    },
    /// There is no place for the file either.
    #[error("there is no folder for the token of the admin interface: set `admin.token_file`")]
    NoHome,
    /// There is no token.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// Strangers could read the token on its way.
    #[error(
        "{0} is reached from other machines and is not encrypted: the token of the admin interface could be read on its way. Let `admin.listen` be https:// with a certificate in [tls], or on 127.0.0.1; or say --insecure if something else protects it"
    )]
    InClear(Listener),
}

/// Whether there is an interface where nobody asked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// if it can be had
    Try,
    /// no
    No,
}

/// Binds the interface that the configuration asks for, if it does. `tls` is there if
/// any listener is encrypted.
///
/// # Errors
/// If one is asked for and can't be had.
pub(crate) fn bind(
    config: &Config,
    tls: Option<&Tls>,
    inherited: &mut Inherited,
    unasked: Unasked,
) -> Result<Option<Bound>, AdminError> {
    match config.admin.listen {
        AdminListen::Off => Ok(None),
        AdminListen::At(listener) => bind_at(config, listener, tls, inherited).map(Some),
        AdminListen::Auto if unasked == Unasked::No => Ok(None),
        AdminListen::Auto => {
            let listener = config.admin.listen.listener();
            let bound = listener.map(|listener| bind_at(config, listener, None, inherited));
            Ok(bound.and_then(|bound| {
                bound
                    .inspect_err(|error| {
                        tracing::warn!(
                            "no admin interface: {error}; or turn it off with `admin.listen` = \"\""
                        );
                    })
                    .ok()
            }))
        }
    }
}

fn bind_at(
    config: &Config,
    listener: Listener,
    tls: Option<&Tls>,
    inherited: &mut Inherited,
) -> Result<Bound, AdminError> {
    if let Some(listener) = config.admin_in_clear() {
        if !config.auth.insecure {
            return Err(AdminError::InClear(listener));
        }
        tracing::warn!("insecure: the admin interface on {listener} can be read on its way");
    }
    let failed = |error| AdminError::Listen { listener, error };
    let socket = match inherited.tcp(&listener).map_err(failed)? {
        Some(socket) => TcpListener::from_std(socket),
        None => listen::bind_tcp(&listener, &config.socket),
    };
    let socket = socket.map_err(failed)?;
    let addr = socket.local_addr().map_err(failed)?;
    let handle = Handle {
        listener,
        socket: socket.as_fd().try_clone_to_owned().map_err(failed)?,
    };
    let token = Token::draw().map_err(AdminError::Random)?;
    let path = config
        .admin
        .token_file(addr.port(), |name| std::env::var_os(name))
        .ok_or(AdminError::NoHome)?;
    let shown = path.display().to_string();
    let file =
        TokenFile::write(path, &token).map_err(|error| AdminError::File { file: shown, error })?;
    Ok(Bound {
        socket: Arc::new(socket),
        handle,
        addr,
        tls: tls.filter(|_| listener.scheme.is_encrypted()).cloned(),
        token,
        file,
    })
}

impl Bound {
    /// Where it is.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        };
        format!("{}://{}", scheme.as_str(), self.addr)
    }

    /// The file that its token is in.
    pub(crate) fn token_file(&self) -> &Path {
        self.file.path()
    }

    /// What it shows, if it is encrypted.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Serves until the host has stopped, or another has taken its place; the file of
    /// the token goes then.
    pub(crate) fn accept(self, host: &Arc<Host>) -> Handle {
        let admin = Arc::new(Admin {
            pulse: Pulse::new(host),
            host: host.clone(),
            token: self.token,
            local: self.addr,
            encrypted: self.tls.is_some(),
            strangers: AtomicU64::new(0),
        });
        let (socket, tls, file) = (self.socket, self.tls, Arc::new(self.file));
        host.parts.part("admin").may_end().keep(move |_| {
            let (admin, socket, tls) = (admin.clone(), socket.clone(), tls.clone());
            let file = file.clone();
            async move {
                let _kept = file;
                let accepting = connection::accept(admin.clone(), &socket, tls);
                tokio::join!(admin.pulse.keep(&admin.host), accepting);
            }
        });
        self.handle
    }
}

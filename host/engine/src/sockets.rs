//! `wasi:sockets` for plugins: from the host functions to whoever judges where a
//! plugin may connect.
//!
//! It owns which of those functions ask, and that each socket has a place for as
//! long as it is open. It decides on no address and looks no name up: what stands
//! behind [`Network`] does.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use wasmtime::StoreContextMut;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, Network as NetworkHandle,
};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketResult, TcpSocket, UdpSocket, subscribe};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView as _};

use crate::contract::capabilities::ip_name_lookup;
use crate::state::State;

/// What a plugin wants to do with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// have it as its own; asked too when the system is about to choose one, with
    /// the unspecified address and port 0
    Bind,
    /// be found there
    Listen,
    /// make a connection of TCP to it
    Connect,
    /// send it a datagram
    Send,
    /// take a datagram that came from it
    Receive,
}

/// Whether it may.
pub type Judging = Pin<Box<dyn Future<Output = bool> + Send + Sync>>;

/// A name that is being looked up.
pub type LookingUp = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, LookupError>> + Send>>;

/// The room that one open socket takes. Dropping it makes room for another one.
pub type SocketPlace = Box<dyn Any + Send + Sync>;

/// Why a name has no address for a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The operator doesn't allow it; nobody has been asked.
    #[error("not granted")]
    Denied,
    /// It is no name.
    #[error("no name")]
    NotAName,
    /// There is none.
    #[error("the name has no address")]
    NoAddress,
    /// There was no answer in time.
    #[error("no answer in time")]
    Late,
}

/// The network as one plugin may use it.
pub trait Network: Debug + Send + Sync {
    /// The network for one instance: what that has looked up counts for it alone.
    fn open(&self) -> Arc<dyn Sockets>;
}

/// The network as one instance of a plugin may use it.
pub trait Sockets: Debug + Send + Sync {
    /// Room for one more socket; none: as many are open as may be.
    fn place(&self) -> Option<SocketPlace>;

    /// Looks up a name, if the plugin may connect there. Never waits by itself.
    fn look_up(&self, name: &str) -> LookingUp;

    /// Judges an address. Nobody tells the plugin why it may not.
    fn may(&self, contact: Contact, peer: SocketAddr) -> Judging;
}

/// What a store keeps for the sockets of its instance. Made only if the plugin
/// asks for one, and may.
pub(crate) struct NetworkState {
    sockets: Arc<dyn Sockets>,
    /// of the open sockets, by their index in the table of resources
    places: HashMap<u32, SocketPlace>,
}

impl NetworkState {
    pub(crate) fn sockets(&self) -> Arc<dyn Sockets> {
        self.sockets.clone()
    }
}

/// Asks about an address.
pub(crate) fn judge(sockets: &dyn Sockets, peer: SocketAddr, reason: SocketAddrUse) -> Judging {
    let contact = match reason {
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => Contact::Bind,
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => Contact::Listen,
        SocketAddrUse::TcpConnect => Contact::Connect,
        SocketAddrUse::UdpSend => Contact::Send,
        SocketAddrUse::UdpReceive => Contact::Receive,
    };
    sockets.may(contact, peer)
}

/// Puts what has to be asked in front of WASI's own functions: a name is looked up
/// by whoever judges it, and a socket is made only if there is room for it.
pub(crate) fn guard(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap(
            "create-tcp-socket",
            |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
                Ok((store.data_mut().create_tcp(family)?,))
            },
        )?;
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-udp-socket",
            |mut store: StoreContextMut<'_, State>, (family,): (IpAddressFamily,)| {
                Box::new(async move { Ok((store.data_mut().create_udp(family).await?,)) })
            },
        )?;
    linker.instance("wasi:sockets/tcp@0.2.12")?.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        |mut store, index| store.data_mut().close::<TcpSocket>(index),
    )?;
    linker.instance("wasi:sockets/udp@0.2.12")?.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        |mut store, index| store.data_mut().close::<UdpSocket>(index),
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A new socket, or why there is none, in the words of WASI.
type Created<T> = wasmtime::Result<Result<Resource<T>, ErrorCode>>;

impl State {
    /// What its instance may do with the network; none: nothing.
    pub(crate) fn network(&mut self) -> Option<&mut NetworkState> {
        if self.network.is_none() {
            let network = self.reach.as_ref()?.grants.network.as_ref()?;
            self.network = Some(Box::new(NetworkState {
                sockets: network.open(),
                places: HashMap::new(),
            }));
        }
        self.network.as_deref_mut()
    }

    /// The network, or the refusal. The plugin can't be told why, so the log is.
    fn granted(&mut self) -> Result<Arc<dyn Sockets>, ErrorCode> {
        if let Some(network) = self.network() {
            return Ok(network.sockets());
        }
        if let Some(reach) = &self.reach
            && !reach.sockets_told.swap(true, Ordering::Relaxed)
        {
            let table = &reach.grants.table;
            tracing::warn!(
                "not granted: this plugin may use no socket and look up no name; [{table}.sockets] with connect = [\"tcp://HOST:PORT\"] would allow it"
            );
        }
        Err(ErrorCode::AccessDenied)
    }

    fn place(&mut self) -> Result<SocketPlace, ErrorCode> {
        self.granted()?.place().ok_or(ErrorCode::NewSocketLimit)
    }

    fn create_tcp(&mut self, family: IpAddressFamily) -> Created<TcpSocket> {
        let place = match self.place() {
            Ok(place) => place,
            Err(code) => return Ok(Err(code)),
        };
        let made = tcp_create_socket::Host::create_tcp_socket(&mut self.sockets(), family);
        self.keep(made, place)
    }

    async fn create_udp(&mut self, family: IpAddressFamily) -> Created<UdpSocket> {
        let place = match self.place() {
            Ok(place) => place,
            Err(code) => return Ok(Err(code)),
        };
        let made = udp_create_socket::Host::create_udp_socket(&mut self.sockets(), family).await;
        self.keep(made, place)
    }

    fn keep<T: 'static>(
        &mut self,
        made: SocketResult<Resource<T>>,
        place: SocketPlace,
    ) -> Created<T> {
        let socket = match made {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(error.downcast()?)),
        };
        if let Some(network) = self.network() {
            network.places.insert(socket.rep(), place);
        }
        Ok(Ok(socket))
    }

    fn close<T: Send + 'static>(&mut self, index: u32) -> wasmtime::Result<()> {
        self.resources.delete(Resource::<T>::new_own(index))?;
        if let Some(network) = &mut self.network {
            network.places.remove(&index);
        }
        Ok(())
    }
}

/// A name that a plugin looks up, and then the addresses that it has not been
/// told yet.
#[allow(unreachable_pub, reason = "the bindings re-export it")]
pub struct Lookup(Looked);

enum Looked {
    Pending(LookingUp),
    Found(std::vec::IntoIter<IpAddr>),
    Failed(ErrorCode),
}

impl Lookup {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Looked::Pending(looking) = &mut self.0 {
            let Poll::Ready(found) = looking.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.0 = match found {
                Ok(addresses) => Looked::Found(addresses.into_iter()),
                Err(error) => Looked::Failed(code(error)),
            };
        }
        Poll::Ready(())
    }
}

fn code(error: LookupError) -> ErrorCode {
    match error {
        LookupError::Denied => ErrorCode::AccessDenied,
        LookupError::NotAName => ErrorCode::InvalidArgument,
        LookupError::NoAddress => ErrorCode::NameUnresolvable,
        LookupError::Late => ErrorCode::TemporaryResolverFailure,
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

impl ip_name_lookup::Host for State {
    async fn resolve_addresses(
        &mut self,
        network: Resource<NetworkHandle>,
        name: String,
    ) -> wasmtime::Result<Result<Resource<Lookup>, ErrorCode>> {
        self.resources.get(&network)?;
        let looking = match self.granted() {
            Ok(sockets) => sockets.look_up(&name),
            Err(code) => return Ok(Err(code)),
        };
        let mut lookup = Lookup(Looked::Pending(looking));
        // What is known at once is said at once.
        let _ = lookup.poll(&mut Context::from_waker(Waker::noop()));
        match lookup.0 {
            Looked::Failed(code) => Ok(Err(code)),
            _ => Ok(Ok(self.resources.push(lookup)?)),
        }
    }
}

impl ip_name_lookup::HostResolveAddressStream for State {
    async fn resolve_next_address(
        &mut self,
        lookup: Resource<Lookup>,
    ) -> wasmtime::Result<Result<Option<IpAddress>, ErrorCode>> {
        let lookup = self.resources.get_mut(&lookup)?;
        let _ = lookup.poll(&mut Context::from_waker(Waker::noop()));
        Ok(match &mut lookup.0 {
            Looked::Pending(_) => Err(ErrorCode::WouldBlock),
            Looked::Found(addresses) => Ok(addresses.next().map(IpAddress::from)),
            Looked::Failed(code) => Err(*code),
        })
    }

    async fn subscribe(
        &mut self,
        lookup: Resource<Lookup>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.resources, lookup)
    }

    async fn drop(&mut self, lookup: Resource<Lookup>) -> wasmtime::Result<()> {
        self.resources.delete(lookup)?;
        Ok(())
    }
}

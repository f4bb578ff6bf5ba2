//! The sockets of one plugin: where they may connect, and which names are looked up
//! for it.
//!
//! It owns the judgement of each address, by the operator's list and by what the
//! address is. A connection is made to the address that was judged, so no name can
//! change its meaning in between. A plugin can't be told why it is refused, so the
//! log is, once. It opens no socket itself.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::future::ready;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fusebox_engine::{Contact, Judging, LookingUp, LookupError, Network, SocketPlace, Sockets};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::address::refused;
use super::names::Names;
use crate::config::{Peer, SocketsGrant, Transport, is_name, normal_host};

/// The longest name there is.
const NAME_MAX_BYTES: usize = 253;

/// How long an instance may connect to an address that it was told for a name,
/// whatever the name means by then: servers of names tell some of many addresses,
/// in turn.
const TOLD_TIME: Duration = Duration::from_secs(60);

/// Names of one instance that are remembered.
const REMEMBERED_MAX: usize = 64;

/// Refusals of one plugin that the log is told.
const REFUSALS_MAX: usize = 64;

/// The network as one plugin may use it.
#[derive(Debug)]
pub(super) struct PluginNetwork(Arc<Rules>);

/// What holds for all instances of one plugin.
struct Rules {
    /// where the grant stands
    table: String,
    grant: SocketsGrant,
    places: Arc<Semaphore>,
    names: Names,
    /// what the log has been told
    refusals: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// The network as one instance may use it.
#[derive(Debug)]
struct InstanceSockets {
    rules: Arc<Rules>,
    told: Arc<Mutex<Told>>,
    runtime: Handle,
}

/// What an instance was told about names, the last of them last.
#[derive(Debug, Default)]
struct Told(VecDeque<(String, Instant, Vec<IpAddr>)>);

impl Told {
    fn remember(&mut self, name: String, addresses: Vec<IpAddr>) {
        self.0.retain(|(known, _, _)| *known != name);
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((name, Instant::now(), addresses));
    }

    /// The names that it was told to lead to an address, lately.
    fn leading_to(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let fits = move |(_, at, addresses): &&(String, Instant, Vec<IpAddr>)| {
            at.elapsed() < TOLD_TIME && addresses.contains(&address)
        };
        self.0.iter().filter(fits).map(|(name, _, _)| &**name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _, _)| &**name)
    }
}

impl PluginNetwork {
    /// For the plugin with this grant, which stands in `table`. Names are looked up
    /// where this is called.
    pub(super) fn new(table: String, grant: SocketsGrant) -> Self {
        Self(Arc::new(Rules {
            table,
            places: Arc::new(Semaphore::new(grant.concurrent_max)),
            grant,
            names: Names::new(),
            refusals: Mutex::default(),
        }))
    }
}

impl Network for PluginNetwork {
    fn open(&self) -> Arc<dyn Sockets> {
        Arc::new(InstanceSockets {
            runtime: self.0.names.runtime(),
            rules: self.0.clone(),
            told: Arc::default(),
        })
    }
}

impl Sockets for InstanceSockets {
    fn place(&self) -> Option<SocketPlace> {
        match self.rules.places.clone().try_acquire_owned() {
            Ok(place) => Some(Box::new(place)),
            Err(_) => {
                let (max, table) = (self.rules.grant.concurrent_max, &self.rules.table);
                self.rules.tell(format!(
                    "{max} sockets of this plugin are open; `concurrent_max` in [{table}] raises that"
                ));
                None
            }
        }
    }

    fn look_up(&self, name: &str) -> LookingUp {
        let name = normal_host(name);
        if let Ok(address) = name.parse() {
            return Box::pin(ready(Ok(vec![address])));
        }
        if !is_name(&name) || name.len() > NAME_MAX_BYTES {
            return Box::pin(ready(Err(LookupError::NotAName)));
        }
        if !self.rules.allows_name(&name) {
            return Box::pin(ready(Err(LookupError::Denied)));
        }
        let (rules, told) = (self.rules.clone(), self.told.clone());
        let task = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let found = rules.names.of(&name).await.ok_or(LookupError::Late)?;
            if found.is_empty() {
                return Err(LookupError::NoAddress);
            }
            told.lock().remember(name, found.to_vec());
            Ok(found.to_vec())
        }));
        Box::pin(async move { task.await.unwrap_or(Err(LookupError::Late)) })
    }

    fn may(&self, contact: Contact, peer: SocketAddr) -> Judging {
        let transport = match contact {
            Contact::Bind | Contact::Listen => {
                return Box::pin(ready(self.rules.may_bind(contact, peer)));
            }
            Contact::Connect => Transport::Tcp,
            Contact::Send | Contact::Receive => Transport::Udp,
        };
        let asked = Asked {
            rules: self.rules.clone(),
            transport,
            peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            // What comes from elsewhere is not the plugin's doing.
            silent: contact == Contact::Receive,
        };
        let (fits, names) = asked.at_once(&self.told.lock());
        if fits || names.is_empty() {
            return Box::pin(ready(asked.judge(fits, &self.told.lock())));
        }
        let told = self.told.clone();
        let task = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let fits = asked.rules.one_leads_to(names, asked.peer.ip()).await;
            asked.judge(fits, &told.lock())
        }));
        Box::pin(async move { task.await.unwrap_or(false) })
    }
}

/// An address that an instance wants to use.
struct Asked {
    rules: Arc<Rules>,
    transport: Transport,
    peer: SocketAddr,
    silent: bool,
}

impl Asked {
    /// Whether an entry allows it as far as is known, and the names that would have
    /// to be looked up for another one to.
    fn at_once(&self, told: &Told) -> (bool, Vec<String>) {
        let address = self.peer.ip();
        let connect = self.rules.grant.connect.iter();
        let entries: Vec<&Peer> = connect
            .filter(|entry| entry.is_at(self.transport, self.peer.port()))
            .collect();
        let fits = |entry: &&Peer| {
            entry.allows_address(address)
                || told.leading_to(address).any(|name| entry.allows_name(name))
        };
        if entries.iter().any(fits) {
            return (true, Vec::new());
        }
        let exact = entries.iter().filter_map(|entry| entry.name());
        let looked_up = told
            .names()
            .filter(|name| entries.iter().any(|entry| entry.allows_name(name)));
        let names: BTreeSet<&str> = exact.chain(looked_up).collect();
        (false, names.into_iter().map(str::to_owned).collect())
    }

    /// The last word, for an address that fits an entry or doesn't.
    fn judge(&self, fits: bool, told: &Told) -> bool {
        let Self {
            rules,
            transport,
            peer,
            silent,
        } = self;
        let kind = refused(peer.ip(), &rules.grant.addresses);
        if fits && kind.is_none() {
            return true;
        }
        if *silent {
            return false;
        }
        let table = &rules.table;
        let mut would = Vec::new();
        if !fits {
            let host = match told.leading_to(peer.ip()).next() {
                Some(name) => format!("{name}:{}", peer.port()),
                None => peer.to_string(),
            };
            would.push(format!("\"{transport}://{host}\" in `connect`"));
        }
        if kind.is_some() {
            would.push(format!("\"{}\" in `addresses`", peer.ip()));
        }
        let would = would.join(" and ");
        let which = kind.map_or_else(String::new, |kind| format!(", which is {kind}"));
        rules.tell(format!(
            "not granted: {transport}://{peer}{which}; {would} of [{table}] would allow it"
        ));
        false
    }
}

impl Rules {
    /// Whether some entry is about a name: no other is ever looked up, for what is
    /// asked of a server of names can be a message to it.
    fn allows_name(&self, name: &str) -> bool {
        if self
            .grant
            .connect
            .iter()
            .any(|entry| entry.allows_name(name))
        {
            return true;
        }
        let table = &self.table;
        self.tell(format!(
            "not granted: looking up {name}; \"tcp://{name}:PORT\" in `connect` of [{table}] would allow it"
        ));
        false
    }

    /// An address of the plugin's own is whatever the system chooses.
    fn may_bind(&self, contact: Contact, own: SocketAddr) -> bool {
        if contact == Contact::Bind && own.ip().is_unspecified() && own.port() == 0 {
            return true;
        }
        let what = match contact {
            Contact::Listen => "listening".to_owned(),
            _ => format!("the address {own} for a socket of its own"),
        };
        self.tell(format!("not granted: {what}; no plugin may"));
        false
    }

    /// Whether any of these names leads to an address at this moment.
    async fn one_leads_to(&self, names: Vec<String>, address: IpAddr) -> bool {
        let mut found: FuturesUnordered<_> = names.iter().map(|name| self.names.of(name)).collect();
        while let Some(found) = found.next().await {
            if found.is_some_and(|addresses| addresses.contains(&address)) {
                return true;
            }
        }
        false
    }

    /// Tells the log, once; the plugin gets a bare code.
    fn tell(&self, refusal: String) {
        let mut refusals = self.refusals.lock();
        if refusals.len() < REFUSALS_MAX && !refusals.contains(&refusal) {
            tracing::warn!("{refusal}");
            refusals.insert(refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(grant: &str) -> PluginNetwork {
        let config = format!("[plugins.p.grants.sockets]\n{grant}");
        let config = crate::config::Config::from_toml("test", &config);
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let grant = config.plugin("p").grants.sockets.unwrap();
        PluginNetwork::new("plugins.p.grants.sockets".into(), grant)
    }

    fn instance(grant: &str) -> Arc<dyn Sockets> {
        network(grant).open()
    }

    async fn may(sockets: &Arc<dyn Sockets>, contact: Contact, peer: &str) -> bool {
        sockets.may(contact, peer.parse().unwrap()).await
    }

    #[tokio::test]
    async fn an_address_has_to_fit_and_to_be_public_or_named() {
        let sockets = instance(
            "connect = ['tcp://1.1.1.1:53', 'udp://10.0.0.53:53', 'tcp://*:443', 'tcp://[::1]:5']\n\
             addresses = ['10.0.0.0/24']",
        );
        let check = async |contact, peer: &str, expected: bool| {
            assert_eq!(
                may(&sockets, contact, peer).await,
                expected,
                "{contact:?} {peer}"
            );
        };
        check(Contact::Connect, "1.1.1.1:53", true).await;
        check(Contact::Connect, "1.1.1.1:54", false).await;
        check(Contact::Send, "1.1.1.1:53", false).await;
        check(Contact::Connect, "9.9.9.9:53", false).await;
        check(Contact::Send, "10.0.0.53:53", true).await;
        check(Contact::Receive, "10.0.0.53:53", true).await;
        check(Contact::Receive, "10.0.0.54:53", false).await;
        check(Contact::Connect, "9.9.9.9:443", true).await;
        check(Contact::Connect, "10.0.0.7:443", true).await;
        check(Contact::Connect, "10.0.1.7:443", false).await;
        check(Contact::Connect, "127.0.0.1:443", false).await;
        check(Contact::Connect, "[::ffff:127.0.0.1]:443", false).await;
        check(Contact::Connect, "169.254.169.254:443", false).await;
        check(Contact::Connect, "[::1]:5", false).await;
    }

    #[tokio::test]
    async fn a_name_allows_the_address_that_it_leads_to() {
        let granted = "connect = ['tcp://localhost:5']\n";
        let named = instance(&format!("{granted}addresses = ['127.0.0.0/8', '::1']"));
        assert!(may(&named, Contact::Connect, "127.0.0.1:5").await);
        assert!(!may(&named, Contact::Connect, "127.0.0.2:5").await);
        assert!(!may(&named, Contact::Connect, "127.0.0.1:6").await);
        // It leads to loopback all the same.
        assert!(!may(&instance(granted), Contact::Connect, "127.0.0.1:5").await);
    }

    #[tokio::test]
    async fn names_below_another_count_once_the_instance_has_looked_them_up() {
        let granted = "connect = ['tcp://*.localhost:5']\naddresses = ['127.0.0.1', '::1']";
        let network = network(granted);
        let (one, other) = (network.open(), network.open());
        network.0.names.know("a.localhost", &["127.0.0.1"]);
        assert!(!may(&one, Contact::Connect, "127.0.0.1:5").await);
        let found = one.look_up("A.localhost.").await;
        assert_eq!(found, Ok(vec!["127.0.0.1".parse().unwrap()]));
        assert!(may(&one, Contact::Connect, "127.0.0.1:5").await);
        assert!(!may(&other, Contact::Connect, "127.0.0.1:5").await);
    }

    #[tokio::test]
    async fn only_granted_names_are_looked_up() {
        let sockets = instance("connect = ['tcp://localhost:5', 'tcp://*.example.org:5']");
        let look_up = async |name: &str| sockets.look_up(name).await;
        assert!(look_up("localhost").await.is_ok());
        assert_eq!(look_up("evil.example").await, Err(LookupError::Denied));
        assert_eq!(look_up("example.org").await, Err(LookupError::Denied));
        assert_eq!(look_up("a b").await, Err(LookupError::NotAName));
        assert_eq!(
            look_up("ev%69l.example.org").await,
            Err(LookupError::NotAName)
        );
        let long = format!("{}.example.org", "a".repeat(250));
        assert_eq!(look_up(&long).await, Err(LookupError::NotAName));
        // Nobody is asked for what is an address.
        assert_eq!(look_up("::1").await, Ok(vec!["::1".parse().unwrap()]));
    }

    #[tokio::test]
    async fn nobody_listens_or_chooses_an_address() {
        let sockets = instance("connect = ['tcp://*:5']\naddresses = ['0.0.0.0/0']");
        assert!(may(&sockets, Contact::Bind, "0.0.0.0:0").await);
        assert!(may(&sockets, Contact::Bind, "[::]:0").await);
        assert!(!may(&sockets, Contact::Bind, "0.0.0.0:5").await);
        assert!(!may(&sockets, Contact::Bind, "127.0.0.1:0").await);
        assert!(!may(&sockets, Contact::Listen, "0.0.0.0:0").await);
    }

    #[tokio::test]
    async fn as_many_are_open_as_may_be() {
        let sockets = instance("connect = []\nconcurrent_max = 2");
        let first = sockets.place().unwrap();
        let _second = sockets.place().unwrap();
        assert!(sockets.place().is_none());
        drop(first);
        assert!(sockets.place().is_some());
    }
}

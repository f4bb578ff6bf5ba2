//! How fast requests may come: from one address, of one caller, to one tool.
//!
//! It owns what is left to each of them. It never looks into a request, and it keeps
//! nobody waiting: who is too fast is refused.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use fusebox_protocol::{Reason, RefusalData, RpcError};
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::RateLimits;
use crate::refusal::millis_up;

/// Of each kind, how many are told apart. Those beyond share what one may.
const TOLD_APART_MAX: usize = 100_000;

/// Requests after which it is looked how many are told apart.
const LOOK_AT_COUNT: usize = 1024;

/// The rates of a host.
#[derive(Debug)]
pub struct Rates {
    addresses: Rate<IpAddr>,
    callers: Rate<Arc<str>>,
    tools: Rate<String>,
    /// requests that were refused, by which of these
    refused: [AtomicU64; 3],
}

/// A rate that can be changed while it holds.
#[derive(Debug)]
struct Rate<K: Hash + Eq + Clone> {
    /// whether there is one: most hosts have none, and ask no more than this
    is_on: AtomicBool,
    limiter: ArcSwapOption<Limiter<K>>,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    fn new() -> Self {
        Self {
            is_on: AtomicBool::new(false),
            limiter: ArcSwapOption::empty(),
        }
    }

    /// What is left to each stays what it is if the rate does.
    fn set(&self, limiter: Option<Limiter<K>>) {
        let now = self.limiter.load();
        let rate = |one: &Limiter<K>| (one.per_second, one.burst);
        if now.as_deref().map(rate) == limiter.as_ref().map(rate) {
            return;
        }
        let is_on = limiter.is_some();
        self.limiter.store(limiter.map(Arc::new));
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    fn check(&self, who: &K, what: &'static str) -> Result<(), TooFast> {
        if !self.is_on.load(Ordering::Relaxed) {
            return Ok(());
        }
        match &*self.limiter.load() {
            Some(limiter) => limiter.check(who, what),
            None => Ok(()),
        }
    }

    fn sweep(&self) {
        if let Some(limiter) = &*self.limiter.load() {
            limiter.sweep();
        }
    }
}

#[derive(Debug)]
struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    /// whoever is not told apart
    others: K,
    crowded: AtomicUsize,
    requests: AtomicUsize,
    key: &'static str,
    per_second: u32,
    burst: NonZeroU32,
}

/// Somebody who is too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    what: &'static str,
    key: &'static str,
    per_second: u32,
    retry_after: Duration,
}

impl TooFast {
    /// As it is told.
    pub fn refusal(self, plugin: Option<&str>, tool: Option<&str>) -> RpcError {
        let Self {
            what,
            key,
            per_second,
            retry_after,
        } = self;
        let data = RefusalData {
            plugin: plugin.map(str::to_owned),
            tool: tool.map(str::to_owned),
            limit: Some(per_second.into()),
            key: Some(key.into()),
            retry_after_ms: Some(millis_up(retry_after).max(1)),
        };
        let message = format!("too many requests {what}: {per_second} a second are let in");
        RpcError::refusal(Reason::RateLimited, message, data)
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// None: there is no limit.
    fn new(key: &'static str, per_second: u32, burst: u32, others: K) -> Option<Self> {
        let rate = NonZeroU32::new(per_second)?;
        let burst = NonZeroU32::new(burst).unwrap_or(rate);
        let quota = Quota::per_second(rate).allow_burst(burst);
        Some(Self {
            limiter: RateLimiter::dashmap(quota),
            others,
            crowded: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            key,
            per_second,
            burst,
        })
    }

    fn check(&self, who: &K, what: &'static str) -> Result<(), TooFast> {
        // To count them locks each shard: that is not for each request.
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number % LOOK_AT_COUNT == LOOK_AT_COUNT - 1 {
            self.look();
        }
        let crowded = self.crowded.load(Ordering::Relaxed) >= TOLD_APART_MAX;
        let who = if crowded { &self.others } else { who };
        self.limiter.check_key(who).map_err(|until| TooFast {
            what,
            key: self.key,
            per_second: self.per_second,
            retry_after: until.wait_time_from(DefaultClock::default().now()),
        })
    }

    /// Counts those who are told apart, and forgets who has been slow for a while if
    /// there are too many.
    fn look(&self) {
        if self.limiter.len() >= TOLD_APART_MAX {
            self.limiter.retain_recent();
        }
        self.crowded.store(self.limiter.len(), Ordering::Relaxed);
    }

    fn sweep(&self) {
        self.limiter.retain_recent();
        self.look();
    }
}

impl Rates {
    /// What the configuration lets in.
    pub fn new(settings: &RateLimits) -> Self {
        let rates = Self {
            addresses: Rate::new(),
            callers: Rate::new(),
            tools: Rate::new(),
            refused: Default::default(),
        };
        rates.set(settings);
        rates
    }

    /// Puts other rates in force.
    pub fn set(&self, settings: &RateLimits) {
        let RateLimits {
            address_per_second,
            address_burst,
            caller_per_second,
            caller_burst,
            tool_per_second,
            tool_burst,
        } = *settings;
        self.addresses.set(Limiter::new(
            "rate_limits.address_per_second",
            address_per_second,
            address_burst,
            Ipv6Addr::UNSPECIFIED.into(),
        ));
        self.callers.set(Limiter::new(
            "rate_limits.caller_per_second",
            caller_per_second,
            caller_burst,
            "".into(),
        ));
        self.tools.set(Limiter::new(
            "rate_limits.tool_per_second",
            tool_per_second,
            tool_burst,
            String::new(),
        ));
    }

    /// One more request from an address.
    ///
    /// # Errors
    /// [`TooFast`], if it has had as many as it may.
    pub fn address(&self, address: Option<IpAddr>) -> Result<(), TooFast> {
        match address {
            Some(address) => {
                let who = told_apart(address);
                self.count(0, self.addresses.check(&who, "from this address"))
            }
            None => Ok(()),
        }
    }

    /// One more request of a caller that is known.
    ///
    /// # Errors
    /// [`TooFast`], if it has had as many as it may.
    pub fn caller(&self, subject: &Arc<str>) -> Result<(), TooFast> {
        self.count(1, self.callers.check(subject, "of this caller"))
    }

    /// One more call of a tool, by the name that clients know it by.
    ///
    /// # Errors
    /// [`TooFast`], if it has had as many as it may.
    pub fn tool(&self, name: &String) -> Result<(), TooFast> {
        self.count(2, self.tools.check(name, "to this tool"))
    }

    fn count(&self, by: usize, checked: Result<(), TooFast>) -> Result<(), TooFast> {
        checked.inspect_err(|_| {
            self.refused[by].fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Requests that were refused, by what was too fast.
    pub fn refused(&self) -> [(&'static str, u64); 3] {
        let count = |by: usize| self.refused[by].load(Ordering::Relaxed);
        [
            ("rate_address", count(0)),
            ("rate_caller", count(1)),
            ("rate_tool", count(2)),
        ]
    }

    /// Forgets who has been slow for a while.
    pub fn sweep(&self) {
        self.addresses.sweep();
        self.callers.sweep();
        self.tools.sweep();
    }
}

/// Who has one address of IPv6 has 2^64 of them.
fn told_apart(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_second: u32, burst: u32) -> Rates {
        Rates::new(&RateLimits {
            address_per_second: per_second,
            address_burst: burst,
            caller_per_second: 0,
            caller_burst: 0,
            tool_per_second: per_second,
            tool_burst: burst,
        })
    }

    #[test]
    fn each_has_its_own_and_the_next_is_refused() {
        let rates = rates(1, 3);
        let one: IpAddr = "10.0.0.1".parse().unwrap();
        let other: IpAddr = "10.0.0.2".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(rates.address(Some(one)), Ok(()));
        }
        let too_fast = rates.address(Some(one)).unwrap_err();
        assert_eq!(
            (too_fast.what, too_fast.key, too_fast.per_second),
            ("from this address", "rate_limits.address_per_second", 1)
        );
        assert!(!too_fast.retry_after.is_zero() && too_fast.retry_after.as_secs() <= 1);
        assert_eq!(rates.address(Some(other)), Ok(()));
        assert_eq!(rates.address(None), Ok(()), "standard streams have none");
        assert_eq!(rates.refused()[0], ("rate_address", 1));
        for _ in 0..9 {
            assert_eq!(rates.caller(&"ada".into()), Ok(()), "there is no limit");
        }
    }

    #[test]
    fn a_network_of_one_household_is_one_address() {
        let rates = rates(1, 1);
        let [one, same, other] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|text| Some(text.parse::<IpAddr>().unwrap()));
        assert!(rates.address(one).is_ok());
        assert!(rates.address(same).is_err());
        assert!(rates.address(other).is_ok());
        let mapped = Some("::ffff:10.0.0.1".parse().unwrap());
        assert!(rates.address(mapped).is_ok());
        assert!(rates.address(Some("10.0.0.1".parse().unwrap())).is_err());
    }

    #[test]
    fn a_crowd_is_bounded() {
        let rates = rates(1, 1);
        let addresses = rates.addresses.limiter.load_full().unwrap();
        for number in 0..u32::try_from(TOLD_APART_MAX).unwrap() + 5000 {
            let _ = rates.address(Some(std::net::Ipv4Addr::from(number).into()));
        }
        assert!(addresses.limiter.len() <= TOLD_APART_MAX + LOOK_AT_COUNT + 1);
    }

    #[test]
    fn another_rate_holds_at_once_and_the_same_one_goes_on() {
        let rates = rates(1, 1);
        let one = Some("10.0.0.1".parse().unwrap());
        let settings = |address_per_second| RateLimits {
            address_per_second,
            address_burst: 1,
            caller_per_second: 0,
            caller_burst: 0,
            tool_per_second: 0,
            tool_burst: 0,
        };
        assert!(rates.address(one).is_ok());
        rates.set(&settings(1));
        assert!(rates.address(one).is_err(), "nothing has changed for it");
        assert!(rates.tool(&"a".to_owned()).is_ok());
        rates.set(&settings(0));
        assert!((0..9).all(|_| rates.address(one).is_ok()));
        rates.set(&settings(1));
        assert!(rates.address(one).is_ok());
        assert!(rates.address(one).is_err());
    }
}

//! The run as a whole: connections are opened, all begin together, the time is
//! measured, what is still to come is waited for, and the sums are made.
//!
//! It owns the threads and the phases. It never looks at a single answer.

use std::io::{IsTerminal as _, Write as _};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use super::LoadError;
use super::call::Call;
use super::connect::{Dialer, Link, Opened};
use super::framing::{Framing, request};
use super::ledger::{Calls, Ledger, Role};
use super::multiplexed::Streams;
use super::pacer;
use super::pipe::Pipe;
use super::quic::Stream;
use super::report::{Machine, Report};
use super::settings::{Mix, Protocol, Settings};
use super::shard::{Feed, Shard};
use super::stats::{Progress, Stats};
use super::template::{FIRST_ID, PROBE_ID, Template};
use crate::process::{Server, own_cpu};

/// Connections that are being opened at once.
const OPENING_MAX: usize = 64;

/// Calls in flight on the connection of a bomber.
const BOMBER_DEPTH: usize = 1000;

/// The argument of a heavy call.
const HEAVY_BYTES: usize = 100 << 10;

/// One connection in so many is no ordinary caller, where a mix has others.
const ONE_IN: usize = 10;

/// When everything happens.
#[derive(Clone, Copy)]
struct Times {
    begin: Instant,
    from: Instant,
    until: Instant,
}

/// Makes the load and tells what came of it.
///
/// # Errors
/// If the settings make no sense, the load could not begin, or the server's
/// process is not there. What goes wrong later is in the report.
pub fn run(settings: &Settings) -> Result<Report, LoadError> {
    settings.check()?;
    let server = settings.server_pid.map(Server::new);
    let before = server.as_ref().map(Server::memory).transpose()?;
    let settings = Arc::new(settings.clone());
    let progress = Arc::new(Progress::default());
    let base = Instant::now();
    let (ready, all_ready) = mpsc::channel();
    let mut starts = Vec::new();
    let mut threads = Vec::new();
    for number in 0..settings.threads {
        let (start, started) = oneshot::channel();
        let (settings, progress, ready) = (settings.clone(), progress.clone(), ready.clone());
        starts.push(start);
        threads.push(thread::spawn(move || {
            shard(settings, progress, base, number, ready, started)
        }));
    }
    drop(ready);
    let opened = all_ready.iter().take(settings.threads).count();
    let mut machine = Machine::default();
    if opened == settings.threads {
        let begin = Instant::now() + Duration::from_millis(20);
        let from = begin + settings.warmup;
        let until = from + settings.duration;
        for start in starts {
            // A thread that has failed meanwhile says why when it is joined.
            let _ = start.send(Times { begin, from, until });
        }
        machine = observe(&settings, &progress, server.as_ref(), from, until)?;
        machine.memory_before = before;
    }
    drop_line(&settings);
    let mut stats = Stats::new();
    for thread in threads {
        match thread.join() {
            Ok(result) => stats.add(&result?),
            Err(_) => return Err(LoadError::Settings("a thread panicked".to_owned())),
        }
    }
    Ok(Report::new(&settings, &stats, machine))
}

/// Reads the server's figures at both ends of the measured time, and says each
/// second how it goes.
fn observe(
    settings: &Settings,
    progress: &Progress,
    server: Option<&Server>,
    from: Instant,
    until: Instant,
) -> Result<Machine, LoadError> {
    until_then(settings, progress, from);
    let (began, own) = (Instant::now(), own_cpu());
    let cpu = server.map(Server::cpu).transpose()?;
    until_then(settings, progress, until);
    let seconds = began.elapsed().as_secs_f64();
    let used = |before: Option<Duration>, after: Option<Duration>| {
        Some(after?.saturating_sub(before?).as_secs_f64())
    };
    Ok(Machine {
        seconds,
        generator_cpu_seconds: used(own, own_cpu()),
        server_cpu_seconds: used(cpu, server.map(Server::cpu).transpose()?),
        memory_before: None,
        memory: server.map(Server::memory).transpose()?,
    })
}

fn until_then(settings: &Settings, progress: &Progress, end: Instant) {
    const SECOND: Duration = Duration::from_secs(1);
    let mut last = progress.right.load(Ordering::Relaxed);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        thread::sleep(left.min(SECOND));
        if left <= SECOND {
            return;
        }
        let now = progress.right.load(Ordering::Relaxed);
        if !settings.quiet {
            let refused = progress.refused.load(Ordering::Relaxed);
            let errors = progress.errors.load(Ordering::Relaxed);
            let open = progress.open.load(Ordering::Relaxed);
            // Standard error is for people alone: nothing depends on it.
            let end = if std::io::stderr().is_terminal() {
                "   \r"
            } else {
                "\n"
            };
            let _ = write!(
                std::io::stderr(),
                "{open} connections, {} answers/s, {refused} refused, {errors} errors{end}",
                now - last
            );
        }
        last = now;
    }
}

fn drop_line(settings: &Settings) {
    if !settings.quiet && std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "{:70}\r", "");
    }
}

/// One thread's part.
fn shard(
    settings: Arc<Settings>,
    progress: Arc<Progress>,
    base: Instant,
    number: usize,
    ready: mpsc::Sender<()>,
    started: oneshot::Receiver<Times>,
) -> Result<Stats, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| LoadError::io("a runtime", error))?;
    let shard = Rc::new(Shard::new(settings, progress, base));
    let local = LocalSet::new();
    let done = local.block_on(&runtime, part(shard.clone(), number, ready, started));
    // Connections that are still waiting are dropped here, and counted.
    drop(local);
    drop(runtime);
    done?;
    Ok(shard.stats.borrow().clone())
}

async fn part(
    shard: Rc<Shard>,
    number: usize,
    ready: mpsc::Sender<()>,
    started: oneshot::Receiver<Times>,
) -> Result<(), LoadError> {
    let settings = shard.settings.clone();
    let mine = |all: usize| (number..all).step_by(settings.threads);
    let plan = Plan::new(&settings).await?;
    let connections: Vec<_> = stream::iter(mine(settings.connections))
        .map(|index| plan.open(&shard, index))
        .buffer_unordered(OPENING_MAX)
        .try_collect()
        .await?;
    let first_idle = settings.connections;
    let mut idle: Vec<Opened> = stream::iter(mine(settings.idle))
        .map(|index| plan.open_idle(&shard, first_idle + index))
        .buffer_unordered(OPENING_MAX)
        .try_collect()
        .await?;
    // The other end is gone only if the run is over.
    let _ = ready.send(());
    let Ok(times) = started.await else {
        return Ok(());
    };
    tokio::time::sleep_until(times.begin.into()).await;
    let (from, until) = (shard.at(times.from), shard.at(times.until));
    shard.measure(from, until);
    let mut tasks = JoinSet::new();
    let mut paced = Vec::new();
    for connection in connections {
        let is_paced = connection.feed.is_paced();
        paced.extend(is_paced.then(|| connection.feed.clone()));
        let _ = tasks.spawn_local(connection.run());
    }
    let feeds = paced.clone();
    if let Some(rate) = settings.rate {
        // The rate is that of the callers; attackers ask as often as one of them.
        let callers = paced.iter().filter(|feed| feed.counts()).count().max(1);
        let rate = rate / settings.threads as f64 * paced.len() as f64 / callers as f64;
        let begin = shard.at(times.begin);
        // No connection is to end before the last request is due, however late
        // that is handed out.
        pacer::run(shard.clone(), paced, rate, begin, until).await;
    }
    tokio::time::sleep_until(times.until.into()).await;
    shard.stop();
    feeds.iter().for_each(|feed| feed.wake_all());
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(settings.drain, all).await;
    tasks.abort_all();
    shard.stats.borrow_mut().missing += feeds.iter().map(|feed| feed.unsent()).sum::<u64>();
    for opened in &mut idle {
        plan.check_idle(&shard, opened, FIRST_ID).await?;
    }
    plan.dialer.close().await;
    Ok(())
}

/// Everything that is known before the first connection is opened.
struct Plan {
    settings: Arc<Settings>,
    dialer: Dialer,
    callers: Rc<Calls>,
    attackers: Rc<Calls>,
    /// requests that don't depend on a session
    requests: Rc<[Template]>,
}

/// A connection that is ready to begin.
struct Ready {
    connection: Connection,
    feed: Rc<Feed>,
}

enum Connection {
    Pipe(Box<Pipe<tokio::net::TcpStream>>),
    Quic(Box<Pipe<Stream>>),
    Streams(Box<Streams>),
}

impl Ready {
    async fn run(self) {
        match self.connection {
            Connection::Pipe(pipe) => pipe.run().await,
            Connection::Quic(pipe) => pipe.run().await,
            Connection::Streams(streams) => streams.run().await,
        }
    }
}

impl Plan {
    /// Tries each kind of call, so that its answer is known.
    async fn new(settings: &Arc<Settings>) -> Result<Self, LoadError> {
        let mut kinds = Call::of_settings(settings, settings.payload)?;
        if settings.mix == Mix::Heavy {
            for call in &mut kinds {
                call.weight *= ONE_IN - 1;
            }
            kinds.extend(Call::of_settings(settings, HEAVY_BYTES)?);
        }
        let dialer = Dialer::new(settings)?;
        let mut opened = dialer.open(0, false).await?;
        if settings.protocol == Protocol::Redis {
            opened.set_redis_value(&kinds[0].redis_value()).await?;
        }
        for call in kinds.iter().filter(|call| call.wants_probe()) {
            let answer = opened.call(settings, call, PROBE_ID).await?;
            call.learn(answer.status, &answer.body)?;
        }
        let requests = (kinds.iter())
            .map(|call| request(settings, call, None))
            .collect();
        Ok(Self {
            settings: settings.clone(),
            dialer,
            callers: Rc::new(Calls::new(kinds)),
            attackers: Rc::new(Calls::new(Call::attacks(settings))),
            requests,
        })
    }

    fn role(&self, number: usize) -> Role {
        if number % ONE_IN != ONE_IN - 1 {
            return Role::Caller;
        }
        match self.settings.mix {
            Mix::Normal | Mix::Heavy => Role::Caller,
            Mix::SlowReader => Role::SlowReader,
            Mix::Bomber => Role::Bomber,
            Mix::Attack | Mix::Siege => Role::Attacker,
        }
    }

    async fn open(&self, shard: &Rc<Shard>, number: usize) -> Result<Ready, LoadError> {
        let settings = &self.settings;
        let role = self.role(number);
        let slow = role == Role::SlowReader;
        let Opened { link, session } = self.dialer.open(number, slow).await?;
        Progress::add(&shard.progress.open, 1);
        let calls = match role {
            Role::Attacker => &self.attackers,
            _ => &self.callers,
        };
        let depth = match role {
            Role::Bomber => settings.depth.max(BOMBER_DEPTH),
            Role::Attacker => 1,
            _ => settings.depth,
        };
        let requests = match (role, &session) {
            (Role::Attacker, _) | (_, Some(_)) => (calls.kinds.iter())
                .map(|call| request(settings, call, session.as_deref()))
                .collect(),
            _ => self.requests.clone(),
        };
        let feed = Rc::new(match (role, settings.mix) {
            _ if settings.rate.is_none() => Feed::closed(),
            // They don't wait for a time to come.
            (Role::Bomber, _) | (_, Mix::Siege) if role != Role::Caller => Feed::closed(),
            (Role::Attacker, _) => Feed::unhurried(),
            _ => Feed::open(),
        });
        let framing = Framing::of(settings.protocol);
        let ledger = Ledger::new(
            shard.clone(),
            calls.clone(),
            role,
            depth,
            framing.in_order(),
            number,
        );
        let (theirs, shards) = (feed.clone(), shard.clone());
        let connection = match link {
            Link::Stream(stream) => Connection::Pipe(Box::new(Pipe::new(
                stream, framing, ledger, requests, theirs, shards,
            ))),
            Link::Quic(stream) => Connection::Quic(Box::new(Pipe::new(
                *stream, framing, ledger, requests, theirs, shards,
            ))),
            Link::Multiplexed(sender) => Connection::Streams(Box::new(Streams {
                sender,
                ledger,
                calls: calls.clone(),
                requests,
                session,
                feed: theirs,
                shard: shards,
                depth,
            })),
        };
        Ok(Ready { connection, feed })
    }

    async fn open_idle(&self, shard: &Rc<Shard>, number: usize) -> Result<Opened, LoadError> {
        let mut opened = self.dialer.open(number, false).await?;
        self.check_idle(shard, &mut opened, PROBE_ID).await?;
        Progress::add(&shard.progress.open, 1);
        Ok(opened)
    }

    /// Makes a call on a connection that does nothing else.
    async fn check_idle(
        &self,
        shard: &Rc<Shard>,
        opened: &mut Opened,
        id: u64,
    ) -> Result<(), LoadError> {
        let call = &self.callers.kinds[0];
        let answer = opened.call(&self.settings, call, id).await?;
        match call.judge(id, answer.status, &answer.body) {
            super::call::Verdict::Right => {
                shard.stats.borrow_mut().right_ever += 1;
                Ok(())
            }
            other => Err(LoadError::Wrong(format!("{other:?}"))),
        }
    }
}

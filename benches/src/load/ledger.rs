//! The calls of one connection that are not answered yet.
//!
//! It owns which number belongs to which call, and the judgement of each answer.
//! It never reads or writes.

use std::collections::VecDeque;
use std::rc::Rc;

use super::LoadError;
use super::call::{Call, Verdict};
use super::shard::Shard;
use super::stats::{Progress, count};
use super::template::{DIGITS, FIRST_ID, LAST_ID, number};

/// What a connection is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// its latencies are what is measured
    Caller,
    /// takes its answers slowly
    SlowReader,
    /// asks for as much as it can
    Bomber,
    /// calls tools that go wrong
    Attacker,
}

/// What connections of one role call.
pub(super) struct Calls {
    pub(super) kinds: Vec<Call>,
    /// kinds by turns, each as often as it weighs
    turns: Vec<u32>,
    /// where a number may stand in an answer
    id_places: Vec<usize>,
}

impl Calls {
    /// The calls, after they have been tried.
    pub(super) fn new(kinds: Vec<Call>) -> Self {
        let most = kinds.iter().map(|call| call.weight).max().unwrap_or(0);
        // Spread out: a heavy call does not come several times in a row.
        let turns = (0..most)
            .flat_map(|round| {
                let has_turn = move |(_, call): &(usize, &Call)| round < call.weight;
                kinds.iter().enumerate().filter(has_turn)
            })
            .map(|(kind, _)| kind as u32)
            .collect();
        let mut id_places: Vec<_> = kinds.iter().filter_map(Call::id_at).collect();
        id_places.sort_unstable();
        id_places.dedup();
        Self {
            kinds,
            turns,
            id_places,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// 0: free
    id: u64,
    due: u64,
    sent: u64,
    kind: u32,
}

/// A call that was begun.
pub(super) struct Begun {
    pub(super) id: u64,
    pub(super) kind: usize,
}

/// The calls in flight of one connection.
pub(super) struct Ledger {
    pub(super) role: Role,
    shard: Rc<Shard>,
    calls: Rc<Calls>,
    slots: Box<[Slot]>,
    free: Vec<u32>,
    /// the slots in the order of their requests, where answers come in order
    order: Option<VecDeque<u32>>,
    begun: u64,
    turn: usize,
}

impl Ledger {
    pub(super) fn new(
        shard: Rc<Shard>,
        calls: Rc<Calls>,
        role: Role,
        depth: usize,
        in_order: bool,
        number: usize,
    ) -> Self {
        Self {
            role,
            shard,
            slots: vec![Slot::default(); depth].into(),
            free: (0..depth as u32).rev().collect(),
            order: in_order.then(VecDeque::new),
            begun: 0,
            turn: number % calls.turns.len().max(1),
            calls,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a number for the next call.
    pub(super) fn begin(&mut self, due: u64, now: u64) -> Option<Begun> {
        let slot = self.free.pop()?;
        let id = FIRST_ID + self.begun * self.slots.len() as u64 + u64::from(slot);
        assert!(id <= LAST_ID, "a connection ran out of numbers");
        self.begun += 1;
        let kind = self.calls.turns[self.turn];
        self.turn = (self.turn + 1) % self.calls.turns.len();
        self.slots[slot as usize] = Slot {
            id,
            due,
            sent: now,
            kind,
        };
        if let Some(order) = &mut self.order {
            order.push_back(slot);
        }
        Some(Begun {
            id,
            kind: kind as usize,
        })
    }

    /// Finds the call of an answer and judges it.
    pub(super) fn settle(&mut self, status: u16, body: &[u8], now: u64) -> Result<(), LoadError> {
        let slot = match &mut self.order {
            Some(order) => order.pop_front(),
            None => self.by_number(body),
        };
        match slot {
            Some(slot) => self.settle_slot(slot as usize, status, body, now),
            None if is_notification(body) => {
                self.shard.stats.borrow_mut().notifications += 1;
                Ok(())
            }
            None => Err(LoadError::Wrong(format!(
                "nobody asked for this: {}",
                String::from_utf8_lossy(&body[..body.len().min(300)])
            ))),
        }
    }

    /// The same where the transport says which call it answers.
    pub(super) fn settle_id(
        &mut self,
        id: u64,
        status: u16,
        body: &[u8],
        now: u64,
    ) -> Result<(), LoadError> {
        let slot = self.slot_of(id).unwrap_or_default();
        self.settle_slot(slot as usize, status, body, now)
    }

    fn slot_of(&self, id: u64) -> Option<u32> {
        let slot = id.checked_sub(FIRST_ID)? % self.slots.len() as u64;
        (self.slots[slot as usize].id == id).then_some(slot as u32)
    }

    fn by_number(&self, body: &[u8]) -> Option<u32> {
        let known = self.calls.id_places.iter().find_map(|&place| {
            let digits = body.get(place..place + DIGITS)?;
            self.slot_of(number(digits)?)
        });
        known.or_else(|| {
            let value: serde_json::Value = serde_json::from_slice(body).ok()?;
            self.slot_of(value["id"].as_u64()?)
        })
    }

    fn settle_slot(
        &mut self,
        index: usize,
        status: u16,
        body: &[u8],
        now: u64,
    ) -> Result<(), LoadError> {
        let slot = std::mem::take(&mut self.slots[index]);
        self.free.push(index as u32);
        let verdict = self.calls.kinds[slot.kind as usize].judge(slot.id, status, body);
        let stats = &mut *self.shard.stats.borrow_mut();
        let progress = &self.shard.progress;
        match (verdict, self.role) {
            (Verdict::Right, Role::Caller) => {
                stats.right_ever += 1;
                if self.shard.is_measured(now) {
                    stats.right += 1;
                }
                if self.shard.is_measured(slot.due) {
                    stats.latency.record(now.saturating_sub(slot.due));
                    stats.service.record(now.saturating_sub(slot.sent));
                }
                Ok(())
            }
            (Verdict::Right, _) => {
                stats.others.right += 1;
                Ok(())
            }
            (Verdict::Refused { reason, .. }, Role::Attacker) => {
                count(&mut stats.others.refused, &reason);
                Ok(())
            }
            (Verdict::Refused { reason, retryable }, role) => {
                Progress::add(&progress.refused, 1);
                let expected = self.shard.settings.expect_refusals || role != Role::Caller;
                if !expected {
                    return Err(LoadError::Wrong(format!("refused: {reason}")));
                }
                if !retryable {
                    return Err(LoadError::Wrong(format!(
                        "refused for `{reason}` without retryAfterMs"
                    )));
                }
                let refused = match role {
                    Role::Caller => &mut stats.refused,
                    _ => &mut stats.others.refused,
                };
                count(refused, &reason);
                Ok(())
            }
            (Verdict::Wrong(why), _) => Err(LoadError::Wrong(why)),
        }
    }
}

impl Drop for Ledger {
    /// What is in flight now is never answered.
    fn drop(&mut self) {
        let missing = self.in_flight() as u64;
        if self.role == Role::Caller {
            self.shard.stats.borrow_mut().missing += missing;
        }
    }
}

fn is_notification(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body)
        .is_ok_and(|value| value.get("id").is_none() && value["method"].is_string())
}

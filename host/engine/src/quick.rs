//! A call in one go: synchronous, on the thread that asks, for a slice at most.
//!
//! It owns when such a try is given up. It leaves no trace then: nothing that a
//! client or another call could see has happened, so the call may be run again.

use std::sync::Arc;
use std::time::Instant;

use crate::call::{Answer, Invocation, RequestSink, Usage};
use crate::exports::quick::{Bound, Indices};
use crate::fault::{CallError, GivenUp};
use crate::instance::Found;
use crate::plugin::{Inner, Linked};
use crate::state::Current;
use crate::watch::Stage;

impl Linked<Indices, Bound> {
    /// Tries a call; none if it has to be run in slices: it needs longer, or does
    /// what may wait or what others see before it has ended.
    pub(crate) fn try_call(
        &self,
        inner: &Arc<Inner>,
        invocation: &Invocation,
        sink: &Arc<dyn RequestSink>,
        deadline: Instant,
    ) -> Option<(Result<Answer, CallError>, Usage)> {
        let _busy = inner.engine.inner().ticker.busy();
        let whose = self.shelf.whose(invocation, sink);
        let Found {
            mut store,
            instance,
            calls,
            fuel,
        } = inner.check_out(self, &whose);
        let call = Current::in_one_go(sink.clone(), deadline, &inner.limits);
        let result = inner.begin(&mut store, call, fuel).and_then(|()| {
            let mut instance = match instance {
                Some(instance) => instance,
                None => {
                    sink.stage(Stage::Instantiate);
                    self.pre.instantiate(&mut store)?.into()
                }
            };
            sink.stage(Stage::Execute);
            let answer = self.indices.invoke(&mut store, &mut instance, invocation)?;
            Ok((instance, answer))
        });
        if result.as_ref().is_err_and(|error| error.is::<GivenUp>()) {
            return None;
        }
        Some(inner.end(&self.shelf, store, (whose, calls), result))
    }
}

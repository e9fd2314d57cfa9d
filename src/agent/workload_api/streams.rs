//! A stream of complete states: the first at once, the next whenever something changed for this caller.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{Stream, unfold};
use tonic::{Response, Status};

use crate::agent::cache::{Identities, Subscription};
use crate::kernel::{Lifetime, Timestamp};

use super::WorkloadApi;
use super::door::Guest;
use super::messages::Say;

/// The messages of one call.
pub(crate) type Updates<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

struct Call<M> {
    api: WorkloadApi,
    guest: Guest,
    subscription: Subscription,
    render: fn(&Identities) -> Say<M>,
    seen: Option<Arc<Identities>>,
    said: Option<M>,
    /// Since when it has waited for SVIDs that are on their way.
    waiting_since: Option<Timestamp>,
    ended: bool,
}

enum Step<M> {
    Send(M),
    End(Status),
    Wait(Timestamp),
}

impl WorkloadApi {
    /// Opens the stream; a refusal is its first message.
    pub(super) fn stream<M>(
        &self,
        guest: Guest,
        render: fn(&Identities) -> Say<M>,
    ) -> Response<Updates<M>>
    where
        M: Clone + PartialEq + Send + 'static,
    {
        let subscription = self.inner.cache.subscribe(Arc::clone(&guest.selectors));
        let api = self.clone();
        let call = Call {
            api,
            guest,
            subscription,
            render,
            seen: None,
            said: None,
            waiting_since: None,
            ended: false,
        };
        Response::new(Box::pin(unfold(call, Call::next)))
    }
}

impl<M: Clone + PartialEq + Send + 'static> Call<M> {
    async fn next(mut self) -> Option<(Result<M, Status>, Self)> {
        if self.ended {
            return None;
        }
        loop {
            match self.step() {
                Step::Send(message) => {
                    self.said = Some(message.clone());
                    return Some((Ok(message), self));
                }
                Step::End(status) => {
                    self.ended = true;
                    return Some((Err(status), self));
                }
                Step::Wait(until) => self.wait(until).await,
            }
        }
    }

    fn step(&mut self) -> Step<M> {
        if self.api.inner.stop.is_cancelled() {
            return Step::End(Status::unavailable("the agent is stopping"));
        }
        // The socket may have been handed on; the identity was not.
        if !self.guest.peer.is_alive() {
            return Step::End(Status::permission_denied(
                "the process that opened this stream has exited",
            ));
        }
        let now = self.api.inner.clock.now();
        let identities = match self.subscription.identities(now) {
            Ok(identities) => identities,
            Err(starting) => return Step::End(Status::unavailable(starting.to_string())),
        };
        if self.said.is_some()
            && self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &identities))
        {
            return Step::Wait(identities.good_until);
        }
        let patience = if self.said.is_none() { PATIENCE } else { PATIENCE_LATER };
        let patient_until = self.waiting_since.unwrap_or(now).plus(patience);
        let step = match (self.render)(&identities) {
            Say::Partial(_) if self.said.is_none() && now < patient_until => {
                Step::Wait(patient_until)
            }
            Say::Message(message) | Say::Partial(message) => {
                self.say(message, identities.good_until)
            }
            Say::NotYet if now < patient_until => Step::Wait(patient_until),
            Say::NotYet | Say::Nothing => {
                Step::End(Status::unavailable("the agent has no valid SVID for this workload now"))
            }
            Say::Denied => Step::End(Status::permission_denied(NO_IDENTITY)),
        };
        self.waiting_since = match (&step, self.waiting_since) {
            (Step::Wait(until), since) if *until == patient_until => since.or(Some(now)),
            _ => None,
        };
        // What is waited for must be looked at again even if nothing changes.
        if self.waiting_since.is_some() {
            return step;
        }
        self.seen = Some(identities);
        step
    }

    /// A change of something this call does not carry is no news.
    fn say(&self, message: M, good_until: Timestamp) -> Step<M> {
        if self.said.as_ref() == Some(&message) {
            Step::Wait(good_until)
        } else {
            Step::Send(message)
        }
    }

    async fn wait(&mut self, until: Timestamp) {
        let inner = Arc::clone(&self.api.inner);
        let now = inner.clock.now();
        // Never less than a moment, so that a clock that stands still does not make a busy loop.
        let span = Lifetime::micros(until.since(now).as_micros().max(1000)).capped_by(LOOK_AGAIN);
        tokio::select! {
            () = self.subscription.changed() => {}
            () = inner.clock.sleep(span) => {}
            () = inner.stop.cancelled() => {}
        }
    }
}

/// What a caller hears who is entitled to nothing; `weft entry explain` on the server says why.
pub(super) const NO_IDENTITY: &str = "no identity issued";
/// How long the first message waits for SVIDs that are on their way.
const PATIENCE: Lifetime = Lifetime::seconds(5);
/// The same in mid-stream, where the workload still holds what was taken away: it is to hear of that soon.
const PATIENCE_LATER: Lifetime = Lifetime::seconds(1);
/// A stream looks at its process at least this often.
const LOOK_AGAIN: Lifetime = Lifetime::minutes(1);

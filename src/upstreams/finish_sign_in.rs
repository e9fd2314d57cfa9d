//! Somebody comes back from an upstream: the attempt is used up, the answer checked, the code redeemed, the identity accepted.
//!
//! Every refusal goes on record with its reason. What the browser learns is one of six sentences.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq;

use super::accept_identity::{Acceptance, display};
use super::claims::Assertion;
use super::model::{
    Arrived, Binding, Bringer, Callback, Error, Purpose, UPSTREAM_ARRIVED, UPSTREAM_REFUSED,
    UPSTREAM_UNLINKED, Unlinked,
};
use super::provider::Known;
use super::redeem_code::{Redeemed, Returned};
use super::refusal::{Part, Reason, Refusal};
use super::seal::{self, Document, Errand};
use super::start_sign_in::may_be_used;
use super::store::{self, Attempt};
use super::{Slot, Upstreams};
use crate::accounts::ExternalId;
use crate::crypto::digest::sha256;
use crate::env::Clock;
use crate::events::{Event, Owner, Unrecorded};
use crate::kernel::{Lifetime, RealmId, SubjectId, UpstreamId, UserId};

/// What came of an answer.
#[derive(Debug)]
pub enum Finished {
    /// Somebody is who they say.
    Person(Box<Arrived>),
    /// Somebody is who they say there, and shows next that the account with their address is theirs.
    Unlinked(Box<Unlinked>),
    /// An administrator's test got its claims; nobody is signed in.
    Tested,
}

/// An answer to an attempt that this browser began.
struct Coming {
    realm: RealmId,
    digest: Binding,
    attempt: Attempt,
    document: Document,
    bringer: Bringer,
}

impl Upstreams {
    /// Takes the provider's answer from the browser that brings it.
    ///
    /// Errors: `Refused`, which is on record by then, with words for a page and with where the person goes on; faults.
    pub async fn finish(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        callback: Callback,
        bringer: Bringer,
    ) -> Result<Finished, Error> {
        match self.arrive(realm, id, callback, bringer).await {
            Err(Error::Refused(refusal)) => {
                self.record_refusal(realm, id, &refusal).await?;
                Err(refusal.into())
            }
            other => other,
        }
    }

    async fn arrive(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        callback: Callback,
        bringer: Bringer,
    ) -> Result<Finished, Error> {
        let (digest, attempt) = self.consume(realm, &callback).await?;
        let place = (realm, &digest);
        let document = seal::open_document(&self.below.ring, place, &attempt.document)?;
        self.check_attempt(id, &attempt, &document, bringer.binding.as_ref())?;
        // From here on the browser is the one that left: it learns where it goes on.
        let part = part_of(&attempt, &document);
        let coming = Coming { realm, digest, attempt, document, bringer };
        self.come_in(id, callback, coming).await.map_err(|error| match error {
            Error::Refused(refusal) => Refusal { part, ..refusal }.into(),
            other => other,
        })
    }

    async fn come_in(
        &self,
        id: &UpstreamId,
        callback: Callback,
        coming: Coming,
    ) -> Result<Finished, Error> {
        let Coming { realm, digest, attempt, document, bringer } = coming;
        let slot = self.usable(realm, id, &document)?;
        let provider = self.provider(&slot)?;
        let known = provider.known().await?;
        let code = check_answer(&slot, &known, callback)?;
        let began = attempt.created_at;
        let returned =
            Returned { realm, upstream: &slot.upstream, document: &document, began, code };
        let redeemed = self.redeem(&provider, known, returned).await?;
        // It may have been switched off while the provider was asked.
        let slot = self.usable(realm, id, &document)?;
        let Redeemed { claims, subject, tokens } = redeemed;
        let Errand::Person(purpose) = document.errand else {
            self.keep_test(realm, &digest, &claims).await?;
            return Ok(Finished::Tested);
        };
        check_session(purpose, bringer.user)?;
        let assertion = Assertion::of(&slot.upstream.terms, claims)
            .map_err(|why| Refusal::new(Reason::Mapping, why))?;
        let issuer = slot.upstream.terms.issuer.to_string();
        let external = ExternalId { upstream: id.clone(), issuer, subject };
        let acceptance = self
            .accept(realm, &slot.upstream, (&assertion, &external), (purpose, bringer.from))
            .await?;
        let accepted = match acceptance {
            Acceptance::Account(accepted) => accepted,
            Acceptance::Proof(user) => {
                let unlinked = Unlinked {
                    display: display(&assertion),
                    email: assertion.verified_email().unwrap_or_default().to_owned(),
                    user: user.id,
                    external,
                    sign_in: attempt.sign_in,
                };
                let event = unlinked_event(realm, &unlinked);
                let unlinked = self.below.events.record(Unrecorded::new(unlinked, event)).await?;
                return Ok(Finished::Unlinked(Box::new(unlinked)));
            }
        };
        self.keep_tokens(realm, &slot.upstream, accepted.user.id, &tokens).await?;
        let arrived = Arrived {
            external,
            user: accepted.user.id,
            created: accepted.created,
            linked: accepted.linked,
            purpose,
            methods: assertion.methods,
            authenticated_at: assertion.authenticated_at,
            sign_in: attempt.sign_in,
        };
        let event = arrived_event(realm, &arrived, accepted.user.number);
        let arrived = self.below.events.record(Unrecorded::new(arrived, event)).await?;
        Ok(Finished::Person(Box::new(arrived)))
    }

    async fn consume(
        &self,
        realm: RealmId,
        callback: &Callback,
    ) -> Result<(Binding, Attempt), Error> {
        let unknown = |about: &str| Refusal::new(Reason::State, about);
        let state =
            callback.state.as_deref().ok_or_else(|| unknown("the answer has no `state`"))?;
        let digest = sha256(state.as_bytes());
        let input = (digest, self.env.clock.now());
        let used = self
            .env
            .db
            .write(realm, input, |tx, (digest, now)| Box::pin(store::consume(tx, digest, *now)));
        let attempt = used.await?;
        let attempt =
            attempt.ok_or_else(|| unknown("no attempt has this `state`, or it was used"))?;
        Ok((digest, attempt))
    }

    fn check_attempt(
        &self,
        id: &UpstreamId,
        attempt: &Attempt,
        document: &Document,
        binding: Option<&Binding>,
    ) -> Result<(), Refusal> {
        if attempt.expires_at <= self.env.clock.now() {
            return Err(Refusal::new(Reason::Expired, "the attempt is older than ten minutes"));
        }
        // A test signs nobody in: it is begun on a command line, and ends in whatever browser its address was opened in.
        let shown = binding.map(<[u8; 32]>::as_slice).unwrap_or_default();
        let same: bool = shown.ct_eq(&attempt.binding).into();
        if !same && document.errand != Errand::Test {
            return Err(Refusal::new(Reason::Browser, "another browser began the attempt"));
        }
        if attempt.upstream != *id {
            let about = format!("it was begun for `{}`", attempt.upstream);
            return Err(Refusal::new(Reason::OtherUpstream, about));
        }
        Ok(())
    }

    /// The upstream as it is now, if it still is what the attempt began with.
    fn usable(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        document: &Document,
    ) -> Result<Arc<Slot>, Refusal> {
        let gone = || Refusal::new(Reason::Disabled, "the upstream is gone");
        let slot = self.slot(realm, id).ok_or_else(gone)?;
        let terms = &slot.upstream.terms;
        if let Errand::Person(purpose) = &document.errand {
            may_be_used(terms, purpose)?;
        }
        let (issuer, client_id) = &document.party;
        if **issuer != *terms.issuer || **client_id != *terms.client_id {
            let about = "issuer or client id were changed since the attempt began";
            return Err(Refusal::new(Reason::Disabled, about));
        }
        Ok(slot)
    }

    pub(super) async fn record_refusal(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        metrics::counter!("weft_upstream_refusals_total", "code" => refusal.reason.code())
            .increment(1);
        // Anybody can invent a state: what strangers send must not fill the ledger. What went without an event is counted by the
        // next one.
        let stranger = matches!(refusal.reason, Reason::State | Reason::TokensDenied);
        let untold = if stranger { self.strangers.take(realm) } else { Some(0) };
        let Some(untold) = untold else { return Ok(()) };
        let event = Event::new(realm, UPSTREAM_REFUSED)
            .about("upstream", id.as_str())
            .about("code", refusal.reason.code())
            .about("reason", refusal.about.as_str())
            .about("untold", (untold > 0).then_some(untold));
        Ok(self.below.events.record(Unrecorded::new((), event)).await?)
    }
}

fn part_of(attempt: &Attempt, document: &Document) -> Option<Part> {
    match document.errand {
        Errand::Person(Purpose::SignIn) => attempt.sign_in.map(Part::SignIn),
        Errand::Person(Purpose::Link { .. }) => Some(Part::Link),
        Errand::Test => None,
    }
}

/// A link is for whoever asked for it: on a shared machine somebody else may have sat down at the provider's page.
fn check_session(purpose: Purpose, present: Option<UserId>) -> Result<(), Refusal> {
    match purpose {
        Purpose::Link { user, .. } if present != Some(user) => {
            Err(Refusal::new(Reason::Session, "whoever asked for the link is not signed in here"))
        }
        Purpose::SignIn | Purpose::Link { .. } => Ok(()),
    }
}

/// Issuer, error and code of an answer. The issuer comes first: an error of somebody else's is no error of this attempt.
fn check_answer(slot: &Slot, known: &Known, callback: Callback) -> Result<String, Refusal> {
    let promised = known.metadata.additional_metadata().answers_name_issuer;
    match &callback.iss {
        None if promised => {
            let about = "the provider promises `iss` in its answers, and this one has none";
            return Err(Refusal::new(Reason::ResponseIssuer, about));
        }
        // RFC 9207 §2.4: compared letter by letter, also where nothing was promised.
        Some(iss) if **iss != *slot.upstream.terms.issuer => {
            return Err(Refusal::new(Reason::ResponseIssuer, "the answer names another issuer"));
        }
        _ => {}
    }
    if let Some(error) = callback.error {
        let plain: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
        let about = format!("the provider says `{plain}`");
        return Err(Refusal::new(Reason::ProviderError, about));
    }
    callback
        .code
        .filter(|code| !code.is_empty() && code.len() <= CODE_BYTES_MAX)
        .ok_or_else(|| Refusal::new(Reason::NoCode, "the answer has no code"))
}

fn arrived_event(realm: RealmId, arrived: &Arrived, number: SubjectId) -> Event {
    let methods: Vec<&str> = arrived.methods.iter().map(|method| method.as_str()).collect();
    Event::new(realm, UPSTREAM_ARRIVED)
        .subject(number)
        .subject_owner(Owner::Person(number))
        .about("upstream", arrived.external.upstream.as_str())
        .about("subject", arrived.external.subject.as_str())
        .about("purpose", purpose_name(arrived.purpose))
        .about("created", arrived.created)
        .about("linked", arrived.linked)
        .about("methods", methods)
}

/// Whoever it is is nobody here yet: what names them goes with the day's key.
fn unlinked_event(realm: RealmId, unlinked: &Unlinked) -> Event {
    Event::new(realm, UPSTREAM_UNLINKED)
        .subject_owner(Owner::Nobody)
        .about("upstream", unlinked.external.upstream.as_str())
        .about("subject", unlinked.external.subject.as_str())
        .about("user", unlinked.user.to_string())
}

const fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignIn => "sign_in",
        Purpose::Link { .. } => "link",
    }
}

/// Ten a second and a hundred at once of what nobody began are put on record; the next of these says how many were not.
pub(super) struct Strangers {
    clock: Arc<dyn Clock>,
    told: Mutex<Told>,
}

struct Told {
    /// When all of them are free again.
    full_again: Lifetime,
    /// How many went without an event since the last one, in each realm.
    untold: HashMap<RealmId, u64>,
}

impl Strangers {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let told = Told { full_again: Lifetime::ZERO, untold: HashMap::new() };
        Self { clock, told: Mutex::new(told) }
    }

    /// Whether this one is told of, and how many before it were not.
    pub(super) fn take(&self, realm: RealmId) -> Option<u64> {
        let now = self.clock.elapsed();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let next = told.full_again.max(now).as_micros().saturating_add(EVERY.as_micros());
        if next.saturating_sub(now.as_micros()) > EVERY.times(AT_ONCE).as_micros() {
            let untold = told.untold.entry(realm).or_default();
            *untold = untold.saturating_add(1);
            return None;
        }
        told.full_again = Lifetime::micros(next);
        Some(told.untold.remove(&realm).unwrap_or_default())
    }
}

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strangers").finish_non_exhaustive()
    }
}

const EVERY: Lifetime = Lifetime::millis(100);
const AT_ONCE: i64 = 100;
/// Some providers put state of their own into a code.
const CODE_BYTES_MAX: usize = 8 * 1024;

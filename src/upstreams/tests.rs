//! The slice as a specification: rules by their number, against a provider that tells the truth and one that lies.

mod attacks;
mod attempts;
mod identities;
mod mapping;
mod providers;
mod refreshed;
mod rules;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{Binding, Bringer, Callback, Error, Purpose, Seen, Start, UPSTREAM_REFUSED};
use super::{Below, Draft, Finished, Reason, RevokeTokens, Terms, Upstreams};
use crate::access::Administrator;
use crate::accounts::{self, Accounts};
use crate::audit::{Audit, Query, ReadEvents};
use crate::crypto::digest::sha256;
use crate::crypto::seal::KekRing;
use crate::env::Clock;
use crate::events::Part;
use crate::http::Origin;
use crate::jobs::Reconciler as _;
use crate::jobs::deliveries::Deliveries;
use crate::kernel::{Fault, Lifetime, RealmId, Secret, SignInId, UpstreamId, UserId};
use crate::outbound;
use crate::settings::Span;
use crate::testkit::{Answered, FakeUpstream, KeysReplica, Lie, TestDatabase};
use crate::wire::api;

pub(super) const REALM: RealmId = RealmId::FIRST;
/// Allowed by the settings, and nobody is there.
pub(super) const UNUSED: &str = "idp.localhost:1";

/// One replica, one honest provider, and one browser.
pub(super) struct House {
    pub(super) keys: KeysReplica,
    pub(super) upstreams: Upstreams,
    pub(super) accounts: Accounts,
    pub(super) provider: FakeUpstream,
    /// Where a second one may be started: `other.localhost`.
    pub(super) other_port: u16,
    audit: Audit,
}

impl House {
    pub(super) async fn new(database: &TestDatabase) -> Self {
        Self::patient(database, Lifetime::seconds(5)).await
    }

    /// With a provider that gets this long for an answer.
    pub(super) async fn patient(database: &TestDatabase, patience: Lifetime) -> Self {
        let keys = KeysReplica::started(database).await;
        let env = keys.env.clone();
        let realms = keys.realms().await;
        let ring = Arc::new(KekRing::new(KeysReplica::kek(1), Vec::new()));
        let below = accounts::Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            realms: realms.clone(),
            ring: Arc::clone(&ring),
        };
        let accounts = Accounts::new(env.clone(), below, accounts::Settings::default());
        let below = Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            realms: realms.clone(),
            accounts: accounts.clone(),
            ring,
        };
        let provider = FakeUpstream::start("idp", Arc::new(keys.clock.clone()));
        let other_port = FakeUpstream::free_port();
        let allowed = [
            provider.authority.clone(),
            format!("other.localhost:{other_port}"),
            UNUSED.to_owned(),
        ];
        let outbound = outbound::Settings {
            timeout: Span(patience),
            allow_private: allowed.iter().map(|one| FakeUpstream::allowed(one)).collect(),
            ..outbound::Settings::default()
        };
        let upstreams = Upstreams::new(env.clone(), below, outbound);
        let audit = Audit::new(env.db.clone(), keys.events.clone(), keys.access.clone());
        let house = Self { keys, upstreams, accounts, provider, other_port, audit };
        house.set("idp", json!({})).await;
        house
    }

    /// The same upstreams, in a server with these settings.
    pub(super) async fn under(&self, outbound: outbound::Settings) -> Upstreams {
        let (env, below) = (self.keys.env.clone(), self.upstreams.below.clone());
        let upstreams = Upstreams::new(env, below, outbound);
        let input = upstreams.clone();
        let load =
            self.keys.env.db.read(REALM, input, |tx, upstreams| Box::pin(upstreams.load(tx)));
        let loaded: Result<(), Fault> = load.await;
        loaded.unwrap();
        upstreams
    }

    /// Delivers what is due.
    pub(super) async fn deliver(&self) {
        let handler = Arc::new(RevokeTokens(self.upstreams.clone()));
        let (db, clock) = (self.keys.env.db.clone(), Arc::clone(&self.keys.env.clock));
        let deliveries = Deliveries::new(db, clock, || vec![REALM], vec![handler]);
        deliveries.reconcile().await.unwrap();
    }

    pub(super) fn by() -> Administrator {
        Administrator { realm: REALM, asker: KeysReplica::root() }
    }

    /// The settings of the provider, with these in their places.
    pub(super) fn settings(&self, change: Value) -> api::UpstreamSettings {
        with(self.provider.settings(), change)
    }

    /// An upstream for the provider, new or in the place of the one there is; nothing is known of the provider then.
    pub(super) async fn set(&self, id: &str, change: Value) {
        self.try_set(id, &self.settings(change)).await.unwrap();
    }

    pub(super) async fn try_set(
        &self,
        id: &str,
        settings: &api::UpstreamSettings,
    ) -> Result<(), Error> {
        let id = upstream(id);
        let there = self.upstreams.get(REALM, &id).is_some();
        let seen = if there { Seen::Revision(None) } else { Seen::Nothing };
        let public = settings.client_authentication == api::ClientAuthentication::None;
        let secret = (!public).then(|| Secret::new(self.provider.secret()));
        let draft = Draft { id, terms: Terms::of(settings)?, secret };
        self.upstreams.set(Self::by(), draft, seen).await?;
        self.follow().await;
        Ok(())
    }

    pub(super) async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, self.upstreams.clone(), |tx, upstreams| Box::pin(upstreams.load(tx)))
            .await;
        loaded.unwrap();
    }

    pub(super) fn wait(&self, span: Lifetime) {
        self.keys.clock.advance(span);
    }

    /// Somebody leaves for the upstream; where they are sent.
    pub(super) async fn leave(&self, id: &str) -> Result<String, Error> {
        self.upstreams.start(REALM, &upstream(id), start(Purpose::SignIn)).await
    }

    /// Somebody signs in at the provider; its answer.
    pub(super) async fn answer(&self) -> Answered {
        self.provider.visit(&self.leave("idp").await.unwrap())
    }

    /// The answer comes back, in the browser that left.
    pub(super) async fn back(&self, answered: Answered) -> Result<Finished, Error> {
        self.finish("idp", answered, Some(&browser())).await
    }

    pub(super) async fn finish(
        &self,
        id: &str,
        answered: Answered,
        binding: Option<&Binding>,
    ) -> Result<Finished, Error> {
        let bringer = Bringer { binding: binding.copied(), ..Bringer::default() };
        self.upstreams.finish(REALM, &upstream(id), callback(answered), bringer).await
    }

    /// The answer comes back in the browser that left, where this person is signed in.
    pub(super) async fn back_of(
        &self,
        user: UserId,
        answered: Answered,
    ) -> Result<Finished, Error> {
        let from = Origin { address: [192, 0, 2, 7].into(), agent: "Test/1".to_owned() };
        let bringer = Bringer { binding: Some(browser()), user: Some(user), from: Some(from) };
        self.upstreams.finish(REALM, &upstream("idp"), callback(answered), bringer).await
    }

    /// There and back, while the provider tells these lies; nothing is known of it before.
    pub(super) async fn go(&self, lies: &[Lie]) -> Result<Finished, Error> {
        self.set("idp", json!({})).await;
        self.provider.lie(lies);
        let address = self.leave("idp").await?;
        let outcome = self.back(self.provider.visit(&address)).await;
        self.provider.lie(&[]);
        outcome
    }

    /// The codes of the refusals on record, newest first.
    pub(super) async fn refusals(&self) -> Vec<String> {
        self.events(UPSTREAM_REFUSED).await.iter().map(|about| text(about, "code")).collect()
    }

    /// What events of this kind say of their subject, newest first.
    pub(super) async fn events(&self, kind: &str) -> Vec<serde_json::Map<String, Value>> {
        self.keys.events.copy().await.unwrap();
        let query = Query { kind: Some(kind.to_owned()), ..Query::default() };
        let ask = ReadEvents { realm: REALM, asker: KeysReplica::root(), query };
        let page = self.audit.list(ask).await.unwrap();
        let about = page.items.into_iter().map(|record| match record.about {
            Part::Open(about) => about,
            other => panic!("{other:?}"),
        });
        about.collect()
    }
}

/// These settings, with others in their places.
pub(super) fn with(mut settings: Value, change: Value) -> api::UpstreamSettings {
    let Value::Object(change) = change else { panic!("no settings: {change}") };
    for (name, value) in change {
        settings[name] = value;
    }
    serde_json::from_value(settings).unwrap()
}

pub(super) fn upstream(id: &str) -> UpstreamId {
    UpstreamId::parse(id).unwrap()
}

/// The cookie of the one browser, as its digest.
pub(super) fn browser() -> Binding {
    sha256(b"the browser")
}

pub(super) fn start(purpose: Purpose) -> Start {
    let sign_in = Some(SignInId::new(uuid::Uuid::from_u128(7)));
    Start { sign_in, purpose, binding: browser(), login_hint: None, fresh: false }
}

pub(super) fn callback(answered: Answered) -> Callback {
    let Answered { state, code, iss, error } = answered;
    Callback { state, code, iss, error, error_description: None }
}

pub(super) fn reason(outcome: &Result<Finished, Error>) -> Option<Reason> {
    match outcome {
        Err(Error::Refused(refusal)) => Some(refusal.reason),
        _ => None,
    }
}

#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(outcome: &Result<T, Error>, wanted: Reason) {
    assert!(
        matches!(outcome, Err(Error::Refused(refusal)) if refusal.reason == wanted),
        "{wanted:?}: {outcome:?}"
    );
}

/// True if only an account was missing.
pub(super) fn through(outcome: &Result<Finished, Error>) -> bool {
    reason(outcome) == Some(Reason::NoAccount)
}

/// The protocol held, and nobody has the identity: as far as a stranger comes where no accounts are made.
#[track_caller]
pub(super) fn held(outcome: &Result<Finished, Error>) {
    assert!(through(outcome), "{outcome:?}");
}

pub(super) fn text(members: &serde_json::Map<String, Value>, name: &str) -> String {
    members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The parameters of an address.
pub(super) fn query(address: &str) -> std::collections::HashMap<String, String> {
    url::Url::parse(address).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn every_reason_has_a_code_of_its_own() {
    let codes: HashSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    assert!(codes.iter().all(|code| crate::events::is_dotted(code)));
}

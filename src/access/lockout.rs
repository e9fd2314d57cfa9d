//! Who could still repair the rights of a realm: a change of policies that leaves no administrator able to is refused.
//!
//! Whoever holds the machine always can, at the local socket; that is a way back, and no reason to lose all others by a
//! slip. Asked are the admin API's own questions, and of a person first whether they could sign in to administer and get a
//! token for it: on no device, and on each that is theirs, as it is now. A device that would be better than any they have
//! lets nobody in. A rule that goes by what nobody knows before, such as the address, is no reason to refuse a change: they
//! may be let in.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::asker::Asker;
use super::decide::{Question, RealmRights};
use super::model::{ChangeError, Error, Fact, Request};
use super::policies::{Documents, Policies};
use super::roles::{Given, Holder};
use super::rule::{Does, Rule};
use super::{Access, shipped_documents};
use crate::kernel::{
    Assurance, Authentication, BasisPoints, Fault, Level, Method, RealmId, SpiffeId, Standing,
    Timestamp,
};

/// How people can come, for whoever asks what they could do then. Whoever knows stands after this slice.
pub trait WaysIn: Send + Sync + fmt::Debug {
    /// The standings, as of now, that this person may have: on no device, and on each that is theirs. None for whoever is
    /// not let in at all.
    fn of<'p>(
        &'p self,
        realm: RealmId,
        person: &'p SpiffeId,
    ) -> BoxFuture<'p, Result<Vec<Standing>, Fault>>;
}

/// The standings that people who administer a realm may have.
pub(super) type Shown = HashMap<SpiffeId, Vec<Standing>>;

/// Whom a change would lock out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LockedOut {
    /// The administrators; empty where somebody could still undo the change.
    pub(super) holders: Vec<Holder>,
    /// What would let one of them in, if a device would.
    pub(super) needed: Option<&'static str>,
}

impl Access {
    /// How the people who administer a realm can come.
    pub(super) async fn shown(
        &self,
        realm: RealmId,
        ways: &dyn WaysIn,
    ) -> Result<Shown, ChangeError> {
        let mut shown = Shown::new();
        for holder in self.realm(realm)?.admins() {
            if let Holder::Spiffe(id) = holder
                && id.is_under("/user")
            {
                let standings = ways.of(realm, &id).await?;
                shown.insert(id, standings);
            }
        }
        Ok(shown)
    }

    /// Everything that decides in a realm, with this document in the place of its own of that name, or without it.
    pub(super) fn with_document(
        &self,
        realm: RealmId,
        (name, text): (&str, Option<&Arc<str>>),
    ) -> Result<RealmRights, Error> {
        let now = self.realm(realm)?;
        let mut own = now.own.clone();
        match text {
            Some(text) => own.insert(name.to_owned(), Arc::clone(text)),
            None => own.remove(name),
        };
        self.with_documents(realm, own)
    }

    /// Everything that decides in a realm, with these documents as its own.
    pub(super) fn with_documents(
        &self,
        realm: RealmId,
        own: Documents,
    ) -> Result<RealmRights, Error> {
        let now = self.realm(realm)?;
        let mut all = shipped_documents();
        all.extend(own.clone());
        let policies = Policies::compile(&self.inner.schema, &all).map_err(Error::broken)?;
        Ok(self.rights(own, Ok(Arc::new(policies)), now.roles.clone(), now.rights_seq))
    }

    /// The administrators of a realm who could change its rights now, where none of them could after this change.
    pub(super) fn locked_out(
        &self,
        realm: RealmId,
        change: (&str, Option<&Arc<str>>),
        shown: &Shown,
    ) -> Result<LockedOut, Error> {
        let now = self.inner.clock.now();
        let before = self.realm(realm)?.administrators(shown, now);
        let after = self.with_document(realm, change)?;
        if before.is_empty() || !after.administrators(shown, now).is_empty() {
            return Ok(LockedOut::default());
        }
        let would_do = |device: &&Device| {
            let standing = device.standing(now);
            after.admins().iter().any(|holder| after.repairs(holder, Some(&standing), now))
        };
        let needed = BETTER_AND_BETTER.iter().find(would_do).map(|device| device.named);
        Ok(LockedOut { holders: before, needed })
    }
}

impl RealmRights {
    /// The holders of the role admin, each once.
    fn admins(&self) -> Vec<Holder> {
        let admins = self.roles.all().filter(|binding| binding.given == Given::Admin);
        let mut holders: Vec<Holder> = admins.map(|binding| binding.holder.clone()).collect();
        holders.sort();
        holders.dedup();
        holders
    }

    /// Those of them who can change policies and roles now, in whatever way they can come.
    fn administrators(&self, shown: &Shown, now: Timestamp) -> Vec<Holder> {
        let able = |holder: &Holder| match holder {
            Holder::Spiffe(id) if id.is_under("/user") => {
                let mut standings = shown.get(id).into_iter().flatten();
                standings.any(|standing| self.repairs(holder, Some(standing), now))
            }
            // Whoever is no person calls by what it is itself.
            Holder::Spiffe(_) | Holder::LocalUser(_) => self.repairs(holder, None, now),
        };
        self.admins().into_iter().filter(able).collect()
    }

    fn repairs(&self, holder: &Holder, standing: Option<&Standing>, now: Timestamp) -> bool {
        let asker = Asker::holding(holder);
        let person = asker.principal().0 == "User";
        let asker = if person { asker.signed_in(best_authentication(now)) } else { asker };
        let asks = [
            ("SetPolicy", ("Policy", "policy"), Vec::new()),
            (
                "BindRole",
                ("RoleBinding", "binding"),
                vec![("role", Fact::Text("viewer")), ("holds", Fact::Flag(true))],
            ),
        ];
        (!person || self.comes_in(&asker, standing, now))
            && asks.into_iter().all(|(action, resource, context)| {
                let plain = asker.request(RealmId::FIRST, resource, None);
                let request = Request { context, standing, ..plain };
                self.question(action, &request, now).is_ok_and(Question::may_say_yes)
            })
    }

    /// Whether a person could sign in to administer, and get a token for the admin API.
    fn comes_in(&self, asker: &Asker, standing: Option<&Standing>, now: Timestamp) -> bool {
        let unknown = Standing::unknown();
        let standing = Some(standing.unwrap_or(&unknown));
        let may = |action, client, context| {
            let plain = asker.request(RealmId::FIRST, ("Client", client), None);
            let request = Request { context, standing, ..plain };
            self.question(action, &request, now).is_ok_and(Question::may_say_yes)
        };
        // The command line's own client is in every realm, and marked to use the admin API.
        may("SignIn", CLIENT, best_sign_in()) && may("IssueTokens", CLIENT, best_token())
    }
}

impl Question<'_> {
    /// True if the answer is yes, or if it would be another one for facts that nobody knows before.
    fn may_say_yes(self) -> bool {
        let Ok(candidates) = self.candidates() else { return false };
        let Ok(decided) = self.evaluate(&candidates) else { return false };
        let no_rule = decided.outcome.is_err() && decided.by.is_empty();
        let permits = |rule: &&Rule| !no_rule || matches!(rule.does, Does::Permit(_));
        let places = if no_rule { &candidates.rules } else { &decided.by };
        let mut rules = places.iter().filter_map(|place| self.policies.rules.get(*place));
        let unforeseen = |rule: &Rule| UNFORESEEN.iter().any(|fact| rule.reads.reads_field(fact));
        decided.outcome.is_ok() || rules.by_ref().filter(permits).any(unforeseen)
    }
}

/// The surest and freshest that there is.
fn best_authentication(now: Timestamp) -> Authentication {
    let amr = Method::HardwarePasskey.amr().iter().copied().map(str::to_owned).collect();
    Authentication { at: now, assurance: Assurance::Aal3, amr, upstream: None }
}

/// A sign-in with everything shown that can be.
fn best_sign_in() -> Vec<(&'static str, Fact<'static>)> {
    vec![
        ("administration", Fact::Flag(true)),
        ("locked", Fact::Flag(false)),
        ("mail", Fact::Flag(false)),
        ("second_factor", Fact::Flag(true)),
        ("second_shown", Fact::Flag(true)),
        ("passkey", Fact::Flag(true)),
    ]
}

/// The token that follows it.
fn best_token() -> Vec<(&'static str, Fact<'static>)> {
    vec![
        ("subject", Fact::Text("user")),
        ("source", Fact::Text("session")),
        ("strength", Fact::Text("hardware")),
        ("grant", Fact::Text("authorization_code")),
        ("administration", Fact::Flag(true)),
        ("scopes", Fact::Texts(&[])),
        ("audiences", Fact::Texts(&[])),
    ]
}

/// A device that nobody need have, to say what would do.
struct Device {
    level: Level,
    score: BasisPoints,
    named: &'static str,
}

impl Device {
    fn standing(&self, now: Timestamp) -> Standing {
        Standing {
            level: self.level,
            score: Some(self.score),
            confidence: BasisPoints::ONE,
            reported: Some(now),
            ..Standing::unknown()
        }
    }
}

/// From the least that may do: each level with the score that it takes, and the best there is.
const BETTER_AND_BETTER: [Device; 4] = [
    Device { level: Level::Restricted, score: BasisPoints::new(4_000), named: "`restricted`" },
    Device { level: Level::Standard, score: BasisPoints::new(6_000), named: "`standard`" },
    Device { level: Level::Trusted, score: BasisPoints::new(8_000), named: "`trusted`" },
    Device {
        level: Level::Trusted,
        score: BasisPoints::ONE,
        named: "`trusted` with more than 80 of 100",
    },
];
/// The client that an administrator signs in through on the command line.
const CLIENT: &str = "weft-cli";
/// Facts that no one knows before somebody signs in: a rule that reads one may say otherwise then.
const UNFORESEEN: [&str; 8] = [
    "address",
    "address_source",
    "amr",
    "upstream",
    "now_seconds",
    "device",
    "scopes",
    "audiences",
];

//! Who could still repair the rights of a realm: a change of policies that leaves no administrator able to is refused.
//!
//! Whoever holds the machine always can, at the local socket; that is a way back, and no reason to lose all others by a
//! slip. Asked are the admin API's own questions, and of a person first whether they could sign in to administer and get a
//! token for it, each with what speaks best for them. A rule that goes by what nobody knows before, such as the address, is no
//! reason to refuse a change: they may be let in.

use std::sync::Arc;

use super::asker::Asker;
use super::decide::{Question, RealmRights};
use super::model::{Error, Fact, Request};
use super::policies::{Documents, Policies};
use super::roles::{Given, Holder};
use super::rule::{Does, Rule};
use super::{Access, shipped_documents};
use crate::kernel::{BasisPoints, Level, RealmId, Standing, Timestamp};

impl Access {
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

    /// The administrators of a realm who could change its rights now, and none of whom could after this change; empty
    /// where somebody can, or where nobody could anyway.
    pub(super) fn locked_out(
        &self,
        realm: RealmId,
        change: (&str, Option<&Arc<str>>),
    ) -> Result<Vec<Holder>, Error> {
        let now = self.inner.clock.now();
        let before = self.realm(realm)?.administrators(now);
        if before.is_empty() || !self.with_document(realm, change)?.administrators(now).is_empty() {
            return Ok(Vec::new());
        }
        Ok(before)
    }
}

impl RealmRights {
    /// The holders of the role admin who can change policies and roles, on their best device or on none.
    pub(super) fn administrators(&self, now: Timestamp) -> Vec<Holder> {
        let admins = self.roles.all().filter(|binding| binding.given == Given::Admin);
        let mut able: Vec<Holder> = admins
            .map(|binding| binding.holder.clone())
            .filter(|holder| {
                [None, Some(best(now))]
                    .iter()
                    .any(|standing| self.repairs(holder, standing.as_ref(), now))
            })
            .collect();
        able.sort();
        able.dedup();
        able
    }

    fn repairs(&self, holder: &Holder, standing: Option<&Standing>, now: Timestamp) -> bool {
        let asker = Asker::holding(holder);
        let asks = [
            ("SetPolicy", ("Policy", "policy"), Vec::new()),
            (
                "BindRole",
                ("RoleBinding", "binding"),
                vec![("role", Fact::Text("viewer")), ("holds", Fact::Flag(true))],
            ),
        ];
        let person = asker.principal().0 == "User";
        (!person || self.comes_in(&asker, standing, now))
            && asks.into_iter().all(|(action, resource, context)| {
                let plain = asker.request(RealmId::FIRST, resource, None);
                let request = Request { context, standing, ..plain };
                self.question(action, &request, now).is_ok_and(|question| question.decide().is_ok())
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

/// A sign-in with everything shown that can be.
fn best_sign_in() -> Vec<(&'static str, Fact<'static>)> {
    vec![
        ("assurance", Fact::Number(3)),
        ("administration", Fact::Flag(true)),
        ("locked", Fact::Flag(false)),
        ("mail", Fact::Flag(false)),
        ("upstream", Fact::Text("")),
        ("second_factor", Fact::Flag(true)),
        ("second_shown", Fact::Flag(true)),
        ("passkey", Fact::Flag(true)),
        ("address", Fact::Text("")),
    ]
}

/// The token that follows it.
fn best_token() -> Vec<(&'static str, Fact<'static>)> {
    vec![
        ("subject", Fact::Text("user")),
        ("source", Fact::Text("session")),
        ("strength", Fact::Text("hardware")),
        ("grant", Fact::Text("authorization_code")),
        ("assurance", Fact::Text("aal3")),
        ("administration", Fact::Flag(true)),
        ("scopes", Fact::Texts(&[])),
        ("audiences", Fact::Texts(&[])),
    ]
}

/// A device that everything is right with.
fn best(now: Timestamp) -> Standing {
    Standing {
        level: Level::Trusted,
        score: Some(BasisPoints::ONE),
        confidence: BasisPoints::ONE,
        reported: Some(now),
        ..Standing::unknown()
    }
}

/// The client that an administrator signs in through on the command line.
const CLIENT: &str = "weft-cli";
/// Facts that no one knows before somebody signs in: a rule that reads one may say otherwise then.
const UNFORESEEN: [&str; 6] =
    ["address", "upstream", "now_seconds", "device", "scopes", "audiences"];

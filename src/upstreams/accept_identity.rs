//! Which account an identity at a provider leads to: the one it is linked to, the one that asked for the link, one that both
//! sides verified the address of, or a new one. Never one that merely has the same address.

use std::sync::Arc;

use super::Upstreams;
use super::claims::Assertion;
use super::model::{Error, Purpose, Upstream};
use super::refusal::{Reason, Refusal};
use crate::accounts::{
    self, Attribute, AttributeName, By, ExternalId, Identifier, NewUser, Proof, ProofKind, User,
    is_language,
};
use crate::kernel::{RealmId, Timestamp, UpstreamId, UserId};

/// An account that may go on.
pub(super) struct Accepted {
    pub(super) user: Arc<User>,
    pub(super) created: bool,
    pub(super) linked: bool,
}

impl Upstreams {
    /// The account, with the groups that the provider gives it now.
    pub(super) async fn accept(
        &self,
        realm: RealmId,
        upstream: &Upstream,
        (assertion, external): (&Assertion, &ExternalId),
        purpose: Purpose,
    ) -> Result<Accepted, Error> {
        let identity = (external.clone(), display(assertion));
        let (user, created, linked) = match purpose {
            Purpose::SignIn => self.resolve(realm, upstream, assertion, identity).await?,
            Purpose::Link { user, .. } => {
                let linked = self.link(realm, user, identity).await?;
                (user, false, linked)
            }
        };
        let user = self.active(realm, user).await?;
        // What is gone at the provider is gone here: the list replaces what this upstream gave before.
        let groups = assertion.mapped.groups.iter().cloned().collect();
        self.below.accounts.set_groups_of(realm, user.id, &upstream.id, groups).await?;
        let user = if created { user } else { self.active(realm, user.id).await? };
        Ok(Accepted { user, created, linked })
    }

    async fn resolve(
        &self,
        realm: RealmId,
        upstream: &Upstream,
        assertion: &Assertion,
        identity: (ExternalId, Option<String>),
    ) -> Result<(UserId, bool, bool), Error> {
        let accounts = &self.below.accounts;
        if let Some(user) = accounts.find_external(realm, &identity.0).await? {
            return Ok((user, false, false));
        }
        if upstream.terms.link_verified_email
            && let Some(user) = self.verified_on_both_sides(realm, assertion).await?
        {
            let by = By::Upstream(upstream.id.clone());
            accounts.link(realm, user.id, identity, by).await.map_err(elsewhere)?;
            return Ok((user.id, false, true));
        }
        assertion
            .may_create(upstream.terms.creation.as_ref())
            .map_err(|why| Refusal::new(Reason::NoAccount, why))?;
        let new = new_user(&upstream.id, assertion, self.env.clock.now());
        match accounts.provision(realm, new, identity.clone()).await {
            Ok(user) => Ok((user.id, true, true)),
            // Two first sign-ins at once: one made the account, and the other one finds it.
            Err(accounts::Error::Taken { .. }) => {
                let holder = accounts.find_external(realm, &identity.0).await?;
                let about = "somebody here has the address: they sign in and link it";
                let user = holder.ok_or_else(|| Refusal::new(Reason::NoAccount, about))?;
                Ok((user, false, false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The account whose holder proved the address here, if the provider says that it was proven there.
    async fn verified_on_both_sides(
        &self,
        realm: RealmId,
        assertion: &Assertion,
    ) -> Result<Option<Arc<User>>, Error> {
        let there = assertion.verified_email().and_then(|email| Identifier::email(email).ok());
        let Some(there) = there else { return Ok(None) };
        let found = self.below.accounts.find(realm, &there).await?;
        Ok(found.filter(|user| {
            let here = user.verified_email().and_then(|email| Identifier::email(email).ok());
            user.is_active() && here.as_ref() == Some(&there)
        }))
    }

    /// True if it was linked just now, false if it was linked already.
    async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
    ) -> Result<bool, Error> {
        self.active(realm, user).await?;
        let accounts = &self.below.accounts;
        match accounts.find_external(realm, &identity.0).await? {
            Some(holder) if holder == user => Ok(false),
            Some(_) => Err(elsewhere(accounts::Error::Taken { what: "identity" })),
            None => {
                accounts.link(realm, user, identity, By::Themselves).await.map_err(elsewhere)?;
                Ok(true)
            }
        }
    }

    /// The account, read past every cache: one that was locked a moment ago lets nobody in.
    async fn active(&self, realm: RealmId, user: UserId) -> Result<Arc<User>, Error> {
        let user = self.below.accounts.fresh(realm, user).await?;
        user.filter(|user| user.is_active()).ok_or_else(|| {
            Refusal::new(Reason::AccountState, "the account is locked or gone").into()
        })
    }

    /// Removes a link, and the tokens that came through it: they are revoked at the provider, if it can do that.
    pub async fn unlink(
        &self,
        realm: RealmId,
        user: UserId,
        external: &ExternalId,
        by: By,
    ) -> Result<(), Error> {
        self.below.accounts.unlink(realm, user, external, by).await?;
        self.forget_tokens(realm, &external.upstream, user).await
    }
}

fn elsewhere(error: accounts::Error) -> Error {
    match error {
        accounts::Error::Taken { .. } => {
            Refusal::new(Reason::LinkedElsewhere, "another account has this identity").into()
        }
        other => other.into(),
    }
}

/// An address has a proof only where the provider is trusted in it, and only then it can be typed.
fn new_user(upstream: &UpstreamId, assertion: &Assertion, now: Timestamp) -> NewUser {
    let proof = || Proof { how: ProofKind::Upstream, by: upstream.to_string(), at: now };
    let attributes = assertion.mapped.attributes.iter().map(|(name, value)| {
        let proven = *name == AttributeName::Email && assertion.email_verified;
        (*name, Attribute { value: value.clone(), proof: proven.then(proof) })
    });
    let email = assertion.verified_email().and_then(|email| Identifier::email(email).ok());
    let language = assertion.mapped.attributes.get(&AttributeName::Locale);
    NewUser {
        language: language.filter(|tag| is_language(tag)).cloned(),
        identifiers: email.into_iter().collect(),
        attributes: attributes.collect(),
        ..NewUser::default()
    }
}

/// What to show its holder among their links.
fn display(assertion: &Assertion) -> Option<String> {
    let names = [AttributeName::Email, AttributeName::PreferredUsername, AttributeName::Name];
    names.iter().find_map(|name| assertion.mapped.attributes.get(name)).cloned()
}

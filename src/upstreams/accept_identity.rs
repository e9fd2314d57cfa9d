//! Which account an identity at a provider leads to: the one it is linked to, the one that asked for the link, one that both
//! sides verified the address of, or a new one. Never one that merely has the same address.

use std::sync::Arc;

use super::Upstreams;
use super::claims::Assertion;
use super::model::{Error, Purpose, Upstream};
use super::refusal::{Reason, Refusal};
use crate::accounts::{
    self, Attribute, AttributeName, By, ExternalId, Identifier, NewUser, Occasion, Proof,
    ProofKind, User, is_language,
};
use crate::http::Origin;
use crate::kernel::{RealmId, Timestamp, UpstreamId, UserId};

/// An account that may go on.
pub(super) struct Accepted {
    pub(super) user: Arc<User>,
    pub(super) created: bool,
    pub(super) linked: bool,
}

/// What an identity leads to.
pub(super) enum Acceptance {
    /// This account.
    Account(Accepted),
    /// This one, once they showed that it is theirs.
    Proof(Arc<User>),
}

/// The same, before the account was looked at.
enum Resolved {
    Account { user: UserId, created: bool, linked: bool },
    Proof(Arc<User>),
}

impl Upstreams {
    /// The account, with the attributes and groups that the provider gives it now.
    pub(super) async fn accept(
        &self,
        realm: RealmId,
        upstream: &Upstream,
        (assertion, external): (&Assertion, &ExternalId),
        (purpose, from): (Purpose, Option<Origin>),
    ) -> Result<Acceptance, Error> {
        let identity = (external.clone(), display(assertion));
        let resolved = match purpose {
            Purpose::SignIn => self.resolve(realm, upstream, assertion, (identity, from)).await?,
            Purpose::Link { user, .. } => {
                let occasion = upstream.occasion(By::Themselves, from);
                let linked = self.link(realm, user, identity, occasion).await?;
                Resolved::Account { user, created: false, linked }
            }
        };
        let (user, created, linked) = match resolved {
            Resolved::Account { user, created, linked } => (user, created, linked),
            Resolved::Proof(user) => return Ok(Acceptance::Proof(user)),
        };
        let user = self.active(realm, user).await?;
        if !created {
            self.refresh_attributes(realm, upstream, (assertion, external), &user).await?;
        }
        // What is gone at the provider is gone here: the list replaces what this upstream gave before.
        let groups = assertion.mapped.groups.iter().cloned().collect();
        self.below.accounts.set_groups_of(realm, user.id, &upstream.id, groups).await?;
        let user = if created { user } else { self.active(realm, user.id).await? };
        Ok(Acceptance::Account(Accepted { user, created, linked }))
    }

    async fn resolve(
        &self,
        realm: RealmId,
        upstream: &Upstream,
        assertion: &Assertion,
        (identity, from): ((ExternalId, Option<String>), Option<Origin>),
    ) -> Result<Resolved, Error> {
        let accounts = &self.below.accounts;
        if let Some(user) = accounts.find_external(realm, &identity.0).await? {
            return Ok(Resolved::Account { user, created: false, linked: false });
        }
        if let Some((user, address)) = self.of_verified_address(realm, assertion).await? {
            let here = user.verified_email().and_then(|email| Identifier::email(email).ok());
            if upstream.terms.link_verified_email && here == Some(address) {
                let occasion = upstream.occasion(By::Upstream(upstream.id.clone()), from);
                accounts.link(realm, user.id, identity, occasion).await.map_err(elsewhere)?;
                return Ok(Resolved::Account { user: user.id, created: false, linked: true });
            }
            if user.factors.password || user.factors.passkeys > 0 {
                return Ok(Resolved::Proof(user));
            }
        }
        assertion
            .may_create(upstream.terms.creation.as_ref())
            .map_err(|why| Refusal::new(Reason::NoAccount, why))?;
        let new = new_user(&upstream.id, assertion, self.env.clock.now());
        match accounts.provision(realm, new, identity.clone()).await {
            Ok(user) => Ok(Resolved::Account { user: user.id, created: true, linked: true }),
            // Two first sign-ins at once: one made the account, and the other one finds it.
            Err(accounts::Error::Taken { .. }) => {
                let holder = accounts.find_external(realm, &identity.0).await?;
                let about = "somebody here has the address: they sign in and link it";
                let user = holder.ok_or_else(|| Refusal::new(Reason::NoAccount, about))?;
                Ok(Resolved::Account { user, created: false, linked: false })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The account that is signed in to with the address, if the provider says that it was proven there.
    async fn of_verified_address(
        &self,
        realm: RealmId,
        assertion: &Assertion,
    ) -> Result<Option<(Arc<User>, Identifier)>, Error> {
        let there = assertion.verified_email().and_then(|email| Identifier::email(email).ok());
        let Some(there) = there else { return Ok(None) };
        let found = self.below.accounts.find(realm, &there).await?;
        Ok(found.filter(|user| user.is_active()).map(|user| (user, there)))
    }

    /// Links an identity that came in a sign-in, once its holder showed that the account is theirs. The upstream may have been
    /// switched off since.
    ///
    /// Errors: `Refused`, which is on record by then; faults.
    pub async fn link_shown(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
        from: Origin,
    ) -> Result<(), Error> {
        let id = identity.0.upstream.clone();
        let gone = || Refusal::new(Reason::Disabled, "the upstream is gone or another one");
        let slot = self.slot(realm, &id).filter(|slot| {
            let terms = &slot.upstream.terms;
            terms.enabled && *terms.issuer == *identity.0.issuer
        });
        let linked = match slot {
            Some(slot) => {
                let occasion = slot.upstream.occasion(By::Themselves, Some(from));
                self.link(realm, user, identity, occasion).await.map(|_| ())
            }
            None => Err(gone().into()),
        };
        if let Err(Error::Refused(refusal)) = &linked {
            self.record_refusal(realm, &id, refusal).await?;
        }
        linked
    }

    /// True if it was linked just now, false if it was linked already.
    async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
        occasion: Occasion,
    ) -> Result<bool, Error> {
        self.active(realm, user).await?;
        let accounts = &self.below.accounts;
        match accounts.find_external(realm, &identity.0).await? {
            Some(holder) if holder == user => Ok(false),
            Some(_) => Err(elsewhere(accounts::Error::Taken { what: "identity" })),
            None => {
                accounts.link(realm, user, identity, occasion).await.map_err(elsewhere)?;
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
        (by, from): (By, Option<Origin>),
    ) -> Result<(), Error> {
        let provider = self.slot(realm, &external.upstream);
        let provider = provider.map(|slot| slot.upstream.terms.display_name.to_string());
        let occasion = Occasion { by, provider, from };
        self.below.accounts.unlink(realm, user, external, occasion).await?;
        self.forget_tokens(realm, &external.upstream, user).await
    }
}

impl Upstream {
    fn occasion(&self, by: By, from: Option<Origin>) -> Occasion {
        Occasion { by, provider: Some(self.terms.display_name.to_string()), from }
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
pub(super) fn display(assertion: &Assertion) -> Option<String> {
    let names = [AttributeName::Email, AttributeName::PreferredUsername, AttributeName::Name];
    names.iter().find_map(|name| assertion.mapped.attributes.get(name)).cloned()
}

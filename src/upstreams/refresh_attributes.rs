//! What a provider says of somebody now, where the account is one that it made.
//!
//! Of an account that was there before the link a provider changes nothing: whoever links a private identity does not rename
//! the person. What somebody proved here, or an administrator vouches for, no provider replaces; and an address that another
//! account has stays that one's.

use std::collections::BTreeMap;

use super::Upstreams;
use super::claims::Assertion;
use super::model::{Error, Upstream};
use crate::accounts::{
    Attribute, AttributeName, By, ExternalId, Identifier, Proof, ProofKind, User, UserChange,
};
use crate::kernel::{RealmId, Timestamp};

impl Upstreams {
    /// Takes over what the mapping makes of the claims now. What is so already is not written again.
    pub(super) async fn refresh_attributes(
        &self,
        realm: RealmId,
        upstream: &Upstream,
        (assertion, external): (&Assertion, &ExternalId),
        user: &User,
    ) -> Result<(), Error> {
        let links = self.below.accounts.links(realm, user.id).await?;
        let made = |link: &crate::accounts::ExternalIdentity| {
            link.id == *external && link.linked_at == user.created_at
        };
        if !links.iter().any(made) {
            return Ok(());
        }
        let mut said = said(assertion, user, (upstream.id.as_str(), self.env.clock.now()));
        if let Some(email) = said.get(&AttributeName::Email).and_then(Option::as_ref)
            && let Ok(address) = Identifier::email(&email.value)
            && let Some(holder) = self.below.accounts.find(realm, &address).await?
            && holder.id != user.id
        {
            said.remove(&AttributeName::Email);
        }
        let change = UserChange { attributes: said, ..UserChange::default() };
        let by = By::Upstream(upstream.id.clone());
        self.below.accounts.amend(realm, user.id, change, by).await?;
        Ok(())
    }
}

/// What the provider may say anew.
fn said(
    assertion: &Assertion,
    user: &User,
    (upstream, now): (&str, Timestamp),
) -> BTreeMap<AttributeName, Option<Attribute>> {
    let proof = || Proof { how: ProofKind::Upstream, by: upstream.to_owned(), at: now };
    let replaces = |name: &AttributeName| {
        let known = user.attributes.get(name).and_then(|known| known.proof.as_ref());
        known.is_none_or(|proof| proof.how == ProofKind::Upstream && proof.by == upstream)
    };
    let mapped = assertion.mapped.attributes.iter();
    mapped
        .filter(|(name, value)| replaces(name) && name.checked(value).is_ok())
        .map(|(name, value)| {
            let proven = *name == AttributeName::Email && assertion.email_verified;
            (*name, Some(Attribute { value: value.clone(), proof: proven.then(proof) }))
        })
        .collect()
}

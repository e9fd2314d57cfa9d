//! Make, change and remove upstreams, while everything runs.

use std::sync::Arc;

use super::model::{
    Administrator, DeleteUpstream, Draft, Error, ReadUpstream, Seen, SetUpstream, UPSTREAM,
    UPSTREAM_CREATED, UPSTREAM_DELETED, UPSTREAM_UPDATED, UPSTREAMS_MAX, Upstream,
};
use super::revoke_tokens::tell;
use super::terms::{ClientAuthentication, Terms};
use super::{Upstreams, seal, store};
use crate::access::Asker;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{RealmId, Secret, Timestamp, UpstreamId};

#[derive(Debug)]
struct Input {
    realm: RealmId,
    asker: Asker,
    upstream: Arc<Upstream>,
}

impl Upstreams {
    /// Every upstream of the realm, by name, for an administrator.
    pub fn list(&self, by: Administrator) -> Result<Vec<Arc<Upstream>>, Error> {
        let realm = by.realm;
        let _spent = self.below.access.permit(ReadUpstream(by))?.spend();
        Ok(self.known(realm).values().map(|slot| Arc::clone(&slot.upstream)).collect())
    }

    /// One upstream, for an administrator.
    pub fn show(&self, by: Administrator, id: &UpstreamId) -> Result<Arc<Upstream>, Error> {
        let realm = by.realm;
        let _spent = self.below.access.permit(ReadUpstream(by))?.spend();
        self.get(realm, id).ok_or_else(|| Error::NotFound(id.clone()))
    }

    /// Makes an upstream, or replaces what one says. True if it was made.
    ///
    /// Errors: `Access`; `Invalid`; `Exists`, `NotFound` and `Outdated` where it is not as it was seen; `TooMany`.
    pub async fn set(
        &self,
        by: Administrator,
        draft: Draft,
        seen: Seen,
    ) -> Result<(Arc<Upstream>, bool), Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let (_, granted) = self.below.access.permit(SetUpstream(by, draft.id.clone()))?.spend();
        self.check_network(&draft.terms)?;
        let old = match (seen, self.get(realm, &draft.id)) {
            (Seen::Nothing, None) => None,
            (Seen::Nothing, Some(_)) => return Err(Error::Exists(draft.id)),
            (Seen::Revision(_), None) => return Err(Error::NotFound(draft.id)),
            (Seen::Revision(Some(revision)), Some(old)) if revision != old.revision => {
                return Err(Error::Outdated(draft.id));
            }
            (Seen::Revision(_), Some(old)) => Some(old),
        };
        let upstream = Arc::new(self.revised(realm, draft, old.as_deref())?);
        let input = Input { realm, asker, upstream: Arc::clone(&upstream) };
        let write = self
            .below
            .events
            .change_in(realm, granted, input, |tx, input| Box::pin(write(tx, input)));
        write.await?;
        Ok((upstream, old.is_none()))
    }

    /// Removes an upstream, with every token that was kept through it: its provider is told. Links stay: they lead nowhere, unless an upstream of
    /// this name and issuer comes back.
    pub async fn delete(
        &self,
        by: Administrator,
        id: &UpstreamId,
        revision: Option<i64>,
    ) -> Result<(), Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let (_, granted) = self.below.access.permit(DeleteUpstream(by, id.clone()))?.spend();
        let input = (id.clone(), asker, revision, self.env.clock.now());
        let removed = self.below.events.change_in(
            realm,
            granted,
            input,
            move |tx, (id, asker, revision, now)| {
                Box::pin(remove(tx, (id, *revision), asker, *now))
            },
        );
        removed.await?;
        self.below.accounts.posted().nudge();
        Ok(())
    }

    fn revised(
        &self,
        realm: RealmId,
        draft: Draft,
        old: Option<&Upstream>,
    ) -> Result<Upstream, Error> {
        let Draft { id, terms, secret } = draft;
        let public = terms.client_authentication == ClientAuthentication::None;
        let sealed_secret = match (secret, old) {
            (Some(_), _) if public => {
                let why = "`client_authentication` is `none`: there is no secret";
                return Err(Error::invalid("client_secret", why));
            }
            (Some(secret), _) => Some(self.sealed(realm, &id, &secret)?),
            (None, _) if public => None,
            // A secret is for one provider: it must not reach another one because the issuer was edited.
            (None, Some(old)) if old.terms.issuer == terms.issuer => old.sealed_secret.clone(),
            (None, _) => None,
        };
        if sealed_secret.is_none() && !public {
            let why = "say the secret that the provider gave, or `client_authentication` `none`";
            return Err(Error::invalid("client_secret", why));
        }
        let now = self.env.clock.now();
        Ok(Upstream {
            id,
            revision: old.map_or(1, |old| old.revision.saturating_add(1)),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
            terms,
            sealed_secret,
        })
    }

    fn sealed(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        secret: &Secret<String>,
    ) -> Result<Vec<u8>, Error> {
        let text = secret.expose();
        if text.is_empty() || text.len() > SECRET_BYTES_MAX || text.chars().any(char::is_control) {
            let why = format!("1 to {SECRET_BYTES_MAX} bytes without control characters");
            return Err(Error::invalid("client_secret", why));
        }
        let (place, entropy) = (seal::secret_place(realm, id), self.env.entropy.as_ref());
        Ok(self.below.ring.seal(&place, text.as_bytes(), entropy)?)
    }

    /// A realm's administrator names host and network, and the server's settings must allow both: whoever holds a realm does not
    /// hold the machine.
    fn check_network(&self, terms: &Terms) -> Result<(), Error> {
        let Some(private) = &terms.private else { return Ok(()) };
        if self.outbound.allow(&private.host) {
            return Ok(());
        }
        let why = format!(
            "`{}` is not among `outbound.allow_private` in the server's settings",
            private.host
        );
        Err(Error::invalid("allow_private_network", why))
    }
}

async fn write(tx: &mut Tx, input: &Input) -> Result<Changed<()>, Error> {
    let Input { realm, asker, upstream } = input;
    let kind = if upstream.revision == 1 {
        let most = i64::try_from(UPSTREAMS_MAX).unwrap_or(i64::MAX);
        if store::count(tx).await? >= most {
            return Err(Error::TooMany(UPSTREAMS_MAX));
        }
        if !store::insert(tx, upstream).await? {
            return Err(Error::Exists(upstream.id.clone()));
        }
        UPSTREAM_CREATED
    } else {
        if !store::update(tx, upstream).await? {
            return Err(Error::Outdated(upstream.id.clone()));
        }
        UPSTREAM_UPDATED
    };
    let event = Event::new(*realm, kind)
        .about("id", upstream.id.as_str())
        .about("revision", upstream.revision)
        .about("settings", upstream.terms.written());
    let changes = vec![(UPSTREAM, upstream.id.to_string(), asker.sign(event))];
    Ok(Changed { value: (), changes, rights: false })
}

async fn remove(
    tx: &mut Tx,
    (id, revision): (&UpstreamId, Option<i64>),
    asker: &Asker,
    now: Timestamp,
) -> Result<Changed<()>, Error> {
    let realm = tx.realm();
    let old = store::find(tx, id).await?.ok_or_else(|| Error::NotFound(id.clone()))?;
    if revision.is_some_and(|seen| seen != old.revision) {
        return Err(Error::Outdated(id.clone()));
    }
    for (user, tokens) in store::tokens_through(tx, id).await? {
        tell(tx, &old, (user, tokens), now).await?;
    }
    store::delete(tx, id).await?;
    store::drop_all_tokens(tx, id).await?;
    let event = Event::new(realm, UPSTREAM_DELETED)
        .about("id", id.as_str())
        .about("settings", old.document.as_str());
    let changes = vec![(UPSTREAM, id.to_string(), asker.sign(event))];
    Ok(Changed { value: (), changes, rights: false })
}

const SECRET_BYTES_MAX: usize = 4096;

//! Sessions end, one or all of a person; grants and subjects are revoked. Whoever must tell others hears of it in the same
//! transaction.

use std::sync::Arc;

use crate::access::{Administrator, Permit};
use crate::accounts::Change;
use crate::crypto::digest::hex;
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{
    ClientId, Fault, Granted, Lifetime, RealmId, SessionId, SubjectId, Timestamp, UserId,
};

use super::model::{EndSession, Ended, Error, REVOCATION, Revocable, Session, Why, told};
use super::{Sessions, WhenEnded, store};

#[derive(Debug)]
struct OneEnd {
    session: Session,
    why: Why,
    /// What a policy said.
    words: Option<String>,
    now: Timestamp,
    listeners: Vec<Arc<dyn WhenEnded>>,
}

/// What one run of the end of everything of a person needs.
#[derive(Debug)]
pub(super) struct AllEnd {
    realm: RealmId,
    user: UserId,
    number: SubjectId,
    why: Why,
    /// If they ended since then already, they are not ended again.
    since: Option<Timestamp>,
    now: Timestamp,
    listeners: Vec<Arc<dyn WhenEnded>>,
}

impl Sessions {
    /// Ends a session. One that is not there, or has ended, is no error.
    pub async fn end(&self, realm: RealmId, id: SessionId, why: Why) -> Result<(), Error> {
        let Some(session) = self.stored(realm, id).await? else { return Ok(()) };
        let granted = Granted::to_owner("EndSession", session.number);
        self.end_stored(session, granted, (why, None)).await
    }

    /// Ends a session whose person would not be let in any more on its device: these are the policy's words. Once, whoever
    /// does it.
    pub async fn end_refused(&self, session: Session, words: String) -> Result<(), Error> {
        let granted = Granted::to_server("EndSession");
        self.end_stored(session, granted, (Why::Device, Some(words))).await
    }

    /// Ends all sessions of a person, and everything that hangs off them or was granted so far: one revocation.
    pub async fn end_all(
        &self,
        realm: RealmId,
        user: UserId,
        number: SubjectId,
        why: Why,
    ) -> Result<(), Error> {
        let granted = Granted::to_owner("EndSession", number);
        self.end_all_as(realm, (user, number), granted, (why, None)).await
    }

    /// The same for a person who is contained since then, once, whoever does it.
    pub async fn end_since(
        &self,
        realm: RealmId,
        person: (UserId, SubjectId),
        since: Timestamp,
    ) -> Result<(), Error> {
        let granted = Granted::to_server("EndSession");
        self.end_all_as(realm, person, granted, (Why::Contained, Some(since))).await
    }

    /// Ends a session for an administrator.
    pub async fn end_for(&self, by: Administrator, id: SessionId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.inner.access.permit(EndSession { by, of: id.to_string() })?;
        let session = self.stored(realm, id).await?.ok_or(Error::NotFound)?;
        self.end_stored(session, permit.spend().1, (Why::Administrator, None)).await
    }

    /// The right of an administrator to end the sessions of a person.
    pub(super) fn may_end(
        &self,
        by: Administrator,
        user: UserId,
    ) -> Result<Permit<EndSession>, Error> {
        Ok(self.inner.access.permit(EndSession { by, of: user.to_string() })?)
    }

    /// Ends all sessions of a person for an administrator.
    pub(super) async fn end_all_for(
        &self,
        realm: RealmId,
        permit: Permit<EndSession>,
        person: (UserId, SubjectId),
    ) -> Result<(), Error> {
        self.end_all_as(realm, person, permit.spend().1, (Why::Administrator, None)).await
    }

    /// Takes something back, until nothing that it concerns can live any more. `Revocable::Session` and a person are
    /// better served by `end` and `end_all`, which also tell the clients.
    pub async fn revoke(
        &self,
        realm: RealmId,
        granted: Granted,
        what: Revocable<'_>,
        until: Timestamp,
    ) -> Result<(), Error> {
        let now = self.now();
        let (key, event) = (what.key(), told::revoked(realm, what, now));
        self.inner
            .events
            .change_in(realm, granted, (key, event, now, until), |tx, (key, event, now, until)| {
                Box::pin(async move {
                    store::revoke_by_key(tx, key, *now, *until).await?;
                    let changes = vec![(REVOCATION, key.clone(), event.clone())];
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }

    /// The part of `revoke` for a `change` of another slice that does more in the same transaction: writes the row and
    /// gives kind, key and event of the change.
    pub async fn revoke_in(
        tx: &mut Tx,
        what: Revocable<'_>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(&'static str, String, Event), Fault> {
        let key = what.key();
        store::revoke_by_key(tx, &key, now, until).await?;
        Ok((REVOCATION, key, told::revoked(tx.realm(), what, now)))
    }

    /// Notes in a transaction that a client got something from a session.
    pub async fn note_client(
        tx: &mut Tx,
        session: SessionId,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        store::note_client(tx, session, client, now).await
    }

    /// The clients that got something from a session.
    pub async fn clients_of(tx: &mut Tx, session: SessionId) -> Result<Vec<ClientId>, Fault> {
        store::clients_of(tx, session).await
    }

    async fn stored(&self, realm: RealmId, id: SessionId) -> Result<Option<Session>, Error> {
        self.inner
            .env
            .db
            .read(realm, id, |tx, id| {
                Box::pin(async move { Ok::<_, Error>(store::by_id(tx, *id).await?) })
            })
            .await
    }

    async fn end_stored(
        &self,
        session: Session,
        granted: Granted,
        (why, words): (Why, Option<String>),
    ) -> Result<(), Error> {
        let (realm, now, listeners) = (session.realm, self.now(), self.listeners());
        let input = OneEnd { session, why, words, now, listeners };
        let digest = self
            .inner
            .events
            .change_in(realm, granted, input, |tx, input| Box::pin(end_one(tx, input)))
            .await?;
        if let Some(digest) = digest {
            self.inner.cached.forget(realm, &digest);
        }
        Ok(())
    }

    async fn end_all_as(
        &self,
        realm: RealmId,
        (user, number): (UserId, SubjectId),
        granted: Granted,
        (why, since): (Why, Option<Timestamp>),
    ) -> Result<(), Error> {
        let input = AllEnd { since, ..self.all_end(realm, (user, number), why) };
        self.inner
            .events
            .change_in(realm, granted, input, |tx, input| {
                Box::pin(async move {
                    let changes = end_all(tx, input).await?;
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }

    /// The end of everything of a person, now.
    pub(super) fn all_end(
        &self,
        realm: RealmId,
        (user, number): (UserId, SubjectId),
        why: Why,
    ) -> AllEnd {
        let (now, listeners) = (self.now(), self.listeners());
        AllEnd { realm, user, number, why, since: None, now, listeners }
    }
}

async fn end_one(tx: &mut Tx, input: &OneEnd) -> Result<Changed<Option<String>>, Error> {
    let OneEnd { session, why, words, now, listeners } = input;
    let clients = store::clients_of(tx, session.id).await?;
    let Some(digest) = store::delete(tx, session.id).await? else {
        return Ok(Changed { value: None, changes: Vec::new(), rights: false });
    };
    let what = Revocable::Session(session.id);
    store::revoke_by_key(tx, &what.key(), *now, now.plus(TOKEN_LIFE_MAX)).await?;
    let (user, number) = (session.user, session.number);
    let ended = [Ended { session: session.id, user, number, clients, at: *now, why: *why }];
    for listener in listeners {
        listener.ended(tx, &ended).await?;
    }
    let changes = vec![(REVOCATION, what.key(), told::ended(session, *why, words.as_deref()))];
    Ok(Changed { value: Some(hex(&digest)), changes, rights: false })
}

/// Gives what followers must hear of; nothing if it ended already. The rows of the sessions stay until their end has come: what
/// was taken back covers them.
pub(super) async fn end_all(tx: &mut Tx, input: &AllEnd) -> Result<Vec<Change>, Fault> {
    let AllEnd { realm, user, number, why, since, now, listeners } = input;
    let subject = user.to_string();
    let what = Revocable::Subject(&subject);
    let until = now.plus(GRANT_LIFE_MAX);
    let since = since.unwrap_or(Timestamp::FOREVER);
    if !store::revoke_unless(tx, &what.key(), (*now, until), since).await? {
        return Ok(Vec::new());
    }
    let clients = store::clients_of_user(tx, *user).await?;
    let end = |(session, clients)| {
        let (user, number) = (*user, *number);
        Ended { session, user, number, clients, at: *now, why: *why }
    };
    let ended: Vec<Ended> = clients.into_iter().map(end).collect();
    for listener in listeners {
        listener.ended(tx, &ended).await?;
    }
    let event = told::all_ended(*realm, *user, *number, (ended.len(), *why));
    Ok(vec![(REVOCATION, what.key(), event)])
}

/// Tokens that name a session live no longer; what can be renewed is looked up in the database when it is.
const TOKEN_LIFE_MAX: Lifetime = Lifetime::hours(24);
/// No grant lives longer than this without being given anew.
const GRANT_LIFE_MAX: Lifetime = Lifetime::days(400);

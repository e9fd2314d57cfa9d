//! A cookie, an id or a person to sessions; use noted on the way, at most once a minute.

use std::sync::Arc;

use crate::access::Administrator;
use crate::crypto::digest::{from_hex, hex};
use crate::kernel::{DeviceId, RealmId, SessionId, Timestamp, UserId};

use super::model::{Error, ReadSession, Revocable, Session};
use super::{NOTED_EVERY, SessionCookie, Sessions, store};

/// Sessions that were read within the last minute, by the digest of their cookie.
pub(super) struct Cached(moka::sync::Cache<(RealmId, [u8; 32]), Read>);

#[derive(Debug, Clone)]
struct Read {
    session: Arc<Session>,
    at: Timestamp,
}

impl Cached {
    pub(super) fn new() -> Self {
        let weigher = |_: &(RealmId, [u8; 32]), read: &Read| weight(&read.session);
        Self(moka::sync::Cache::builder().max_capacity(CACHE_BYTES).weigher(weigher).build())
    }

    /// Forgets the session of this digest, in hexadecimal.
    pub(super) fn forget(&self, realm: RealmId, digest: &str) {
        if let Some(digest) = from_hex(digest).and_then(|bytes| bytes.try_into().ok()) {
            self.0.invalidate(&(realm, digest));
        }
    }

    pub(super) fn clear(&self) {
        self.0.invalidate_all();
    }

    fn get(&self, key: &(RealmId, [u8; 32]), now: Timestamp) -> Option<Arc<Session>> {
        let read = self.0.get(key)?;
        (now.since(read.at) < NOTED_EVERY).then_some(read.session)
    }

    fn put(&self, key: (RealmId, [u8; 32]), session: Arc<Session>, at: Timestamp) {
        self.0.insert(key, Read { session, at });
    }
}

impl Sessions {
    /// The session of this cookie, if it is live. Believed for up to a minute; what ends it or changes its cookie is heard
    /// of at once.
    pub async fn by_cookie(
        &self,
        realm: RealmId,
        cookie: &SessionCookie,
    ) -> Result<Option<Arc<Session>>, Error> {
        let (key, now) = ((realm, cookie.digest()), self.now());
        match self.inner.cached.get(&key, now).filter(|session| self.holds(session, now)) {
            Some(session) => Ok(Some(session)),
            None => self.read_by_cookie(realm, cookie).await,
        }
    }

    /// The same, past what is held in memory: for a sign-in and for whatever else must be sure.
    pub async fn read_by_cookie(
        &self,
        realm: RealmId,
        cookie: &SessionCookie,
    ) -> Result<Option<Arc<Session>>, Error> {
        let (key, now) = ((realm, cookie.digest()), self.now());
        let found = self
            .inner
            .env
            .db
            .read(realm, key.1, |tx, digest| {
                Box::pin(async move { Ok::<_, Error>(store::by_digest(tx, digest).await?) })
            })
            .await?;
        let found = found.filter(|session| self.holds(session, now));
        let Some(session) = self.of_active(found).await? else {
            self.inner.cached.forget(realm, &hex(&key.1));
            return Ok(None);
        };
        let session = Arc::new(self.used(session, now).await?);
        self.inner.cached.put(key, Arc::clone(&session), now);
        Ok(Some(session))
    }

    /// One live session, read from the database.
    pub async fn by_id(
        &self,
        realm: RealmId,
        id: SessionId,
    ) -> Result<Option<Arc<Session>>, Error> {
        let now = self.now();
        let found = self
            .inner
            .env
            .db
            .read(realm, id, |tx, id| {
                Box::pin(async move { Ok::<_, Error>(store::by_id(tx, *id).await?) })
            })
            .await?;
        Ok(found.filter(|session| self.holds(session, now)).map(Arc::new))
    }

    /// The live sessions of a person, newest first.
    pub async fn list(&self, realm: RealmId, user: UserId) -> Result<Vec<Arc<Session>>, Error> {
        let found = self.stored_of(realm, (user, None), LISTED_MAX).await?;
        Ok(self.held(found))
    }

    /// A page of the same for an administrator: the live ones among so many, older than that one, and where the next page begins.
    pub async fn read_list(
        &self,
        by: Administrator,
        user: UserId,
        (limit, after): (usize, Option<SessionId>),
    ) -> Result<(Vec<Arc<Session>>, Option<SessionId>), Error> {
        let realm = by.realm;
        self.inner.access.permit(ReadSession { by, of: user.to_string() })?.spend();
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = self.stored_of(realm, (user, after), most.saturating_add(1)).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().map(|session| session.id).filter(|_| more);
        Ok((self.held(found), next))
    }

    async fn stored_of(
        &self,
        realm: RealmId,
        whose: (UserId, Option<SessionId>),
        most: i64,
    ) -> Result<Vec<Session>, Error> {
        let db = &self.inner.env.db;
        db.read(realm, (whose, most), |tx, (whose, most)| {
            Box::pin(async move { Ok::<_, Error>(store::of_user(tx, *whose, *most).await?) })
        })
        .await
    }

    fn held(&self, found: Vec<Session>) -> Vec<Arc<Session>> {
        let now = self.now();
        found.into_iter().filter(|session| self.holds(session, now)).map(Arc::new).collect()
    }

    /// Whether this administrator may look at what hangs off sessions: for the slices that keep such things.
    pub fn may_read(&self, by: Administrator, of: String) -> Result<(), Error> {
        self.inner.access.permit(ReadSession { by, of })?.spend();
        Ok(())
    }

    /// One session for an administrator.
    pub async fn read_one(&self, by: Administrator, id: SessionId) -> Result<Arc<Session>, Error> {
        let realm = by.realm;
        self.inner.access.permit(ReadSession { by, of: id.to_string() })?.spend();
        self.by_id(realm, id).await?.ok_or(Error::NotFound)
    }

    /// Some of the sessions on a device, oldest first, after this one; none where there are no more. Some may have been taken
    /// back: [`Self::stands`] says.
    pub async fn on_device(
        &self,
        realm: RealmId,
        device: DeviceId,
        after: Option<SessionId>,
    ) -> Result<Vec<Session>, Error> {
        let bounds = (after, self.now());
        self.inner
            .env
            .db
            .labelled("react")
            .read(realm, (device, bounds), |tx, (device, bounds)| {
                Box::pin(
                    async move { Ok::<_, Error>(store::on_device(tx, *device, *bounds).await?) },
                )
            })
            .await
    }

    /// True as long as neither of its ends has come and nobody took it back.
    pub fn stands(&self, session: &Session) -> bool {
        self.holds(session, self.now())
    }

    /// The session, unless its person is locked or gone. What locks or erases somebody empties the cache.
    async fn of_active(&self, found: Option<Session>) -> Result<Option<Session>, Error> {
        let Some(session) = found else { return Ok(None) };
        let user = self.inner.accounts.user(session.realm, session.user).await.map_err(Arc::new)?;
        Ok(user.is_some_and(|user| user.is_active()).then_some(session))
    }

    /// Neither of its ends has come, and nobody took it back.
    pub(super) fn holds(&self, session: &Session, now: Timestamp) -> bool {
        let user = session.user.to_string();
        let what = [Revocable::Session(session.id), Revocable::Subject(&user)];
        session.is_live(now) && !self.is_revoked(session.realm, what, session.created_at)
    }

    /// The session as used now; the row hears of it if it did not within the last minute.
    async fn used(&self, session: Session, now: Timestamp) -> Result<Session, Error> {
        if now.since(session.used_at) < NOTED_EVERY {
            return Ok(session);
        }
        let idle_at = now.plus(self.inner.settings.idle(session.assurance));
        let session = Session { used_at: now, idle_at: idle_at.min(session.expires_at), ..session };
        self.inner
            .env
            .db
            .write(session.realm, session.clone(), |tx, session| {
                Box::pin(async move { Ok::<_, Error>(store::touch(tx, session).await?) })
            })
            .await?;
        Ok(session)
    }
}

fn weight(session: &Session) -> u32 {
    let texts = session.address.len().saturating_add(session.agent.len());
    u32::try_from(texts).unwrap_or(u32::MAX).saturating_add(ENTRY_BYTES)
}

/// Some 25,000 browsers that were here within the last minute.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// A session without its texts, its key, and what the cache keeps of both.
const ENTRY_BYTES: u32 = 512;
/// Sessions of one person that are shown: more than anybody has browsers.
const LISTED_MAX: i64 = 200;

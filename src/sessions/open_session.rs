//! A sign-in becomes a session: a new one, or the one that this browser had, under a new cookie.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::crypto::digest::hex;
use crate::db::Tx;
use crate::events::{Changed, Unrecorded};
use crate::kernel::{Fault, Granted, SessionId, assurance_of};

use super::model::{Error, SESSION, Session, SignedIn, Why, told};
use super::{SessionCookie, Sessions, store};

/// A session, and the cookie that its browser gets.
#[derive(Debug)]
pub struct Opened {
    /// For the browser, and nobody else.
    pub cookie: SessionCookie,
    /// The session.
    pub session: Arc<Session>,
}

/// What one run of the write needs.
#[derive(Debug, Clone)]
struct Opening<I> {
    session: Session,
    digest: [u8; 32],
    input: I,
}

impl Sessions {
    /// Opens a session, or renews the one that the browser had.
    pub async fn open(&self, signed_in: SignedIn) -> Result<Opened, Error> {
        self.open_after(signed_in, (), |_, ()| Box::pin(async { Ok(()) })).await
    }

    /// The same, after `first` in the same transaction: its error leaves everything as it was. Errors: `NotFound` if the
    /// session to be renewed has ended meanwhile.
    ///
    /// A session of somebody else ends before, in a transaction of its own: a crash between leaves nobody signed in.
    pub async fn open_after<I, F>(
        &self,
        signed_in: SignedIn,
        input: I,
        first: F,
    ) -> Result<Opened, Error>
    where
        I: Clone + Send + Sync + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<(), Error>>
            + Send
            + Sync
            + 'static,
    {
        let cookie = SessionCookie::make(self.inner.env.entropy.as_ref())?;
        let before = signed_in.before.clone();
        let renewed = before.filter(|before| before.user == signed_in.user);
        if let (Some(other), None) = (&signed_in.before, &renewed) {
            self.end(other.realm, other.id, Why::Replaced).await?;
        }
        let session = self.session(signed_in, renewed.as_deref())?;
        let opening = Opening { session: session.clone(), digest: cookie.digest(), input };
        if renewed.is_some() {
            self.renew(opening, first).await?;
        } else {
            self.insert(opening, first).await?;
        }
        Ok(Opened { cookie, session: Arc::new(session) })
    }

    /// Goes on with what was shown for a session under a new one, for the browser of the person who had everything before
    /// ended. Errors: `Fault` where the new one could not be written; then that browser is signed out as well.
    pub async fn begin_anew(&self, ended: &Session) -> Result<Opened, Error> {
        let cookie = SessionCookie::make(self.inner.env.entropy.as_ref())?;
        let now = self.now();
        let id = SessionId::new(self.inner.env.entropy.uuid(now)?);
        let session = Session { id, created_at: now, used_at: now, ..ended.clone() };
        let opening = Opening { session: session.clone(), digest: cookie.digest(), input: () };
        self.insert(opening, |_, ()| Box::pin(async { Ok(()) })).await?;
        Ok(Opened { cookie, session: Arc::new(session) })
    }

    fn session(&self, signed_in: SignedIn, renewed: Option<&Session>) -> Result<Session, Fault> {
        let now = self.now();
        let assurance = assurance_of(&signed_in.methods);
        let settings = &self.inner.settings;
        let expires_at = signed_in.since.plus(settings.overall(assurance));
        let id = match renewed {
            Some(session) => session.id,
            None => SessionId::new(self.inner.env.entropy.uuid(now)?),
        };
        Ok(Session {
            id,
            realm: signed_in.realm,
            user: signed_in.user,
            number: signed_in.number,
            assurance,
            methods: signed_in.methods,
            upstream: signed_in.upstream,
            device: signed_in.device,
            address: signed_in.address,
            agent: short(&signed_in.agent),
            created_at: renewed.map_or(now, |session| session.created_at),
            signed_in_at: now,
            used_at: now,
            idle_at: now.plus(settings.idle(assurance)).min(expires_at),
            expires_at,
        })
    }

    async fn insert<I, F>(&self, opening: Opening<I>, first: F) -> Result<(), Error>
    where
        I: Send + Sync + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<(), Error>>
            + Send
            + Sync
            + 'static,
    {
        let first = Arc::new(first);
        let realm = opening.session.realm;
        self.inner
            .events
            .record_in(realm, opening, move |tx, opening| {
                let first = Arc::clone(&first);
                Box::pin(async move {
                    first(tx, &opening.input).await?;
                    store::insert(tx, &opening.session, &opening.digest).await?;
                    let event = told::opened("session.opened", &opening.session);
                    Ok::<_, Error>(Unrecorded::new((), event.actor(Some(opening.session.number))))
                })
            })
            .await
    }

    async fn renew<I, F>(&self, opening: Opening<I>, first: F) -> Result<(), Error>
    where
        I: Send + Sync + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<(), Error>>
            + Send
            + Sync
            + 'static,
    {
        let first = Arc::new(first);
        let (realm, number) = (opening.session.realm, opening.session.number);
        let granted = Granted::to_owner("RenewSession", number);
        let old = self
            .inner
            .events
            .change_in(realm, granted, opening, move |tx, opening| {
                let first = Arc::clone(&first);
                Box::pin(async move {
                    first(tx, &opening.input).await?;
                    let renewed = store::renew(tx, &opening.session, &opening.digest).await?;
                    let old = hex(&renewed.ok_or(Error::NotFound)?);
                    let event = told::opened("session.renewed", &opening.session);
                    let changes = vec![(SESSION, old.clone(), event)];
                    Ok::<_, Error>(Changed { value: old, changes, rights: false })
                })
            })
            .await?;
        self.inner.cached.forget(realm, &old);
        Ok(())
    }
}

/// Browsers describe themselves at length; what tells one from another stands in the beginning.
fn short(agent: &str) -> String {
    agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARACTERS_MAX).collect()
}

const AGENT_CHARACTERS_MAX: usize = 256;

//! A sign-in read and written again, by the browser that began it.

use super::document::{self, Place};
use super::model::{Error, Present, Shown, State};
use super::{Signin, store};
use crate::kernel::{RealmId, SignInId};
use crate::sessions::{Browser, BrowserCookie, Session};

/// A sign-in as it was read, to be written only if nobody wrote it since.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) state: State,
    pub(super) version: i64,
    cookie: BrowserCookie,
}

impl Signin {
    /// The sign-in of this id that this browser began. `NotFound` also for another browser's.
    pub(super) async fn hold(
        &self,
        realm: RealmId,
        id: SignInId,
        browser: &Browser,
    ) -> Result<Held, Error> {
        let env = &self.inner.env;
        let cookie = browser.binding.as_ref().ok_or(Error::NotFound)?.again();
        let input = (id, cookie.digest(), env.clock.now());
        let row = env
            .db
            .read(realm, input, |tx, (id, binding, now)| {
                Box::pin(async move { Ok::<_, Error>(store::find(tx, *id, binding, *now).await?) })
            })
            .await?
            .ok_or(Error::NotFound)?;
        let place = Place { realm, id };
        let state = document::open(&row.document, place, &cookie, env.entropy.as_ref())?;
        Ok(Held { place, state, version: row.version, cookie })
    }

    /// Writes the state of a sign-in that was held. `Moved` if another tab was faster.
    pub(super) async fn keep(&self, held: &mut Held) -> Result<(), Error> {
        let env = &self.inner.env;
        let sealed = self.sealed(held)?;
        let input = (held.place.id, held.version, sealed);
        let kept = env
            .db
            .write(held.place.realm, input, |tx, (id, version, sealed)| {
                Box::pin(
                    async move { Ok::<_, Error>(store::advance(tx, *id, *version, sealed).await?) },
                )
            })
            .await?;
        held.version = held.version.saturating_add(1);
        if kept { Ok(()) } else { Err(Error::Moved) }
    }

    /// The document as it is written.
    pub(super) fn sealed(&self, held: &Held) -> Result<Vec<u8>, Error> {
        let entropy = self.inner.env.entropy.as_ref();
        Ok(document::seal(&held.state, held.place, &held.cookie, entropy)?)
    }
}

/// A session as the next step sees it.
pub(super) fn present(session: &Session, recent: bool) -> Present {
    Present {
        shown: Shown {
            user: session.user,
            methods: session.methods.clone(),
            since: session.signed_in_at,
            upstream: session.upstream.clone(),
        },
        signed_in_at: session.signed_in_at,
        recent,
        device: session.device,
    }
}

//! A sign-in begins: a row for this browser, and where its pages are.

use super::document::{self, Place};
use super::model::{Error, SigninRequest, State};
use super::{Signin, store};
use crate::kernel::{Lifetime, RealmId, SignInId};
use crate::sessions::{Browser, BrowserCookie};

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Started {
    /// Which.
    pub id: SignInId,
    /// The cookie that the answer must set, if the browser had none.
    pub cookie: Option<BrowserCookie>,
}

impl Signin {
    /// Begins a sign-in for this browser.
    pub async fn begin(
        &self,
        realm: RealmId,
        request: SigninRequest,
        browser: &Browser,
    ) -> Result<Started, Error> {
        self.begin_at(realm, State::new(request), browser).await
    }

    /// The same, of which something is known already.
    pub(super) async fn begin_at(
        &self,
        realm: RealmId,
        state: State,
        browser: &Browser,
    ) -> Result<Started, Error> {
        let env = &self.inner.env;
        let now = env.clock.now();
        let id = SignInId::new(env.entropy.uuid(now)?);
        let (cookie, new) = browser.bind(env.entropy.as_ref())?;
        let place = Place { realm, id };
        let row = store::Row {
            version: 0,
            document: document::seal(&state, place, &cookie, env.entropy.as_ref())?,
            expires_at: now.plus(SIGN_IN_LIFE),
        };
        env.db
            .write(realm, (id, cookie.digest(), row, now), |tx, (id, binding, row, now)| {
                Box::pin(async move {
                    Ok::<_, Error>(store::insert(tx, *id, binding, row, *now).await?)
                })
            })
            .await?;
        Ok(Started { id, cookie: new.then_some(cookie) })
    }
}

/// From the first page to the last: a mail may have to arrive meanwhile (WCAG 2.2.1 asks for 20 minutes at least, or no
/// limit that matters).
const SIGN_IN_LIFE: Lifetime = Lifetime::minutes(30);

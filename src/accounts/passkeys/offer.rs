//! The offer of a passkey after a password: a person turns it off for good, and on again. It is theirs, not a browser's.
//!
//! When the offer is made, `signin` decides. Adding a passkey empties the answer: whoever removes the last one is asked again.

use crate::accounts::change_user::touched;
use crate::accounts::model::{By, Error};
use crate::accounts::{Accounts, store};
use crate::kernel::{RealmId, Timestamp, UserId};

impl Accounts {
    /// Notes that they asked to be offered a passkey no more. Whoever has done so already is left as they are: the first time
    /// counts.
    ///
    /// Errors: `Unknown` if there is no such person.
    pub async fn decline_passkey(&self, realm: RealmId, user: UserId) -> Result<(), Error> {
        let now = self.inner.env.clock.now();
        self.set_declined(realm, user, Some(now)).await
    }

    /// Notes that they may be offered a passkey again. Whoever may already is left as they are.
    ///
    /// Errors: `Unknown` if there is no such person.
    pub async fn offer_passkey_again(&self, realm: RealmId, user: UserId) -> Result<(), Error> {
        self.set_declined(realm, user, None).await
    }

    /// Every replica hears of it: the pages of an account read people through the cache.
    async fn set_declined(
        &self,
        realm: RealmId,
        user: UserId,
        since: Option<Timestamp>,
    ) -> Result<(), Error> {
        let known = self.existing(realm, user).await?;
        if known.passkey_declined_at.is_some() == since.is_some() {
            return Ok(());
        }
        let by = By::Themselves;
        let input = (user, since, self.inner.env.clock.now());
        self.take((realm, user, &by), input, move |tx, (user, since, now)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                store::set_passkey_declined(tx, *user, *since).await?;
                let kind = match since {
                    Some(_) => "accounts.passkey_declined",
                    None => "accounts.passkey_offered_again",
                };
                Ok(((), By::Themselves.tells(realm, kind, &head)))
            })
        })
        .await
    }
}

//! Passwords: compared and set. A person without one, and nobody at all, cost the same hash and the same statements.

mod breached;
mod pool;
pub(super) mod store;

use std::net::IpAddr;

use super::model::{By, Checked, Claimed, Error};
use super::proofs::{Told, Turn};
use super::store::load;
use super::write_user::Done;
use super::{Accounts, proofs};
use crate::crypto::password::{self, Password, PasswordError, Verified};
use crate::db::Tx;
use crate::kernel::{Method, RealmId, Secret, UserId};

pub(super) use breached::Breached;
pub(super) use pool::HashPool;

impl Accounts {
    /// Compares a password. Without a person it does the same work and says no. Tries are limited by what was typed,
    /// by person, by address and by network. That it was right is the caller's to record, with the sign-in.
    pub async fn check_password(
        &self,
        realm: RealmId,
        who: Claimed<'_>,
        password: &Secret<String>,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        let tried = match self.count_password(realm, who, address).await {
            Ok(tried) => tried,
            Err(Error::Limited { retry_after }) => return Ok(Checked::Limited { retry_after }),
            Err(other) => return Err(other),
        };
        let user = who.user.unwrap_or(UserId::new(uuid::Uuid::nil()));
        let db = &self.inner.env.db;
        let stored = db.read(realm, user, |tx, user| {
            Box::pin(async move { Ok::<_, Error>(store::hash_of(tx, *user).await?) })
        });
        let stored = stored.await?;
        // Too long to be anybody's: that shows in nobody's answer, because it is the same for all.
        let Some(typed) = Password::typed(password) else { return Ok(Checked::No) };
        let verified = self.compare(typed, stored.clone()).await?;
        let Verified { right: true, stale } = verified else { return Ok(Checked::No) };
        if tried.in_vain {
            return Ok(Checked::No);
        }
        self.was_right(realm, tried).await?;
        if let (true, Some(old)) = (stale, stored) {
            self.hash_again(realm, user, password, old).await?;
        }
        Ok(Checked::Yes(Method::Password))
    }

    /// Compares with this hash; with none, does the work of a comparison and says no.
    async fn compare(&self, typed: Password, stored: Option<String>) -> Result<Verified, Error> {
        let cost = self.inner.settings.password_cost();
        let wrong = Verified { right: false, stale: false };
        let work = move |scratch: &mut password::Scratch| match &stored {
            Some(stored) => password::verify(&typed, stored, cost, scratch),
            None => password::hash(&typed, cost, &[0; 16], scratch).map(|_| wrong),
        };
        Ok(self.inner.hashing.run(work).await??)
    }

    /// The cost has changed since: the same password under the new one, unless it is another by now.
    async fn hash_again(
        &self,
        realm: RealmId,
        user: UserId,
        password: &Secret<String>,
        old: String,
    ) -> Result<(), Error> {
        let Some(password) = Password::typed(password) else { return Ok(()) };
        let input = (user, old, self.hash(password).await?);
        let db = &self.inner.env.db;
        db.write(realm, input, |tx, (user, old, new)| {
            Box::pin(async move { Ok(store::replace(tx, *user, old, new).await?) })
        })
        .await
    }

    async fn hash(&self, password: Password) -> Result<String, Error> {
        let cost = self.inner.settings.password_cost();
        let salt = self.inner.env.entropy.nonce()?;
        let work =
            move |scratch: &mut password::Scratch| password::hash(&password, cost, &salt, scratch);
        Ok(self.inner.hashing.run(work).await??)
    }

    /// Sets a password, and tells its person by mail. What was sent to recover the old one is void from here on.
    pub async fn set_password(
        &self,
        realm: RealmId,
        user: UserId,
        password: &Secret<String>,
        by: By,
    ) -> Result<(), Error> {
        let input = self.new_password((realm, user), password, &by).await?;
        self.take((realm, user, &by), input, move |tx, input| Box::pin(put(tx, input))).await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// The same where the old one is lost or known to others: every session ends with it, and everything that applications were
    /// given.
    pub async fn renew_password(
        &self,
        realm: RealmId,
        user: UserId,
        password: &Secret<String>,
        by: By,
    ) -> Result<(), Error> {
        let input = self.new_password((realm, user), password, &by).await?;
        self.take_and_cut_off((realm, user, &by), input, move |tx, input| Box::pin(put(tx, input)))
            .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    async fn new_password(
        &self,
        (realm, user): (RealmId, UserId),
        password: &Secret<String>,
        by: &By,
    ) -> Result<NewPassword, Error> {
        let chosen = Password::chosen(password, self.inner.settings.password_chars_min)?;
        if let Some(list) = &self.inner.breached {
            let (list, digest) = (list.clone(), chosen.sha1());
            if self.inner.hashing.run(move |_| list.has(&digest)).await?? {
                return Err(PasswordError::Breached.into());
            }
        }
        let hash = self.hash(chosen).await?;
        let told = self.news_of(realm, (user, Turn::PasswordSet))?;
        Ok(NewPassword { told, hash, by: by.clone() })
    }

    /// Removes the password, if something else is left to sign in with, and tells its person by mail.
    pub async fn remove_password(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        let input = (self.news_of(realm, (user, Turn::PasswordRemoved))?, by.clone());
        self.take((realm, user, &by), input, move |tx, (told, by)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                store::delete(tx, told.user).await?;
                must_be_left(tx, told.user).await?;
                Ok(((), by.tells(realm, "accounts.password_removed", &head)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// How many passwords were hashed since the start: what a comparison costs, for tests and metrics.
    pub fn hashed(&self) -> u64 {
        self.inner.hashing.done()
    }
}

/// What one run of a new password needs.
#[derive(Debug)]
struct NewPassword {
    told: Told,
    hash: String,
    by: By,
}

async fn put(tx: &mut Tx, NewPassword { told, hash, by }: &NewPassword) -> Result<Done<()>, Error> {
    let head = told.touched(tx).await?;
    store::put(tx, told.user, hash, told.at).await?;
    proofs::store::void_all(tx, told.user, told.at).await?;
    Ok(((), by.tells(tx.realm(), "accounts.password_set", &head)))
}

/// The guard: a removal that leaves nothing to sign in with is undone.
pub(super) async fn must_be_left(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    let left = load(tx, user).await?.ok_or(Error::Unknown("user"))?;
    if left.factors.can_sign_in() { Ok(()) } else { Err(Error::LastFactor) }
}

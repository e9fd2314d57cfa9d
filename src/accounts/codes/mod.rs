//! One-time passwords (RFC 6238) and recovery codes: each works once, and a race for one has one winner.

pub(super) mod store;

use std::net::IpAddr;

use super::change_user::loaded;
use super::model::{By, Checked, Error, TotpEnrolment, User};
use super::proofs::Turn;
use super::{Accounts, tries};
use crate::crypto::digest::sha256;
use crate::kernel::{Fault, Method, RealmId, Secret, UserId};

impl Accounts {
    /// A new secret for an authenticator; the old one, if any, works until this one is confirmed.
    pub async fn enrol_totp(&self, realm: RealmId, user: UserId) -> Result<TotpEnrolment, Error> {
        let known = self.existing(realm, user).await?;
        let secret = Secret::new(self.inner.env.entropy.nonce::<TOTP_BYTES>()?.to_vec());
        let enrolment = self.enrolment(realm, &known, &secret)?;
        let entropy = self.inner.env.entropy.as_ref();
        let sealed = self.inner.ring.seal(&place(realm, user), secret.expose(), entropy)?;
        let input = (user, sealed, self.inner.env.clock.now());
        let db = &self.inner.env.db;
        db.write(realm, input, |tx, (user, sealed, now)| {
            Box::pin(
                async move { Ok::<_, Error>(store::put_pending(tx, *user, sealed, *now).await?) },
            )
        })
        .await?;
        Ok(enrolment)
    }

    fn enrolment(
        &self,
        realm: RealmId,
        user: &User,
        secret: &Secret<Vec<u8>>,
    ) -> Result<TotpEnrolment, Error> {
        // A colon divides issuer and name in the address that authenticators read.
        let plain = |text: &str| text.replace(':', " ");
        let issuer = plain(self.realm(realm)?.issuer.host().as_str());
        let bytes = totp_rs::Secret::new(secret.expose().clone().into_boxed_slice());
        let text = Secret::new(bytes.to_base32());
        let totp = totp_rs::Builder::new()
            .with_secret(bytes)
            .with_issuer(Some(issuer))
            .with_account_name(plain(user.display_name()))
            .build()
            .map_err(Fault::bug)?;
        let uri = Secret::new(totp.to_url().map_err(Fault::bug)?);
        Ok(TotpEnrolment { secret: text, uri })
    }

    /// Takes the new secret into use, by a code of it, and tells its person by mail. False: the code is wrong. That code does not sign in as well.
    pub async fn confirm_totp(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
    ) -> Result<bool, Error> {
        let Some(row) = self.totp_row(realm, user).await? else { return Err(Error::Spent) };
        let sealed = row.pending.ok_or(Error::Spent)?;
        let Some(step) = self.step_of(realm, user, &sealed, code)? else { return Ok(false) };
        let input = (self.news_of(realm, (user, Turn::TotpAdded))?, sealed, step);
        self.give(realm, user, input, move |tx, (told, sealed, step)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                if !store::confirm(tx, told.user, sealed, *step).await? {
                    return Err(Error::Spent);
                }
                Ok(((), By::Themselves.tells(realm, "accounts.totp_added", &head)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(true)
    }

    /// Removes the authenticator of one-time passwords, and tells its person by mail.
    pub async fn remove_totp(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        let input = (self.news_of(realm, (user, Turn::TotpRemoved))?, by.clone());
        self.take((realm, user, &by), input, move |tx, (told, by)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                if !store::delete_totp(tx, told.user).await? {
                    return Err(Error::Unknown("authenticator"));
                }
                Ok(((), by.tells(realm, "accounts.totp_removed", &head)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// Compares a one-time password. Each works once.
    pub async fn check_totp(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        let attempt = match self.count_second(realm, user, address).await? {
            Ok(attempt) => attempt,
            Err(limited) => return Ok(limited),
        };
        let row = self.totp_row(realm, user).await?;
        let Some(sealed) = row.and_then(|row| row.secret) else { return Ok(Checked::No) };
        let Some(step) = self.step_of(realm, user, &sealed, code)? else { return Ok(Checked::No) };
        let input = (user, sealed, step);
        let db = &self.inner.env.db;
        let won = db.write(realm, input, |tx, (user, sealed, step)| {
            Box::pin(
                async move { Ok::<_, Error>(store::use_step(tx, *user, sealed, *step).await?) },
            )
        });
        if !won.await? {
            return Ok(Checked::No);
        }
        self.was_right(realm, attempt).await?;
        Ok(Checked::Yes(Method::Totp))
    }

    async fn count_second(
        &self,
        realm: RealmId,
        user: UserId,
        address: IpAddr,
    ) -> Result<Result<tries::Try, Checked>, Error> {
        match self.count_try(realm, (tries::SECOND, &tries::of_user(user)), address).await {
            Ok(tried) => Ok(Ok(tried)),
            Err(Error::Limited { retry_after }) => Ok(Err(Checked::Limited { retry_after })),
            Err(other) => Err(other),
        }
    }

    async fn totp_row(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Option<store::TotpRow>, Error> {
        let read = self.inner.env.db.read(realm, user, |tx, user| {
            Box::pin(async move { Ok::<_, Error>(store::totp(tx, *user).await?) })
        });
        read.await
    }

    /// The time step that this code is of, one to either side of now (RFC 6238 §5.2).
    fn step_of(
        &self,
        realm: RealmId,
        user: UserId,
        sealed: &[u8],
        code: &str,
    ) -> Result<Option<i64>, Error> {
        let code: String =
            code.chars().filter(|c| !c.is_whitespace()).take(CODE_CHARS_MAX).collect();
        let secret = self.inner.ring.open(&place(realm, user), sealed)?;
        let bytes = totp_rs::Secret::new(secret.expose().clone().into_boxed_slice());
        let totp = totp_rs::Builder::new().with_secret(bytes).with_skew(1).build();
        let now = u64::try_from(self.inner.env.clock.now().seconds()).unwrap_or(0);
        let step = totp.map_err(Fault::bug)?.check(&code, now);
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }

    /// Ten new recovery codes, of which their person is told by mail; the old ones are void.
    pub async fn make_recovery_codes(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Vec<Secret<String>>, Error> {
        let mut codes = Vec::with_capacity(CODES);
        for _code in 0..CODES {
            codes.push(Secret::new(spelled(&self.inner.env.entropy.nonce::<CODE_BYTES>()?)));
        }
        let digests: Vec<[u8; 32]> =
            codes.iter().filter_map(|code| digest_of(user, code.expose())).collect();
        let by = By::Themselves;
        let input = (self.news_of(realm, (user, Turn::CodesMade))?, digests);
        self.take((realm, user, &by), input, move |tx, (told, digests)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                store::delete_codes(tx, told.user).await?;
                for digest in digests {
                    store::insert_code(tx, told.user, digest, told.at).await?;
                }
                Ok(((), By::Themselves.tells(realm, "accounts.recovery_codes_made", &head)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(codes)
    }

    /// Uses a recovery code up, and tells its person by mail.
    pub async fn check_recovery_code(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        let attempt = match self.count_second(realm, user, address).await? {
            Ok(attempt) => attempt,
            Err(limited) => return Ok(limited),
        };
        let Some(digest) = digest_of(user, code) else { return Ok(Checked::No) };
        let by = By::Themselves;
        let input = (self.news_of(realm, (user, Turn::CodeUsed))?, digest);
        let done = self.take((realm, user, &by), input, move |tx, (told, digest)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                if !store::use_code(tx, told.user, digest, told.at).await? {
                    return Err(Error::Spent);
                }
                let left = loaded(tx, told.user).await?.factors.recovery_codes;
                let event = By::Themselves.tells(realm, "accounts.recovery_code_used", &head);
                Ok(((), event.about("left", left)))
            })
        });
        match done.await {
            Ok(()) => {
                self.inner.posted.nudge();
                self.was_right(realm, attempt).await?;
                Ok(Checked::Yes(Method::RecoveryCode))
            }
            Err(Error::Spent | Error::Unknown(_)) => Ok(Checked::No),
            Err(other) => Err(other),
        }
    }

    /// Seals what is sealed under an older key-encryption key anew; gives how many.
    pub async fn reseal(&self, realm: RealmId) -> Result<usize, Error> {
        let (db, ring) = (&self.inner.env.db, &self.inner.ring);
        let rows = db.read(realm, (), |tx, ()| {
            Box::pin(async move { Ok::<_, Error>(store::all_totp(tx).await?) })
        });
        let mut resealed = 0;
        for (user, row) in rows.await? {
            let again = |blob: Option<&Vec<u8>>| -> Result<Option<Vec<u8>>, Error> {
                let Some(blob) = blob else { return Ok(None) };
                let secret = ring.open(&place(realm, user), blob)?;
                let entropy = self.inner.env.entropy.as_ref();
                Ok(Some(ring.seal(&place(realm, user), secret.expose(), entropy)?))
            };
            let blobs = [row.secret.as_ref(), row.pending.as_ref()];
            if !blobs.into_iter().flatten().any(|blob| ring.is_stale(blob)) {
                continue;
            }
            let new = store::TotpRow {
                secret: again(row.secret.as_ref())?,
                pending: again(row.pending.as_ref())?,
            };
            let input = (user, row, new);
            resealed += usize::from(
                db.write(realm, input, |tx, (user, old, new)| {
                    Box::pin(
                        async move { Ok::<_, Error>(store::reseal(tx, *user, old, new).await?) },
                    )
                })
                .await?,
            );
        }
        Ok(resealed)
    }
}

/// What binds a sealed secret to its row.
fn place(realm: RealmId, user: UserId) -> Vec<u8> {
    format!("totp|{realm}|{user}").into_bytes()
}

/// Four groups of four: letters and digits that are not mistaken for others.
fn spelled(bytes: &[u8; CODE_BYTES]) -> String {
    let number = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let letter = |at: usize| {
        let index = usize::try_from((number >> (5 * at)) & 31).unwrap_or_default();
        ALPHABET.get(index).map_or('0', |letter| char::from(*letter))
    };
    let letters: Vec<char> = (0..CODE_LETTERS).rev().map(letter).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The digest of a code as somebody may have typed it; nothing for what is none. 80 random bits need no slow hash.
fn digest_of(user: UserId, code: &str) -> Option<[u8; 32]> {
    if code.len() > CODE_CHARS_MAX {
        return None;
    }
    let plain: String = code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let right = plain.len() == CODE_LETTERS && plain.bytes().all(|b| ALPHABET.contains(&b));
    right.then(|| sha256(format!("recovery code|{user}|{plain}").as_bytes()))
}

/// RFC 4226 §4 advises 160 bits.
const TOTP_BYTES: usize = 20;
/// Enough for a bad year.
const CODES: usize = 10;
/// 80 bits: more than is guessed, offline as well.
const CODE_BYTES: usize = 10;
const CODE_LETTERS: usize = 16;
/// Room for what people put between the letters.
const CODE_CHARS_MAX: usize = 64;
/// Crockford's: without i, l, o and u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let user = UserId::new(uuid::Uuid::from_u128(1));
        let code = spelled(&[0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf]);
        assert_eq!(code, "0123-4567-89ab-cdef");
        let digest = digest_of(user, &code).expect("a code");
        for same in ["O123 4567 89AB CDEF", "0i23456789abcdef", " 0123-4567 89abcdef "] {
            assert_eq!(digest_of(user, same), Some(digest), "{same}");
        }
        let other = UserId::new(uuid::Uuid::from_u128(2));
        assert_ne!(digest_of(other, &code), Some(digest), "another person's is another");
        for bad in ["", "0123-4567-89ab-cde", "0123-4567-89ab-cdeu", &"0".repeat(1_000_000)] {
            assert_eq!(digest_of(user, bad), None);
        }
    }
}

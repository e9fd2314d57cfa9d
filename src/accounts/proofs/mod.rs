//! Tokens that are sent by mail or printed: 256 bits, stored as digests, used once, for one purpose, and soon over.
//!
//! What is to be sent is posted as a delivery that names the person, or what a stranger typed; the token is made when the letter
//! is. So the table of deliveries holds no token, and a request for recovery does the same whether the account exists or not.

mod letter;
mod mailer;
pub(super) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod words;

use std::net::IpAddr;

use super::change_user::{loaded, touched};
use super::identifiers::email_address;
use super::model::{Attribute, By, Error, Proof, ProofKind, ProofPurpose, ProofToken, UserState};
use super::store::{self as people, Head};
use super::{
    Accounts, AttributeName, Identifier, MailTransport, actions, codes, passkeys, passwords, tries,
};
use crate::access::Administrator;
use crate::crypto::digest::{base64url, sha256};
use crate::db::Tx;
use crate::http::pages::Language;
use crate::jobs::deliveries::{self, Delivery};
use crate::kernel::{Fault, RealmId, Secret, Timestamp, UserId};
use letter::{CredentialNews, Letter, Posted};
pub(super) use letter::{LinkNews, News, Turn};
pub use mailer::Mail;

/// From where a letter is asked for, and in which language, where that is known.
#[derive(Debug, Clone, Copy)]
pub struct AskedFrom {
    /// The network address.
    pub address: IpAddr,
    /// The language of the page: the letter's, where the account has none.
    pub language: Option<Language>,
}

impl From<IpAddr> for AskedFrom {
    fn from(address: IpAddr) -> Self {
        Self { address, language: None }
    }
}

/// A change of what a person signs in with: when, and the letter that tells them.
#[derive(Debug)]
pub(super) struct Told {
    /// Whose.
    pub(super) user: UserId,
    /// When.
    pub(super) at: Timestamp,
    letter: Option<Delivery>,
}

impl Told {
    /// The person's row, locked for this transaction, in which the letter leaves. Asked before anything is written: whoever has
    /// nothing to sign in with yet is not told of the first thing.
    pub(super) async fn touched(&self, tx: &mut Tx) -> Result<Head, Error> {
        let head = touched(tx, self.user, self.at).await?;
        if let Some(letter) = &self.letter
            && loaded(tx, self.user).await?.factors.can_sign_in()
        {
            deliveries::post(tx, letter, self.at).await?;
        }
        Ok(head)
    }
}

/// What one run of a use needs.
#[derive(Debug)]
struct Using {
    realm: RealmId,
    digest: [u8; 32],
    purpose: ProofPurpose,
    user: UserId,
    now: Timestamp,
    /// To the address that was theirs, if this changes it.
    farewell: Option<Delivery>,
}

impl Accounts {
    /// True if mail can be sent: otherwise nothing that needs it is offered.
    pub fn sends_mail(&self) -> bool {
        self.inner.settings.mail.transport != MailTransport::None
    }

    /// Sends a link that shows that its reader gets the mail of the person's address, for the person. `Unknown` where there is none to write to, `NoMail` where no mail is sent, `Limited` after too many letters.
    pub async fn send_verification(
        &self,
        realm: RealmId,
        user: UserId,
        from: impl Into<AskedFrom>,
    ) -> Result<(), Error> {
        self.verify_by_mail(realm, user, Some(from.into())).await
    }

    /// The same for an administrator, who has no address that counts: a socket on this machine is none.
    pub async fn ask_to_verify(&self, by: &Administrator, user: UserId) -> Result<(), Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::UpdateAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        self.inner.access.permit(ask)?.spend();
        self.verify_by_mail(by.realm, user, None).await
    }

    async fn verify_by_mail(
        &self,
        realm: RealmId,
        user: UserId,
        from: Option<AskedFrom>,
    ) -> Result<(), Error> {
        if !self.sends_mail() {
            return Err(Error::NoMail);
        }
        let known = self.existing(realm, user).await?;
        if known.attribute(AttributeName::Email).is_none() {
            return Err(Error::Unknown("e-mail address"));
        }
        self.post(realm, (&user.to_string(), from), Letter::Verify(user)).await
    }

    /// Sends a link to an address that a person wants in the place of theirs, which stays until the link was used. Whether the
    /// address is somebody's already makes no difference. `Invalid` for what is no address, `NoMail`, `Limited`.
    pub async fn send_change_of_address(
        &self,
        realm: RealmId,
        user: UserId,
        (address, from): (&str, AskedFrom),
    ) -> Result<(), Error> {
        if !self.sends_mail() {
            return Err(Error::NoMail);
        }
        let address = email_address(address.trim())
            .ok_or_else(|| Error::invalid("email", "an address of the form `name@example.org`"))?;
        let letter = Letter::Move(user, address);
        self.post(realm, (&user.to_string(), Some(from)), letter).await
    }

    /// Sends a link to whoever may type this and has a proven address; to nobody else, and the answer is the same.
    pub async fn send_recovery(
        &self,
        realm: RealmId,
        typed: &str,
        from: impl Into<AskedFrom>,
    ) -> Result<(), Error> {
        let short: String = typed.chars().take(TYPED_CHARS_MAX).collect();
        self.post(realm, (typed, Some(from.into())), Letter::Recover(short)).await
    }

    async fn post(
        &self,
        realm: RealmId,
        (who, from): (&str, Option<AskedFrom>),
        letter: Letter,
    ) -> Result<(), Error> {
        let (address, language) =
            (from.map(|from| from.address), from.and_then(|from| from.language));
        self.count_try(realm, (tries::MAIL, who), address).await?;
        let (env, delivery) = (&self.inner.env, self.letter(realm, &Posted { letter, language })?);
        let now = env.clock.now();
        env.db
            .write(realm, (delivery, now), |tx, (delivery, now)| {
                Box::pin(async move { Ok::<_, Error>(deliveries::post(tx, delivery, *now).await?) })
            })
            .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// The letter about a link, to be posted with it.
    pub(super) fn letter_of(&self, realm: RealmId, news: LinkNews) -> Result<Delivery, Error> {
        self.letter(realm, &Posted { letter: Letter::Link(news), language: None })
    }

    /// The letter that tells a person what became of what they sign in with, if letters can be sent; it leaves with the
    /// transaction.
    pub(super) fn news_of(
        &self,
        realm: RealmId,
        (user, what): (UserId, Turn),
    ) -> Result<Told, Error> {
        let at = self.inner.env.clock.now();
        if !self.sends_mail() {
            return Ok(Told { user, at, letter: None });
        }
        let letter = Letter::Credential(CredentialNews { user, what, at, to: None });
        let letter = Some(self.letter(realm, &Posted { letter, language: None })?);
        Ok(Told { user, at, letter })
    }

    fn letter(&self, realm: RealmId, letter: &Posted) -> Result<Delivery, Error> {
        let env = &self.inner.env;
        let id = env.entropy.uuid(env.clock.now())?.simple().to_string();
        letter.sealed(realm, id, (&self.inner.ring, env.entropy.as_ref()))
    }

    /// A token that lets a person add a first passkey; to be printed, not sent.
    pub async fn make_enrolment(
        &self,
        realm: RealmId,
        user: UserId,
        by: By,
    ) -> Result<Secret<String>, Error> {
        self.make_token(realm, user, (ProofPurpose::Enrol, None, None), by).await
    }

    /// The same as a link, for an administrator.
    pub async fn enrolment_link(
        &self,
        by: &Administrator,
        user: UserId,
    ) -> Result<Secret<String>, Error> {
        let doer = self.may_enrol(by, user).await?;
        let token = self.make_enrolment(by.realm, user, doer).await?;
        self.proof_link(by.realm, &token)
    }

    /// Takes all passwords, passkeys, authenticators, codes and tokens of a person away, for an administrator, and ends what hangs
    /// off them. Linked identities stay. An enrolment link makes new ones.
    pub async fn reset_credentials(&self, by: &Administrator, user: UserId) -> Result<(), Error> {
        let doer = self.may_enrol(by, user).await?;
        let realm = by.realm;
        let input = (self.news_of(realm, (user, Turn::Reset))?, doer.clone());
        self.take_and_cut_off((realm, user, &doer), input, move |tx, (told, by)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                passwords::store::delete(tx, told.user).await?;
                passkeys::store::delete_all(tx, told.user).await?;
                codes::store::delete_totp(tx, told.user).await?;
                codes::store::delete_codes(tx, told.user).await?;
                // Whoever begins anew is offered one anew.
                super::store::set_passkey_declined(tx, told.user, None).await?;
                store::void_all(tx, told.user, told.at).await?;
                Ok(((), by.tells(realm, "accounts.credentials_reset", &head)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    async fn may_enrol(&self, by: &Administrator, user: UserId) -> Result<By, Error> {
        let (id, spiffe_id) = (user.to_string(), self.spiffe_of(by.realm, user).await?);
        let ask = actions::EnrolAccount { by, id: &id, spiffe_id: spiffe_id.as_ref() };
        let granted = self.inner.access.permit(ask)?.spend().1;
        Ok(By::Administrator { granted, asker: by.asker.clone() })
    }

    async fn make_token(
        &self,
        realm: RealmId,
        user: UserId,
        (purpose, address, bound_to): (ProofPurpose, Option<String>, Option<Vec<u8>>),
        by: By,
    ) -> Result<Secret<String>, Error> {
        let env = &self.inner.env;
        let now = env.clock.now();
        let token = Secret::new(base64url(env.entropy.token()?.expose()));
        let expires_at = now.plus(purpose.lifetime());
        let made = ProofToken { user, purpose, address, bound_to, expires_at };
        let input = (made, digest_of(&token), now, by);
        self.give(realm, user, input, move |tx, (made, digest, now, by)| {
            Box::pin(async move {
                let head = touched(tx, made.user, *now).await?;
                store::insert(tx, digest, made, *now).await?;
                let event = by.tells(realm, "accounts.proof_made", &head);
                Ok(((), event.about("purpose", made.purpose.as_str())))
            })
        })
        .await?;
        Ok(token)
    }

    /// What a token is good for, without using it; nothing for one that is wrong, used or too old.
    pub async fn look_at_proof(
        &self,
        realm: RealmId,
        token: &Secret<String>,
    ) -> Result<Option<ProofToken>, Error> {
        if token.expose().len() > TOKEN_CHARS_MAX {
            return Ok(None);
        }
        let input = (digest_of(token), self.inner.env.clock.now());
        let read = self.inner.env.db.read(realm, input, |tx, (digest, now)| {
            Box::pin(async move { Ok::<_, Error>(store::find(tx, digest, *now).await?) })
        });
        read.await
    }

    /// Uses a token up; `Spent` for one that is wrong, used, too old, or for something else, and for one of a person who is
    /// locked. `VerifyAddress` also writes the proof into the attribute, and makes the address one that may be typed;
    /// `ChangeAddress` puts it in the place of the one there was, whose reader is told.
    pub async fn use_proof(
        &self,
        realm: RealmId,
        token: &Secret<String>,
        purpose: ProofPurpose,
    ) -> Result<ProofToken, Error> {
        let seen = self.look_at_proof(realm, token).await?.ok_or(Error::Spent)?;
        let (user, now) = (seen.user, self.inner.env.clock.now());
        let farewell = match purpose {
            ProofPurpose::ChangeAddress => self.farewell(realm, &seen, now).await?,
            _ => None,
        };
        let input = Using { realm, digest: digest_of(token), purpose, user, now, farewell };
        let give = self.give(realm, user, input, |tx, input| {
            Box::pin(async move {
                let head = touched(tx, input.user, input.now).await?;
                let token = store::consume(tx, &input.digest, input.purpose, input.now).await?;
                let token = token.ok_or(Error::Spent)?;
                if head.state != UserState::Active {
                    return Err(Error::Spent);
                }
                match input.purpose {
                    ProofPurpose::VerifyAddress => note_proof(tx, input, &token).await?,
                    ProofPurpose::ChangeAddress => change_address(tx, input, &token).await?,
                    ProofPurpose::Recover | ProofPurpose::Enrol | ProofPurpose::Unlink => {}
                }
                let event = By::Themselves.tells(input.realm, "accounts.proof_used", &head);
                Ok((token, event.about("purpose", input.purpose.as_str())))
            })
        });
        let token = give.await?;
        self.inner.posted.nudge();
        Ok(token)
    }

    /// The letter to the address that is theirs until this is used: whoever reads it there learns that it is so no more.
    async fn farewell(
        &self,
        realm: RealmId,
        seen: &ProofToken,
        at: Timestamp,
    ) -> Result<Option<Delivery>, Error> {
        let known = self.existing(realm, seen.user).await?;
        let old = known.verified_email().filter(|old| seen.address.as_deref() != Some(*old));
        let Some(old) = old.filter(|_| self.sends_mail()) else { return Ok(None) };
        let to = Some(old.to_owned());
        let what = Turn::AddressChanged;
        let letter = Letter::Credential(CredentialNews { user: seen.user, what, at, to });
        Ok(Some(self.letter(realm, &Posted { letter, language: None })?))
    }

    /// Where a token leads: `<issuer>/account/proof/<token>`.
    pub fn proof_link(
        &self,
        realm: RealmId,
        token: &Secret<String>,
    ) -> Result<Secret<String>, Error> {
        let realm = self.realm(realm)?;
        Ok(Secret::new(format!("{}/account/proof/{}", realm.issuer.as_str(), token.expose())))
    }

    /// Removes tokens that nobody can use any more; gives how many.
    pub async fn forget_proofs(&self, realm: RealmId) -> Result<u64, Fault> {
        let before = self.inner.env.clock.now();
        let db = &self.inner.env.db;
        db.write(realm, before, |tx, before| Box::pin(store::delete_before(tx, *before))).await
    }
}

/// The address is theirs, unless it is another one by now. Where another person may type it, it stays theirs to type: that this
/// one reads its mail is true all the same.
async fn note_proof(tx: &mut Tx, input: &Using, used: &ProofToken) -> Result<(), Error> {
    let known = loaded(tx, input.user).await?;
    let email = known.attributes.get(&AttributeName::Email);
    let value =
        email.map(|email| email.value.clone()).filter(|email| used.address.as_ref() == Some(email));
    take_address(tx, input, value.ok_or(Error::Spent)?).await.map(drop)
}

/// The address is theirs from now on, in the place of the one they had. What was sent to that one works no more, and it gets
/// nobody in, unless the new one is another person's to type: then this one would have nothing to type.
async fn change_address(tx: &mut Tx, input: &Using, used: &ProofToken) -> Result<(), Error> {
    let known = loaded(tx, input.user).await?;
    let value = used.address.clone().ok_or(Error::Spent)?;
    let new = Identifier::email(&value).ok();
    let typed = take_address(tx, input, value).await?;
    let old = known.attributes.get(&AttributeName::Email);
    let old = old.and_then(|old| Identifier::email(&old.value).ok());
    if let Some(old) = old.filter(|old| typed && Some(old) != new.as_ref()) {
        people::delete_identifier(tx, input.user, old.kind(), Some(old.value())).await?;
    }
    store::void_all(tx, input.user, input.now).await?;
    if let Some(letter) = &input.farewell {
        deliveries::post(tx, letter, input.now).await?;
    }
    Ok(())
}

/// Writes a proven address; true if it is theirs to type.
async fn take_address(tx: &mut Tx, input: &Using, value: String) -> Result<bool, Error> {
    let proof = Proof { how: ProofKind::Mail, by: "weft".to_owned(), at: input.now };
    let proven = Attribute { value: value.clone(), proof: Some(proof) };
    people::put_attribute(tx, input.user, AttributeName::Email, &proven).await?;
    match Identifier::email(&value) {
        Ok(identifier) => Ok(people::insert_identifier(tx, input.user, &identifier).await?),
        Err(_) => Ok(false),
    }
}

fn digest_of(token: &Secret<String>) -> [u8; 32] {
    sha256(token.expose().as_bytes())
}

/// 43 letters make a token; nobody's is longer.
const TOKEN_CHARS_MAX: usize = 128;
/// Longer is nobody's name.
const TYPED_CHARS_MAX: usize = 320;

//! Passkeys (WebAuthn Level 3): discoverable, with their user verified, several a person, each with a name of its own.
//!
//! The relying party is the issuer's host, the origin the issuer's. What a browser must give back is bound to one challenge,
//! which is handed out sealed, to one realm, purpose and person, and ends after five minutes.

mod offer;
mod state;
pub(super) mod store;

use std::net::IpAddr;

use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::change_user::touched;
use super::model::{By, Error, Passkey, PasskeyChallenge, PasskeyChecked};
use super::passwords::must_be_left;
use super::proofs::Turn;
use super::{Accounts, tries};
use crate::crypto::digest::{base64url, hex};
use crate::kernel::{Fault, Lifetime, Method, PasskeyId, RealmId, UserId};
use state::Ceremony;
use store::{Key, Use};

impl Accounts {
    /// Begins a sign-in with a passkey: any discoverable one of the realm, or one of this person's. The latter names the
    /// person's passkeys: only for somebody who is signed in already.
    pub async fn passkey_challenge(
        &self,
        realm: RealmId,
        user: Option<UserId>,
    ) -> Result<PasskeyChallenge, Error> {
        let (challenge, state) = self
            .webauthn(realm)?
            .start_discoverable_authentication()
            .map_err(|error| refused(&error))?;
        let mut options = serde_json::to_value(&challenge).map_err(Fault::bug)?;
        // Whether it is offered while typing or by a button, the page knows.
        if let Some(members) = options.as_object_mut() {
            members.remove("mediation");
        }
        if let Some(user) = user {
            let allowed = self.credentials(realm, user).await?;
            let allowed: Vec<Value> = allowed
                .iter()
                .map(|id| json!({ "type": "public-key", "id": base64url(id) }))
                .collect();
            set(&mut options, "allowCredentials", Value::Array(allowed));
        }
        let state = self.sealed(realm, Ceremony::SignIn(user), &state)?;
        Ok(PasskeyChallenge { options, state })
    }

    /// Ends it: `state` is the challenge's, `response` the browser's `PublicKeyCredential` in JSON. Whoever calls has used the
    /// state up before. Counter and backup state are written back; a counter that goes back is refused.
    pub async fn finish_passkey(
        &self,
        realm: RealmId,
        state: &[u8],
        response: &str,
        address: IpAddr,
    ) -> Result<PasskeyChecked, Error> {
        let (asked, state) = self.opened_sign_in(realm, state)?;
        let Ok(shown) = serde_json::from_str::<PublicKeyCredential>(response) else {
            return Ok(PasskeyChecked::No);
        };
        let id = hex(shown.get_credential_id());
        let tried = match self.count_try(realm, (tries::PASSKEY, &id), address).await {
            Ok(tried) => tried,
            Err(Error::Limited { retry_after }) => {
                return Ok(PasskeyChecked::Limited { retry_after });
            }
            Err(other) => return Err(other),
        };
        let Some(key) = self.key_of(realm, shown.get_credential_id()).await? else {
            return Ok(PasskeyChecked::No);
        };
        if !is_theirs(&key, asked, &shown) {
            return Ok(PasskeyChecked::No);
        }
        let Some((method, used)) = self.verified(realm, &key, (&shown, state))? else {
            return Ok(PasskeyChecked::No);
        };
        let db = &self.inner.env.db;
        let noted = db.write(realm, used, |tx, used| {
            Box::pin(async move { Ok::<_, Error>(store::note_use(tx, used).await?) })
        });
        // Somebody else used the same key at the same moment: one of the two is a copy.
        if !noted.await? {
            return Ok(PasskeyChecked::No);
        }
        self.was_right(realm, tried).await?;
        Ok(PasskeyChecked::Yes { user: key.user, method, passkey: key.id })
    }

    fn opened_sign_in(
        &self,
        realm: RealmId,
        state: &[u8],
    ) -> Result<(Option<UserId>, DiscoverableAuthentication), Error> {
        let (ceremony, state) = self.opened(realm, state)?;
        match ceremony {
            Ceremony::SignIn(user) => Ok((user, state)),
            Ceremony::Register(_) => Err(Error::Spent),
        }
    }

    /// The checks of WebAuthn §7.2, by the library; nothing if one of them says no.
    fn verified(
        &self,
        realm: RealmId,
        key: &Key,
        (shown, state): (&PublicKeyCredential, DiscoverableAuthentication),
    ) -> Result<Option<(Method, Use)>, Error> {
        let mut passkey: webauthn_rs::prelude::Passkey = serde_json::from_str(&key.document)
            .map_err(|error| Fault::malformed("passkey", error))?;
        let found =
            self.webauthn(realm)?.finish_discoverable_authentication_v2(shown, state, &passkey);
        let result = match found {
            Ok(result) if result.user_verified() => result,
            Ok(_) => return Ok(None),
            Err(error) => {
                tracing::info!(passkey.id = %key.id, cause = %error, "a passkey was refused");
                return Ok(None);
            }
        };
        passkey.update_credential(&result);
        let synced = key.synced || result.backup_eligible();
        let method = if synced { Method::Passkey } else { Method::HardwarePasskey };
        let used = Use {
            id: key.id,
            old: key.document.clone(),
            new: serde_json::to_string(&passkey).map_err(Fault::bug)?,
            synced,
            now: self.inner.env.clock.now(),
        };
        Ok(Some((method, used)))
    }

    /// Begins to add a passkey.
    pub async fn register_passkey_start(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<PasskeyChallenge, Error> {
        let known = self.existing(realm, user).await?;
        let mine = self.credentials(realm, user).await?;
        if mine.len() >= PASSKEYS_MAX {
            return Err(Error::TooMany { what: "passkeys", most: PASSKEYS_MAX });
        }
        let name = known
            .username()
            .or_else(|| known.verified_email())
            .unwrap_or_else(|| known.display_name());
        let (challenge, state) = self
            .webauthn(realm)?
            .start_passkey_registration(user.uuid(), name, known.display_name(), Some(mine))
            .map_err(|error| refused(&error))?;
        let mut options = serde_json::to_value(&challenge).map_err(Fault::bug)?;
        // Discoverable, so that nobody has to type who they are.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            *selection = json!({
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            });
        }
        let state = self.sealed(realm, Ceremony::Register(user), &state)?;
        Ok(PasskeyChallenge { options, state })
    }

    /// Ends it, and tells its person by mail. An empty name becomes `Passkey`. Whoever had asked to be offered none may be offered one again.
    pub async fn register_passkey_finish(
        &self,
        realm: RealmId,
        user: UserId,
        state: &[u8],
        (response, name): (&str, &str),
    ) -> Result<Passkey, Error> {
        let (Ceremony::Register(asked), state) = self.opened(realm, state)? else {
            return Err(Error::Spent);
        };
        if asked != user {
            return Err(Error::Spent);
        }
        let shown: RegisterPublicKeyCredential = serde_json::from_str(response)
            .map_err(|error| Error::Passkey { cause: error.to_string() })?;
        let made = self
            .webauthn(realm)?
            .finish_passkey_registration(&shown, &state)
            .map_err(|error| refused(&error))?;
        let document = serde_json::to_string(&made).map_err(Fault::bug)?;
        let env = &self.inner.env;
        let now = env.clock.now();
        let key = Key {
            id: PasskeyId::new(env.entropy.uuid(now)?),
            user,
            credential: made.cred_id().as_slice().to_vec(),
            name: checked_name(name)?,
            aaguid: state::aaguid(shown.response.attestation_object.as_slice()),
            synced: state::backup_eligible(&document)?,
            document,
            created_at: now,
            used_at: None,
        };
        let shown = key.shown();
        let input = (self.news_of(realm, (user, Turn::PasskeyAdded))?, key);
        self.give(realm, user, input, move |tx, (told, key)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                if !store::insert(tx, key).await? {
                    return Err(Error::Taken { what: "passkey" });
                }
                super::store::set_passkey_declined(tx, key.user, None).await?;
                let event = By::Themselves.tells(realm, "accounts.passkey_added", &head);
                let event = event.about("passkey", key.id.to_string());
                Ok(((), event.about("name", key.name.as_str()).about("synced", key.synced)))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(shown)
    }

    /// A person's passkeys, oldest first.
    pub async fn passkeys(&self, realm: RealmId, user: UserId) -> Result<Vec<Passkey>, Error> {
        let read = self.inner.env.db.read(realm, user, |tx, user| {
            Box::pin(async move { Ok::<_, Error>(store::of_user(tx, *user).await?) })
        });
        read.await
    }

    /// Gives a passkey another name.
    pub async fn rename_passkey(
        &self,
        realm: RealmId,
        user: UserId,
        passkey: PasskeyId,
        name: &str,
    ) -> Result<(), Error> {
        let input = (user, passkey, checked_name(name)?, self.inner.env.clock.now());
        self.give(realm, user, input, move |tx, (user, passkey, name, now)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                if !store::rename(tx, *user, *passkey, name).await? {
                    return Err(Error::Unknown("passkey"));
                }
                let event = By::Themselves.tells(realm, "accounts.passkey_renamed", &head);
                Ok(((), event.about("passkey", passkey.to_string()).about("name", name.as_str())))
            })
        })
        .await
    }

    /// Removes a passkey, if something else is left to sign in with, and tells its person by mail.
    pub async fn remove_passkey(
        &self,
        realm: RealmId,
        user: UserId,
        passkey: PasskeyId,
        by: By,
    ) -> Result<(), Error> {
        let input = (self.news_of(realm, (user, Turn::PasskeyRemoved))?, passkey, by.clone());
        self.take((realm, user, &by), input, move |tx, (told, passkey, by)| {
            Box::pin(async move {
                let head = told.touched(tx).await?;
                if !store::delete(tx, told.user, *passkey).await? {
                    return Err(Error::Unknown("passkey"));
                }
                must_be_left(tx, told.user).await?;
                let event = by.tells(realm, "accounts.passkey_removed", &head);
                Ok(((), event.about("passkey", passkey.to_string())))
            })
        })
        .await?;
        self.inner.posted.nudge();
        Ok(())
    }

    async fn credentials(&self, realm: RealmId, user: UserId) -> Result<Vec<Vec<u8>>, Error> {
        let read = self.inner.env.db.read(realm, user, |tx, user| {
            Box::pin(async move { Ok::<_, Error>(store::credentials(tx, *user).await?) })
        });
        read.await
    }

    async fn key_of(&self, realm: RealmId, credential: &[u8]) -> Result<Option<Key>, Error> {
        let read = self.inner.env.db.read(realm, credential.to_vec(), |tx, credential| {
            Box::pin(async move { Ok::<_, Error>(store::by_credential(tx, credential).await?) })
        });
        read.await
    }

    fn webauthn(&self, realm: RealmId) -> Result<Webauthn, Error> {
        let realm = self.realm(realm)?;
        let issuer = url::Url::parse(realm.issuer.as_str()).map_err(Fault::bug)?;
        let host = realm.issuer.host().as_str();
        let origin = url::Url::parse(&issuer.origin().ascii_serialization()).map_err(Fault::bug)?;
        let builder = WebauthnBuilder::new(host, &origin).map_err(|error| refused(&error))?;
        builder.timeout(CEREMONY_WITHIN.to_std()).build().map_err(|error| refused(&error))
    }
}

/// WebAuthn §7.2 step 6: the credential is that of whoever was asked, and of whom it says itself.
fn is_theirs(key: &Key, asked: Option<UserId>, shown: &PublicKeyCredential) -> bool {
    let says = shown.get_user_unique_id();
    let same = says.is_none_or(|handle| handle == key.user.uuid().as_bytes());
    match asked {
        Some(asked) => same && asked == key.user,
        None => same && says.is_some(),
    }
}

fn set(options: &mut Value, member: &str, value: Value) {
    if let Some(members) = options.pointer_mut("/publicKey").and_then(Value::as_object_mut) {
        members.insert(member.to_owned(), value);
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", "at most 64 characters on one line"));
    }
    Ok(if name.is_empty() { "Passkey" } else { name }.to_owned())
}

fn refused(error: &WebauthnError) -> Error {
    Error::Passkey { cause: error.to_string() }
}

/// Somebody looks for their key, touches it, and is asked for a number.
const CEREMONY_WITHIN: Lifetime = Lifetime::minutes(5);
/// Passkeys of one person.
const PASSKEYS_MAX: usize = 32;
/// Longest name of one.
const NAME_CHARS_MAX: usize = 64;

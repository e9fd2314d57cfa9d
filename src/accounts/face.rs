//! What other slices call, before its rooms are furnished: every operation answers that it is busy.

use std::net::IpAddr;
use std::sync::Arc;

use super::model::{
    By, Checked, Claimed, Error, ExternalId, ExternalIdentity, Group, NewUser, Passkey,
    PasskeyChallenge, PasskeyChecked, ProofPurpose, ProofToken, TotpEnrolment, User, UserChange,
};
use super::{Accounts, Identifier};
use crate::access::Administrator;
use crate::kernel::{PasskeyId, RealmId, Secret, UpstreamId, UserId};

#[expect(clippy::unused_async, unused_variables, reason = "bodies follow")]
impl Accounts {
    // --- who somebody is

    /// The person who may type this, read past the cache: for sign-ins.
    pub async fn find(
        &self,
        realm: RealmId,
        identifier: &Identifier,
    ) -> Result<Option<Arc<User>>, Error> {
        Err(Error::Busy)
    }

    /// The person of this id, through the cache.
    pub async fn user(&self, realm: RealmId, user: UserId) -> Result<Option<Arc<User>>, Error> {
        Err(Error::Busy)
    }

    /// The person of this id, read past the cache: for sign-ins and step-ups.
    pub async fn fresh(&self, realm: RealmId, user: UserId) -> Result<Option<Arc<User>>, Error> {
        Err(Error::Busy)
    }

    // --- made and changed without an administrator: by themselves, or by what an upstream says

    /// Makes a person who came through another provider, linked to it, in one transaction. `Taken` if the identity or an
    /// identifier is somebody's already.
    pub async fn provision(
        &self,
        realm: RealmId,
        user: NewUser,
        identity: (ExternalId, Option<String>),
    ) -> Result<Arc<User>, Error> {
        Err(Error::Busy)
    }

    /// Changes what is said of a person.
    pub async fn amend(
        &self,
        realm: RealmId,
        user: UserId,
        change: UserChange,
        by: By,
    ) -> Result<Arc<User>, Error> {
        Err(Error::Busy)
    }

    /// Makes the groups that this upstream put the person in exactly these; groups that do not exist are left out, and those
    /// that others gave stay.
    pub async fn set_groups_of(
        &self,
        realm: RealmId,
        user: UserId,
        upstream: &UpstreamId,
        groups: Vec<String>,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Everything that is known of a person, for themselves.
    pub async fn export(&self, realm: RealmId, user: UserId) -> Result<serde_json::Value, Error> {
        Err(Error::Busy)
    }

    /// Erases a person: every row of every slice, and the key of what was recorded of them.
    pub async fn erase(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        Err(Error::Busy)
    }

    // --- groups

    /// Every group, by name.
    pub async fn groups(&self, by: &Administrator) -> Result<Vec<Group>, Error> {
        Err(Error::Busy)
    }

    // --- passwords

    /// Compares a password. Without a person it does the same work and says no. Tries are limited by what was typed, by
    /// address and by network.
    pub async fn check_password(
        &self,
        realm: RealmId,
        who: Claimed<'_>,
        password: &Secret<String>,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        Err(Error::Busy)
    }

    /// Sets a password. What was sent to recover the old one is void from here on.
    pub async fn set_password(
        &self,
        realm: RealmId,
        user: UserId,
        password: &Secret<String>,
        by: By,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Removes the password, if something else is left to sign in with.
    pub async fn remove_password(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        Err(Error::Busy)
    }

    // --- one-time passwords and recovery codes

    /// A new secret for an authenticator; the old one, if any, works until this one is confirmed.
    pub async fn enrol_totp(&self, realm: RealmId, user: UserId) -> Result<TotpEnrolment, Error> {
        Err(Error::Busy)
    }

    /// Takes the new secret into use, by a code of it. False: the code is wrong.
    pub async fn confirm_totp(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
    ) -> Result<bool, Error> {
        Err(Error::Busy)
    }

    /// Removes the authenticator of one-time passwords.
    pub async fn remove_totp(&self, realm: RealmId, user: UserId, by: By) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Compares a one-time password. Each works once.
    pub async fn check_totp(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        Err(Error::Busy)
    }

    /// Ten new recovery codes; the old ones are void.
    pub async fn make_recovery_codes(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Vec<Secret<String>>, Error> {
        Err(Error::Busy)
    }

    /// Uses a recovery code up.
    pub async fn check_recovery_code(
        &self,
        realm: RealmId,
        user: UserId,
        code: &str,
        address: IpAddr,
    ) -> Result<Checked, Error> {
        Err(Error::Busy)
    }

    // --- passkeys

    /// Begins a sign-in with a passkey: any discoverable one of the realm, or one of this person's.
    pub async fn passkey_challenge(
        &self,
        realm: RealmId,
        user: Option<UserId>,
    ) -> Result<PasskeyChallenge, Error> {
        Err(Error::Busy)
    }

    /// Ends it: `state` is the challenge's, `response` the browser's `PublicKeyCredential` in JSON (WebAuthn §5.1.
    /// `toJSON`). Whoever calls has used the state up before.
    pub async fn finish_passkey(
        &self,
        realm: RealmId,
        state: &[u8],
        response: &str,
        address: IpAddr,
    ) -> Result<PasskeyChecked, Error> {
        Err(Error::Busy)
    }

    /// Begins to add a passkey.
    pub async fn register_passkey_start(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<PasskeyChallenge, Error> {
        Err(Error::Busy)
    }

    /// Ends it. An empty name becomes `Passkey`.
    pub async fn register_passkey_finish(
        &self,
        realm: RealmId,
        user: UserId,
        state: &[u8],
        (response, name): (&str, &str),
    ) -> Result<Passkey, Error> {
        Err(Error::Busy)
    }

    /// A person's passkeys, oldest first.
    pub async fn passkeys(&self, realm: RealmId, user: UserId) -> Result<Vec<Passkey>, Error> {
        Err(Error::Busy)
    }

    /// Gives a passkey another name.
    pub async fn rename_passkey(
        &self,
        realm: RealmId,
        user: UserId,
        passkey: PasskeyId,
        name: &str,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Removes a passkey, if something else is left to sign in with.
    pub async fn remove_passkey(
        &self,
        realm: RealmId,
        user: UserId,
        passkey: PasskeyId,
        by: By,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    // --- tokens that are sent or printed

    /// Sends a link that shows that its reader gets the mail of the person's address.
    pub async fn send_verification(&self, realm: RealmId, user: UserId) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Sends a link to whoever may type this and has a proven address; to nobody else, and the answer is the same.
    pub async fn send_recovery(
        &self,
        realm: RealmId,
        typed: &str,
        address: IpAddr,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Sends a link by which a person says yes to linking an identity at another provider; `bound_to` comes back from
    /// `use_proof`.
    pub async fn send_link_confirmation(
        &self,
        realm: RealmId,
        user: UserId,
        bound_to: Vec<u8>,
        provider: &str,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// A token that lets a person add a first passkey; to be printed, not sent.
    pub async fn make_enrolment(
        &self,
        realm: RealmId,
        user: UserId,
        by: By,
    ) -> Result<Secret<String>, Error> {
        Err(Error::Busy)
    }

    /// What a token is good for, without using it; nothing for one that is wrong, used or too old.
    pub async fn look_at_proof(
        &self,
        realm: RealmId,
        token: &Secret<String>,
    ) -> Result<Option<ProofToken>, Error> {
        Err(Error::Busy)
    }

    /// Uses a token up; `Spent` for one that is wrong, used, too old, or for something else. `VerifyAddress` also writes the
    /// proof into the attribute, and makes the address one that may be typed.
    pub async fn use_proof(
        &self,
        realm: RealmId,
        token: &Secret<String>,
        purpose: ProofPurpose,
    ) -> Result<ProofToken, Error> {
        Err(Error::Busy)
    }

    /// Where a token leads: `<issuer>/account/proof/<token>`.
    pub fn proof_link(
        &self,
        realm: RealmId,
        token: &Secret<String>,
    ) -> Result<Secret<String>, Error> {
        let realm = self.inner.realms.get(realm).ok_or(Error::Unknown("realm"))?;
        Ok(Secret::new(format!("{}/account/proof/{}", realm.issuer.as_str(), token.expose())))
    }

    // --- identities at other providers

    /// The person an identity is linked to; notes that it was used.
    pub async fn find_external(
        &self,
        realm: RealmId,
        id: &ExternalId,
    ) -> Result<Option<UserId>, Error> {
        Err(Error::Busy)
    }

    /// Links an identity. `Taken` if it is another person's.
    pub async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
        by: By,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// Removes a link, if something else is left to sign in with.
    pub async fn unlink(
        &self,
        realm: RealmId,
        user: UserId,
        id: &ExternalId,
        by: By,
    ) -> Result<(), Error> {
        Err(Error::Busy)
    }

    /// A person's linked identities, oldest first.
    pub async fn links(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Vec<ExternalIdentity>, Error> {
        Err(Error::Busy)
    }
}

//! Arriving by a link that was sent or printed, in the browser that asked for it or in another one.

use super::document::{self, Place};
use super::model::{Error, Mark, OwnPath, Person, Shown, SigninRequest, State};
use super::submit::proven;
use super::{Signin, store};
use crate::accounts::{self, ProofPurpose, ProofToken};
use crate::kernel::{Method, RealmId, Secret, SignInId, UserId};
use crate::realms::Realm;
use crate::sessions::{Browser, BrowserCookie, Why};

/// What became of a link.
#[derive(Debug)]
pub enum Arrival {
    /// A sign-in goes on there; the cookie is for a browser that had none.
    SignIn(SignInId, Option<BrowserCookie>),
    /// The address is verified.
    Verified,
    /// It works for whoever is signed in, and nobody is.
    SignInFirst,
    /// The link to another provider is gone, and so are all sessions.
    Unlinked,
    /// The link is wrong, used, or too old.
    Spent,
}

impl Signin {
    /// What a link is for, without using it: mail is read by programs, too.
    pub async fn look_at_link(
        &self,
        realm: &Realm,
        token: &Secret<String>,
    ) -> Result<Option<ProofPurpose>, Error> {
        let proof = self.inner.accounts.look_at_proof(realm.id, token).await?;
        Ok(proof.map(|proof| proof.purpose))
    }

    /// Uses a link up.
    pub async fn arrive(
        &self,
        realm: &Realm,
        token: &Secret<String>,
        browser: &Browser,
    ) -> Result<Arrival, Error> {
        let Some(seen) = self.inner.accounts.look_at_proof(realm.id, token).await? else {
            return Ok(Arrival::Spent);
        };
        let purpose = seen.purpose;
        // Whoever reads the mail of an address must not give it to the account of somebody who typed it.
        if purpose == ProofPurpose::ChangeAddress
            && !self.is_here(realm, seen.user, browser).await?
        {
            return Ok(Arrival::SignInFirst);
        }
        let proof = match self.inner.accounts.use_proof(realm.id, token, purpose).await {
            Ok(proof) => proof,
            Err(accounts::Error::Spent) => return Ok(Arrival::Spent),
            Err(error) => return Err(error.into()),
        };
        let mark = match purpose {
            ProofPurpose::Recover => Mark::Renew,
            ProofPurpose::Enrol => Mark::Enrol,
            ProofPurpose::VerifyAddress | ProofPurpose::ChangeAddress => {
                return Ok(Arrival::Verified);
            }
            ProofPurpose::Unlink => return self.take_back(realm, &proof, browser).await,
        };
        let shown = self.only(proof.user, Method::Mail);
        if purpose == ProofPurpose::Recover
            && let Some(id) = self.go_on(realm.id, &shown, browser).await?
        {
            return Ok(Arrival::SignIn(id, None));
        }
        let path = OwnPath::parse(OWN_PAGES).ok_or(Error::NotFound)?;
        let mut state = State::new(SigninRequest::to(path));
        state.marks.extend([Mark::Other, mark]);
        proven(&mut state, shown);
        let started = self.begin_at(realm.id, state, browser).await?;
        Ok(Arrival::SignIn(started.id, started.cookie))
    }

    /// True if this browser has a session of this person.
    async fn is_here(&self, realm: &Realm, user: UserId, browser: &Browser) -> Result<bool, Error> {
        let Some(cookie) = &browser.session else { return Ok(false) };
        let session = self.inner.sessions.by_cookie(realm.id, cookie).await?;
        Ok(session.is_some_and(|session| session.user == user))
    }

    /// "This was not me": whoever linked the identity loses it, and every session, for one of them may be theirs.
    async fn take_back(
        &self,
        realm: &Realm,
        proof: &ProofToken,
        browser: &Browser,
    ) -> Result<Arrival, Error> {
        let (realm, user) = (realm.id, proof.user);
        let Some(known) = self.inner.accounts.fresh(realm, user).await? else {
            return Ok(Arrival::Spent);
        };
        let links = self.inner.accounts.links(realm, user).await?;
        let bound = proof.bound_to.as_deref();
        let Some(link) = links.iter().find(|link| Some(&link.id.digest()[..]) == bound) else {
            return Ok(Arrival::Spent);
        };
        let occasion = (accounts::By::Themselves, Some(browser.origin()));
        self.inner.upstreams.unlink(realm, user, &link.id, occasion).await?;
        self.inner.sessions.end_all(realm, user, known.number, Why::Ended).await?;
        Ok(Arrival::Unlinked)
    }

    /// The sign-in of this browser that waits for this mail goes on, so that it ends where it was meant to.
    async fn go_on(
        &self,
        realm: RealmId,
        shown: &Shown,
        browser: &Browser,
    ) -> Result<Option<SignInId>, Error> {
        let Some(cookie) = &browser.binding else { return Ok(None) };
        let env = &self.inner.env;
        let input = (cookie.digest(), env.clock.now());
        let rows = env
            .db
            .read(realm, input, |tx, (binding, now)| {
                Box::pin(async move {
                    Ok::<_, Error>(store::of_browser(tx, binding, *now, LOOKED_AT_MAX).await?)
                })
            })
            .await?;
        for (id, row) in rows {
            let place = Place { realm, id };
            let state = document::open(&row.document, place, cookie, env.entropy.as_ref())?;
            if !waits(&state, shown.user) {
                continue;
            }
            let mut held = self.hold(realm, id, browser).await?;
            held.state.marks.remove(&Mark::Mailed);
            held.state.marks.extend([Mark::Other, Mark::Renew]);
            held.state.complaint = None;
            // Who comes by mail showed nothing of the account's own: nothing is linked by it.
            held.state.stranger = None;
            proven(&mut held.state, shown.clone());
            self.keep(&mut held).await?;
            return Ok(Some(id));
        }
        Ok(None)
    }
}

/// True for a sign-in on the page "look into your mail" that this person may go on with.
fn waits(state: &State, user: UserId) -> bool {
    state.end.is_none()
        && state.is(Mark::Mailed)
        && !matches!(state.person, Person::Proven(_))
        && state.request.expected_user.is_none_or(|expected| expected == user)
}

/// Where somebody goes who came by a link, and from no application.
const OWN_PAGES: &str = "/account";
/// Sign-ins of one browser that are looked at: more tabs than anybody has waiting for a mail.
const LOOKED_AT_MAX: i64 = 10;

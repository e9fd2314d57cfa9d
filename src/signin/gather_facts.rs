//! Everything that the next step depends on beside the sign-in itself: the session of this browser, the account, the decision.

use std::sync::Arc;

use super::Signin;
use super::decide::Answered;
use super::model::{Error, Facts, Has, Shown, State, Verdict};
use super::next_step::{Step, device, next_step, shown};
use super::read_sign_in::present;
use crate::accounts::{Factors, User};
use crate::kernel::{Assurance, Lifetime, Situation};
use crate::realms::Realm;
use crate::sessions::{Browser, Session};

/// What was found, and what follows.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) facts: Facts,
    pub(super) step: Step,
    /// The session of this browser.
    pub(super) session: Option<Arc<Session>>,
    /// The person who showed something.
    pub(super) user: Option<Arc<User>>,
    /// What counts as shown.
    pub(super) shown: Option<Shown>,
    /// What `access` answers; nothing before anything was shown.
    pub(super) answered: Option<Answered>,
}

impl Signin {
    /// Reads what is so, past every cache, and asks for the decision.
    pub(super) async fn gather(
        &self,
        realm: &Realm,
        state: &State,
        browser: &Browser,
    ) -> Result<Gathered, Error> {
        let session = match &browser.session {
            Some(cookie) => self.inner.sessions.read_by_cookie(realm.id, cookie).await?,
            None => None,
        };
        let mut facts = Facts {
            session: session.as_deref().map(|session| present(session, self.is_recent(session))),
            ..Facts::default()
        };
        let (mut answered, mut found) = (None, None);
        let shown = shown(state, &facts);
        if let Some(shown) = &shown {
            found = self.inner.accounts.fresh(realm.id, shown.user).await?;
            match &found {
                Some(user) => {
                    let on = device(state, &facts, shown);
                    let asked = (&state.request, shown, on);
                    let from = Situation::at(Some(browser.address)).address;
                    let (verdict, answer) = self.decide(realm, user, asked, from)?;
                    facts.has = has(user.factors);
                    facts.declined = user.passkey_declined_at.is_some();
                    facts.devices = self.could_show_device(realm, state, (user, &verdict)).await?;
                    facts.verdict = Some(verdict);
                    answered = Some(answer);
                }
                None => facts.verdict = Some(Verdict::Deny(String::new())),
            }
        }
        let step = next_step(state, &facts);
        Ok(Gathered { facts, step, session, user: found, shown, answered })
    }

    /// With room for the page on which the second factor is typed.
    fn is_recent(&self, session: &Session) -> bool {
        let life = self.inner.sessions.settings().overall(Assurance::Aal2);
        let ends = session.signed_in_at.plus(life);
        self.inner.env.clock.now().plus(Lifetime::minutes(5)) < ends
    }
}

fn has(factors: Factors) -> Has {
    Has {
        password: factors.password,
        passkey: factors.passkeys > 0,
        hardware: factors.hardware_passkeys > 0,
        totp: factors.totp,
        codes: factors.recovery_codes > 0,
    }
}

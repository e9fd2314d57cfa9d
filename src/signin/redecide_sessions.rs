//! A device's standing is another now: whether the people who signed in on it would be let in is decided anew.
//!
//! Who would be refused, or asked for more, signs in again: the session ends with everything that hangs off it, and the event
//! says why. Every replica does this, and the first one counts.

use super::model::{Error, Shown, SigninRequest, Verdict};
use super::{OwnPath, Signin};
use crate::access;
use crate::kernel::{DeviceId, Fault};
use crate::realms::Realm;
use crate::sessions::Session;

impl Signin {
    /// Decides the sessions on this device anew, and ends those that nobody would get now.
    pub async fn redecide_sessions(&self, realm: &Realm, device: DeviceId) -> Result<(), Error> {
        let mut after = None;
        loop {
            let sessions = self.inner.sessions.on_device(realm.id, device, after).await?;
            let Some(last) = sessions.last().map(|session| session.id) else { return Ok(()) };
            for session in sessions {
                if let Some(words) = self.refusal(realm, &session).await? {
                    self.inner.sessions.end_refused(session, words).await?;
                }
            }
            after = Some(last);
        }
    }

    /// What policy would say to this person now, in words; nothing if it would let them in, or nothing is left to end.
    async fn refusal(&self, realm: &Realm, session: &Session) -> Result<Option<String>, Error> {
        let user = self.inner.accounts.user(realm.id, session.user).await?;
        let Some(user) = user.filter(|user| user.is_active()) else { return Ok(None) };
        if !self.inner.sessions.stands(session) {
            return Ok(None);
        }
        let shown = Shown {
            user: session.user,
            methods: session.methods.clone(),
            since: session.signed_in_at,
            upstream: session.upstream.clone(),
        };
        let own = OwnPath::parse("/").ok_or_else(|| Fault::bug("a path of our own"))?;
        let asked = (&SigninRequest::to(own), &shown, session.device);
        match self.decide(realm, &user, asked, session.situation().address) {
            Ok((Verdict::StepUp(words) | Verdict::Deny(words), _)) => Ok(Some(words)),
            // A broken policy refuses each sign-in by itself; mended, it should find what it left.
            Ok((Verdict::Permit, _)) | Err(Error::Access(access::Error::Broken { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

//! The decision at the end of a sign-in: what was shown, by whom, for which application, from where.

use crate::access::{self, Action, Fact, Permit, Request, asked};
use crate::accounts::User;
use crate::events::Event;
use crate::kernel::{
    Address, DeviceId, Evidence, EvidenceSource, Lifetime, Method, RealmId, Situation, SpiffeId,
    Standing, Subject, SubjectId, SubjectKind, Timestamp, UserId,
};
use crate::realms::Realm;

use super::Signin;
use super::model::{Application, Error, Shown, SigninRequest, Verdict};

/// May they sign in?
#[derive(Debug, Clone)]
pub struct SignIn {
    pub(super) user: UserId,
    pub(super) number: SubjectId,
    pub(super) shown: Shown,
    pub(super) device: Option<DeviceId>,
    realm: RealmId,
    id: SpiffeId,
    client: Option<Application>,
    locked: bool,
    second_factor: bool,
    passkey: bool,
    situation: Situation,
    standing: Standing,
    expires: Timestamp,
}

/// The answer to that.
#[derive(Debug)]
pub(super) enum Answered {
    /// The yes of `access`.
    Yes(Permit<SignIn>),
    /// What was asked, and refused or not enough.
    No(SignIn),
}

impl Action for SignIn {
    const NAME: &'static str = "SignIn";

    fn request(&self) -> Request<'_> {
        let client = self.client.as_ref();
        let shown = |method| self.shown.methods.contains(&method);
        let second = [Method::Totp, Method::RecoveryCode].into_iter().any(shown);
        Request {
            realm: self.realm,
            principal: ("User", self.id.as_str()),
            principal_id: Some(&self.id),
            actor: Some(self.number),
            resource: ("Client", client.map_or(OWN_PAGES, |client| client.id.as_str())),
            resource_id: None,
            context: vec![
                ("administration", Fact::Flag(client.is_some_and(|c| c.administration))),
                ("locked", Fact::Flag(self.locked)),
                ("mail", Fact::Flag(shown(Method::Mail))),
                ("second_factor", Fact::Flag(self.second_factor)),
                ("second_shown", Fact::Flag(second)),
                ("passkey", Fact::Flag(self.passkey)),
            ],
            standing: Some(&self.standing),
            situation: &self.situation,
            evidence_expires: self.expires,
        }
    }
}

impl SignIn {
    /// The event of the answer, with the question and what was known of the device, so that it can be asked again.
    pub(super) fn on_record(&self, event: Event) -> Event {
        event.on_device(&self.standing).about("asked", asked(Self::NAME, &self.request()))
    }
}

impl Signin {
    /// What policy says of this: with a yes the permit, else the question, for the record.
    pub(super) fn decide(
        &self,
        realm: &Realm,
        user: &User,
        (request, shown, device): (&SigninRequest, &Shown, Option<DeviceId>),
        from: Option<Address>,
    ) -> Result<(Verdict, Answered), Error> {
        let id = user.spiffe_id(&realm.trust_domain)?;
        let now = self.inner.env.clock.now();
        let settings = self.inner.sessions.settings();
        let level = shown.assurance();
        let expires = shown.since.plus(settings.overall(level)).max(now.plus(Lifetime::minutes(1)));
        let situation = Situation { address: from, authentication: Some(shown.authentication()) };
        let evidence = Evidence {
            subject: Subject { kind: SubjectKind::User, id: id.clone(), number: user.number },
            source: EvidenceSource::Session,
            strength: level.strength(),
            at: now,
            expires,
            device,
            situation: situation.clone(),
        };
        let standing = self.inner.posture.standing(&evidence);
        let ask = SignIn {
            user: user.id,
            number: user.number,
            shown: shown.clone(),
            device,
            realm: realm.id,
            id,
            client: request.client.clone(),
            locked: !user.is_active(),
            second_factor: user.factors.totp,
            passkey: user.factors.passkeys > 0,
            situation,
            standing,
            expires,
        };
        let question = ask.clone();
        match self.inner.access.permit(ask) {
            Ok(permit) => Ok((Verdict::Permit, Answered::Yes(permit))),
            Err(access::Error::StepUp { reason }) => {
                Ok((Verdict::StepUp(reason.to_string()), Answered::No(question)))
            }
            Err(denied @ access::Error::Denied { .. }) => {
                let words = denied.for_people().to_owned();
                Ok((Verdict::Deny(words), Answered::No(question)))
            }
            Err(broken @ access::Error::Broken { .. }) => Err(broken.into()),
        }
    }
}

/// What policies call our own pages where an application would stand.
const OWN_PAGES: &str = "account";

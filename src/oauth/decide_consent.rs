//! May an application get this of this person? Asked of every authorization: of one that the person is asked about, of one that
//! they agreed to before, and of one of the organisation's own applications.

use super::Oauth;
use super::authorization_request::AuthorizationRequest;
use super::grant::Place;
use super::model::CONSENT_REFUSED;
use super::wire_error::WireError;
use crate::access::{self, Action, Fact, Permit, Request};
use crate::events::{Event, Owner, Unrecorded};
use crate::kernel::{
    Evidence, EvidenceSource, Failure, Method, RealmId, Situation, SpiffeId, Standing, Subject,
    SubjectId, SubjectKind, Timestamp,
};
use crate::sessions::Session;

/// May it?
#[derive(Debug)]
pub(super) struct Consent {
    realm: RealmId,
    client: String,
    administration: bool,
    scopes: Vec<String>,
    resources: Vec<String>,
    number: SubjectId,
    id: SpiffeId,
    methods: Vec<String>,
    situation: Situation,
    standing: Standing,
    expires: Timestamp,
}

/// What policy says.
#[derive(Debug)]
pub(super) enum Decision {
    /// It may.
    Yes(Box<Permit<Consent>>),
    /// It may not.
    No(Refused),
}

/// A no.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why, for the person.
    pub(super) reason: String,
    /// True if a stronger sign-in may help.
    pub(super) stronger: bool,
}

impl Action for Consent {
    const NAME: &'static str = "Consent";

    fn request(&self) -> Request<'_> {
        Request {
            realm: self.realm,
            principal: ("User", self.id.as_str()),
            principal_id: Some(&self.id),
            actor: Some(self.number),
            resource: ("Client", &self.client),
            resource_id: None,
            context: vec![
                ("scopes", Fact::Texts(&self.scopes)),
                ("resources", Fact::Texts(&self.resources)),
                ("methods", Fact::Texts(&self.methods)),
                ("administration", Fact::Flag(self.administration)),
            ],
            standing: Some(&self.standing),
            situation: &self.situation,
            evidence_expires: self.expires,
        }
    }
}

impl Oauth {
    /// What policy says of this request in this session.
    pub(super) async fn decide_consent(
        &self,
        place: &Place,
        (request, session): (&AuthorizationRequest, &Session),
    ) -> Result<Decision, WireError> {
        let user = self.accounts.user(place.realm, session.user).await.map_err(Failure::from)?;
        let gone = || WireError::request("the person who signed in is not there any more");
        let id = user.ok_or_else(gone)?.spiffe_id(&place.trust_domain)?;
        let evidence = Evidence {
            subject: Subject { kind: SubjectKind::User, id: id.clone(), number: session.number },
            source: EvidenceSource::Session,
            strength: session.assurance.strength(),
            at: session.signed_in_at,
            expires: session.expires_at,
            device: session.device,
            situation: session.situation(),
        };
        let standing = self.posture.standing(&evidence);
        let ask = Consent {
            realm: place.realm,
            client: request.client.id.to_string(),
            administration: request.client.terms.administration,
            scopes: request.scopes.iter().cloned().collect(),
            resources: request.resources.clone(),
            number: session.number,
            id,
            methods: session
                .methods
                .iter()
                .copied()
                .map(Method::as_str)
                .map(str::to_owned)
                .collect(),
            situation: evidence.situation,
            standing,
            expires: session.expires_at,
        };
        match self.access.permit(ask) {
            Ok(permit) => Ok(Decision::Yes(Box::new(permit))),
            Err(broken @ access::Error::Broken { .. }) => Err(Failure::from(broken).into()),
            Err(no) => {
                let stronger = matches!(no, access::Error::StepUp { .. });
                Ok(Decision::No(Refused { reason: no.for_people().to_owned(), stronger }))
            }
        }
    }

    /// Records that an application did not get what it asked for.
    pub(super) async fn note_refusal(
        &self,
        place: &Place,
        (request, session): (&AuthorizationRequest, &Session),
        reason: &str,
    ) -> Result<(), WireError> {
        let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
        let event = Event::new(place.realm, CONSENT_REFUSED)
            .subject(session.number)
            .subject_owner(Owner::Person(session.number))
            .actor(Some(session.number))
            .actor_owner(Owner::Person(session.number))
            .about("client", request.client.id.as_str())
            .about("session", session.id.to_string())
            .about("scopes", scopes.join(" "))
            .about("reason", reason);
        let recorded = self.events.record(Unrecorded::new((), event)).await;
        Ok(recorded.map_err(Failure::from)?)
    }
}

//! Who asks, as policies and events see it.

use std::sync::Arc;

use super::model::Request;
use super::roles::Holder;
use crate::events::{Event, Owner};
use crate::kernel::{
    Authentication, Caller, Proof, RealmId, Situation, SpiffeId, Standing, SubjectId, Timestamp,
    TrustDomain,
};

/// Who asks, as policies see it; made from a `Caller` once, and kept by the action for its `Request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    kind: &'static str,
    id: String,
    spiffe: Option<SpiffeId>,
    actor: Option<SubjectId>,
    expires: Timestamp,
    standing: Option<Arc<Standing>>,
    situation: Arc<Situation>,
}

/// An asker in the realm that the request is about: what every administrative operation is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks.
    pub asker: Asker,
}

impl Administrator {
    /// A request without further facts.
    pub fn request<'a>(
        &'a self,
        resource: (&'static str, &'a str),
        resource_id: Option<&'a SpiffeId>,
    ) -> Request<'a> {
        self.asker.request(self.realm, resource, resource_id)
    }
}

impl Asker {
    /// What this caller is to the policies of a realm whose trust domain is `home`.
    ///
    /// Only an X.509-SVID of the realm's own `/spire/agent/` makes a `Node`, and only the realm's own `/user/` a `User`:
    /// another trust domain may name its own as it likes, so all of its subjects are `Workload`s here.
    pub fn of(caller: &Caller, home: &TrustDomain) -> Self {
        let asker = match (&caller.proof, &caller.subject) {
            (Proof::KernelPeer { uid, .. }, _) => {
                Self { kind: "Local", id: uid.to_string(), ..Self::nobody() }
            }
            (Proof::X509Svid { not_after, .. }, Some(id)) => {
                Self::subject(id, home, true).until(*not_after)
            }
            (
                Proof::JwtSvid { expires_at, .. } | Proof::AccessToken { expires_at, .. },
                Some(id),
            ) => Self::subject(id, home, false).until(*expires_at),
            _ => Self::nobody(),
        };
        asker.in_situation(Situation::at(caller.address))
    }

    /// Whoever is not known.
    pub fn nobody() -> Self {
        Self {
            kind: "Nobody",
            id: "nobody".to_owned(),
            spiffe: None,
            actor: None,
            expires: Timestamp::FOREVER,
            standing: None,
            situation: Arc::default(),
        }
    }

    /// The realm's own attested agent, known by its X.509-SVID.
    pub fn node(id: &SpiffeId) -> Self {
        Self { kind: "Node", ..Self::named(id) }
    }

    /// A person of the realm, of whom nothing else is known.
    pub fn person(id: &SpiffeId) -> Self {
        Self { kind: "User", ..Self::named(id) }
    }

    /// Whoever holds a role by a binding.
    pub(super) fn holding(holder: &Holder) -> Self {
        match holder {
            Holder::LocalUser(uid) => Self { kind: "Local", id: uid.to_string(), ..Self::nobody() },
            Holder::Spiffe(id) if id.is_under("/user") => Self::person(id),
            Holder::Spiffe(id) => Self::named(id),
        }
    }

    /// The same, known by this number in event headers.
    #[must_use]
    pub fn numbered(self, actor: SubjectId) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// The same, with evidence that ends then.
    #[must_use]
    pub fn until(self, expires: Timestamp) -> Self {
        Self { expires, ..self }
    }

    /// The same, with this device behind it.
    #[must_use]
    pub fn on_device(self, standing: Standing) -> Self {
        Self { standing: Some(Arc::new(standing)), ..self }
    }

    /// The same, in this situation.
    #[must_use]
    pub fn in_situation(self, situation: Situation) -> Self {
        Self { situation: Arc::new(situation), ..self }
    }

    /// The same, where this person signed in.
    #[must_use]
    pub fn signed_in(self, authentication: Authentication) -> Self {
        let situation = Situation::clone(&self.situation).signed_in(authentication);
        self.in_situation(situation)
    }

    fn named(id: &SpiffeId) -> Self {
        Self { kind: "Workload", id: id.to_string(), spiffe: Some(id.clone()), ..Self::nobody() }
    }

    fn subject(id: &SpiffeId, home: &TrustDomain, possession: bool) -> Self {
        let reserved = ["/spire", "/device", "/client"];
        if id.trust_domain() != home {
            Self::named(id)
        } else if id.is_under("/spire/agent") && possession {
            Self::node(id)
        } else if id.is_under("/user") {
            Self { kind: "User", ..Self::named(id) }
        } else if reserved.iter().any(|prefix| id.is_under(prefix)) {
            Self::nobody()
        } else {
            Self::named(id)
        }
    }

    /// Type and id, for `Request::principal`.
    pub fn principal(&self) -> (&'static str, &str) {
        (self.kind, &self.id)
    }

    /// The SPIFFE ID, for `Request::principal_id`.
    pub fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe.as_ref()
    }

    /// The number in event headers, for `Request::actor`.
    pub fn actor(&self) -> Option<SubjectId> {
        self.actor
    }

    /// What is known of the device behind it, for `Request::standing`.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_deref()
    }

    /// Where it is, for `Request::situation`.
    pub fn situation(&self) -> &Situation {
        &self.situation
    }

    /// A question of this asker about this resource, without further facts: what most actions need.
    pub fn request<'a>(
        &'a self,
        realm: RealmId,
        resource: (&'static str, &'a str),
        resource_id: Option<&'a SpiffeId>,
    ) -> Request<'a> {
        Request {
            realm,
            principal: self.principal(),
            principal_id: self.spiffe_id(),
            actor: self.actor,
            resource,
            resource_id,
            context: Vec::new(),
            standing: self.standing(),
            situation: &self.situation,
            evidence_expires: self.expires,
        }
    }

    /// The event with this asker in the actor's part, sealed so that a person can be erased from it.
    pub fn sign(&self, event: Event) -> Event {
        let owner = match (self.kind, self.actor) {
            ("User", Some(number)) => Owner::Person(number),
            ("User" | "Nobody", _) => Owner::Nobody,
            _ => Owner::Realm,
        };
        let event = event.actor(self.actor).actor_owner(owner);
        event.by("kind", self.kind).by("id", self.id.as_str())
    }
}

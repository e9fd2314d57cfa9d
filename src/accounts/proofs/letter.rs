//! What is to be sent, as it waits: sealed, because it names people, and bound to its delivery.

use serde_json::{Value, json};

use crate::accounts::model::Error;
use crate::crypto::digest::{base64url, from_base64url};
use crate::crypto::seal::KekRing;
use crate::env::Entropy;
use crate::jobs::deliveries::Delivery;
use crate::kernel::{Fault, RealmId, UserId};

/// A letter that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Letter {
    /// Shows that its reader gets the mail of this person's address.
    Verify(UserId),
    /// Lets whoever may type this in without the password, if there is somebody.
    Recover(String),
    /// Asks this person to link an identity.
    Link {
        /// Whom.
        user: UserId,
        /// The provider, as people know it.
        provider: String,
        /// What the token is bound to.
        bound_to: Vec<u8>,
    },
}

impl Letter {
    pub(super) fn sealed(
        &self,
        realm: RealmId,
        id: String,
        (ring, entropy): (&KekRing, &dyn Entropy),
    ) -> Result<Delivery, Error> {
        let document = match self {
            Self::Verify(user) => json!({ "verify": user.to_string() }),
            Self::Recover(typed) => json!({ "recover": typed }),
            Self::Link { user, provider, bound_to } => json!({
                "link": user.to_string(), "provider": provider, "bound_to": base64url(bound_to),
            }),
        };
        let text = serde_json::to_vec(&document).map_err(Fault::bug)?;
        let body = ring.seal(&place(realm, &id), &text, entropy)?;
        Ok(Delivery { id, kind: KIND.into(), body })
    }

    pub(super) fn open(realm: RealmId, delivery: &Delivery, ring: &KekRing) -> Result<Self, Fault> {
        let bad = || Fault::malformed("letter", "it says nothing that is known");
        let text = ring.open(&place(realm, &delivery.id), &delivery.body)?;
        let document: Value = serde_json::from_slice(text.expose()).map_err(|_| bad())?;
        let field = |name: &str| document.get(name).and_then(Value::as_str);
        let user = |name: &str| field(name).and_then(|id| UserId::parse(id).ok());
        if let Some(user) = user("verify") {
            return Ok(Self::Verify(user));
        }
        if let Some(typed) = field("recover") {
            return Ok(Self::Recover(typed.to_owned()));
        }
        match (user("link"), field("provider"), field("bound_to").and_then(from_base64url)) {
            (Some(user), Some(provider), Some(bound_to)) => {
                Ok(Self::Link { user, provider: provider.to_owned(), bound_to })
            }
            _ => Err(bad()),
        }
    }
}

fn place(realm: RealmId, id: &str) -> Vec<u8> {
    format!("letter|{realm}|{id}").into_bytes()
}

/// The kind of delivery.
pub(super) const KIND: &str = "mail";

//! What was granted to a client: tokens hang off it. And a code, which stands for it for a minute.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::{
    Assurance, Authentication, ClientId, DeviceId, Fault, GrantId, RealmId, SessionId, Situation,
    Timestamp, UserId,
};

/// A grant of a person to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// Which.
    pub id: GrantId,
    /// To whom.
    pub client: ClientId,
    /// By whom.
    pub user: UserId,
    /// The session it was given in.
    pub session: SessionId,
    /// What may be done.
    pub scopes: BTreeSet<String>,
    /// At which resources; none: at the provider itself.
    pub resources: Vec<String>,
    /// Single claims for the ID token.
    pub id_token_claims: BTreeSet<String>,
    /// Single claims for userinfo.
    pub userinfo_claims: BTreeSet<String>,
    /// When the person signed in: `auth_time`.
    pub signed_in_at: Timestamp,
    /// How sure that was.
    pub assurance: Assurance,
    /// `acr`, if it may be said.
    pub acr: Option<String>,
    /// `amr`.
    pub amr: Vec<String>,
    /// The provider that vouched, if one did.
    pub upstream: Option<String>,
    /// Where the browser was at the sign-in.
    pub address: Option<IpAddr>,
    /// True if it outlives the session: `offline_access`.
    pub offline: bool,
    /// The device that it hangs off.
    pub device: Option<OnDevice>,
    /// When it was given.
    pub created_at: Timestamp,
    /// When nothing can hang off it any more.
    pub expires_at: Timestamp,
}

/// The device that a grant hangs off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnDevice {
    /// Which.
    pub id: DeviceId,
    /// True if it proved its key when the code was redeemed: nothing comes of the grant without that key. Else it is that of the
    /// session, whose browser has no key to show; what is known of the device counts all the same.
    pub key: bool,
}

/// What a code must be shown with, and what belongs to its first ID token alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeTerms {
    /// The address the code went to.
    pub redirect_uri: String,
    /// The PKCE challenge.
    pub challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
}

impl Grant {
    /// Of what hangs off it: its person signed in, there.
    pub(super) fn situation(&self) -> Situation {
        let authentication = Authentication {
            at: self.signed_in_at,
            assurance: self.assurance,
            amr: Arc::from(self.amr.as_slice()),
            upstream: self.upstream.as_deref().map(Arc::from),
        };
        Situation::after(authentication, self.address)
    }

    /// The document in its row.
    pub(super) fn document(&self) -> String {
        json!({
            "scopes": self.scopes,
            "resources": self.resources,
            "id_token_claims": self.id_token_claims,
            "userinfo_claims": self.userinfo_claims,
            "signed_in_at": self.signed_in_at.micros(),
            "assurance": self.assurance.as_str(),
            "acr": self.acr,
            "amr": self.amr,
            "upstream": self.upstream,
            "address": self.address,
            "offline": self.offline,
        })
        .to_string()
    }

    /// The grant of a row.
    pub(super) fn of_row(
        (id, client, user, session): (GrantId, ClientId, UserId, SessionId),
        (document, device): (&str, Option<OnDevice>),
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Result<Self, Fault> {
        let document: Value = serde_json::from_str(document).map_err(bad)?;
        let member = |name: &str| document.get(name).unwrap_or(&Value::Null);
        let texts = |name: &str| -> Result<Vec<String>, Fault> {
            let all = member(name).as_array().ok_or_else(|| bad(name))?;
            let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| bad(name));
            all.iter().map(text).collect()
        };
        let set = |name| Ok::<BTreeSet<String>, Fault>(texts(name)?.into_iter().collect());
        let micros = member("signed_in_at").as_i64().ok_or_else(|| bad("signed_in_at"))?;
        let assurance = member("assurance").as_str().and_then(Assurance::parse);
        Ok(Self {
            id,
            client,
            user,
            session,
            scopes: set("scopes")?,
            resources: texts("resources")?,
            id_token_claims: set("id_token_claims")?,
            userinfo_claims: set("userinfo_claims")?,
            signed_in_at: Timestamp::from_micros(micros),
            assurance: assurance.ok_or_else(|| bad("assurance"))?,
            acr: member("acr").as_str().map(str::to_owned),
            amr: texts("amr")?,
            upstream: member("upstream").as_str().map(str::to_owned),
            address: member("address").as_str().and_then(|text| text.parse().ok()),
            offline: member("offline").as_bool().ok_or_else(|| bad("offline"))?,
            device,
            created_at,
            expires_at,
        })
    }
}

impl CodeTerms {
    /// The document in the code's row.
    pub(super) fn document(&self) -> String {
        let Self { redirect_uri, challenge, nonce } = self;
        json!({ "redirect_uri": redirect_uri, "challenge": challenge, "nonce": nonce }).to_string()
    }

    /// The terms in such a document.
    pub(super) fn read(document: &str) -> Result<Self, Fault> {
        let document: Value = serde_json::from_str(document).map_err(bad)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        let redirect_uri = text("redirect_uri").ok_or_else(|| bad("redirect_uri"))?;
        Ok(Self { redirect_uri, challenge: text("challenge"), nonce: text("nonce") })
    }
}

/// How tokens of one answer are signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Algorithms {
    pub(super) id_token: JwsAlgorithm,
    pub(super) access_token: JwsAlgorithm,
}

/// Where something is about to be handed out.
#[derive(Debug, Clone)]
pub struct Place {
    /// The realm.
    pub realm: RealmId,
    /// Its issuer.
    pub issuer: String,
    /// Its trust domain.
    pub trust_domain: crate::kernel::TrustDomain,
}

fn bad(what: impl std::fmt::Display) -> Fault {
    Fault::malformed("grant document", what)
}

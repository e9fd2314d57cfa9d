//! `weft whoami` and `weft status`.

use super::error::Error;
use super::session::Session;
use super::table::Fields;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::{ListenerName, ProofKind, RoleGrant, Status, Whoami};

/// Who the server thinks we are.
pub(super) async fn whoami(session: &mut Session<'_>) -> Result<(), Error> {
    let whoami: Whoami = session.api.get(&["whoami"]).await?;
    session.print.show(&whoami, who)
}

/// How the server is.
pub(super) async fn status(session: &mut Session<'_>) -> Result<(), Error> {
    let status: Status = session.api.get(&["status"]).await?;
    let now = session.now();
    session.print.show(&status, |status| how(status, now))
}

fn who(whoami: &Whoami) -> Fields {
    let mut fields = Fields::default();
    let name = match (&whoami.spiffe_id, whoami.uid) {
        (Some(id), _) => id.clone(),
        (None, Some(uid)) => format!("user {uid} of the server's machine"),
        (None, None) => "nobody".to_owned(),
    };
    fields.add("you are", name);
    fields.add(
        "shown by",
        match whoami.proof {
            ProofKind::Nothing => "nothing",
            ProofKind::X509Svid => "an X.509-SVID",
            ProofKind::JwtSvid => "a JWT-SVID",
            ProofKind::AccessToken => "an access token of a sign-in",
            ProofKind::KernelPeer => "the kernel, at the other end of the socket",
        },
    );
    fields.add(
        "through",
        match whoami.listener {
            ListenerName::Node => "the node listener",
            ListenerName::Public => "the public listener",
            ListenerName::Mtls => "the mTLS listener",
            ListenerName::Local => "the local socket",
        },
    );
    fields.add("realm", &whoami.realm);
    let holds: Vec<String> = whoami.holds.iter().map(grant).collect();
    fields.list("you hold", if holds.is_empty() { NOTHING } else { &holds });
    fields
}

const NOTHING: &[String] = &[];

fn grant(grant: &RoleGrant) -> String {
    match &grant.path {
        Some(path) => {
            format!("{} of {path} ({})", grant.role.as_str(), grant.rights.join(", "))
        }
        None => grant.role.as_str().to_owned(),
    }
}

fn how(status: &Status, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("health", status.health.as_str());
    let components: Vec<String> = status
        .components
        .iter()
        .map(|part| match part.detail.as_str() {
            "" => format!("{}: {}", part.name, part.health.as_str()),
            detail => format!("{}: {}, {detail}", part.name, part.health.as_str()),
        })
        .collect();
    fields.list("parts", &components);
    fields.add("trust domain", &status.realm.trust_domain);
    fields.add("realm", &status.realm.name);
    fields.add("issuer", &status.realm.issuer);
    fields.add("version", &status.version);
    fields.add("running since", value::moment(status.started_at, now));
    let counts = status.counts;
    let banned = match counts.agents_banned {
        0 => String::new(),
        some => format!(", and {some} banned"),
    };
    let (nodes, connected) = (counts.agents, counts.agents_connected);
    fields.add("nodes", format!("{nodes}, {connected} connected{banned}"));
    fields.add("entries", counts.entries.to_string());
    fields.add("authorities", counts.authorities.to_string());
    fields.add("foreign bundles", counts.foreign_bundles.to_string());
    fields
}

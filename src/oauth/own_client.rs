//! The client that `weft login` is: in every realm, without a row, because whoever makes a realm wants its people to come in.
//!
//! A client that an administrator makes under the same id takes its place: that is how it is changed, or switched off.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::client::{AuthMethod, Client, ConsentPolicy, Profile, Terms};
use super::redirect_uri::RedirectUri;
use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::{ClientId, Fault, SubjectId, Timestamp};

/// The command line as a client: public, back to this machine only, for the person and their SVIDs.
pub(super) fn own_client(now: Timestamp) -> Result<Client, Fault> {
    let redirect = RedirectUri::parse("http://127.0.0.1/callback", Profile::Native, false);
    Ok(Client {
        id: ClientId::parse(ID).map_err(Fault::bug)?,
        number: SubjectId::new(Uuid::from_u128(NUMBER)),
        terms: Terms {
            name: "Weft command line".to_owned(),
            profile: Profile::Native,
            auth_method: AuthMethod::None,
            id_token_algorithm: JwsAlgorithm::Es256,
            access_token_algorithm: JwsAlgorithm::Es256,
            redirect_uris: vec![redirect.map_err(Fault::bug)?],
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect::<BTreeSet<_>>(),
            resources: Vec::new(),
            administration: false,
            upstreams: None,
            consent: ConsentPolicy::Ask,
            rotates_refresh_tokens: true,
            relaxed: BTreeMap::new(),
            enabled: true,
        },
        secret: None,
        next_secret: None,
        created_at: now,
        updated_at: now,
        revision: 0,
    })
}

const ID: &str = "weft-cli";
/// One number in every realm: events name it.
const NUMBER: u128 = 0x7765_6674_2d63_8c69_8000_0000_0000_0001;
/// No `offline_access`: what it holds ends with the session.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "svid"];

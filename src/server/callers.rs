//! Who calls the admin API: the kernel's word on the local socket, a client certificate, or a JWT-SVID for our audience.
//!
//! Makes the `Caller` that handlers read; whether that caller may do anything is for `access` to say.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;

use super::build::Server;
use super::visitors::{self, text, unknown_realm};
use crate::access::{Administrator, Asker};
use crate::crypto::tls::CurrentRoots;
use crate::crypto::x509::VerifiedSvid;
use crate::http::{PeerInfo, Problem};
use crate::kernel::{Caller, Failure, Kind, Listener, Proof, RealmId};
use crate::realms::Realm;

/// Names the realm where no host name can: on the local socket.
const REALM_HEADER: &str = "weft-realm";

/// A listener of the admin API, for the layer.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) server: Arc<Server>,
    pub(super) listener: Listener,
}

/// The layer: puts a `Caller` into every request, or answers for it.
pub(super) async fn identify(
    State(desk): State<Desk>,
    mut request: Request,
    next: Next,
) -> Response {
    match desk.caller(&request) {
        Ok((caller, by)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(by);
            next.run(request).await
        }
        Err(failure) => Problem::from(failure).into_response(),
    }
}

impl Desk {
    fn caller(&self, request: &Request) -> Result<(Caller, Administrator), Failure> {
        let peer = request.extensions().get::<PeerInfo>().cloned();
        let peer = peer.ok_or_else(|| Failure::new(Kind::Bug, "internal", "an internal error"))?;
        let realm = self.realm(request, &peer)?;
        let caller = self.in_realm(&realm, request, &peer)?;
        let asker = Asker::of(&caller, &realm.trust_domain);
        Ok((caller, Administrator { realm: realm.id, asker }))
    }

    fn in_realm(
        &self,
        realm: &Realm,
        request: &Request,
        peer: &PeerInfo,
    ) -> Result<Caller, Failure> {
        let caller =
            |subject, proof| Caller { realm: realm.id, subject, proof, listener: self.listener };
        if let Some(user) = peer.unix() {
            let pid = user.process.as_ref().map_or(0, crate::http::Process::pid);
            return Ok(caller(None, Proof::KernelPeer { uid: user.uid, pid }));
        }
        if !peer.chain().is_empty() {
            let svid = self.by_certificate(realm, peer)?;
            let proof = x509_proof(&svid);
            return Ok(caller(Some(svid.id), proof));
        }
        match bearer(request)? {
            Some(token) => self.by_token(realm, token),
            None => Ok(caller(None, Proof::Nothing)),
        }
    }

    /// The handshake verified the chain for the realm of the greeting, once; the request may name another one, and trust
    /// may have ended since.
    fn by_certificate(&self, realm: &Realm, peer: &PeerInfo) -> Result<VerifiedSvid, Failure> {
        let roots = self.server.bundles.roots(realm.id).unwrap_or_else(CurrentRoots::none);
        let chain: Vec<&[u8]> = peer.chain().iter().map(AsRef::as_ref).collect();
        roots.verify(&chain, self.server.env.clock.now()).map_err(|error| {
            unauthenticated("the client certificate is not trusted in this realm").because(error)
        })
    }

    fn realm(&self, request: &Request, peer: &PeerInfo) -> Result<Arc<Realm>, Failure> {
        if peer.unix().is_some() {
            return match text(request, REALM_HEADER)? {
                Some(name) => self.server.realms.by_name(name).ok_or_else(unknown_realm),
                None => self.server.realms.get(RealmId::FIRST).ok_or_else(unknown_realm),
            };
        }
        visitors::realm(&self.server, request)
    }

    fn by_token(&self, realm: &Realm, token: &str) -> Result<Caller, Failure> {
        let server = &self.server;
        let audience = format!("{}/api", realm.issuer.as_str());
        let claims = server
            .bundles
            .verify_jwt_svid(realm.id, token, &audience, server.env.clock.now())
            .map_err(|error| unauthenticated("the token is not accepted here").because(error))?;
        Ok(Caller {
            realm: realm.id,
            subject: Some(claims.id),
            proof: Proof::JwtSvid {
                issued_at: claims.issued_at.unwrap_or(claims.expires_at),
                expires_at: claims.expires_at,
            },
            listener: self.listener,
        })
    }
}

fn x509_proof(svid: &VerifiedSvid) -> Proof {
    Proof::X509Svid {
        serial: svid.serial.clone(),
        not_before: svid.not_before,
        not_after: svid.not_after,
        key_digest: svid.key_digest,
    }
}

/// RFC 6750 §2.1, and nothing else: no cookie, no parameter.
fn bearer(request: &Request) -> Result<Option<&str>, Failure> {
    match text(request, AUTHORIZATION.as_str())? {
        None => Ok(None),
        Some(value) => match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Some(token.trim()))
            }
            _ => Err(unauthenticated("the authorization header must be `Bearer` and a token")),
        },
    }
}

fn unauthenticated(words: &'static str) -> Failure {
    Failure::new(Kind::Unauthenticated, "caller.unauthenticated", words)
}

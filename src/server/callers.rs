//! Who calls the admin API: the kernel's word on the local socket, a client certificate, a JWT-SVID for our
//! audience, or an access token of a person.
//!
//! Makes the `Caller` that handlers read; whether that caller may do anything is for `access` to say.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::build::Server;
use super::visitors::{self, opened, text};
use crate::access::{Administrator, Asker};
use crate::crypto::jose::Unverified;
use crate::crypto::tls::CurrentRoots;
use crate::crypto::x509::VerifiedSvid;
use crate::devices::Shown;
use crate::http::{PeerInfo, Problem, bearer};
use crate::kernel::{
    Authentication, Caller, Failure, Kind, Lifetime, Listener, Proof, RealmId, Secret, SpiffeId,
    Standing, SubjectId,
};
use crate::realms::Realm;
use crate::svid::TokenKind;

/// Names the realm where no host name can: on the local socket.
const REALM_HEADER: &str = "weft-realm";

/// A listener of the admin API, for the layer.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) server: Arc<Server>,
    pub(super) listener: Listener,
}

/// What a request shows of who sends it.
enum Proven {
    /// Enough.
    Caller(Caller),
    /// The SVID of a device, whose state has to be looked at.
    Device { caller: Caller, svid: Shown },
    /// A token that a person must be read for.
    AccessToken {
        token: Secret<String>,
        /// Whether the request is to change something.
        changes: bool,
        address: Option<IpAddr>,
    },
}

/// What is known of a person who calls.
struct OfPerson {
    number: SubjectId,
    standing: Standing,
    authentication: Authentication,
}

/// The layer: puts a `Caller` into every request, or answers for it.
pub(super) async fn identify(
    State(desk): State<Desk>,
    mut request: Request,
    next: Next,
) -> Response {
    let shown = desk.shown(&request);
    match desk.known(shown).await {
        Ok((caller, by)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(by);
            next.run(request).await
        }
        Err(failure) => Problem::from(failure).into_response(),
    }
}

impl Desk {
    /// What the request shows, as far as it can be judged without waiting.
    fn shown(&self, request: &Request) -> Result<(Arc<Realm>, Proven), Failure> {
        let peer = request.extensions().get::<PeerInfo>().cloned();
        let peer = peer.ok_or_else(|| Failure::new(Kind::Bug, "internal", "an internal error"))?;
        let realm = self.realm(request, &peer)?;
        let shown = self.in_realm(&realm, request, &peer)?;
        Ok((realm, shown))
    }

    async fn known(
        &self,
        shown: Result<(Arc<Realm>, Proven), Failure>,
    ) -> Result<(Caller, Administrator), Failure> {
        let (realm, shown) = shown?;
        let (caller, person) = match shown {
            Proven::Caller(caller) => (caller, None),
            Proven::Device { caller, svid } => {
                // A locked or retired device is refused whatever it asks, and one SVID of each device counts.
                self.server.devices.judge(realm.id, &svid).await?;
                (caller, None)
            }
            Proven::AccessToken { token, changes, address } => {
                let shown = (&token, address);
                let (caller, person) = self.by_access_token(&realm, changes, shown).await?;
                (caller, Some(person))
            }
        };
        let mut asker = Asker::of(&caller, &realm.trust_domain);
        if let Some(OfPerson { number, standing, authentication }) = person {
            // Known by number, so that what this person did is told of them, and can be erased with them.
            asker = asker.numbered(number).on_device(standing).signed_in(authentication);
        } else if let Some(standing) =
            caller.subject.as_ref().and_then(|id| self.standing(&realm, id))
        {
            asker = asker.on_device(standing);
        }
        Ok((caller, Administrator { realm: realm.id, asker }))
    }

    /// Proxies of ours stand before the `public` door alone: before the others they would end the handshake.
    fn address(&self, request: &Request, peer: &PeerInfo) -> Result<Option<IpAddr>, Failure> {
        match self.listener {
            Listener::Public => {
                visitors::origin(&self.server, request).map(|origin| Some(origin.address))
            }
            _ => Ok(peer.address().map(|address| address.ip())),
        }
    }

    fn in_realm(
        &self,
        realm: &Realm,
        request: &Request,
        peer: &PeerInfo,
    ) -> Result<Proven, Failure> {
        let address = self.address(request, peer)?;
        let caller = |subject, proof| {
            let listener = self.listener;
            Proven::Caller(Caller { realm: realm.id, subject, proof, listener, address })
        };
        if let Some(user) = peer.unix() {
            let pid = user.process.as_ref().map_or(0, crate::http::Process::pid);
            return Ok(caller(None, Proof::KernelPeer { uid: user.uid, pid }));
        }
        if !peer.chain().is_empty() {
            let svid = self.by_certificate(realm, peer)?;
            by_no_person(realm, &svid.id)?;
            let (proof, shown) = (x509_proof(&svid), Shown::of(&svid));
            let caller = caller(Some(svid.id), proof);
            return Ok(match caller {
                Proven::Caller(caller) if is_under(realm, &shown.id, "/device") => {
                    Proven::Device { caller, svid: shown }
                }
                other => other,
            });
        }
        match bearer(request.headers())? {
            Some(token) if is_access_token(token) => Ok(Proven::AccessToken {
                token: Secret::new(token.to_owned()),
                changes: !request.method().is_safe(),
                address,
            }),
            Some(token) => self.by_token(realm, token, address).map(Proven::Caller),
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
            let found = match text(request, REALM_HEADER)? {
                Some(name) => self.server.realms.by_name(name),
                None => self.server.realms.get(RealmId::FIRST),
            };
            return opened(&self.server, found);
        }
        visitors::realm(&self.server, request)
    }

    /// A person through a client that is marked `administration` (architecture: doors and trust). Whoever changes something
    /// has signed in just now: a token that was left lying about reads, for its five minutes, and does no more.
    async fn by_access_token(
        &self,
        realm: &Realm,
        changes: bool,
        (token, address): (&Secret<String>, Option<IpAddr>),
    ) -> Result<(Caller, OfPerson), Failure> {
        let server = &self.server;
        let audience = format!("{}/api", realm.issuer.as_str());
        let person = server.person_svids.person(realm, token.expose(), &audience).await?;
        let client = person.token.client.as_ref();
        let client = client.and_then(|id| server.oauth.client(realm.id, id));
        if !client.is_some_and(|client| client.terms.administration) {
            let why = "its client is not marked for administration";
            return Err(unauthenticated("the token is not accepted here").because(why));
        }
        let age = server.env.clock.now().since(person.signed_in_at);
        if changes && age > FRESH {
            let words =
                "to change something, sign in anew: this sign-in is more than 15 minutes old";
            return Err(Failure::new(Kind::StepUp, "caller.stale_sign_in", words));
        }
        let (standing, authentication) = server.person_svids.standing(realm, &person).await?;
        let proof = Proof::AccessToken {
            signed_in_at: person.signed_in_at,
            expires_at: person.token.expires_at,
        };
        let (subject, listener) = (Some(person.id), self.listener);
        let known = OfPerson { number: person.user.number, standing, authentication };
        Ok((Caller { realm: realm.id, subject, proof, listener, address }, known))
    }

    /// What is known of whoever calls in its own name: contained, or on the worst of the devices that may have given it its
    /// SVID, which does not say on which of them it was.
    fn standing(&self, realm: &Realm, id: &SpiffeId) -> Option<Standing> {
        let server = &self.server;
        server.posture.of_named(id, server.workloads.devices_behind(realm.id, id))
    }

    fn by_token(
        &self,
        realm: &Realm,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, Failure> {
        let server = &self.server;
        let audience = format!("{}/api", realm.issuer.as_str());
        let claims = server
            .bundles
            .verify_jwt_svid(realm.id, token, &audience, server.env.clock.now())
            .map_err(|error| unauthenticated("the token is not accepted here").because(error))?;
        by_no_person(realm, &claims.id)?;
        Ok(Caller {
            realm: realm.id,
            subject: Some(claims.id),
            proof: Proof::JwtSvid {
                issued_at: claims.issued_at.unwrap_or(claims.expires_at),
                expires_at: claims.expires_at,
            },
            listener: self.listener,
            address,
        })
    }
}

/// A person's own SVID opens nothing here: any client with the scope `svid` gets one, it outlives the sign-in that it came from,
/// and does not say how strong or how long ago that was. People administer through a client that is marked for it.
fn by_no_person(realm: &Realm, id: &SpiffeId) -> Result<(), Failure> {
    if is_under(realm, id, "/user") {
        return Err(unauthenticated(
            "people administer with an access token of an application for administration, not with their SVID",
        ));
    }
    Ok(())
}

/// Another trust domain may name its own as it likes.
fn is_under(realm: &Realm, id: &SpiffeId, path: &str) -> bool {
    id.trust_domain() == &realm.trust_domain && id.is_under(path)
}

fn x509_proof(svid: &VerifiedSvid) -> Proof {
    Proof::X509Svid {
        serial: svid.serial.clone(),
        not_before: svid.not_before,
        not_after: svid.not_after,
        key_digest: svid.key_digest,
    }
}

/// What the token says it is; whether it is that, its own check finds out.
fn is_access_token(token: &str) -> bool {
    Unverified::parse(token).is_ok_and(|token| token.typ() == Some(TokenKind::Access.typ()))
}

fn unauthenticated(words: &'static str) -> Failure {
    Failure::new(Kind::Unauthenticated, "caller.unauthenticated", words)
}

/// Architecture: doors and trust.
const FRESH: Lifetime = Lifetime::minutes(15);

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

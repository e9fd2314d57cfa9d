//! Page and protocol routes of the `public` door: which realm a request is about, and where it comes from.
//!
//! Puts `Extension<Arc<Realm>>` and [`Origin`] into every request. Who the visitor is, a slice finds out: by a cookie, a
//! client's secret, or a token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::HOST;

use super::build::Server;
use crate::http::{Origin, PeerInfo, Problem};
use crate::kernel::{Failure, Kind};
use crate::outbound::Network;
use crate::realms::Realm;

/// These routes, with the layer around them.
pub(super) fn received(server: &Arc<Server>, routes: Router) -> Router {
    routes.layer(from_fn_with_state(Arc::clone(server), receive))
}

async fn receive(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    match visit(&server, &request) {
        Ok((realm, origin)) => {
            let brand = server.realms.brand(&realm);
            request.extensions_mut().insert(realm);
            request.extensions_mut().insert(origin);
            request.extensions_mut().insert(Arc::clone(&brand));
            let mut answer = next.run(request).await;
            // For the layer around this one, which makes a page of a failure.
            answer.extensions_mut().insert(brand);
            answer
        }
        Err(failure) => Problem::from(failure).into_response(),
    }
}

fn visit(server: &Server, request: &Request) -> Result<(Arc<Realm>, Origin), Failure> {
    Ok((realm(server, request)?, origin(server, request)?))
}

/// Where a request of the `public` door comes from.
pub(super) fn origin(server: &Server, request: &Request) -> Result<Origin, Failure> {
    let peer = request.extensions().get::<PeerInfo>().and_then(PeerInfo::address);
    let peer = peer.ok_or_else(|| Failure::new(Kind::Bug, "internal", "an internal error"))?;
    let proxies = server.settings.listen.proxies.iter().map(|network| network.0);
    let proxies: Vec<Network> = proxies.collect();
    Origin::of(peer.ip(), request.headers(), &proxies)
}

/// The realm that the host name of a request chooses.
pub(super) fn realm(server: &Server, request: &Request) -> Result<Arc<Realm>, Failure> {
    opened(server, server.realms.by_host(host(request)?))
}

/// A realm that this replica serves. One that was made a moment ago is known before its policies and keys are there: until
/// then whoever asks comes again, and nobody is refused for good.
pub(super) fn opened(server: &Server, realm: Option<Arc<Realm>>) -> Result<Arc<Realm>, Failure> {
    let realm = realm.ok_or_else(unknown_realm)?;
    if server.door(realm.id).is_none() {
        let words = "this realm was just made and is not open yet; try again in a moment";
        return Err(Failure::new(Kind::Unavailable, "realm.opening", words));
    }
    Ok(realm)
}

pub(super) fn unknown_realm() -> Failure {
    Failure::new(Kind::NotFound, "realm.unknown", "no realm is served under this name")
}

/// The one host that a request names: `:authority` or an absolute target, else `Host`. Two that differ are refused, because
/// whoever stands before us may have looked at the other one (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn host(request: &Request) -> Result<Option<&str>, Failure> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let header = text(request, HOST.as_str())?;
    match (authority, header) {
        (Some(authority), Some(header)) if !authority.eq_ignore_ascii_case(header) => {
            Err(Failure::new(Kind::Invalid, "request.host", "the request names two hosts"))
        }
        (authority, header) => Ok(authority.or(header)),
    }
}

/// The text of a header that may be there once.
pub(super) fn text<'r>(request: &'r Request, name: &str) -> Result<Option<&'r str>, Failure> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Failure::new(
            Kind::Invalid,
            "request.header_twice",
            format!("the header `{name}` is there twice"),
        ));
    }
    first.map(|value| value.to_str()).transpose().map_err(|_| {
        Failure::new(Kind::Invalid, "request.header", format!("the header `{name}` is no text"))
    })
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

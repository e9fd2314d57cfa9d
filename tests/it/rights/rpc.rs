//! The calls of the `node` door, as their descriptors have them, and the fields of a good one for each.

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use tonic::{Code, Status};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::server::node_service_names;
use weft::testkit::within;

use super::world::{Ask, Caller, ONE, World};
use crate::protocols::dynamic::{Fields, at, list};
use crate::protocols::foreign_agent::{
    ATTEST_AGENT, GET_BUNDLE, GET_ENTRIES, GET_FEDERATED_BUNDLE, IntoValue, NEW_JWT_SVID,
    NEW_X509_SVIDS, POST_STATUS, RENEW_AGENT, SYNC_ENTRIES,
};

pub(super) const WATCH: &str = "weft.node.v1.Node/Watch";
pub(super) const HEALTH_CHECK: &str = "grpc.health.v1.Health/Check";
pub(super) const HEALTH_WATCH: &str = "grpc.health.v1.Health/Watch";
const FEDERATED: &str = "federated.test";

/// Every call of every service that the server mounts there.
pub(super) fn calls(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for service in node_service_names(world.server.server()) {
        let calls = world.protos.calls(service);
        assert!(!calls.is_empty(), "`{service}` is served and not described");
        all.extend(calls);
    }
    all.sort();
    all
}

/// The fields of a call that would be granted to the realm's agent; nothing for one that nobody has written.
pub(super) async fn fields(world: &World, call: &str) -> Option<Fields<'static>> {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    Some(match call {
        ATTEST_AGENT => world.attestation(&world.token(&ONE).await, &key),
        RENEW_AGENT => vec![("params", world.csr(&key))],
        POST_STATUS => vec![("current_bundle_serial", Value::U64(1))],
        GET_FEDERATED_BUNDLE => {
            let bundle = super::rest::foreign_bundle(world, &ONE).await;
            let put = Ask::new("PUT", format!("bundles/{FEDERATED}"));
            world.root(&ONE, Ask { body: Some(bundle), ..put }).await;
            vec![("trust_domain", FEDERATED.into_value())]
        }
        NEW_X509_SVIDS => world.x509_ask(&world.entry, &key),
        NEW_JWT_SVID => jwt_ask(&world.entry),
        GET_BUNDLE | GET_ENTRIES | SYNC_ENTRIES | WATCH | HEALTH_CHECK | HEALTH_WATCH => Vec::new(),
        _ => return None,
    })
}

/// The fields of a call for a JWT-SVID of this entry.
pub(super) fn jwt_ask(entry: &str) -> Fields<'static> {
    let audience = Value::List(vec!["billing".into_value()]);
    vec![("entry_id", entry.into_value()), ("audience", audience)]
}

/// Makes the call.
pub(super) async fn call(
    world: &World,
    caller: &Caller,
    call: &str,
    fields: Fields<'_>,
) -> Result<DynamicMessage, Status> {
    within(call, world.protos.call(&caller.channel, call, fields)).await
}

/// What an answer says: its code, or that of its first item.
pub(super) fn told(answer: &Result<DynamicMessage, Status>) -> String {
    let code = match answer {
        Err(status) => status.code(),
        Ok(message) => match item(message) {
            Some(code) => code,
            None => Code::Ok,
        },
    };
    match code {
        Code::Ok => "OK",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::NotFound => "NOT_FOUND",
        other => return format!("{other:?}"),
    }
    .to_owned()
}

fn item(message: &DynamicMessage) -> Option<Code> {
    // Of all answers, only that of a batch has items with a status.
    let results =
        message.descriptor().get_field_by_name("results").map(|_| list(message, "results"))?;
    let first = results.first()?.as_message()?.clone();
    Some(Code::from(at(&first, "status.code").as_i32()?))
}

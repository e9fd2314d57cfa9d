//! What was given on a device, when what is known of the device changes.

use serde_json::{Value, json};

use super::people::Scene;
use super::world::REALM;
use crate::access::{Administrator, Asker};
use crate::audit::{Audit, Query, ReadEvents};
use crate::env::Env;
use crate::events::Part;
use crate::kernel::{DeviceId, Fault, GrantId, UserId};
use crate::oauth::store;
use crate::testkit::{KeysReplica, on_each_database};

#[tokio::test]
async fn what_would_be_refused_now_ends_with_its_reason_once_and_what_would_be_permitted_stays() {
    on_each_database(async |database| {
        let scene = Scene::signed_in(database, json!({})).await;
        let mut tokens = Vec::new();
        for _ in 0..3 {
            let code = scene.code(&[("scope", "openid email offline_access")]).await;
            tokens.push(scene.redeem(&code, &[]).await);
        }
        let active = async |which: usize| {
            scene.house.follow().await;
            scene.is_active(&tokens[which].text("access_token")).await
        };
        let (ours, others) = (device(1), device(2));
        bind(&scene, &grant_of(&tokens[0].token("access_token").1), ours).await;
        bind(&scene, &grant_of(&tokens[1].token("access_token").1), others).await;

        scene.house.oauth.redecide_grants(REALM, ours).await.unwrap();
        assert!(active(0).await, "a device that nothing is known of is no reason");
        let listed = async || {
            let by = Administrator { realm: REALM, asker: KeysReplica::root() };
            let listed = scene.house.oauth.read_grants_on(by, ours).await.unwrap();
            listed.iter().map(|grant| grant.id).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, [grant_of(&tokens[0].token("access_token").1)]);
        let nobody = Administrator { realm: REALM, asker: Asker::nobody() };
        assert!(scene.house.oauth.read_grants_on(nobody, ours).await.is_err());

        let no = r#"@id("no") @says("not from there") forbid (principal, action == Action::"IssueTokens", resource) when { context.standing == "unknown" };"#;
        scene.house.keys.access.open_with(REALM, &[("own", no)]).unwrap();
        let oauth = &scene.house.oauth;
        let (one, two) =
            tokio::join!(oauth.redecide_grants(REALM, ours), oauth.redecide_grants(REALM, ours));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        assert!(!active(0).await);
        assert_eq!(listed().await, [], "what ended hangs off it no more");
        assert!(active(1).await && active(2).await, "of another device, and of none");
        let told = revoked(&scene).await;
        assert_eq!(told.len(), 1, "the second replica finds nothing to end: {told:?}");
        assert_eq!(told[0]["device"], json!(ours.to_string()));
        assert!(told[0]["reason"].as_str().unwrap().contains("not from there"), "{told:?}");
    })
    .await;
}

fn device(n: u128) -> DeviceId {
    DeviceId::new(uuid::Uuid::from_u128(n))
}

fn grant_of(claims: &Value) -> GrantId {
    GrantId::parse(claims["grant"].as_str().unwrap()).unwrap()
}

/// Binds everything that this person granted to a device, as proof of its key does.
pub(crate) async fn bind_all(env: &Env, user: UserId, device: DeviceId) {
    let input = (user, device, env.clock.now());
    let done: Result<(), Fault> = env
        .db
        .write(REALM, input, |tx, (user, device, now)| {
            Box::pin(async move {
                for grant in store::grants_of(tx, *user, *now).await? {
                    store::bind_grant(tx, grant.id, *device).await?;
                }
                Ok(())
            })
        })
        .await;
    done.unwrap();
}

async fn bind(scene: &Scene, grant: &GrantId, device: DeviceId) {
    let done: Result<(), Fault> = scene
        .house
        .keys
        .env
        .db
        .write(REALM, (*grant, device), |tx, (grant, device)| {
            Box::pin(store::bind_grant(tx, *grant, *device))
        })
        .await;
    done.unwrap();
}

/// What the events of this kind say.
async fn revoked(scene: &Scene) -> Vec<serde_json::Map<String, Value>> {
    let keys = &scene.house.keys;
    keys.events.copy().await.unwrap();
    let audit = Audit::new(keys.env.db.clone(), keys.events.clone(), keys.access.clone());
    let query = Query { kind: Some("session.revoked".to_owned()), ..Query::default() };
    let ask = ReadEvents { realm: REALM, asker: KeysReplica::root(), query };
    let page = audit.list(ask).await.unwrap();
    let about = page.items.into_iter().map(|record| match record.about {
        Part::Open(about) => about,
        other => panic!("{other:?}"),
    });
    about.collect()
}

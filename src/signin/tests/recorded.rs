//! Sign-ins on record, asked again of other policies.

use std::sync::Arc;

use http::StatusCode;

use super::world::{GOOD, REALM, Tab, World, request, root};
use crate::access::Name;
use crate::audit::{Audit, Other, Replay, Replayed};
use crate::events::Part;
use crate::testkit::on_each_database;

/// What this text in the place of the realm's own policy would have made of the sign-ins on record.
async fn replay(world: &World, text: Option<&str>) -> Replayed {
    world.keys.events.copy().await.unwrap();
    let keys = &world.keys;
    let audit = Audit::new(world.db.clone(), keys.events.clone(), keys.access.clone());
    let instead = [(Name::parse("own").unwrap(), text.map(Arc::from))].into();
    let ask = Replay { by: root(), instead, last: 1000 };
    audit.replay(ask, keys.env.clock.as_ref()).await.unwrap()
}

/// Who they are, newest first.
fn users(others: &[Other]) -> Vec<String> {
    let user = |other: &Other| match &other.record.about {
        Part::Open(about) => about["user"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    others.iter().map(user).collect()
}

/// Types name and password, the code where it is asked for, and goes on without a passkey.
async fn sign_in(world: &World, name: &str, secret: Option<&str>) -> Tab {
    let mut tab = Tab::new();
    world.begin(&mut tab, request()).await;
    tab.post(world, "identify", &[("identifier", name)]).await;
    tab.post(world, "password", &[("password", GOOD)]).await;
    if let Some(secret) = secret {
        let code = world.code(secret);
        tab.post(world, "totp", &[("code", &code)]).await;
    }
    tab.post(world, "enrol", &[("decision", "later")]).await;
    tab
}

#[tokio::test]
async fn a_stricter_policy_names_whom_it_would_have_kept_from_signing_in() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, grace) = (world.person("ada").await, world.person("grace").await);
        let eve = world.person("eve").await;
        let secret = world.totp(grace.id).await;
        let own = format!(
            "@id(\"own\") @says(\"not you\") forbid (principal == User::\"spiffe://weft.test/user/{}\", action == Action::\"SignIn\", resource);",
            eve.handle
        );
        world.keys.access.open_with(REALM, &[("own", &own)]).unwrap();
        sign_in(&world, "ada", None).await;
        sign_in(&world, "grace", Some(&secret)).await;
        let refused = sign_in(&world, "eve", None).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);

        let same = replay(&world, Some(&own)).await;
        assert_eq!((same.asked, same.refused.len(), same.allowed.len()), (3, 0, 0));
        let strict = "@id(\"two\") @step_up(\"two factors\") forbid (principal, action == Action::\"SignIn\", resource) when { context.assurance < 2 };";
        let strict = replay(&world, Some(strict)).await;
        assert_eq!(users(&strict.refused), [ada.id.to_string()]);
        assert_eq!(users(&strict.allowed), [""; 0], "eve would be asked for more");
        let none = replay(&world, None).await;
        assert_eq!((users(&none.refused).len(), users(&none.allowed)), (0, vec![eve.id.to_string()]));
        sign_in(&world, "ada", None).await;
        assert_eq!(replay(&world, Some(&own)).await.asked, 4, "nothing is saved: she signs in");
        // Of somebody erased nothing is left to be asked.
        world.accounts.delete(&root(), ada.id, None).await.unwrap();
        assert_eq!(replay(&world, Some(&own)).await.asked, 2);
    })
    .await;
}

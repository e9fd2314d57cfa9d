//! A provider over a database of a test.

use serde_json::{Value, json};

use crate::access::Administrator;
use crate::db::Cursor;
use crate::kernel::{Fault, RealmId};
use crate::oauth::{Below, Oauth, http};
use crate::testkit::{Answer, KeysReplica, Rest, TestDatabase};

pub(in crate::oauth) const REALM: RealmId = RealmId::FIRST;

/// The slice, its admin API as root asks it, and what is around it.
pub(in crate::oauth) struct House {
    pub(in crate::oauth) keys: KeysReplica,
    pub(in crate::oauth) oauth: Oauth,
    pub(in crate::oauth) rest: Rest,
}

impl House {
    pub(in crate::oauth) async fn new(database: &TestDatabase) -> Self {
        let keys = KeysReplica::started(database).await;
        // Nobody follows the log here: whoever writes says `follow`.
        keys.env.db.applied(REALM, Cursor { history: i64::MAX, seq: i64::MAX });
        let below = Below { access: keys.access.clone(), events: keys.events.clone() };
        let oauth = Oauth::new(keys.env.clone(), below);
        let rest = Rest::new(http::admin_routes(&oauth), Self::by());
        let house = Self { keys, oauth, rest };
        house.follow().await;
        house
    }

    pub(in crate::oauth) fn by() -> Administrator {
        Administrator { realm: REALM, asker: KeysReplica::root() }
    }

    /// Takes in what was written.
    pub(in crate::oauth) async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, self.oauth.clone(), |tx, oauth| {
                Box::pin(async move { oauth.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    /// Makes a client out of these members beside the usual ones.
    pub(in crate::oauth) async fn client(&self, id: &str, members: Value) -> Answer {
        let mut document = web(id);
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let made = self.rest.post("clients", document).await;
        self.follow().await;
        made
    }
}

/// A client as an administrator says it.
pub(in crate::oauth) fn web(id: &str) -> Value {
    json!({"id": id, "name": "Shop", "profile": "web", "redirect_uris": ["https://shop.test/cb"]})
}

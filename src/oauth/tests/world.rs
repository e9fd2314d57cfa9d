//! A provider over a database of a test, called through its routes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::access::Administrator;
use crate::accounts::{self, Accounts};
use crate::crypto::digest::from_base64url;
use crate::crypto::seal::KekRing;
use crate::db::Cursor;
use crate::devices::Inventory;
use crate::http::Origin;
use crate::kernel::{Fault, RealmId};
use crate::oauth::{Below, Oauth, Settings, TellClients, http as doors};
use crate::outbound;
use crate::realms::{Issuer, Realms};
use crate::sessions::{self, Sessions};
use crate::signin::{self, Signin};
use crate::testkit::{Answer, KeysReplica, Rest, TestDatabase};
use crate::upstreams::{self, Upstreams};

pub(in crate::oauth) const REALM: RealmId = RealmId::FIRST;

/// The slice, its admin API as root asks it, and what is around it.
pub(in crate::oauth) struct House {
    pub(in crate::oauth) keys: KeysReplica,
    pub(in crate::oauth) oauth: Oauth,
    pub(in crate::oauth) sessions: Sessions,
    pub(in crate::oauth) accounts: Accounts,
    pub(in crate::oauth) rest: Rest,
    routes: Router,
}

/// What was answered.
#[derive(Debug)]
pub(in crate::oauth) struct Told {
    pub(in crate::oauth) status: u16,
    pub(in crate::oauth) headers: HeaderMap,
    pub(in crate::oauth) body: Value,
    pub(in crate::oauth) page: String,
}

impl House {
    pub(in crate::oauth) async fn new(database: &TestDatabase) -> Self {
        Self::with(database, Settings::default()).await
    }

    #[expect(clippy::too_many_lines, reason = "a replica, put together in one piece")]
    pub(in crate::oauth) async fn with(database: &TestDatabase, settings: Settings) -> Self {
        let keys = KeysReplica::started(database).await;
        keys.authority.rotate_oidc(REALM).await.unwrap();
        // Nobody follows the log here: whoever writes says `follow`.
        let far = Cursor { history: i64::MAX, seq: i64::MAX };
        keys.env.db.applied(REALM, far);
        keys.env.db.applied(RealmId::SYSTEM, far);
        keys.access.open(RealmId::SYSTEM);
        keys.events.prepare(RealmId::SYSTEM).await.unwrap();
        let realms = founded(&keys).await;
        let ring = Arc::new(KekRing::new(KeysReplica::kek(1), Vec::new()));
        let (access, events) = (keys.access.clone(), keys.events.clone());
        let below = accounts::Below {
            access: access.clone(),
            events: events.clone(),
            realms: realms.clone(),
            ring: Arc::clone(&ring),
        };
        let accounts = Accounts::new(keys.env.clone(), below, accounts::Settings::default());
        let below = sessions::Below {
            access: access.clone(),
            events: events.clone(),
            accounts: accounts.clone(),
        };
        let sessions = Sessions::new(keys.env.clone(), below, sessions::Settings::default());
        let below = upstreams::Below {
            access: access.clone(),
            events: events.clone(),
            realms: realms.clone(),
            accounts: accounts.clone(),
            ring: Arc::clone(&ring),
        };
        let outbound = outbound::Settings::default();
        let inventory = Inventory::new(keys.env.db.clone());
        let posture = keys.posture_of(inventory.clone());
        let below = signin::Below {
            access,
            events,
            devices: keys.devices(&realms, inventory.clone(), &posture),
            posture: posture.clone(),
            accounts: accounts.clone(),
            upstreams: Upstreams::new(keys.env.clone(), below, outbound),
            sessions: sessions.clone(),
        };
        let signin = Signin::new(keys.env.clone(), below);
        let below = Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            realms: realms.clone(),
            authority: keys.authority.clone(),
            svid: keys.svid.clone(),
            posture,
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            signin,
            ring,
            outbound: outbound::Settings::default(),
        };
        let oauth = Oauth::new(keys.env.clone(), below, settings);
        sessions.tell(Arc::new(TellClients(oauth.clone())));
        let rest = Rest::new(doors::admin_routes(&oauth), Self::by());
        let realm = realms.get(REALM).unwrap();
        let origin = Origin { address: [192, 0, 2, 1].into(), agent: "a browser".to_owned() };
        let routes = doors::routes(&oauth).layer(Extension(realm)).layer(Extension(origin));
        let house = Self { keys, oauth, sessions, accounts, rest, routes };
        house.follow().await;
        house
    }

    pub(in crate::oauth) fn by() -> Administrator {
        Administrator { realm: REALM, asker: KeysReplica::root() }
    }

    /// Takes in what was written.
    pub(in crate::oauth) async fn follow(&self) {
        let input = (self.oauth.clone(), self.sessions.clone());
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, input, |tx, (oauth, sessions)| {
                Box::pin(async move {
                    oauth.load(tx).await?;
                    sessions.load(tx).await
                })
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

    /// Posts a form, as a program does.
    pub(in crate::oauth) async fn post(
        &self,
        path: &str,
        authorization: Option<&str>,
        form: &[(&str, &str)],
    ) -> Told {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        self.send("POST", path, &headers, &body.finish()).await
    }

    /// Any request.
    pub(in crate::oauth) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let page = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Told { status: parts.status.as_u16(), headers: parts.headers, body, page }
    }
}

impl Told {
    /// Status and code of a refusal.
    pub(in crate::oauth) fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }

    pub(in crate::oauth) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A member that is a text.
    pub(in crate::oauth) fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("{member}: {self:?}")).to_owned()
    }

    /// Header and claims of a token in a member; its signature is not looked at.
    pub(in crate::oauth) fn token(&self, member: &str) -> (Value, Value) {
        let text = self.text(member);
        let mut parts = text.split('.').map(|part| {
            let bytes = from_base64url(part).unwrap();
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        });
        (parts.next().unwrap(), parts.next().unwrap())
    }
}

async fn founded(keys: &KeysReplica) -> Realms {
    let realms = Realms::new(keys.env.clone(), keys.access.clone(), keys.events.clone());
    let names = KeysReplica::names();
    realms.found(names.trust_domain, Issuer::parse(&names.issuer).unwrap()).await.unwrap();
    let loaded: Result<(), Fault> = keys
        .env
        .db
        .read(RealmId::SYSTEM, realms.clone(), |tx, realms| {
            Box::pin(async move { realms.load(tx).await })
        })
        .await;
    loaded.unwrap();
    realms
}

/// A client as an administrator says it.
pub(in crate::oauth) fn web(id: &str) -> Value {
    json!({"id": id, "name": "Shop", "profile": "web", "redirect_uris": ["https://shop.test/cb"]})
}

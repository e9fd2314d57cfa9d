//! The operations of the admin API, as its description has them, and a request for each: one that would be granted to
//! whoever may do everything, with things of its own to do it to.

use serde_json::{Value, json};
use weft::jobs::deliveries::{Delivery, post};
use weft::kernel::{Fault, Method, UserId};
use weft::sessions::SignedIn;

use super::world::{Ask, ONE, PREFIX, Realm, World};

/// One operation of the admin API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    /// With `{…}` where an id stands.
    pub(super) path: String,
    pub(super) method: String,
}

impl Operation {
    /// As the table names it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// True if its path names one thing.
    pub(super) fn takes_id(&self) -> bool {
        self.path.contains('{')
    }
}

/// Every operation of the description that is checked in, which another test compares with the routes.
pub(super) fn operations() -> Vec<Operation> {
    let text = include_str!("../../../docs/reference/openapi.json");
    let description: Value = serde_json::from_str(text).unwrap();
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            all.push(Operation { path: path.clone(), method: method.to_uppercase() });
        }
    }
    all.sort();
    all
}

/// The request, made ready in this realm; nothing for an operation that nobody has written one for.
pub(super) async fn request(world: &World, realm: &Realm, operation: &Operation) -> Option<Ask> {
    let path = operation.path.strip_prefix("/api/v1/")?;
    let named = (operation.method.as_str(), path);
    match path.split('/').next()? {
        "agents" => agents(world, realm, named).await,
        "authorities" => authorities(world, realm, named).await,
        "bundles" => bundles(world, realm, named).await,
        "clients" => clients(world, realm, named).await,
        "containments" => containments(world, realm, named).await,
        "devices" | "device-tokens" => devices(world, realm, named).await,
        "entries" => entries(world, realm, named).await,
        "groups" => groups(world, realm, named).await,
        "join-tokens" => join_tokens(world, realm, named).await,
        "posture-models" | "posture-model-trials" | "posture-replays" => {
            posture_models(world, realm, named).await
        }
        "posture-sources" => posture_sources(world, realm, named).await,
        "policies" | "policy-replays" | "policy-trials" => policies(world, realm, named).await,
        "upstreams" => upstreams(world, realm, named).await,
        "role-bindings" => role_bindings(world, realm, named).await,
        "sessions" => sessions(world, realm, named).await,
        "deliveries" => deliveries(world, realm, named).await,
        "users" => users(world, realm, named).await,
        _ => server(world, realm, named),
    }
}

async fn agents(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    if named == ("GET", "agents") {
        return Some(Ask::get("agents"));
    }
    let (id, _) = world.attest(realm).await;
    let path = format!("agents/{}", world.number_of(realm, &id).await);
    Some(match named {
        ("GET", "agents/{number}") => Ask::get(path),
        ("DELETE", "agents/{number}") => Ask::delete(path),
        ("POST", "agents/{number}/ban") => Ask::new("POST", format!("{path}/ban")),
        _ => return None,
    })
}

async fn authorities(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    Some(match named {
        ("GET", "authorities") => Ask::get("authorities"),
        ("POST", "authorities/prepare") => {
            if let Some(prepared) = authority(world, realm, "prepared").await {
                world.root(realm, activate(&prepared)).await;
            }
            prepare()
        }
        ("POST", "authorities/{id}/activate") => activate(&prepared(world, realm).await),
        ("POST", "authorities/{id}/taint") => {
            Ask::new("POST", format!("authorities/{}/taint", retired(world, realm).await))
        }
        ("POST", "authorities/{id}/revoke") => {
            let old = retired(world, realm).await;
            world.root(realm, Ask::new("POST", format!("authorities/{old}/taint"))).await;
            Ask::new("POST", format!("authorities/{old}/revoke"))
        }
        _ => return None,
    })
}

fn prepare() -> Ask {
    Ask::post("authorities/prepare", json!({"purpose": "jwt-svid"}))
}

fn activate(id: &str) -> Ask {
    Ask::post(format!("authorities/{id}/activate"), json!({"force": true}))
}

async fn authority(world: &World, realm: &Realm, state: &str) -> Option<String> {
    let listed = world.root(realm, Ask::get("authorities")).await;
    let mut all = listed["items"].as_array()?.iter();
    let found = all.find(|one| one["purpose"] == "jwt-svid" && one["state"] == state)?;
    Some(found["id"].as_str()?.to_owned())
}

async fn prepared(world: &World, realm: &Realm) -> String {
    if let Some(prepared) = authority(world, realm, "prepared").await {
        return prepared;
    }
    world.root(realm, prepare()).await["id"].as_str().unwrap().to_owned()
}

/// The authority that signed until now.
async fn retired(world: &World, realm: &Realm) -> String {
    let next = prepared(world, realm).await;
    let old = authority(world, realm, "active").await.unwrap();
    world.root(realm, activate(&next)).await;
    old
}

async fn bundles(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let domain = format!("foreign-{}.test", world.number());
    let path = format!("bundles/{domain}");
    let put = Ask { body: Some(foreign_bundle(world, realm).await), ..Ask::new("PUT", &*path) };
    Some(match named {
        ("GET", "bundles") => Ask::get("bundles"),
        ("PUT", "bundles/{trust_domain}") => put,
        ("GET", "bundles/{trust_domain}") => {
            world.root(realm, put).await;
            Ask::get(path)
        }
        ("DELETE", "bundles/{trust_domain}") => {
            world.root(realm, put).await;
            Ask::delete(path)
        }
        _ => return None,
    })
}

/// A bundle document that could be anybody's: it has JWT authorities only.
pub(super) async fn foreign_bundle(world: &World, realm: &Realm) -> Value {
    let own = world.root(realm, Ask::get(format!("bundles/{}", realm.domain))).await;
    let keys = own["keys"].as_array().unwrap().iter().filter(|key| key["use"] == "jwt-svid");
    json!({"keys": keys.collect::<Vec<_>>(), "spiffe_sequence": 1})
}

async fn clients(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let path = format!("clients/shop-{}", world.number());
    let shop = json!({"name": "Shop", "profile": "web", "redirect_uris": ["https://shop.test/cb"]});
    let made = Ask::put_new(&*path, shop.clone());
    if named == ("GET", "clients") {
        return Some(Ask::get("clients"));
    }
    if named == ("POST", "clients") {
        return Some(Ask::post("clients", shop));
    }
    if named == ("PUT", "clients/{id}") {
        return Some(made);
    }
    world.root(realm, made).await;
    Some(match named {
        ("GET", "clients/{id}") => Ask::get(path),
        ("DELETE", "clients/{id}") => Ask::delete(path),
        ("POST", "clients/{id}/rotate-secret") => {
            Ask::post(format!("{path}/rotate-secret"), json!({}))
        }
        _ => return None,
    })
}

async fn devices(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let token = format!("device-tokens/dtk_{:032x}", world.number());
    let made = Ask::put_new(&*token, json!({}));
    match named {
        ("GET", "devices" | "device-tokens") => return Some(Ask::get(named.1)),
        ("POST", "device-tokens") => return Some(Ask::post("device-tokens", json!({}))),
        ("PUT", "device-tokens/{id}") => return Some(made),
        ("POST", "devices/self/svid") => {
            return Some(Ask::post("devices/self/svid", json!({"csr": super::devices::csr().1})));
        }
        ("POST", "devices/self/reports") => {
            return Some(Ask::post("devices/self/reports", super::devices::report(10_000)));
        }
        ("POST", "devices/self/agent") => {
            let nothing = json!({"chain": "", "statement": ""});
            return Some(Ask::post("devices/self/agent", nothing));
        }
        ("GET", "devices/self/posture") => return Some(Ask::get("devices/self/posture")),
        _ => {}
    }
    let made = world.root(realm, made).await;
    match named {
        ("GET", "device-tokens/{id}") => return Some(Ask::get(token)),
        ("DELETE", "device-tokens/{id}") => return Some(Ask::delete(token)),
        _ => {}
    }
    let enrol = super::devices::enrol(made["secret"].as_str()?, &super::devices::csr().1);
    if named == ("POST", "devices/enrol") {
        return Some(enrol);
    }
    let device = world.root(realm, enrol).await;
    let path = format!("devices/{}", device["id"].as_str()?);
    Some(match named {
        ("GET", "devices/{id}") => Ask::get(path),
        ("GET", "devices/{id}/posture") => Ask::get(format!("{path}/posture")),
        ("DELETE", "devices/{id}/posture/{source}") => {
            Ask::delete(format!("{path}/posture/osquery"))
        }
        // Approving one that is enrolled changes nothing, and asks for the right all the same.
        ("POST", "devices/{id}/approve") => Ask::post(format!("{path}/approve"), json!({})),
        ("POST", "devices/{id}/lock") => Ask::post(format!("{path}/lock"), json!({})),
        ("POST", "devices/{id}/release") => Ask::post(format!("{path}/release"), json!({})),
        ("POST", "devices/{id}/retire") => Ask::post(format!("{path}/retire"), json!({})),
        _ => return None,
    })
}

/// Whoever sets a model sets another than the one that counts: each has a version of its own.
async fn posture_models(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let model = super::devices::model(world.number());
    let put =
        Ask { method: "PUT", ..Ask::post("posture-models/active", json!({"document": model})) };
    Some(match named {
        ("GET", "posture-models" | "posture-models/active") => Ask::get(named.1),
        ("PUT", "posture-models/active") => put,
        ("GET", "posture-models/{number}") => {
            let made = world.root(realm, put).await;
            Ask::get(format!("posture-models/{}", made["number"].as_i64()?))
        }
        ("POST", "posture-model-trials") => Ask::post("posture-model-trials", json!({"number": 0})),
        ("POST", "posture-replays") => super::devices::replay(world).await,
        _ => return None,
    })
}

async fn posture_sources(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let mapping = "device = \"/id\"\n[[signal]]\nname = \"ssh\"\npointer = \"/ssh\"\ngood = true\n";
    let path = format!("posture-sources/source-{}", world.number());
    let put = Ask::put_new(&*path, json!({"mapping": mapping}));
    match named {
        ("GET", "posture-sources") => return Some(Ask::get("posture-sources")),
        ("PUT", "posture-sources/{name}") => return Some(put),
        _ => {}
    }
    world.root(realm, put).await;
    Some(match named {
        ("GET", "posture-sources/{name}") => Ask::get(path),
        ("DELETE", "posture-sources/{name}") => Ask::delete(path),
        ("POST", "posture-sources/{name}/rotate") => Ask::post(format!("{path}/rotate"), json!({})),
        _ => return None,
    })
}

async fn entries(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let number = world.number();
    let entry = world.entry_in(realm, &format!("{PREFIX}/web-{number}"));
    let path = format!("entries/entry-{number}");
    let made = Ask::put_new(&*path, entry.clone());
    Some(match named {
        ("GET", "entries") => Ask::get("entries"),
        ("POST", "entries") => Ask::post("entries", entry),
        ("POST", "entries/batch") => {
            Ask::post("entries/batch", json!({"items": [{"op": "create", "entry": entry}]}))
        }
        ("POST", "entries/explain") => {
            Ask::post("entries/explain", json!({"selectors": ["unix:uid:1"]}))
        }
        ("PUT", "entries/{id}") => made,
        ("GET", "entries/{id}") => {
            world.root(realm, made).await;
            Ask::get(path)
        }
        ("DELETE", "entries/{id}") => {
            world.root(realm, made).await;
            Ask::delete(path)
        }
        _ => return None,
    })
}

async fn groups(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    if named == ("GET", "groups") {
        return Some(Ask::get("groups"));
    }
    let path = format!("groups/group-{}", world.number());
    let set = Ask { body: Some(json!({"description": "a group"})), ..Ask::new("PUT", &*path) };
    if named == ("PUT", "groups/{id}") {
        return Some(set);
    }
    world.root(realm, set).await;
    let member = format!("{path}/members/{}", person(world, realm).await);
    Some(match named {
        ("GET", "groups/{id}") => Ask::get(path),
        ("DELETE", "groups/{id}") => Ask::delete(path),
        ("GET", "groups/{id}/members") => Ask::get(format!("{path}/members")),
        ("PUT", "groups/{id}/members/{user}") => Ask::new("PUT", member),
        ("DELETE", "groups/{id}/members/{user}") => Ask::delete(member),
        _ => return None,
    })
}

fn wish_for_a_person(world: &World) -> Ask {
    let name = format!("person-{}", world.number());
    let attributes = json!({"email": format!("{name}@example.org")});
    Ask::post("users", json!({"username": name, "attributes": attributes}))
}

/// The id of a new person.
async fn person(world: &World, realm: &Realm) -> String {
    let made = world.root(realm, wish_for_a_person(world)).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn containments(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let subject = "spiffe://elsewhere.test/contained";
    let wish = json!({"subject": subject, "reason": "a suspicion"});
    Some(match named {
        ("GET", "containments") => Ask::get("containments"),
        ("POST", "containments") => Ask::post("containments", wish),
        ("DELETE", "containments") => {
            world.root(realm, Ask::post("containments", wish)).await;
            Ask::delete(format!("containments?subject={subject}"))
        }
        _ => return None,
    })
}

async fn sessions(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let user = person(world, realm).await;
    let all = format!("sessions?user={user}");
    Some(match named {
        ("GET", "sessions") => Ask::get(all),
        ("DELETE", "sessions") => Ask::delete(all),
        ("GET", "sessions/{id}") => {
            Ask::get(format!("sessions/{}", session(world, realm, &user).await))
        }
        ("DELETE", "sessions/{id}") => {
            Ask::delete(format!("sessions/{}", session(world, realm, &user).await))
        }
        _ => return None,
    })
}

/// A browser of this person that is signed in.
async fn session(world: &World, realm: &Realm, user: &str) -> String {
    let server = world.server.server();
    let (realm, user) =
        (server.realms.by_name(realm.name).unwrap().id, UserId::parse(user).unwrap());
    let number = server.accounts.fresh(realm, user).await.unwrap().unwrap().number;
    let signed_in = SignedIn {
        realm,
        user,
        number,
        methods: [Method::Password].into(),
        since: server.env.clock.now(),
        upstream: None,
        device: None,
        address: "192.0.2.1".to_owned(),
        agent: "Test/1".to_owned(),
        before: None,
    };
    server.sessions.open(signed_in).await.unwrap().session.id.to_string()
}

async fn deliveries(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    if named == ("GET", "deliveries") {
        return Some(Ask::get("deliveries"));
    }
    let server = world.server.server();
    let id = format!("letter-{}", world.number());
    let kind = std::borrow::Cow::Borrowed("nobody's");
    let letter = Delivery { id: id.clone(), kind, body: Vec::new() };
    let input = (letter, server.env.clock.now());
    let posted: Result<(), Fault> = server
        .env
        .db
        .write(server.realms.by_name(realm.name).unwrap().id, input, |tx, (letter, now)| {
            Box::pin(post(tx, letter, *now))
        })
        .await;
    posted.unwrap();
    (named == ("POST", "deliveries/{id}/retry"))
        .then(|| Ask::new("POST", format!("deliveries/{id}/retry")))
}

async fn users(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    if named == ("GET", "users") {
        return Some(Ask::get("users"));
    }
    if named == ("POST", "users") {
        return Some(wish_for_a_person(world));
    }
    let path = format!("users/{}", person(world, realm).await);
    let name = Some(json!({"attributes": {"name": "Ada"}}));
    Some(match named {
        ("GET", "users/{id}") => Ask::get(path),
        ("PATCH", "users/{id}") => Ask { body: name, ..Ask::new("PATCH", path) },
        ("DELETE", "users/{id}") => Ask::delete(path),
        ("GET", "users/{id}/export") => Ask::get(format!("{path}/export")),
        ("POST", "users/{id}/lock") => Ask::new("POST", format!("{path}/lock")),
        ("POST", "users/{id}/unlock") => Ask::new("POST", format!("{path}/unlock")),
        ("POST", "users/{id}/reset-credentials") => {
            Ask::new("POST", format!("{path}/reset-credentials"))
        }
        ("POST", "users/{id}/verification") => Ask::new("POST", format!("{path}/verification")),
        ("POST", "users/{id}/enrolment-link") => Ask::new("POST", format!("{path}/enrolment-link")),
        _ => return None,
    })
}

async fn join_tokens(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let path = format!("join-tokens/jtk_{:032x}", world.number());
    let wish = json!({"uses_max": 1, "lifetime_seconds": 600});
    let made = Ask::put_new(&*path, wish.clone());
    Some(match named {
        ("GET", "join-tokens") => Ask::get("join-tokens"),
        ("POST", "join-tokens") => Ask::post("join-tokens", wish),
        ("PUT", "join-tokens/{id}") => made,
        ("GET", "join-tokens/{id}") => {
            world.root(realm, made).await;
            Ask::get(path)
        }
        ("DELETE", "join-tokens/{id}") => {
            world.root(realm, made).await;
            Ask::delete(path)
        }
        _ => return None,
    })
}

async fn policies(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let number = world.number();
    let path = format!("policies/own-{number}");
    let text = format!(
        "@id(\"own-{number}\") forbid (principal, action == Action::\"ReadRealm\", resource is Realm) when {{ false }};"
    );
    let made = Ask::put_new(&*path, json!({"text": text}));
    Some(match named {
        ("GET", "policies") => Ask::get("policies"),
        ("POST", "policy-trials") => {
            let case = json!({"name": "x", "action": "ReadRealm", "principal": "Nobody::nobody", "resource": "Realm::x"});
            Ask::post("policy-trials", json!({"cases": [case]}))
        }
        ("POST", "policy-replays") => Ask::post("policy-replays", json!({"policies": {}})),
        ("GET", "policies/{name}/history") => {
            world.root(realm, made).await;
            Ask::get(format!("{path}/history"))
        }
        ("POST", "policies/{name}/rollback") => {
            world.root(realm, made).await;
            Ask::post(format!("{path}/rollback"), json!({}))
        }
        ("PUT", "policies/{name}") => made,
        ("GET", "policies/{name}") => {
            world.root(realm, made).await;
            Ask::get(path)
        }
        ("DELETE", "policies/{name}") => {
            world.root(realm, made).await;
            Ask::delete(path)
        }
        _ => return None,
    })
}

async fn role_bindings(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let name = format!("binding-{}", world.number());
    let holder = format!("spiffe://{}/{name}", realm.domain);
    let made =
        Ask::post("role-bindings", json!({"name": name, "holder": holder, "role": "viewer"}));
    Some(match named {
        ("GET", "role-bindings") => Ask::get("role-bindings"),
        ("POST", "role-bindings") => made,
        ("DELETE", "role-bindings/{name}") => {
            world.root(realm, made).await;
            Ask::delete(format!("role-bindings/{name}"))
        }
        _ => return None,
    })
}

async fn upstreams(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    let path = format!("upstreams/idp-{}", world.number());
    let settings =
        json!({"display_name": "One", "issuer": "https://127.0.0.1:1", "client_id": "weft"});
    let made = Ask::put_new(&*path, json!({"settings": settings, "client_secret": "one"}));
    let after = match named {
        ("GET", "upstreams") => Ask::get("upstreams"),
        ("PUT", "upstreams/{id}") => return Some(made),
        ("GET", "upstreams/{id}") => Ask::get(path),
        ("DELETE", "upstreams/{id}") => Ask::delete(path),
        ("POST", "upstreams/{id}/test") => {
            Ask::post(format!("{path}/test"), json!({"claims": {"sub": "ann"}}))
        }
        ("GET", "upstreams/{id}/tokens/{user}") => {
            Ask::get(format!("{path}/tokens/usr_{:032x}", world.number()))
        }
        _ => return None,
    };
    world.root(realm, made).await;
    Some(after)
}

fn server(world: &World, realm: &Realm, named: (&str, &str)) -> Option<Ask> {
    Some(match named {
        ("GET", "brand" | "events" | "realms" | "status" | "whoami") => Ask::get(named.1),
        ("PUT", "brand") => {
            Ask { body: Some(json!({"name": "Ada Works"})), ..Ask::new("PUT", "brand") }
        }
        ("DELETE", "brand") => Ask::delete("brand"),
        ("GET", "realms/{name}") => Ask::get(format!("realms/{}", realm.name)),
        ("POST", "realms") => {
            let name = format!("realm-{}", world.number());
            let (domain, issuer) = (format!("{name}.test"), format!("https://{name}.test"));
            let wish = json!({"name": name, "trust_domain": domain, "issuer": issuer});
            Ask::post("realms", wish)
        }
        _ => return None,
    })
}

/// What an answer says, in a word or two: its status, its code if it has one, and whether a list was empty.
pub(super) fn told((status, body): &(u16, Value)) -> String {
    if let Some(first) = body["results"].as_array().and_then(|all| all.first()) {
        let status = first["status"].as_u64().unwrap_or_default();
        return said(u16::try_from(status).unwrap(), &first["problem"]);
    }
    match body["items"].as_array() {
        Some(items) if items.is_empty() => format!("{status} nothing listed"),
        _ => said(*status, body),
    }
}

fn said(status: u16, body: &Value) -> String {
    match body["code"].as_str() {
        Some(code) if status >= 400 => format!("{status} {code}"),
        _ => status.to_string(),
    }
}

/// An entry that the registrar may not touch.
pub(super) async fn outside(world: &World) -> (String, Value) {
    let entry = world.entry_in(&ONE, "/elsewhere/web");
    let made = world.root(&ONE, Ask::post("entries", entry.clone())).await;
    (made["id"].as_str().unwrap().to_owned(), entry)
}

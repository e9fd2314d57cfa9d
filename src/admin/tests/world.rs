//! A server with people who hold roles, devices that report, and browsers.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::access::{BindRole, Given, Holder, Name, Rights, RoleBinding};
use crate::account::tests::world::{ADDRESS, House, REALM};
use crate::accounts::User;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{csr, svid_of_verified_peer};
use crate::devices::model::{Class, Grant, TokenWish};
use crate::devices::{Brought, EnrolDevice, OwnDevice};
use crate::kernel::{
    Caller, DeviceId, Granted, Lifetime, Listener, Method, Proof, RealmId, Secret, Situation,
    SpiffeId, Timestamp,
};
use crate::machine;
use crate::posture::Sent;
use crate::sessions::{SessionCookie, SignedIn};
use crate::signin::tests::world::Tab;
use crate::testkit::until;
use crate::wire::api::Time;
use crate::wire::posture::FORMAT;

/// A device that has enrolled, and what it calls with.
pub(crate) struct Machine {
    pub(crate) id: DeviceId,
    pub(crate) caller: Caller,
}

impl Machine {
    /// Its page.
    pub(crate) fn page(&self) -> String {
        format!("/admin/devices/{}", self.id)
    }
}

/// A device that its owner asked for, and that waits for approval.
pub(crate) async fn waiting(house: &House, name: &str, owner: &User) -> DeviceId {
    let ask = OwnDevice {
        realm: REALM,
        owner: owner.id,
        key: PrivateKey::generate(Algorithm::P256).unwrap().public().clone(),
        name: name.to_owned(),
        platform: "linux".to_owned(),
        class: Class::Laptop,
        situation: Situation::default(),
    };
    let granted = Granted { actor: Some(owner.number), ..Granted::to_server("Test") };
    match house.server().devices.enrol_own(granted, ask, None).await.unwrap() {
        Brought::Waits(device) => {
            let known = || house.server().devices.device(REALM, device.id).ok_or("not yet");
            until("the device is known", async || known().map(drop)).await;
            device.id
        }
        Brought::Enrolled(given) => panic!("{given:?}"),
    }
}

/// Somebody with this role; nothing: with none.
pub(crate) async fn person(house: &House, name: &str, given: Option<Given>) -> Arc<User> {
    let user = house.person(name).await;
    let Some(given) = given else { return user };
    let server = house.server();
    let rights = Rights::new(server.access.clone(), server.events.clone(), server.env.clone());
    let binding = RoleBinding {
        name: Name::parse(&format!("{name}-role")).unwrap(),
        holder: Holder::Spiffe(spiffe_id(house, &user)),
        given,
    };
    let ask = BindRole { asker: house.by().asker, realm: REALM, binding };
    rights.bind_role(ask).await.unwrap();
    until("the role is known", async || {
        let all = rights.bindings(&house.by().asker, REALM).unwrap();
        let known = all.iter().any(|one| one.name.as_str() == format!("{name}-role"));
        if known { Ok(()) } else { Err(all.len()) }
    })
    .await;
    user
}

pub(crate) fn spiffe_id(house: &House, user: &User) -> SpiffeId {
    user.spiffe_id(&house.server().realms.get(REALM).unwrap().trust_domain).unwrap()
}

/// A browser with a session of this person, in which two factors were shown just now.
pub(crate) async fn signed_in(house: &House, user: &User) -> Tab {
    session(house, REALM, user, [Method::Password, Method::Totp].into()).await
}

/// The same, of this realm, with these methods.
pub(crate) async fn session(
    house: &House,
    realm: RealmId,
    user: &User,
    methods: BTreeSet<Method>,
) -> Tab {
    let signed_in = SignedIn {
        realm,
        user: user.id,
        number: user.number,
        methods,
        since: house.now(),
        upstream: None,
        device: None,
        address: ADDRESS.to_string(),
        agent: "Test/1".to_owned(),
        before: None,
    };
    let opened = house.server().sessions.open(signed_in).await.unwrap();
    let mut tab = Tab::new();
    tab.jar.insert(SessionCookie::NAME.to_owned(), opened.cookie.expose());
    tab
}

/// A laptop with this name, of this person, comes in.
pub(crate) async fn machine(house: &House, name: &str, owner: Option<&User>) -> Machine {
    let devices = &house.server().devices;
    let owner = owner.map(|owner| owner.id);
    let grant = Grant { class: Class::Laptop, profile: None, owner, device: None };
    let by = house.by();
    let wish = TokenWish { by, id: None, uses_max: 1, lifetime: Lifetime::hours(1), grant };
    let secret = devices.create_token(wish).await.unwrap().secret;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let ask = EnrolDevice {
        realm: REALM,
        secret: Secret::new(secret.expose().clone()),
        csr: csr::create(&key).unwrap(),
        name: name.to_owned(),
        platform: "linux".to_owned(),
        situation: Situation::default(),
    };
    let given = devices.enrol(ask).await.unwrap();
    let leaf = svid_of_verified_peer(&given.svid.chain[0]).unwrap();
    let proof = Proof::X509Svid {
        serial: leaf.serial,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        key_digest: leaf.key_digest,
    };
    let caller = Caller {
        realm: REALM,
        subject: Some(leaf.id),
        proof,
        listener: Listener::Mtls,
        address: None,
    };
    let id = given.device.id;
    until("the device is known", async || devices.device(REALM, id).ok_or("not yet")).await;
    Machine { id, caller }
}

/// It reports that everything is this good, but for these signals.
pub(crate) async fn reports(house: &House, machine: &Machine, value: u16, but: &[(&str, u16)]) {
    let now = Timestamp::from_seconds(house.now().seconds());
    let value = |name: &str| but.iter().find(|(of, _)| *of == name).map_or(value, |(_, v)| *v);
    let signal = |name: &&str| json!({"signal": name, "value": value(name), "class": "bearer_agent", "at": Time(now), "source": "/"});
    let signals: Vec<_> = machine::names().iter().map(signal).collect();
    let report = json!({"format": FORMAT, "collected_at": Time(now), "platform": "linux", "signals": signals});
    let sent = Sent { gzip: false, bytes: report.to_string().into_bytes().into() };
    let posture = &house.server().posture;
    posture.take(&machine.caller, sent).await.unwrap();
    until("the report is known", async || posture.of_device(machine.id).reported.ok_or("not yet"))
        .await;
}

/// What a page says, without the marks around what was put into its texts.
pub(crate) fn plain(tab: &Tab) -> String {
    tab.body.replace(['\u{2068}', '\u{2069}'], "")
}

//! A node on a device: who may say so, and what follows from it.

use std::sync::Arc;

use super::{House, REALM, key, shown};
use crate::crypto::jose::TokenSigner;
use crate::crypto::keys::{PrivateKey, Signer};
use crate::crypto::x509::{csr, pem, svid_of_verified_peer};
use crate::devices::model::{Class, Grant, TokenWish};
use crate::devices::{self, Device, Devices, EnrolDevice, Manage};
use crate::kernel::{Caller, Fault, Level, Lifetime, Listener, Proof, Situation, SpiffeId};
use crate::nodes::{BindDevice, Error};
use crate::svid::X509Svid;
use crate::testkit::on_each_database;
use crate::wire::on_device::{TYPE, claims};

/// A device that has enrolled beside the nodes of this house, and calls.
struct Laptop {
    devices: Devices,
    device: Device,
    caller: Caller,
}

impl Laptop {
    async fn enrolled(house: &House) -> Self {
        let nodes = &house.nodes;
        let posture = house.keys.posture_of(nodes.devices.clone());
        let devices = house.keys.devices(&nodes.realms, nodes.devices.clone(), &posture);
        let grant = Grant { class: Class::Laptop, profile: None, owner: None, device: None };
        let (by, lifetime) = (House::by(), Lifetime::hours(1));
        let wish = TokenWish { by, id: None, uses_max: 1, lifetime, grant };
        let ask = EnrolDevice {
            realm: REALM,
            secret: devices.create_token(wish).await.unwrap().secret,
            csr: csr::create(&key()).unwrap(),
            name: "ada-laptop".to_owned(),
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
        let (subject, listener) = (Some(leaf.id), Listener::Mtls);
        let caller = Caller { realm: REALM, subject, proof, listener, address: None };
        let laptop = Self { devices, device: given.device, caller };
        laptop.follow(house).await;
        laptop
    }

    async fn follow(&self, house: &House) {
        let loaded: Result<(), Fault> = house
            .keys
            .env
            .db
            .read(REALM, self.devices.clone(), |tx, devices| {
                Box::pin(async move { devices.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }
}

/// An agent with its key.
struct Agent {
    key: Arc<PrivateKey>,
    svid: X509Svid,
}

impl Agent {
    async fn joined(house: &House) -> Self {
        let key = Arc::new(key());
        let token = house.token(1).await;
        let svid = house.join(token.secret.expose(), &key).await.unwrap();
        Self { key, svid }
    }

    fn signed(&self, typ: &str, claims: &str) -> BindDevice {
        let key = Arc::clone(&self.key);
        let signer: Arc<dyn Signer> = key;
        let statement = TokenSigner::new(signer, "agent", typ).sign(claims).unwrap();
        let chain = self.svid.chain.iter().map(|der| pem("CERTIFICATE", der).to_string()).collect();
        BindDevice { chain, statement }
    }

    fn says(&self, house: &House, device: &SpiffeId) -> BindDevice {
        let now = house.keys.clock_now().seconds();
        self.signed(TYPE, &claims(self.svid.id.as_str(), device.as_str(), now))
    }
}

#[tokio::test]
async fn a_node_is_bound_by_both_keys_and_its_evidence_names_the_device() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (laptop, agent) =
            (Box::pin(Laptop::enrolled(&house)).await, Box::pin(Agent::joined(&house)).await);
        let ask = agent.says(&house, &laptop.device.spiffe_id);
        let bound = Box::pin(house.nodes.bind_device(&laptop.caller, ask.clone())).await.unwrap();
        assert_eq!(bound.evidence().device, Some(laptop.device.id));
        // The same statement within its minute changes nothing.
        assert_eq!(Box::pin(house.nodes.bind_device(&laptop.caller, ask)).await.unwrap(), bound);
        house.follow().await;
        let caller = house.judged(&shown(&agent.svid)).await.unwrap();
        assert_eq!(caller.agent.device, Some(laptop.device.id), "and it stays through a start");

        let ask = Manage::new(laptop.device.id, None, "stolen").unwrap();
        laptop.devices.retire(House::by(), ask).await.unwrap();
        laptop.follow(&house).await;
        let posture = house.keys.posture_of(house.nodes.devices.clone());
        let standing = posture.standing(&caller.agent.evidence());
        assert_eq!((standing.level, standing.locked), (Level::Quarantine, true));
        house.nodes.evict(House::by(), &agent.svid.id).await.unwrap();
        house.follow().await;
        assert!(house.nodes.agent(REALM, &agent.svid.id).is_none());
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_is_not_the_agents_own_for_this_device_now_binds_nothing() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (laptop, other) =
            (Box::pin(Laptop::enrolled(&house)).await, Box::pin(Laptop::enrolled(&house)).await);
        let (agent, stranger) =
            (Box::pin(Agent::joined(&house)).await, Box::pin(Agent::joined(&house)).await);
        let (device, now) = (&laptop.device.spiffe_id, house.keys.clock_now().seconds());
        let text = |sub: &SpiffeId, at| claims(sub.as_str(), device.as_str(), at);
        let own = text(&agent.svid.id, now);
        let stolen =
            BindDevice { chain: agent.says(&house, device).chain, ..stranger.signed(TYPE, &own) };
        let long = own.replace(&(now + 60).to_string(), &(now + 3600).to_string());
        for (name, ask) in [
            ("another key", stolen),
            ("for another device", agent.says(&house, &other.device.spiffe_id)),
            ("of another agent", agent.signed(TYPE, &text(&stranger.svid.id, now))),
            ("of another type", agent.signed("JWT", &own)),
            ("ended", agent.signed(TYPE, &text(&agent.svid.id, now - 60))),
            ("not begun", agent.signed(TYPE, &text(&agent.svid.id, now + 61))),
            ("good for an hour", agent.signed(TYPE, &long)),
            ("without times", agent.signed(TYPE, r#"{"sub":"a","aud":"b"}"#)),
            ("nothing", BindDevice { chain: String::new(), statement: String::new() }),
        ] {
            let outcome = Box::pin(house.nodes.bind_device(&laptop.caller, ask)).await;
            assert!(matches!(outcome, Err(Error::Statement(_))), "{name}: {outcome:?}");
        }
        let nobody = Caller { proof: Proof::Nothing, ..laptop.caller.clone() };
        let outcome = Box::pin(house.nodes.bind_device(&nobody, agent.says(&house, device))).await;
        assert!(matches!(outcome, Err(Error::Device(devices::Error::NoSvid))), "{outcome:?}");
        house.nodes.ban(House::by(), &agent.svid.id).await.unwrap();
        house.follow().await;
        let outcome =
            Box::pin(house.nodes.bind_device(&laptop.caller, agent.says(&house, device))).await;
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
        assert!(house.nodes.agents(REALM).iter().all(|agent| agent.device.is_none()));
    })
    .await;
}

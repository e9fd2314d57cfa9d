//! What agents can rely on, and what nobody can do to them: join tokens, renewals, bans.

mod device;
mod names;

use std::sync::Arc;

use super::attest_agent::{AttestAgent, Progress};
use super::attestors::{Attestors, JoinTokens};
use super::grpc::{authenticate, peer_svid};
use super::model::{Administrator, NewJoinToken, TokenWish};
use super::{Below, Error, NodeCaller, Nodes, PeerSvid, Refusal, Settings};
use crate::audit::{Audit, Query, ReadEvents, Record};
use crate::crypto::digest::hex;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{csr, svid_of_verified_peer};
use crate::devices::Inventory;
use crate::events::Part;
use crate::kernel::{Fault, Lifetime, RealmId, Situation, SpiffeId, Timestamp};
use crate::svid::X509Svid;
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};

const REALM: RealmId = RealmId::FIRST;

pub(super) struct House {
    keys: KeysReplica,
    pub(super) nodes: Nodes,
}

impl House {
    pub(super) async fn new(database: &TestDatabase) -> Self {
        Self::with(database, Attestors::new(vec![Box::new(JoinTokens)])).await
    }

    async fn with(database: &TestDatabase, attestors: Attestors) -> Self {
        let keys = KeysReplica::started(database).await;
        let env = keys.env.clone();
        let realms = keys.realms().await;
        let below = Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            posture: keys.posture(),
            bundles: keys.bundles.clone(),
            devices: Inventory::new(keys.env.db.clone()),
            svid: keys.svid.clone(),
            realms,
        };
        let nodes = Nodes::new(env, below, attestors, Settings::default());
        Self { keys, nodes }
    }

    pub(super) fn by() -> Administrator {
        Administrator { realm: REALM, asker: KeysReplica::root() }
    }

    pub(super) async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, self.nodes.clone(), |tx, nodes| {
                Box::pin(async move { nodes.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    async fn token(&self, uses_max: i64) -> NewJoinToken {
        let wish = TokenWish {
            by: Self::by(),
            id: None,
            uses_max,
            lifetime: Lifetime::hours(1),
            selectors: Vec::new(),
            alias: None,
        };
        self.nodes.create_token(wish).await.unwrap()
    }

    pub(super) async fn join(&self, secret: &str, key: &PrivateKey) -> Result<X509Svid, Error> {
        let ask = AttestAgent {
            realm: REALM,
            attestor: "join_token".to_owned(),
            payload: secret.as_bytes().to_vec(),
            csr: csr::create(key).unwrap(),
            situation: Situation::default(),
        };
        let progress = self.nodes.attest(ask).await;
        self.follow().await;
        match progress? {
            Progress::Admitted { svid, .. } => Ok(svid),
            Progress::Challenge(..) => panic!("a join token needs no challenge"),
        }
    }

    pub(super) async fn joined(&self) -> (X509Svid, PeerSvid) {
        let token = self.token(1).await;
        let svid = self.join(token.secret.expose(), &key()).await.unwrap();
        let shown = shown(&svid);
        (svid, shown)
    }

    async fn judged(&self, svid: &PeerSvid) -> Result<NodeCaller, Error> {
        self.nodes.judge(REALM, svid).await
    }

    async fn renewed(&self, caller: &NodeCaller) -> PeerSvid {
        shown(&self.nodes.renew(caller, &csr::create(&key()).unwrap()).await.unwrap())
    }

    /// What the events of this kind are about.
    async fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        let query = Query { kind: Some(kind.to_owned()), ..Query::default() };
        let (keys, asker) = (&self.keys, KeysReplica::root());
        let audit = Audit::new(keys.env.db.clone(), keys.events.clone(), keys.access.clone());
        keys.events.copy().await.unwrap();
        let found = audit.list(ReadEvents { realm: REALM, asker, query }).await.unwrap().items;
        let fields = |event: Record| match event.about {
            Part::Open(fields) => fields.into(),
            other => panic!("{other:?}"),
        };
        found.into_iter().map(fields).collect()
    }

    async fn recorded(&self, kind: &str) -> usize {
        self.events(kind).await.len()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.keys.clock_now()
    }

    fn wait(&self, span: Lifetime) {
        self.keys.clock.advance(span);
    }
}

pub(super) fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::P256).unwrap()
}

fn shown(svid: &X509Svid) -> PeerSvid {
    peer_svid(&svid_of_verified_peer(&svid.chain[0]).unwrap())
}

fn refused<T: std::fmt::Debug>(outcome: &Result<T, Error>, wanted: Refusal) {
    assert!(matches!(outcome, Err(Error::Refused(refusal)) if *refusal == wanted), "{outcome:?}");
}

fn not_admitted<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Attestation(_))), "{outcome:?}");
}

#[tokio::test]
async fn of_two_agents_that_race_for_a_tokens_last_use_exactly_one_wins() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let (one, other) = (key(), key());
        let secret = token.secret.expose();
        let (first, second) = tokio::join!(house.join(secret, &one), house.join(secret, &other));
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        not_admitted(&house.join(secret, &key()).await);
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_by_the_same_key_for_ten_minutes() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let (mine, secret) = (key(), token.secret.expose());
        let first = house.join(secret, &mine).await.unwrap();
        house.wait(Lifetime::minutes(9));
        let again = house.join(secret, &mine).await.unwrap();
        assert_eq!(first.id, again.id);
        assert_ne!(first.serial, again.serial);
        not_admitted(&house.join(secret, &key()).await);
        house.wait(Lifetime::minutes(2));
        not_admitted(&house.join(secret, &mine).await);
    })
    .await;
}

#[tokio::test]
async fn a_token_for_several_agents_gives_each_a_name_of_its_own() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(2).await;
        let secret = token.secret.expose();
        let one = house.join(secret, &key()).await.unwrap();
        let two = house.join(secret, &key()).await.unwrap();
        assert_ne!(one.id, two.id);
        not_admitted(&house.join(secret, &key()).await);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_uses_a_token_again_once_its_answer_can_no_longer_be_asked_for() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(2).await;
        let (mine, secret) = (key(), token.secret.expose());
        let one = house.join(secret, &mine).await.unwrap();
        house.wait(Lifetime::minutes(11));
        let two = house.join(secret, &mine).await.unwrap();
        assert_ne!(one.id, two.id);
        let again = house.join(secret, &mine).await.unwrap();
        assert_eq!(two.id, again.id, "from here on its answer is the second one");
        not_admitted(&house.join(secret, &key()).await);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_expired_or_revoked_token_lets_nobody_in() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        not_admitted(&house.join("no such token", &key()).await);
        let (revoked, expired) = (house.token(1).await, house.token(1).await);
        house.nodes.revoke_token(House::by(), revoked.token.id).await.unwrap();
        not_admitted(&house.join(revoked.secret.expose(), &key()).await);
        house.wait(Lifetime::minutes(61));
        not_admitted(&house.join(expired.secret.expose(), &key()).await);
    })
    .await;
}

#[tokio::test]
async fn a_wish_for_a_token_outside_its_bounds_is_refused() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        for (uses_max, lifetime) in [
            (0, Lifetime::hours(1)),
            (1001, Lifetime::hours(1)),
            (1, Lifetime::ZERO),
            (1, Lifetime::days(31)),
        ] {
            let wish = TokenWish {
                by: House::by(),
                id: None,
                uses_max,
                lifetime,
                selectors: Vec::new(),
                alias: Some(SpiffeId::parse("spiffe://weft.test/rack").unwrap()),
            };
            let outcome = house.nodes.create_token(wish).await;
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_renewed_svid_becomes_the_current_one_at_its_first_use_and_the_old_one_is_refused() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (_, first) = house.joined().await;
        house.wait(Lifetime::minutes(30));
        let caller = house.judged(&first).await.unwrap();
        let lost = house.renewed(&caller).await;
        house.wait(Lifetime::seconds(2));
        let second = house.renewed(&caller).await;
        house.judged(&first).await.expect("nothing newer was used yet");
        house.judged(&second).await.unwrap();
        refused(&house.judged(&first).await, Refusal::NotActive);
        refused(&house.judged(&lost).await, Refusal::NotActive);
        assert_eq!(house.nodes.write_activations(REALM).await.unwrap(), 1);
        assert_eq!(house.nodes.write_activations(REALM).await.unwrap(), 0, "it is written");
        house.follow().await;
        house.judged(&second).await.expect("and the row says the same");
    })
    .await;
}

#[tokio::test]
async fn a_stolen_svid_that_two_renew_ends_one_of_them() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (_, stolen) = house.joined().await;
        house.wait(Lifetime::minutes(30));
        let caller = house.judged(&stolen).await.unwrap();
        let thief = house.renewed(&caller).await;
        let owner = house.renewed(&caller).await;
        house.judged(&thief).await.unwrap();
        house.judged(&owner).await.unwrap();
        refused(&house.judged(&thief).await, Refusal::NotActive);
        refused(&house.judged(&stolen).await, Refusal::NotActive);
    })
    .await;
}

#[tokio::test]
async fn each_use_of_a_replaced_svid_is_told_once_and_an_agents_own_call_on_its_way_is_not() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (_, stolen) = house.joined().await;
        house.wait(Lifetime::minutes(30));
        let caller = house.judged(&stolen).await.unwrap();
        let renewed = house.renewed(&caller).await;
        house.judged(&renewed).await.unwrap();
        // What the agent asked for just before it changed over.
        let status = "/spire.api.server.agent.v1.Agent/PostStatus";
        assert!(authenticate(&house.nodes, REALM, &stolen, status).await.is_err());
        assert_eq!(house.recorded("agent.clone_suspected").await, 0);
        house.wait(Lifetime::seconds(31));
        for _ in 0..3 {
            assert!(authenticate(&house.nodes, REALM, &stolen, status).await.is_err());
        }
        assert_eq!(house.recorded("agent.clone_suspected").await, 1, "once for each SVID");
        // A renewal is never on its way twice.
        let caller = house.judged(&renewed).await.unwrap();
        let third = house.renewed(&caller).await;
        house.judged(&third).await.unwrap();
        let renewal = "/spire.api.server.agent.v1.Agent/RenewAgent";
        for _ in 0..2 {
            assert!(authenticate(&house.nodes, REALM, &renewed, renewal).await.is_err());
        }
        assert_eq!(house.recorded("agent.clone_suspected").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_renewal_is_on_record_with_what_it_renews_and_for_which_key() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (_, first) = house.joined().await;
        let caller = house.judged(&first).await.unwrap();
        let fresh = key();
        house.nodes.renew(&caller, &csr::create(&fresh).unwrap()).await.unwrap();
        let issued = house.events("svid.x509_issued").await;
        let told: Vec<_> = issued.iter().filter(|about| about.get("renews").is_some()).collect();
        assert_eq!(told.len(), 1, "{issued:?}");
        assert_eq!(told[0]["renews"], first.serial);
        assert_eq!(told[0]["public_key"], hex(&fresh.public().digest()));
    })
    .await;
}

#[tokio::test]
async fn a_banned_agent_is_refused_until_it_is_evicted_and_then_it_needs_a_token_of_its_own() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let (mine, secret) = (key(), token.secret.expose());
        let svid = house.join(secret, &mine).await.unwrap();
        house.nodes.ban(House::by(), &svid.id).await.unwrap();
        house.follow().await;
        refused(&house.judged(&shown(&svid)).await, Refusal::Banned);
        refused(&house.join(secret, &mine).await, Refusal::Banned);
        house.nodes.evict(House::by(), &svid.id).await.unwrap();
        house.follow().await;
        refused(&house.judged(&shown(&svid)).await, Refusal::NotAttested);
        not_admitted(&house.join(secret, &mine).await);
        let another = house.token(1).await;
        let back = house.join(another.secret.expose(), &mine).await.unwrap();
        house.judged(&shown(&back)).await.expect("within seconds of the eviction");
    })
    .await;
}

#[tokio::test]
async fn an_evicted_agent_does_not_come_back_by_the_use_of_a_token_that_it_used_up() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        for uses in [1, 2] {
            let token = house.token(uses).await;
            let (mine, secret) = (key(), token.secret.expose());
            let mut last = house.join(secret, &mine).await.unwrap();
            if uses == 2 {
                // Its answer can be asked for no longer, so this is a use of its own.
                house.wait(Lifetime::minutes(11));
                last = house.join(secret, &mine).await.unwrap();
            }
            let again = house.join(secret, &mine).await.unwrap();
            assert_eq!(last.id, again.id, "a lost answer is asked for again");
            house.nodes.evict(House::by(), &last.id).await.unwrap();
            house.follow().await;
            not_admitted(&house.join(secret, &mine).await);
            refused(&house.judged(&shown(&again)).await, Refusal::NotAttested);
        }
    })
    .await;
}

#[tokio::test]
async fn an_expired_svid_and_an_attestation_that_is_too_old_end_in_attesting_again() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (_, first) = house.joined().await;
        let caller = house.judged(&first).await.unwrap();
        house.wait(Lifetime::hours(2));
        refused(&house.judged(&first).await, Refusal::Expired);
        house.wait(Lifetime::days(90));
        let outcome = house.nodes.renew(&caller, &csr::create(&key()).unwrap()).await;
        refused(&outcome, Refusal::MustReattest);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_proves_no_key_or_names_no_attestor_is_refused() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let ask = |attestor: &str, csr: Vec<u8>| AttestAgent {
            realm: REALM,
            attestor: attestor.to_owned(),
            payload: token.secret.expose().as_bytes().to_vec(),
            csr,
            situation: Situation::default(),
        };
        let mut forged = csr::create(&key()).unwrap();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let outcome = house.nodes.attest(ask("join_token", forged)).await;
        assert!(matches!(outcome, Err(Error::Csr(_))), "{outcome:?}");
        let outcome = house.nodes.attest(ask("tpm", csr::create(&key()).unwrap())).await;
        assert!(matches!(outcome, Err(Error::UnknownAttestor(_))), "{outcome:?}");
        house.join(token.secret.expose(), &key()).await.expect("the token was not used up");
    })
    .await;
}

#[tokio::test]
async fn a_token_is_not_used_up_by_an_agent_that_gets_no_svid() {
    on_each_database(async |database| {
        let mut house = House::new(database).await;
        let token = house.token(1).await;
        let (settings, no_time) = (Settings::default(), 0);
        house.nodes.settings = Arc::new(Settings { svid_seconds: no_time, ..settings.clone() });
        let outcome = house.join(token.secret.expose(), &key()).await;
        assert!(matches!(outcome, Err(Error::Svid(_))), "{outcome:?}");
        house.nodes.settings = Arc::new(settings);
        house.join(token.secret.expose(), &key()).await.expect("the token was not used up");
        not_admitted(&house.join(token.secret.expose(), &key()).await);
    })
    .await;
}

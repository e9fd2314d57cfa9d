//! The specification of realms: what cannot be a realm, which one a request is about, and how one comes to be.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{CreateRealm, Error, HostName, Issuer, REALM, Realm, RealmName, Realms, store};
use crate::access::{Access, Asker, BindRole, Given, Holder, Name, Rights, RoleBinding};
use crate::crypto::seal::{Kek, KekRing};
use crate::db::Db;
use crate::env::Env;
use crate::events::{Events, LedgerSettings};
use crate::kernel::{
    Caller, Fault, Listener, Proof, RealmId, Secret, SpiffeId, Timestamp, TrustDomain,
};
use crate::testkit::{SeededEntropy, TestClock, TestDatabase, on_each_database, on_each_engine};

/// One replica's realms over a shared database.
pub(super) struct Replica {
    db: Db,
    pub(super) access: Access,
    rights: Rights,
    pub(super) realms: Realms,
    _ledger: tempfile::TempDir,
    _database: Option<crate::testkit::Kept>,
}

impl Replica {
    async fn over(db: Db, clock: TestClock, seed: u64) -> Self {
        let env = Env {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        let ledger = tempfile::tempdir().unwrap();
        let ring =
            Arc::new(KekRing::new(Kek::from_bytes(&Secret::new([1; 32])).unwrap(), Vec::new()));
        let directory = ledger.path().to_owned();
        let events = Events::open(env.clone(), directory, ring, LedgerSettings::default()).unwrap();
        events.prepare(RealmId::SYSTEM).await.unwrap();
        let access = Access::new(Arc::new(clock), 1000).unwrap();
        access.open(RealmId::SYSTEM);
        let rights = Rights::new(access.clone(), events.clone(), env.clone());
        let realms = Realms::new(env, access.clone(), events);
        Self { db, access, rights, realms, _ledger: ledger, _database: None }
    }

    /// A replica after the first start.
    pub(super) async fn started(database: &TestDatabase) -> Self {
        let replica = Self::over(database.open().await, database.clock(), 1).await;
        replica.found("weft.test", "https://weft.test").await.unwrap();
        replica.load().await;
        Self { _database: Some(database.kept()), ..replica }
    }

    async fn found(&self, trust_domain: &str, issuer: &str) -> Result<Arc<Realm>, Error> {
        let trust_domain = TrustDomain::parse(trust_domain).unwrap();
        self.realms.found(trust_domain, Issuer::parse(issuer).unwrap()).await
    }

    pub(super) async fn load(&self) {
        let input = (self.realms.clone(), self.access.clone());
        let loaded: Result<(), Fault> = self
            .db
            .read(RealmId::SYSTEM, input, |tx, (realms, access)| {
                Box::pin(async move {
                    realms.load(tx).await?;
                    access.load(tx).await
                })
            })
            .await;
        loaded.unwrap();
    }

    /// What the follower does with one change.
    async fn apply(&self, key: &str) {
        let applied: Result<(), Fault> = self
            .db
            .read(RealmId::SYSTEM, (self.realms.clone(), key.to_owned()), |tx, (realms, key)| {
                Box::pin(async move { realms.apply(tx, std::slice::from_ref(key)).await })
            })
            .await;
        applied.unwrap();
    }

    async fn changes(&self) -> Vec<(i64, String, String)> {
        let changes: Result<_, Fault> = self
            .db
            .read(RealmId::SYSTEM, (), |tx, ()| {
                Box::pin(async move {
                    let start = crate::db::Cursor { history: 1, seq: 0 };
                    Ok(tx.changes_after(start, 100).await?.unwrap_or_default())
                })
            })
            .await;
        changes.unwrap().into_iter().map(|change| (change.seq, change.kind, change.key)).collect()
    }
}

pub(super) fn root() -> Asker {
    let proof = Proof::KernelPeer { uid: 0, pid: 1 };
    let caller = Caller {
        realm: RealmId::FIRST,
        subject: None,
        proof,
        listener: Listener::Local,
        address: None,
    };
    Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap())
}

fn workload(text: &str) -> Asker {
    let proof = Proof::JwtSvid { issued_at: Timestamp::EPOCH, expires_at: Timestamp::FOREVER };
    let subject = Some(SpiffeId::parse(text).unwrap());
    let caller =
        Caller { realm: RealmId::FIRST, subject, proof, listener: Listener::Public, address: None };
    Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap())
}

fn ask(asker: Asker, name: &str) -> CreateRealm {
    CreateRealm {
        asker,
        name: RealmName::parse(name).unwrap(),
        trust_domain: TrustDomain::parse(&format!("{name}.test")).unwrap(),
        issuer: Issuer::parse(&format!("https://id.{name}.test")).unwrap(),
        hosts: BTreeSet::from([HostName::parse(&format!("agents.{name}.test")).unwrap()]),
    }
}

// --- names

#[test]
fn a_realm_has_a_plain_name_and_never_that_of_realm_0() {
    for good in ["default", "a", "prod-eu-1", &"a".repeat(63)] {
        assert_eq!(RealmName::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "system", "1st", "-a", "A", "a b", "a.b", "a/b", "ü", &"a".repeat(64)] {
        assert!(RealmName::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_issuer_is_one_https_url_in_one_spelling() {
    for good in [
        "https://weft.test",
        "https://localhost:8443",
        "https://weft.test/realms/a",
        "https://[::1]:8443",
    ] {
        assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "weft.test",
        "http://weft.test",
        "https://",
        "https://weft.test/",
        "https://weft.test/a/",
        "https://weft.test?a=b",
        "https://weft.test#x",
        "https://u@weft.test",
        "https://u:p@weft.test",
        "HTTPS://weft.test",
        "https://WEFT.test",
        "https://weft.test:443",
        "https://weft.test/../a",
        "javascript:1",
    ] {
        assert!(Issuer::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Issuer::parse("https://weft.test:8443/a").unwrap().host().as_str(), "weft.test");
}

#[test]
fn a_requests_host_is_compared_without_port_capitals_and_final_dot() {
    let table = [
        ("weft.test", Some("weft.test")),
        ("WEFT.Test:8443", Some("weft.test")),
        ("weft.test.", Some("weft.test")),
        ("10.0.0.1:8443", Some("10.0.0.1")),
        ("[::1]:8443", Some("::1")),
        ("[0:0::1]", Some("::1")),
        ("::1", Some("::1")),
        ("", None),
        (":8443", None),
        ("a..b", None),
        ("a b", None),
        ("[::1]x", None),
        ("ü.test", None),
    ];
    for (text, host) in table {
        assert_eq!(HostName::of_request(text).as_ref().map(HostName::as_str), host, "{text}");
    }
    for bad in ["WEFT.test", "weft.test:443", "weft.test.", "[::1]"] {
        assert!(HostName::parse(bad).is_err(), "{bad}");
    }
}

// --- the first start

#[tokio::test]
async fn every_statement_is_one_that_both_engines_understand() {
    on_each_engine(|db| async move {
        let prepared: Result<(), Fault> = db
            .read(RealmId::SYSTEM, (), |tx, ()| {
                Box::pin(async move {
                    for sql in store::STATEMENTS {
                        tx.prepare(sql).await?;
                    }
                    Ok(())
                })
            })
            .await;
        prepared.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_trust_domain_and_issuer_of_the_first_start_are_fixed_for_ever() {
    on_each_database(async |database| {
        let replica = Replica::started(database).await;
        for (trust_domain, issuer) in
            [("other.test", "https://weft.test"), ("weft.test", "https://other.test")]
        {
            let refused = replica.found(trust_domain, issuer).await;
            let Err(error @ Error::Fixed { .. }) = refused else { panic!("{refused:?}") };
            assert!(error.to_string().contains("fixed at its first start"), "{error}");
        }
        assert_eq!(replica.changes().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_start_at_once_make_one_realm() {
    on_each_database(async |database| {
        let db = database.open().await;
        let one = Replica::over(db.clone(), database.clock(), 1).await;
        let two = Replica::over(db, database.clock(), 2).await;
        let (a, b) = tokio::join!(
            one.found("weft.test", "https://weft.test"),
            two.found("weft.test", "https://weft.test")
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a, b);
        assert_eq!((a.id, a.name.as_str()), (RealmId::FIRST, "default"));
        assert_eq!(one.changes().await, [(1, REALM.to_owned(), "1".to_owned())]);
    })
    .await;
}

// --- making realms

#[tokio::test]
async fn a_role_in_a_realm_gives_no_right_to_make_another() {
    on_each_database(async |database| {
        let replica = Replica::started(database).await;
        let admin = workload("spiffe://weft.test/ops");
        for asker in [Asker::nobody(), admin.clone()] {
            let refused = replica.realms.create(ask(asker, "blue")).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        }
        let binding = RoleBinding {
            name: Name::parse("ops").unwrap(),
            holder: Holder::parse("spiffe://weft.test/ops").unwrap(),
            given: Given::Admin,
        };
        let bind = BindRole { asker: root(), realm: RealmId::SYSTEM, binding };
        replica.rights.bind_role(bind).await.unwrap();
        replica.load().await;
        replica.realms.create(ask(admin, "blue")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_realm_made_on_one_replica_is_known_on_another_once_it_follows() {
    on_each_database(async |database| {
        let here = Replica::started(database).await;
        let there = Replica::over(here.db.clone(), database.clock(), 2).await;
        there.load().await;
        let made = here.realms.create(ask(root(), "blue")).await.unwrap();
        assert_eq!(made.id, RealmId(2));
        assert_eq!(there.realms.get(made.id), None);
        for _ in 0..2 {
            there.apply("2").await;
            assert_eq!(there.realms.get(made.id).as_ref(), Some(&made));
        }
        assert_eq!(there.realms.by_name("blue").as_ref(), Some(&made));
        assert_eq!(there.realms.by_trust_domain(&made.trust_domain).as_ref(), Some(&made));
        assert_eq!(there.realms.all().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_same_realm_again_is_the_one_there_is_and_a_twin_is_refused() {
    on_each_database(async |database| {
        let replica = Replica::started(database).await;
        let made = replica.realms.create(ask(root(), "blue")).await.unwrap();
        assert_eq!(replica.realms.create(ask(root(), "blue")).await.unwrap(), made);
        let other = || ask(root(), "green");
        let twins = [
            ("name", CreateRealm { name: made.name.clone(), ..other() }),
            ("trust domain", CreateRealm { trust_domain: made.trust_domain.clone(), ..other() }),
            ("issuer", CreateRealm { issuer: made.issuer.clone(), ..other() }),
            ("host name", CreateRealm { hosts: made.hosts.clone(), ..other() }),
        ];
        for (twin, ask) in twins {
            let refused = replica.realms.create(ask).await;
            assert!(
                matches!(refused, Err(Error::Taken { what, .. }) if what == twin),
                "{refused:?}"
            );
        }
        assert_eq!(replica.changes().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn with_one_realm_any_name_reaches_it_and_with_several_the_name_chooses() {
    on_each_database(async |database| {
        let replica = Replica::started(database).await;
        let of = |host| replica.realms.by_host(host).map(|realm| realm.id.0);
        for host in [None, Some("weft.test"), Some("whatever"), Some("not a name")] {
            assert_eq!(of(host), Some(1), "{host:?}");
        }
        replica.realms.create(ask(root(), "blue")).await.unwrap();
        replica.load().await;
        let table = [
            (Some("weft.test:8443"), Some(1)),
            (Some("ID.blue.test"), Some(2)),
            (Some("agents.blue.test"), Some(2)),
            (Some("blue.test"), None),
            (Some("id.blue.test.evil.test"), None),
            (Some(""), None),
            (None, None),
        ];
        for (host, realm) in table {
            assert_eq!(of(host), realm, "{host:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_asker_sees_the_realms_they_may_read() {
    on_each_database(async |database| {
        let replica = Replica::started(database).await;
        replica.realms.create(ask(root(), "blue")).await.unwrap();
        replica.load().await;
        for realm in replica.realms.all() {
            replica.access.open(realm.id);
        }
        assert_eq!(replica.realms.list(&root()).len(), 2);
        assert_eq!(replica.realms.list(&Asker::nobody()), []);
    })
    .await;
}

//! Roles and policies at rest: who may change them, what follows, and what a stale replica cannot do.

use std::collections::BTreeSet;

use super::*;
use crate::access::{
    BindRole, ChangeError, DeletePolicy, Rights, Seen, SetPolicy, UnbindRole, store,
};
use crate::crypto::digest::sha256;
use crate::crypto::seal::{Kek, KekRing};
use crate::db::Db;
use crate::env::Env;
use crate::events::{Events, LedgerSettings};
use crate::kernel::{Fault, Granted, Secret};
use crate::testkit::{SeededEntropy, TestDatabase, on_each_database, on_each_engine};

/// One replica: a decision point of its own over a shared database.
pub(in crate::access) struct Replica {
    db: Db,
    access: Access,
    pub(in crate::access) rights: Rights,
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
        events.prepare(REALM).await.unwrap();
        let access = Access::new(Arc::new(clock), OWN_UID).unwrap();
        let rights = Rights::new(access.clone(), events, env);
        let replica = Self { db, access, rights, _ledger: ledger, _database: None };
        replica.follow().await;
        replica
    }

    pub(in crate::access) async fn new(database: &TestDatabase) -> Self {
        let replica = Self::over(database.open().await, database.clock(), 1).await;
        Self { _database: Some(database.kept()), ..replica }
    }

    /// What the follower of the change log does.
    pub(in crate::access) async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .db
            .read(REALM, self.access.clone(), |tx, access| {
                Box::pin(async move { access.apply(tx, &["any".to_owned()]).await })
            })
            .await;
        loaded.unwrap();
    }

    async fn bind(&self, asker: Asker, binding: Arc<RoleBinding>) -> Result<(), ChangeError> {
        let ask = BindRole { asker, realm: REALM, binding: RoleBinding::clone(&binding) };
        let bound = self.rights.bind_role(ask).await.map(|_| ());
        self.follow().await;
        bound
    }

    async fn unbind(&self, asker: Asker, name: &str) -> Result<(), ChangeError> {
        let ask = UnbindRole { asker, realm: REALM, name: Name::parse(name).unwrap() };
        let unbound = self.rights.unbind_role(ask).await.map(|_| ());
        self.follow().await;
        unbound
    }

    async fn set(&self, asker: Asker, name: &str, text: &str) -> Result<(), ChangeError> {
        self.set_seen(asker, (name, text), Seen::Anything).await.map(drop)
    }

    async fn set_seen(
        &self,
        asker: Asker,
        (name, text): (&str, &str),
        seen: Seen,
    ) -> Result<bool, ChangeError> {
        let (name, text) = (Name::parse(name).unwrap(), Arc::from(text));
        let set = self.rights.set_policy(SetPolicy { asker, realm: REALM, name, text, seen }).await;
        self.follow().await;
        set
    }

    async fn delete(&self, asker: Asker, name: &str) -> Result<(), ChangeError> {
        let ask = DeletePolicy {
            asker,
            realm: REALM,
            name: Name::parse(name).unwrap(),
            seen: Seen::Anything,
        };
        let deleted = self.rights.delete_policy(ask).await;
        self.follow().await;
        deleted
    }

    fn decide(&self, ask: &Ask) -> Result<Lifetime, Error> {
        decide(&self.access.realm(REALM).unwrap(), ask)
    }

    /// The number of the last change, and of the last change of rights.
    async fn head(&self) -> (i64, i64) {
        let head: Result<_, Fault> = self
            .db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move { Ok((tx.head().await?.seq, tx.rights_seq().await?)) })
            })
            .await;
        head.unwrap()
    }
}

fn denied(result: Result<(), ChangeError>) -> String {
    match result {
        Err(ChangeError::Refused(Error::Denied { reason, .. })) => reason.to_string(),
        other => panic!("expected a denial, got {other:?}"),
    }
}

fn ban(asker: Asker) -> Ask {
    Ask::new(asker, "BanAgent", "Agent", &id("/spire/agent/a"))
}

fn operator() -> Arc<RoleBinding> {
    bind("ops", Holder::Spiffe(id("/ops")), Given::Operator)
}

#[tokio::test]
async fn every_statement_is_one_that_both_engines_understand() {
    on_each_engine(|db| async move {
        let prepared: Result<(), Fault> = db
            .read(REALM, (), |tx, ()| {
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
async fn whoever_holds_no_right_changes_no_rights() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        for asker in
            [Asker::nobody(), workload("/ops"), local(4242), Asker::node(&id("/spire/agent/a"))]
        {
            denied(replica.bind(asker.clone(), operator()).await);
            assert!(denied(replica.unbind(asker.clone(), "ops").await).contains("the role admin"));
            assert!(replica.set(asker.clone(), "own", "").await.is_err());
            assert!(replica.delete(asker, "own").await.is_err());
        }
        assert_eq!(replica.head().await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_role_holds_from_its_binding_to_its_unbinding() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        assert!(replica.decide(&ban(workload("/ops"))).is_err());
        replica.bind(local(0), operator()).await.unwrap();
        assert_eq!(replica.head().await, (1, 1));
        assert!(replica.decide(&ban(workload("/ops"))).is_ok());
        assert_eq!(replica.rights.bindings(&local(0), REALM).unwrap(), [operator()]);
        replica.unbind(local(0), "ops").await.unwrap();
        assert_eq!(replica.head().await, (2, 2));
        assert!(replica.decide(&ban(workload("/ops"))).is_err());
        let again = replica.unbind(local(0), "ops").await;
        assert!(matches!(again, Err(ChangeError::Unknown { .. })), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn every_sort_of_binding_comes_back_as_it_was_given() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let foreign = SpiffeId::parse("spiffe://other.test/ops").unwrap();
        let all = [
            bind("a", Holder::LocalUser(1001), Given::Admin),
            bind("b", Holder::Spiffe(foreign), Given::Auditor),
            bind("c", Holder::Spiffe(id("/ops")), registrar("/ns/a", &Right::ALL)),
            bind("d", Holder::Spiffe(id("/ops")), registrar("", &[Right::Create])),
            bind("e", Holder::Spiffe(id("/user/ada")), Given::Viewer),
        ];
        for binding in &all {
            replica.bind(local(OWN_UID), Arc::clone(binding)).await.unwrap();
        }
        assert_eq!(replica.rights.bindings(&local(0), REALM).unwrap(), all);
    })
    .await;
}

#[tokio::test]
async fn what_was_remembered_of_a_role_is_forgotten_with_it() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let ask = Ask::new(workload("/ops"), "GetFederatedBundle", "Bundle", &id(""));
        replica.bind(local(0), operator()).await.unwrap();
        assert!(replica.decide(&ask).is_ok());
        let rights = replica.access.realm(REALM).unwrap();
        let request = ask.request();
        let remembered =
            rights.question(ask.action, &request, now()).unwrap().memo().unwrap().len();
        assert_eq!(remembered, 1);
        replica.unbind(local(0), "ops").await.unwrap();
        assert!(replica.decide(&ask).is_err());
    })
    .await;
}

#[tokio::test]
async fn the_same_binding_again_is_no_change_and_another_of_its_name_is_refused() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        replica.bind(local(0), operator()).await.unwrap();
        replica.bind(local(0), operator()).await.unwrap();
        assert_eq!(replica.head().await, (1, 1));
        let other = bind("ops", Holder::Spiffe(id("/ops")), Given::Admin);
        let refused = replica.bind(local(0), other).await;
        assert!(matches!(refused, Err(ChangeError::Taken(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn agents_servers_and_whole_domains_hold_no_roles() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        for path in ["/spire/agent/a", "/spire/server", ""] {
            let refused =
                replica.bind(local(0), bind("x", Holder::Spiffe(id(path)), Given::Viewer)).await;
            assert!(matches!(refused, Err(ChangeError::Holder(_))), "{refused:?}");
        }
        let rights = BTreeSet::new();
        let given = Given::Registrar { path: id("/ns"), rights };
        let refused = replica.bind(local(0), bind("x", Holder::Spiffe(id("/ops")), given)).await;
        assert!(matches!(refused, Err(ChangeError::NoRight)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn nobody_grants_more_than_they_hold() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let lead = workload("/lead");
        let held = registrar("/ns", &[Right::Create, Right::Delete]);
        replica.bind(local(0), bind("lead", Holder::Spiffe(id("/lead")), held)).await.unwrap();
        let delegation = r#"
            @id("registrars delegate")
            permit (principal in Role::"registrar", action == Action::"BindRole", resource);
        "#;
        replica.set(local(0), "delegation", delegation).await.unwrap();
        let give = |given| bind("helper", Holder::Spiffe(id("/helper")), given);
        for more in [
            Given::Admin,
            Given::Viewer,
            registrar("/ns", &[Right::Create, Right::DnsNames]),
            registrar("/nsx", &[Right::Create]),
            registrar("", &[Right::Create]),
        ] {
            let said = denied(replica.bind(lead.clone(), give(more)).await);
            assert!(said.contains("nobody grants more than they hold"), "{said}");
        }
        replica.bind(lead.clone(), give(registrar("/ns/a", &[Right::Create]))).await.unwrap();
        let created = Ask::new(workload("/helper"), "CreateEntry", "Entry", &id("/ns/a/web"));
        assert!(replica.decide(&created).is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_permit_to_write_policies_helps_only_an_administrator() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        replica.bind(local(0), operator()).await.unwrap();
        let own =
            r#"permit (principal in Role::"operator", action == Action::"SetPolicy", resource);"#;
        replica.set(local(0), "own", own).await.unwrap();
        let said = denied(replica.set(workload("/ops"), "mine", "").await);
        assert!(said.contains("only an admin may change one"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_may_go_because_the_machine_remains() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let admin = bind("root", Holder::Spiffe(id("/ops")), Given::Admin);
        replica.bind(local(0), Arc::clone(&admin)).await.unwrap();
        replica.unbind(workload("/ops"), "root").await.unwrap();
        assert!(replica.bind(workload("/ops"), Arc::clone(&admin)).await.is_err());
        replica.bind(local(0), admin).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_right_taken_away_on_one_replica_is_not_used_on_another() {
    on_each_database(async |database| {
        let here = Replica::new(database).await;
        let admin = bind("root", Holder::Spiffe(id("/ops")), Given::Admin);
        here.bind(local(0), admin).await.unwrap();
        let there = Replica::over(here.db.clone(), database.clock(), 2).await;
        // `there` does not follow: its memory still says that `/ops` is an administrator.
        here.unbind(local(0), "root").await.unwrap();
        let ask = BindRole {
            asker: workload("/ops"),
            realm: REALM,
            binding: RoleBinding::clone(&bind("back", Holder::Spiffe(id("/ops")), Given::Admin)),
        };
        let refused = there.rights.bind_role(ask).await;
        assert!(matches!(refused, Err(ChangeError::Fault(Fault::RightsChanged))), "{refused:?}");
        assert_eq!(here.rights.bindings(&local(0), REALM).unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_policy_is_in_force_until_it_is_deleted_and_what_was_remembered_is_forgotten() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let ask = issue(Level::Unknown, "IssueX509Svid");
        let day = Ok(Lifetime::days(1));
        assert_eq!((replica.decide(&ask), replica.decide(&ask)), (day.clone(), day.clone()));
        let own =
            r#"@lifetime_seconds("60") forbid (principal, action in Action::"Issue", resource);"#;
        replica.set(local(0), "short", own).await.unwrap();
        assert_eq!(replica.decide(&ask), Ok(Lifetime::minutes(1)));
        replica.set(local(0), "short", own).await.unwrap();
        assert_eq!(replica.head().await, (1, 1));
        let shown = replica.rights.policies(&local(0), REALM).unwrap();
        let names: Vec<(&str, bool)> = shown.iter().map(|p| (p.name.as_str(), p.own)).collect();
        assert!(
            names.contains(&("short", true)) && names.contains(&("issuance", false)),
            "{names:?}"
        );
        replica.delete(local(0), "short").await.unwrap();
        assert_eq!(replica.decide(&ask), day);
        let again = replica.delete(local(0), "short").await;
        assert!(matches!(again, Err(ChangeError::Unknown { .. })), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_is_not_kept() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let bad = replica.set(
            local(0),
            "own",
            r#"permit (principal, action == Action::"Fly", resource);"#,
        );
        assert!(matches!(bad.await, Err(ChangeError::Policy { .. })));
        let protected = replica.set(local(0), "reserved", "").await;
        assert!(matches!(protected, Err(ChangeError::Protected(_))), "{protected:?}");
        let long = replica.set(local(0), "own", &" ".repeat(64 * 1024 + 1)).await;
        assert!(matches!(long, Err(ChangeError::TooLong)), "{long:?}");
        assert_eq!(replica.head().await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_kept_policy_that_no_longer_reads_denies_everything_but_its_repair() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let kept: Result<(), Fault> = replica
            .db
            .change(REALM, Granted::to_server("test"), (), |tx, ()| {
                Box::pin(async move {
                    let name = Name::parse("own").map_err(Fault::bug)?;
                    store::put_policy(tx, &name, "of another age", Timestamp::EPOCH).await
                })
            })
            .await;
        kept.unwrap();
        replica.follow().await;
        let refused = replica.decide(&ban(local(0)));
        assert!(matches!(refused, Err(Error::Broken { .. })), "{refused:?}");
        replica.delete(local(0), "own").await.unwrap();
        assert!(replica.decide(&ban(local(0))).is_ok());
    })
    .await;
}

#[tokio::test]
async fn of_two_that_change_the_same_policy_as_they_saw_it_one_is_refused() {
    on_each_database(async |database| {
        let replica = Replica::new(database).await;
        let text = |action: &str| OURS.replace("ReadRealm", action);
        let ask = async |action: &str, seen: Seen| {
            replica.set_seen(local(0), ("ours", &text(action)), seen).await
        };
        let seen = |action: &str| Seen::OneOf(vec![sha256(text(action).as_bytes())]);
        assert!(ask("ReadRealm", Seen::Something).await.is_err(), "there is none yet");
        assert!(!ask("ReadRealm", Seen::Nothing).await.unwrap(), "it is new");
        assert!(ask("ReadRealm", Seen::Nothing).await.is_err());
        let both = (seen("ReadRealm"), seen("ReadRealm"));
        let (one, other) = tokio::join!(ask("ReadStatus", both.0), ask("ReadEvents", both.1));
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
        let now = replica.rights.policy(&local(0), REALM, &Name::parse("ours").unwrap()).unwrap();
        assert_ne!(&*now.text, text("ReadRealm"), "the other one was taken");
        let stale = DeletePolicy {
            asker: local(0),
            realm: REALM,
            name: Name::parse("ours").unwrap(),
            seen: seen("ReadRealm"),
        };
        let refused = replica.rights.delete_policy(stale).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Changed(_)), "{refused:?}");
    })
    .await;
}

const OURS: &str = r#"permit (principal, action == Action::"ReadRealm", resource);"#;

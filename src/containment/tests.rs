//! Who can be contained, by whom, for how long, and what is left of it.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Below, Containments, Error, Wish};
use crate::access::{Administrator, Asker};
use crate::devices::{Inventory, People};
use crate::jobs::Past;
use crate::kernel::{Fault, Lifetime, RealmId, SpiffeId, Subject, SubjectId, SubjectKind, UserId};
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};

const REALM: RealmId = RealmId::FIRST;

/// A realm with one person.
#[derive(Debug)]
struct Ada;

impl People for Ada {
    fn number(&self, _: RealmId, user: UserId) -> BoxFuture<'_, Result<Option<SubjectId>, Fault>> {
        Box::pin(async move { Ok((user == ada()).then(number)) })
    }

    fn numbered(
        &self,
        _: RealmId,
        wanted: SubjectId,
    ) -> BoxFuture<'_, Result<Option<UserId>, Fault>> {
        Box::pin(async move { Ok((wanted == number()).then(ada)) })
    }
}

fn ada() -> UserId {
    UserId::new(uuid::Uuid::from_u128(1))
}

fn number() -> SubjectId {
    SubjectId::new(uuid::Uuid::from_u128(2))
}

fn by() -> Administrator {
    Administrator { realm: REALM, asker: KeysReplica::root() }
}

fn subject(kind: SubjectKind, path: &str) -> Subject {
    let id = SpiffeId::parse(&format!("spiffe://weft.test{path}")).unwrap();
    Subject { kind, id, number: number() }
}

struct House {
    keys: KeysReplica,
    containments: Containments,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let keys = KeysReplica::started(database).await;
        let (access, events) = (keys.access.clone(), keys.events.clone());
        let below = Below { access, events, devices: Inventory::new(keys.env.db.clone()) };
        let containments = Containments::new(keys.env.clone(), below);
        containments.people(Arc::new(Ada));
        Self { keys, containments }
    }

    async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, self.containments.clone(), |tx, slice| {
                Box::pin(async move { slice.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    async fn try_contain(&self, whom: &str, lifetime: Lifetime) -> Result<(), Error> {
        let (subject, reason) = (whom.to_owned(), "left in a taxi".to_owned());
        let wish = Wish { subject, reason, lifetime };
        self.containments.contain(by(), wish).await?;
        self.follow().await;
        Ok(())
    }

    fn holds(&self, subject: &Subject) -> bool {
        self.containments.of(subject).is_some()
    }
}

const HOUR: Lifetime = Lifetime::hours(1);

#[tokio::test]
async fn who_is_contained_is_so_until_the_end_or_the_release_and_nothing_is_left_of_it() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let person = subject(SubjectKind::User, "/user/ada");
        let workload = subject(SubjectKind::Workload, "/web");
        assert!(!house.holds(&person) && !house.holds(&workload));
        house.try_contain(&ada().to_string(), HOUR).await.unwrap();
        house.try_contain("spiffe://weft.test/web", Lifetime::minutes(1)).await.unwrap();
        assert!(house.holds(&person) && house.holds(&workload));
        let renamed = subject(SubjectKind::User, "/user/countess");
        assert!(house.holds(&renamed), "a person is known by their number");
        assert!(!house.holds(&subject(SubjectKind::Workload, "/user/ada")), "and nobody else is");
        let listed = house.containments.list(by()).unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].reason, "left in a taxi");
        assert_eq!(listed[0].by.as_deref(), Some("uid:0"), "who said so");

        house.keys.clock.advance(Lifetime::minutes(1));
        assert!(house.holds(&person) && !house.holds(&workload), "time is enough");
        house.containments.remove_past(REALM).await.unwrap();
        house.follow().await;
        house.containments.release(by(), (&ada().to_string(), "found")).await.unwrap();
        house.follow().await;
        assert!(!house.holds(&person) && !house.containments.any());
        let again = house.containments.release(by(), (&ada().to_string(), "")).await;
        assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn the_later_wish_counts() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let workload = subject(SubjectKind::Workload, "/web");
        house.try_contain(workload.id.as_str(), HOUR).await.unwrap();
        house.try_contain(workload.id.as_str(), Lifetime::minutes(5)).await.unwrap();
        house.keys.clock.advance(Lifetime::minutes(5));
        assert!(!house.holds(&workload));
    })
    .await;
}

#[tokio::test]
async fn what_is_nobody_or_is_not_to_be_contained_is_refused_with_what_would_be_right() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        for whom in [
            "",
            "ada",
            "spiffe://weft.test",
            "spiffe://weft.test/spire/server",
            "spiffe://weft.test/spire/agent/x",
            "spiffe://weft.test/user/ada",
            "usr_00000000000000000000000000000009",
            "dev_00000000000000000000000000000009",
        ] {
            let told = house.try_contain(whom, HOUR).await;
            assert!(matches!(told, Err(Error::Invalid(_))), "{whom}: {told:?}");
        }
        for lifetime in [Lifetime::seconds(59), Lifetime::days(31), Lifetime::ZERO] {
            let told = house.try_contain("spiffe://weft.test/web", lifetime).await;
            assert!(matches!(told, Err(Error::Invalid(_))), "{lifetime}: {told:?}");
        }
        for reason in ["", "two\nlines", &"x".repeat(257)] {
            let (subject, reason) = ("spiffe://weft.test/web".to_owned(), reason.to_owned());
            let wish = Wish { subject, reason, lifetime: HOUR };
            let told = house.containments.contain(by(), wish).await;
            assert!(matches!(told, Err(Error::Invalid(_))), "{told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_contains_themselves_and_nobody_without_the_right_contains_anybody() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let wish = |subject: &str| Wish {
            subject: subject.to_owned(),
            reason: "a joke".to_owned(),
            lifetime: HOUR,
        };
        let me = Administrator { realm: REALM, asker: KeysReplica::root().numbered(number()) };
        let told = house.containments.contain(me, wish(&ada().to_string())).await;
        assert!(matches!(told, Err(Error::Oneself)), "{told:?}");
        let nobody = Administrator { realm: REALM, asker: Asker::nobody() };
        let told = house.containments.contain(nobody.clone(), wish(&ada().to_string())).await;
        assert!(matches!(told, Err(Error::Access(_))), "{told:?}");
        let told = house.containments.release(nobody.clone(), (&ada().to_string(), "")).await;
        assert!(matches!(told, Err(Error::Access(_))), "{told:?}");
        assert!(matches!(house.containments.list(nobody), Err(Error::Access(_))));
    })
    .await;
}

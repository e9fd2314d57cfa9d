//! What sessions promise: two ends, a cookie that is worth nothing once it was replaced, and clients that hear of the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::{Ended, Error, Opened, Revocable, Session, Sessions, SignedIn, WhenEnded, Why};
use crate::accounts::User;
use crate::db::Tx;
use crate::env::Clock as _;
use crate::kernel::{Assurance, ClientId, Fault, Granted, Lifetime, Method, Timestamp};
use crate::signin::tests::{REALM, World};
use crate::testkit::on_each_database;

fn signed_in(world: &World, user: &User, methods: &[Method]) -> SignedIn {
    SignedIn {
        realm: REALM,
        user: user.id,
        number: user.number,
        methods: methods.iter().copied().collect(),
        since: world.clock.now(),
        upstream: None,
        device: None,
        address: "192.0.2.1".to_owned(),
        agent: "Test/1".to_owned(),
        before: None,
    }
}

async fn open(world: &World, user: &User, methods: &[Method]) -> Opened {
    world.sessions.open(signed_in(world, user, methods)).await.unwrap()
}

async fn live(world: &World, opened: &Opened) -> Option<Arc<Session>> {
    world.sessions.by_cookie(REALM, &opened.cookie).await.unwrap()
}

#[tokio::test]
async fn a_session_has_two_ends_by_its_level() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        for (methods, level, overall, idle) in [
            (&[Method::Password][..], Assurance::Aal1, Lifetime::days(30), Lifetime::days(30)),
            (&[Method::Passkey], Assurance::Aal2, Lifetime::hours(24), Lifetime::hours(1)),
            (
                &[Method::HardwarePasskey],
                Assurance::Aal3,
                Lifetime::hours(12),
                Lifetime::minutes(15),
            ),
        ] {
            let second = Lifetime::seconds(1);
            let unused = open(&world, &user, methods).await;
            assert_eq!(unused.session.assurance, level);
            world.clock.advance(Lifetime::micros(idle.as_micros() - second.as_micros()));
            assert!(live(&world, &unused).await.is_some(), "{level:?}");
            let idle_now = open(&world, &user, methods).await;
            world.clock.advance(idle);
            assert!(live(&world, &idle_now).await.is_none(), "{level:?} idle");
            let busy = open(&world, &user, methods).await;
            let end = busy.session.created_at.plus(overall);
            let step = Lifetime::micros(idle.as_micros() / 2);
            while world.clock.now().plus(step) < end {
                world.clock.advance(step);
                assert!(live(&world, &busy).await.is_some(), "{level:?} used");
            }
            world.clock.advance(step);
            assert!(live(&world, &busy).await.is_none(), "{level:?} overall");
        }
    })
    .await;
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let opened = open(&world, &user, &[Method::Passkey]).await;
        let noted =
            async || world.sessions.by_id(REALM, opened.session.id).await.unwrap().unwrap().used_at;
        let mut writes = BTreeSet::new();
        for _second in 0..180 {
            world.clock.advance(Lifetime::seconds(1));
            assert!(live(&world, &opened).await.is_some());
            writes.insert(noted().await);
        }
        assert!((3..=4).contains(&writes.len()), "{}", writes.len());
    })
    .await;
}

/// Remembers what it heard, and fails when told to.
#[derive(Debug, Default)]
struct Listener {
    heard: Mutex<Vec<Ended>>,
    fails: std::sync::atomic::AtomicBool,
}

impl WhenEnded for Listener {
    fn ended<'t>(&'t self, _: &'t mut Tx, ended: &'t [Ended]) -> BoxFuture<'t, Result<(), Fault>> {
        Box::pin(async move {
            if self.fails.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(Fault::bug("told to fail"));
            }
            self.heard.lock().unwrap().extend_from_slice(ended);
            Ok(())
        })
    }
}

async fn note(world: &World, session: &Session, client: &str) {
    let input = (session.id, ClientId::parse(client).unwrap());
    let noted: Result<(), Fault> = world
        .db
        .write(REALM, input, |tx, (session, client)| {
            Box::pin(async move {
                Sessions::note_client(tx, *session, client, Timestamp::EPOCH).await?;
                Sessions::note_client(tx, *session, client, Timestamp::EPOCH).await
            })
        })
        .await;
    noted.unwrap();
}

#[tokio::test]
async fn whoever_must_tell_clients_hears_of_the_end_in_its_transaction() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let listener = Arc::new(Listener::default());
        let told: Arc<dyn WhenEnded> = Arc::<Listener>::clone(&listener);
        world.sessions.tell(told);
        let opened = open(&world, &user, &[Method::Password]).await;
        let id = opened.session.id;
        note(&world, &opened.session, "a").await;
        note(&world, &opened.session, "b").await;
        listener.fails.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(world.sessions.end(REALM, id, Why::SignedOut).await.is_err());
        assert!(live(&world, &opened).await.is_some(), "it ends with its notice or not at all");
        listener.fails.store(false, std::sync::atomic::Ordering::Relaxed);
        world.sessions.end(REALM, id, Why::SignedOut).await.unwrap();
        world.sessions.end(REALM, id, Why::SignedOut).await.unwrap();
        assert!(live(&world, &opened).await.is_none());
        let heard = listener.heard.lock().unwrap().clone();
        let clients = ["a", "b"].map(|id| ClientId::parse(id).unwrap()).to_vec();
        assert_eq!(heard.len(), 1, "once");
        assert_eq!((heard[0].session, &heard[0].clients), (id, &clients));
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_back_is_known_until_it_can_concern_nothing() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (sessions, now) = (&world.sessions, world.clock.now());
        let subject = Revocable::Subject("cli_1");
        let granted = Granted::to_server("Test");
        sessions.revoke(REALM, granted, subject, now.plus(Lifetime::hours(1))).await.unwrap();
        assert!(!sessions.is_revoked(REALM, [subject], now), "not before the change is applied");
        world.load_revocations().await;
        assert!(sessions.is_revoked(REALM, [subject], now));
        assert!(!sessions.is_revoked(REALM, [subject], now.plus(Lifetime::micros(1))));
        assert!(!sessions.is_revoked(REALM, [Revocable::Subject("cli_2")], now));
        let job = crate::jobs::RemovePast::new(sessions.clone(), || vec![REALM]);
        crate::jobs::Reconciler::reconcile(&job).await.unwrap();
        assert!(sessions.is_revoked(REALM, [subject], now));
        world.clock.advance(Lifetime::hours(1));
        crate::jobs::Reconciler::reconcile(&job).await.unwrap();
        assert!(!sessions.is_revoked(REALM, [subject], now));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_renewed() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let opened = open(&world, &user, &[Method::Password]).await;
        let before = Some(Arc::clone(&opened.session));
        let again = SignedIn { before, ..signed_in(&world, &user, &[Method::Passkey]) };
        let renewed = world.sessions.open(again.clone()).await.unwrap();
        assert_eq!(renewed.session.id, opened.session.id);
        assert!(live(&world, &opened).await.is_none() && live(&world, &renewed).await.is_some());
        world.sessions.end(REALM, opened.session.id, Why::Ended).await.unwrap();
        assert!(matches!(world.sessions.open(again).await, Err(Error::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn the_session_of_a_locked_account_is_none() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let opened = open(&world, &user, &[Method::Password]).await;
        let locked = crate::accounts::UserState::Locked;
        world.accounts.set_state(&crate::signin::tests::root(), user.id, locked).await.unwrap();
        // As the follower does when it hears of it.
        world.accounts.apply(REALM, &[user.id.to_string()]);
        world.sessions.forget();
        assert!(live(&world, &opened).await.is_none());
    })
    .await;
}

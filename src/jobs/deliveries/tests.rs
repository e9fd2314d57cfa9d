//! What a delivery may count on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::db::Row;
use crate::testkit::{TestClock, TestDatabase, on_each_database, until};

const REALM: RealmId = RealmId::FIRST;

/// Gives what it was told to, in this order, then yes; keeps what it was given.
#[derive(Default)]
struct Postman {
    answers: Mutex<Vec<NotDelivered>>,
    given: Mutex<Vec<Delivery>>,
    hangs: bool,
    /// How many tries hang, or hung.
    hanging: AtomicUsize,
}

/// Where nobody answers.
const HANGS: &[u8] = b"hangs.example";

impl DeliveryHandler for Postman {
    fn kind(&self) -> &'static str {
        "mail"
    }

    fn destination(&self, _realm: RealmId, delivery: &Delivery) -> String {
        String::from_utf8_lossy(&delivery.body).into_owned()
    }

    fn deliver<'a>(
        &'a self,
        _realm: RealmId,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), NotDelivered>> {
        Box::pin(async move {
            if self.hangs || delivery.body == HANGS {
                self.hanging.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            self.given.lock().unwrap().push(delivery.clone());
            match self.answers.lock().unwrap().pop() {
                Some(no) => Err(no),
                None => Ok(()),
            }
        })
    }
}

impl Postman {
    fn answering(mut answers: Vec<NotDelivered>) -> Arc<Self> {
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    fn tries(&self) -> usize {
        self.given.lock().unwrap().len()
    }
}

async fn replica(database: &TestDatabase, postman: &Arc<Postman>) -> Deliveries {
    let clock = Arc::new(database.clock());
    let handler: Arc<dyn DeliveryHandler> = Arc::<Postman>::clone(postman);
    Deliveries::new(database.open().await, clock, || vec![REALM], vec![handler])
}

async fn posted(deliveries: &Deliveries, kind: &'static str) -> Delivery {
    posted_to(deliveries, kind, ("one", &[0, 255])).await
}

async fn posted_to(
    deliveries: &Deliveries,
    kind: &'static str,
    (id, body): (&str, &[u8]),
) -> Delivery {
    let delivery = Delivery { id: id.to_owned(), kind: kind.into(), body: body.to_vec() };
    let now = deliveries.clock.now();
    let input = (delivery.clone(), now);
    let done: Result<(), Fault> = deliveries
        .db
        .write(REALM, input, |tx, (delivery, now)| Box::pin(post(tx, delivery, *now)))
        .await;
    done.unwrap();
    delivery
}

async fn left(deliveries: &Deliveries) -> Vec<Row> {
    const LEFT: &str = "SELECT id, due, attempts, last_error FROM delivery WHERE realm = $1";
    let rows: Result<Vec<Row>, Fault> = deliveries
        .db
        .read(REALM, (), |tx, ()| Box::pin(async move { tx.rows(LEFT, &[]).await }))
        .await;
    rows.unwrap()
}

fn no() -> NotDelivered {
    NotDelivered::Yet("the line is busy".to_owned())
}

#[tokio::test]
async fn what_is_posted_is_delivered_and_gone() {
    on_each_database(async |database| {
        let postman = Postman::answering(vec![]);
        let deliveries = replica(database, &postman).await;
        let mail = posted(&deliveries, "mail").await;
        assert_eq!(deliveries.reconcile().await.unwrap().changed, 1);
        assert_eq!(*postman.given.lock().unwrap(), [mail]);
        assert!(left(&deliveries).await.is_empty());
        assert_eq!(deliveries.reconcile().await.unwrap(), Summary::nothing());
    })
    .await;
}

#[tokio::test]
async fn what_was_not_delivered_is_tried_again_later_and_later() {
    on_each_database(async |database| {
        let postman = Postman::answering(vec![no(), no(), no()]);
        let deliveries = replica(database, &postman).await;
        posted(&deliveries, "mail").await;
        for (tries, wait) in [(1, 5), (2, 10), (3, 20)] {
            deliveries.reconcile().await.unwrap();
            deliveries.reconcile().await.unwrap();
            assert_eq!(postman.tries(), tries, "not before its time");
            let row = left(&deliveries).await.remove(0);
            assert_eq!(row.text("last_error").unwrap(), "the line is busy");
            database.clock().advance(Lifetime::seconds(wait));
        }
        deliveries.reconcile().await.unwrap();
        assert_eq!(postman.tries(), 4);
        assert!(left(&deliveries).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_clear_no_or_four_days_without_a_yes_is_given_up_and_kept_for_a_month() {
    on_each_database(async |database| {
        let ever = NotDelivered::Ever("there is no such mailbox".to_owned());
        let postman = Postman::answering(vec![ever]);
        let deliveries = replica(database, &postman).await;
        posted(&deliveries, "mail").await;
        let summary = deliveries.reconcile().await.unwrap();
        assert_eq!(summary.words, "0 delivered, 0 to be tried again, 1 given up");
        let row = left(&deliveries).await.remove(0);
        assert_eq!(row.text("last_error").unwrap(), "there is no such mailbox");

        database.clock().advance(Lifetime::days(29));
        deliveries.reconcile().await.unwrap();
        assert_eq!((postman.tries(), left(&deliveries).await.len()), (1, 1));
        database.clock().advance(Lifetime::days(2));
        deliveries.reconcile().await.unwrap();
        assert!(left(&deliveries).await.is_empty());

        let postman = Postman::answering(vec![no(), no()]);
        let deliveries = replica(database, &postman).await;
        posted(&deliveries, "mail").await;
        deliveries.reconcile().await.unwrap();
        database.clock().advance(GIVE_UP_AFTER);
        deliveries.reconcile().await.unwrap();
        assert_eq!(left(&deliveries).await[0].time("due").unwrap(), Timestamp::FOREVER);
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_never_answers_is_cut_off() {
    on_each_database(async |database| {
        let postman = Arc::new(Postman { hangs: true, ..Postman::default() });
        let deliveries = replica(database, &postman).await;
        posted(&deliveries, "mail").await;
        let clock: TestClock = database.clock();
        let hour = async {
            // The next look, and the end of the try.
            clock.until_armed(2).await;
            clock.advance(TRY_WITHIN);
        };
        let (summary, ()) = tokio::join!(deliveries.reconcile(), hour);
        assert_eq!(summary.unwrap().words, "0 delivered, 1 to be tried again, 0 given up");
        let row = left(&deliveries).await.remove(0);
        assert_eq!(row.text("last_error").unwrap(), "no answer within 30 s");
    })
    .await;
}

#[tokio::test]
async fn a_destination_that_hangs_keeps_nobody_else_waiting() {
    on_each_database(async |database| {
        let postman = Postman::answering(vec![]);
        let deliveries = replica(database, &postman).await;
        // More than are tried at once, and more than one look reads at a time.
        let hanging = 100;
        for n in 0..hanging {
            posted_to(&deliveries, "mail", (&format!("a{n:03}"), HANGS)).await;
        }
        posted_to(&deliveries, "mail", ("before", b"works.example")).await;
        let clock: TestClock = database.clock();
        let given = |id: &'static str| {
            let postman = Arc::clone(&postman);
            until("it is delivered", async move || {
                let given = postman.given.lock().unwrap();
                let found = given.iter().any(|delivery| delivery.id == id);
                if found { Ok(()) } else { Err(given.len()) }
            })
        };
        let meanwhile = async {
            given("before").await;
            posted_to(&deliveries, "mail", ("after", b"works.example")).await;
            clock.until_armed(3).await;
            clock.advance(LOOK_AGAIN);
            given("after").await;
        };
        tokio::select! {
            ended = deliveries.reconcile() => panic!("nothing hangs: {ended:?}"),
            () = meanwhile => {}
        }
        let (hung, given) = (postman.hanging.load(Ordering::SeqCst), postman.tries());
        println!(
            "proof: {hanging} notices for a receiver that hangs: {hung} under way at once; notices for another \
             delivered meanwhile {given}/2"
        );
        assert_eq!((hung, given), (TRIES_TO_ONE, 2));
    })
    .await;
}

#[tokio::test]
async fn so_many_are_tried_at_once_and_no_more() {
    on_each_database(async |database| {
        let postman = Arc::new(Postman { hangs: true, ..Postman::default() });
        let deliveries = replica(database, &postman).await;
        for n in 0..20_u8 {
            posted_to(&deliveries, "mail", (&format!("n{n}"), &[n])).await;
        }
        let clock: TestClock = database.clock();
        let all_begun = async {
            // Each of them, and the next look.
            clock.until_armed(TRIES_AT_ONCE + 1).await;
        };
        tokio::select! {
            ended = deliveries.reconcile() => panic!("nothing hangs: {ended:?}"),
            () = all_begun => {}
        }
        assert_eq!(postman.hanging.load(Ordering::SeqCst), TRIES_AT_ONCE);
    })
    .await;
}

#[tokio::test]
async fn a_kind_that_nobody_here_delivers_waits_for_a_replica_that_does() {
    on_each_database(async |database| {
        let deliveries = replica(database, &Postman::answering(vec![])).await;
        posted(&deliveries, "pigeon").await;
        deliveries.reconcile().await.unwrap();
        let row = left(&deliveries).await.remove(0);
        assert_eq!(row.text("last_error").unwrap(), "this release delivers no `pigeon`");
        assert!(row.time("due").unwrap() < Timestamp::FOREVER);
    })
    .await;
}

#[tokio::test]
async fn of_two_replicas_one_delivers_and_a_dead_ones_claim_runs_out() {
    on_each_database(async |database| {
        let postman = Postman::answering(vec![]);
        let (one, two) = (replica(database, &postman).await, replica(database, &postman).await);
        posted(&one, "mail").await;
        let first = || (Timestamp::EPOCH, String::new());
        let seen = (one.due(REALM, first()).await.unwrap(), two.due(REALM, first()).await.unwrap());
        assert!(one.claim(REALM, &seen.0[0]).await.unwrap());
        assert!(!two.claim(REALM, &seen.1[0]).await.unwrap(), "the row is taken");

        // The first replica died with its claim.
        two.reconcile().await.unwrap();
        assert_eq!(postman.tries(), 0);
        database.clock().advance(CLAIM);
        two.reconcile().await.unwrap();
        assert_eq!(postman.tries(), 1);
    })
    .await;
}

//! Statements: parameters, values, faults.

use super::super::{Row, Value, unique};
use super::{NAMES, PUT, REALM, put, write};
use crate::kernel::{Fault, RealmId};
use crate::testkit::on_each_engine;

#[tokio::test]
async fn a_missing_parameter_is_refused_and_not_read_as_null() {
    on_each_engine(async |db| {
        for given in [0, 2, 4] {
            let refused: Result<u64, Fault> = db
                .write(REALM, given, |tx, given| {
                    Box::pin(async move {
                        let values = [Value::from("a"), "b".into(), 1.into(), 2.into()];
                        tx.execute(PUT, &values[..*given]).await
                    })
                })
                .await;
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("takes 3 values"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_leaves_out_the_realm_is_refused() {
    on_each_engine(async |db| {
        let refused: Result<u64, Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    tx.execute("DELETE FROM lease WHERE name = $2", &["a".into()]).await
                })
            })
            .await;
        assert!(matches!(refused, Err(Fault::Bug { .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn the_realm_is_bound_as_the_first_parameter() {
    on_each_engine(async |db| {
        write(&db, "ours").await.unwrap();
        let theirs: Result<Vec<Row>, Fault> = db
            .read(RealmId(8), (), |tx, ()| Box::pin(async move { tx.rows(NAMES, &[]).await }))
            .await;
        assert_eq!(theirs.unwrap().len(), 0);
        assert_eq!(super::names(&db).await, ["ours"]);
    })
    .await;
}

#[tokio::test]
async fn parameters_are_found_by_number_however_often_and_in_whatever_order_they_appear() {
    const TWISTED: &str = "SELECT $3 AS c, $2 AS b, $1 + 0 AS a, $3 || $2 AS cb";
    on_each_engine(async |db| {
        let row: Result<Option<Row>, Fault> = db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move { tx.row(TWISTED, &["two".into(), "three".into()]).await })
            })
            .await;
        let row = row.unwrap().unwrap();
        assert_eq!(row.text("b").unwrap(), "two");
        assert_eq!(row.text("c").unwrap(), "three");
        assert_eq!(row.int("a").unwrap(), REALM.0);
        assert_eq!(row.text("cb").unwrap(), "threetwo");
    })
    .await;
}

#[tokio::test]
async fn values_come_back_as_they_went_in_nulls_too() {
    const PUT_DELIVERY: &str = "INSERT INTO delivery (realm, id, kind, body, made, due, attempts, last_error) \
        VALUES ($1, $2, 'mail', $3, $4, 0, 0, $5)";
    const GET: &str =
        "SELECT id, body, made, last_error FROM delivery WHERE realm = $1 ORDER BY id";
    on_each_engine(async |db| {
        let put: Result<(), Fault> = db
            .write(REALM, vec![0_u8, 255, 39], |tx, body| {
                Box::pin(async move {
                    let first = ["a".into(), body.into(), i64::MIN.into(), Value::Text(None)];
                    tx.execute(PUT_DELIVERY, &first).await?;
                    let second =
                        ["b".into(), Value::from(&b""[..]), i64::MAX.into(), "ü'\"$1".into()];
                    tx.execute(PUT_DELIVERY, &second).await?;
                    Ok(())
                })
            })
            .await;
        put.unwrap();
        let rows: Result<Vec<Row>, Fault> =
            db.read(REALM, (), |tx, ()| Box::pin(async move { tx.rows(GET, &[]).await })).await;
        let rows = rows.unwrap();
        assert_eq!(rows[0].bytes("body").unwrap(), [0, 255, 39]);
        assert_eq!(rows[0].int("made").unwrap(), i64::MIN);
        assert_eq!(rows[0].text_or_null("last_error").unwrap(), None);
        assert!(rows[0].text("last_error").is_err());
        assert_eq!(rows[1].bytes("body").unwrap(), [0; 0]);
        assert_eq!(rows[1].text("last_error").unwrap(), "ü'\"$1");
        assert!(rows[1].int("id").is_err(), "text is not an integer");
        assert!(rows[1].text("nothing").is_err(), "there is no such column");
    })
    .await;
}

#[tokio::test]
async fn a_violated_unique_key_names_its_table_and_columns() {
    on_each_engine(async |db| {
        write(&db, "twice").await.unwrap();
        let fault = write(&db, "twice").await.unwrap_err();
        assert!(unique(&fault, "lease(realm, name)"), "{fault}");
        assert!(!unique(&fault, "lease(name)"));
    })
    .await;
}

#[tokio::test]
async fn an_expected_conflict_is_no_fault() {
    const TRY: &str = "INSERT INTO lease (realm, name, holder, expires) VALUES ($1, $2, 'h', 1) \
        ON CONFLICT (realm, name) DO NOTHING RETURNING name";
    on_each_engine(async |db| {
        let both: Result<(bool, bool), Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    let first = tx.row(TRY, &["a".into()]).await?.is_some();
                    let second = tx.row(TRY, &["a".into()]).await?.is_some();
                    Ok((first, second))
                })
            })
            .await;
        assert_eq!(both.unwrap(), (true, false));
    })
    .await;
}

#[tokio::test]
async fn after_a_fault_every_statement_is_refused_and_the_answer_is_that_fault() {
    on_each_engine(async |db| {
        write(&db, "there").await.unwrap();
        let answer: Result<u64, Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "before").await?;
                    let first = put(tx, "there").await.unwrap_err();
                    let second = put(tx, "after").await.unwrap_err();
                    assert_eq!(first.to_string(), second.to_string());
                    Ok(1)
                })
            })
            .await;
        assert!(unique(&answer.unwrap_err(), "lease(realm, name)"));
        assert_eq!(super::names(&db).await, ["there"]);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_cannot_be_written_to() {
    on_each_engine(async |db| {
        let refused: Result<u64, Fault> =
            db.read(REALM, (), |tx, ()| Box::pin(async move { put(tx, "a").await })).await;
        assert!(matches!(refused, Err(Fault::ReadOnly { .. })), "{refused:?}");
        write(&db, "b").await.unwrap();
        assert_eq!(super::names(&db).await, ["b"]);
    })
    .await;
}

#[tokio::test]
async fn statements_are_counted_by_the_label_of_their_handle() {
    on_each_engine(async |db| {
        let copier = db.labelled("copier");
        write(&copier, "a").await.unwrap();
        let counts = db.statements();
        assert_eq!(counts.get("request"), Some(&0));
        assert!(counts.get("copier").is_some_and(|count| *count >= 2), "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn every_statement_of_this_room_is_understood() {
    on_each_engine(async |db| {
        for sql in super::super::log::STATEMENTS {
            let done: Result<(), Fault> =
                db.read(REALM, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
            done.unwrap_or_else(|fault| panic!("{sql}: {fault}"));
        }
    })
    .await;
}

//! What policy refuses at the desk is on record, with why: once, however often it is asked.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::tokens::{asked as tokens, draft, issued, provider};
use super::*;
use crate::access::trial::{GivenFact, Instead};
use crate::access::{Action, Fact, Refused, Request, read_asked};
use crate::audit::{Audit, Other, Query, ReadEvents, Record, Replay};
use crate::crypto::jose::JwsAlgorithm;
use crate::events::{Event, Part};
use crate::jobs::Reconciler as _;
use crate::kernel::{BasisPoints, DeviceId, Level};

const NO: &str =
    r#"@id("no") @says("not today") forbid (principal, action in Action::"Issue", resource);"#;

/// A desk at which nothing is given.
async fn closed(database: &TestDatabase) -> KeysReplica {
    let replica = KeysReplica::started(database).await;
    replica.access.open_with(REALM, &[("own", NO)]).unwrap();
    replica
}

fn refuse<A: Action>(replica: &KeysReplica, action: A) {
    assert!(replica.access.permit(action).is_err());
}

/// How many refusals one run records.
async fn recorded(replica: &KeysReplica) -> u64 {
    let (access, events) = (replica.access.clone(), replica.events.clone());
    Refused { access, events }.reconcile().await.unwrap().changed
}

/// What is on record of refusals, oldest first.
async fn told(replica: &KeysReplica) -> Vec<(Record, Map<String, Value>)> {
    told_of(replica, REFUSED).await
}

/// What is on record of a kind, or of all that begin so, oldest first.
async fn told_of(replica: &KeysReplica, kind: &str) -> Vec<(Record, Map<String, Value>)> {
    replica.events.copy().await.unwrap();
    let db = replica.env.db.clone();
    let audit = Audit::new(db, replica.events.clone(), replica.access.clone());
    let query = Query { kind: Some(kind.to_owned()), ..Query::default() };
    let ask = ReadEvents { realm: REALM, asker: KeysReplica::root(), query };
    let mut items = audit.list(ask).await.unwrap().items;
    items.reverse();
    let open = |record: Record| match record.about.clone() {
        Part::Open(about) => (record, about),
        other => panic!("{other:?}"),
    };
    items.into_iter().map(open).collect()
}

fn on_a_bad_device() -> Standing {
    Standing {
        level: Level::Quarantine,
        score: Some(BasisPoints::new(1200)),
        confidence: BasisPoints::new(6500),
        reported: Some(Timestamp::EPOCH),
        model: Some(Arc::from("weft-linux 1 0f0f")),
        evidence: Arc::from([Arc::from("report:77aa")]),
        device: Some(DeviceId::new(uuid::Uuid::from_u128(5))),
        reasons: Arc::from([Arc::from("switch disk encryption on")]),
        ..Standing::unknown()
    }
}

#[tokio::test]
async fn a_refusal_of_each_sort_is_on_record_with_rule_evidence_versions_and_what_to_fix() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let web = "spiffe://weft.test/web";
        let standing = on_a_bad_device();
        refuse(&replica, IssueX509 { standing: standing.clone(), ..workload(web) });
        refuse(&replica, IssueJwtSvid { standing: standing.clone(), ..token_for(web, &["a"]) });
        refuse(&replica, IssueTokens { standing, ..tokens(Vec::new()) });
        assert_eq!(recorded(&replica).await, 3);
        let told = told(&replica).await;
        let version = replica.access.policy_version(REALM).unwrap();
        let sorts = ["IssueX509Svid", "IssueJwtSvid", "IssueTokens"];
        assert_eq!(told.len(), sorts.len());
        for ((record, about), sort) in told.iter().zip(sorts) {
            assert_eq!(about["action"], sort);
            assert_eq!(about["policy"], json!(version), "{sort}");
            assert_eq!(about["level"], "quarantine", "{sort}");
            assert_eq!(about["score_basis_points"], 1200, "{sort}");
            assert_eq!(about["model"], "weft-linux 1 0f0f", "{sort}");
            assert_eq!(about["evidence"], serde_json::json!(["report:77aa"]), "{sort}");
            assert!(about["rules"].as_array().is_some_and(|rules| !rules.is_empty()), "{about:?}");
            let reason = about["reason"].as_str().unwrap();
            assert!(reason.contains("to fix: switch disk encryption on"), "{reason}");
            // The facts are there to be asked again, and the answer is the same.
            let now = replica.clock_now();
            let case = read_asked(about, record.time, now).expect("a question");
            let again = replica.access.try_cases(REALM, &Instead::default(), &[case]).unwrap();
            let rules = again[0].before.decided_by.iter().map(|(id, _)| json!(id.as_ref()));
            assert_eq!(about["rules"], Value::Array(rules.collect()), "{sort}");
        }
        println!(
            "proof: refusals on record {}/{} with rule, evidence, policies, model and fix",
            told.len(),
            sorts.len()
        );
    })
    .await;
}

/// What is worth keeping of a question: no fact that is empty, zero or no.
fn question(request: &Request<'_>) -> (Vec<String>, Vec<(String, GivenFact)>) {
    let (principal, resource) = (request.principal, request.resource);
    let pairs = [principal.0, principal.1, resource.0, resource.1];
    let mut facts: Vec<(String, GivenFact)> = Vec::new();
    for (name, fact) in &request.context {
        let given = match fact {
            Fact::Text("") | Fact::Texts([]) | Fact::Number(0) | Fact::Flag(false) => continue,
            Fact::Text(text) => GivenFact::Text((*text).to_owned()),
            Fact::Texts(texts) => GivenFact::Texts(texts.to_vec()),
            Fact::Address(ip) => GivenFact::Text(ip.to_string()),
            Fact::Id(id) => GivenFact::Text(id.to_string()),
            Fact::Number(number) => GivenFact::Number(*number),
            Fact::Flag(flag) => GivenFact::Flag(*flag),
        };
        facts.push(((*name).to_owned(), given));
    }
    facts.sort_by(|a, b| a.0.cmp(&b.0));
    (pairs.map(str::to_owned).to_vec(), facts)
}

#[tokio::test]
async fn every_question_reads_back_whole_from_its_event_which_says_nothing_twice() {
    on_each_database(async |database| {
        let replica = provider(database).await;
        let web = "spiffe://weft.test/web";
        let now = replica.clock_now();
        let known = [
            Standing::unknown(),
            good(now),
            Standing { expires: now.plus(Lifetime::hours(2)), ..good(now) },
        ];
        let draft = |audience: &[&str]| draft(TokenKind::Access, JwsAlgorithm::Es256, audience);
        for standing in known {
            let leaf = IssueX509 { standing: standing.clone(), ..workload(web) };
            let token = IssueJwtSvid { standing: standing.clone(), ..token_for(web, &["a", "b"]) };
            let mut people = tokens(vec![draft(&["app", "api"])]);
            people.standing = standing.clone();
            let told = |request: &Request<'_>| question(request);
            let mut expected = vec![told(&leaf.request()), told(&token.request())];
            expected.push(told(&people.request()));
            x509(&replica, leaf).await.unwrap();
            jwt(&replica, token).await.unwrap();
            issued(&replica, people).await.unwrap();
            let told = told_of(&replica, "svid.").await;
            let newest = told.iter().skip(told.len() - expected.len());
            for ((record, about), expected) in newest.zip(expected) {
                let case = read_asked(about, record.time, now).expect("a question");
                let (principal, resource) = (case.principal, case.resource);
                let pairs = vec![principal.0, principal.1, resource.0, resource.1];
                let facts: Vec<_> = case.context.into_iter().collect();
                assert_eq!((pairs, facts), expected, "{about:?}");
                let device = standing.device.is_some();
                assert_eq!(case.standing, device.then(|| standing.clone()), "{about:?}");
                let bytes = Value::Object(about.clone()).to_string().len();
                let asked = about["asked"].to_string().len();
                println!(
                    "proof: event {}: {bytes} bytes, {asked} of them the question",
                    record.kind
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_again_and_again_fills_no_log() {
    let replica = closed(&TestDatabase::new(Engine::Sqlite).await).await;
    let web = || workload("spiffe://weft.test/web");
    for _ in 0..10_000 {
        refuse(&replica, web());
    }
    assert_eq!(recorded(&replica).await, 1);
    assert_eq!(recorded(&replica).await, 0, "nothing is told twice");
    replica.clock.advance(Lifetime::minutes(10));
    refuse(&replica, web());
    assert_eq!(recorded(&replica).await, 1);
    let again: Vec<Value> =
        told(&replica).await.iter().map(|(_, about)| about["again"].clone()).collect();
    assert_eq!(again, [json!(0), json!(9999)], "how often it was refused in between");

    // Of many subjects a thousand are on record in that time.
    let many = |n: u128| {
        let mut ask = web();
        ask.evidence.subject.number = SubjectId::new(uuid::Uuid::from_u128(n));
        ask
    };
    for n in 0..5000 {
        refuse(&replica, many(n));
    }
    let first = recorded(&replica).await;
    assert_eq!(first, 999, "beside the one that is known");
    replica.clock.advance(Lifetime::minutes(10));
    refuse(&replica, many(4999));
    assert_eq!(recorded(&replica).await, 1, "later there is room again");
    println!(
        "proof: refusals: 10000 of one subject recorded {}, 5000 of many recorded {first}",
        again.len()
    );
}

#[tokio::test]
async fn the_event_of_a_refusal_is_made_only_where_it_goes_on_record() {
    let replica = KeysReplica::started(&TestDatabase::new(Engine::Sqlite).await).await;
    let made = AtomicU64::new(0);
    let note = |who: u128| {
        let subject = SubjectId::new(uuid::Uuid::from_u128(who));
        replica.access.note_refusal((REALM, "device.refused"), (subject, "locked"), || {
            made.fetch_add(1, Ordering::Relaxed);
            Event::new(REALM, "device.refused").subject(subject)
        });
    };
    (0..100).for_each(|_| note(0));
    assert_eq!(made.load(Ordering::Relaxed), 1, "the same again");
    (0..1500).for_each(note);
    assert_eq!(made.load(Ordering::Relaxed), 1000, "no more than there is room for");
    assert_eq!(recorded(&replica).await, 1000);
}

#[tokio::test]
async fn other_policies_or_another_rule_are_another_refusal_and_a_permit_is_none() {
    let replica = KeysReplica::started(&TestDatabase::new(Engine::Sqlite).await).await;
    let web = || workload("spiffe://weft.test/web");
    let _permit = replica.access.permit(web()).unwrap();
    assert_eq!(recorded(&replica).await, 0);
    replica.access.open_with(REALM, &[("own", NO)]).unwrap();
    refuse(&replica, web());
    assert_eq!(recorded(&replica).await, 1);
    replica.access.open_with(REALM, &[("own", &NO.replace("not today", "not now"))]).unwrap();
    refuse(&replica, web());
    refuse(&replica, web());
    assert_eq!(recorded(&replica).await, 1, "of these policies");
    refuse(&replica, IssueX509 { standing: on_a_bad_device(), ..web() });
    assert_eq!(recorded(&replica).await, 1, "by other rules too");
    // A clock that was set back silences nothing.
    replica.clock.step_to(replica.clock_now().minus(Lifetime::days(1)));
    refuse(&replica, web());
    assert_eq!(recorded(&replica).await, 1);
}

#[tokio::test]
async fn other_policies_say_what_they_would_have_made_of_what_is_on_record_and_nothing_is_saved() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let old = r#"@id("old") @says("no more") forbid (principal, action in Action::"Issue", resource in Path::"spiffe://weft.test/old");"#;
        replica.access.open_with(REALM, &[("own", old)]).unwrap();
        for text in ["spiffe://weft.test/web", "spiffe://weft.test/web", "spiffe://weft.test/api"] {
            x509(&replica, workload(text)).await.unwrap();
        }
        let standing = good(replica.clock_now());
        let db = IssueX509 { standing, ..workload("spiffe://weft.test/db") };
        x509(&replica, db).await.unwrap();
        refuse(&replica, workload("spiffe://weft.test/old"));
        recorded(&replica).await;
        replica.events.copy().await.unwrap();
        let replay = async |text: Option<&str>, last: usize| {
            let db = replica.env.db.clone();
            let audit = Audit::new(db, replica.events.clone(), replica.access.clone());
            let by = access::Administrator { realm: REALM, asker: KeysReplica::root() };
            let instead = [(access::Name::parse("own").unwrap(), text.map(Arc::from))].into();
            let ask = Replay { by, instead, last };
            audit.replay(ask, replica.env.clock.as_ref()).await.unwrap()
        };
        let names = |others: &[Other]| {
            let id = |other: &Other| match &other.record.about {
                Part::Open(about) => about["spiffe_id"].as_str().unwrap().to_owned(),
                other => panic!("{other:?}"),
            };
            others.iter().map(id).collect::<Vec<_>>()
        };
        let same = replay(Some(old), 1000).await;
        assert_eq!((same.asked, same.refused.len(), same.allowed.len()), (5, 0, 0));
        let web = r#"@id("web") forbid (principal, action in Action::"Issue", resource in Path::"spiffe://weft.test/web");"#;
        let other = replay(Some(web), 1000).await;
        assert_eq!(names(&other.refused), ["spiffe://weft.test/web"; 2]);
        assert_eq!(names(&other.allowed), ["spiffe://weft.test/old"]);
        let none = replay(None, 1000).await;
        assert_eq!((none.refused.len(), names(&none.allowed)), (0, vec!["spiffe://weft.test/old".to_owned()]));
        let still = x509(&replica, workload("spiffe://weft.test/web")).await;
        assert!(still.is_ok(), "nothing is saved");
        // What was known of a device counts as it was known then, however long ago that is.
        replica.clock.advance(Lifetime::days(20));
        let stale = r#"@id("stale") forbid (principal, action in Action::"Issue", resource) when { context.standing == "trusted" && context.posture_age_seconds > 60 };"#;
        assert_eq!(replay(Some(stale), 1000).await.refused.len(), 0);
        let high = r#"@id("high") forbid (principal, action in Action::"Issue", resource) when { context.score == 91 };"#;
        assert_eq!(names(&replay(Some(high), 1000).await.refused), ["spiffe://weft.test/db"]);
        assert_eq!(replay(Some(high), 2).await.asked, 2, "the newest of them");
        println!("proof: what-if over {} decisions on record: {} would be refused, {} allowed", other.asked, other.refused.len(), other.allowed.len());
    })
    .await;
}

fn good(now: Timestamp) -> Standing {
    Standing {
        level: Level::Trusted,
        score: Some(BasisPoints::new(9100)),
        confidence: BasisPoints::ONE,
        reported: Some(now),
        device: Some(DeviceId::new(uuid::Uuid::from_u128(6))),
        ..Standing::unknown()
    }
}

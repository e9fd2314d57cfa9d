//! Keys of OpenID tokens: two lines side by side, published before they sign and until what they signed has ended.

use super::*;
use crate::crypto::jose::JwsAlgorithm;

const BOTH: [JwsAlgorithm; 2] = [JwsAlgorithm::Es256, JwsAlgorithm::Rs256];

/// Minutes instead of weeks: published for 50 s before it signs, life 200 s.
fn quick() -> Settings {
    Settings {
        oidc_seconds: 200,
        oidc_published_seconds: 50,
        refresh_hint_seconds: 5,
        ..Settings::default()
    }
}

fn kids(replica: &KeysReplica) -> BTreeSet<String> {
    replica.authority.oidc_key_set(REALM).unwrap().kids().map(str::to_owned).collect()
}

async fn rotate_oidc(replica: &KeysReplica) -> u64 {
    replica.authority.rotate_oidc(REALM).await.unwrap()
}

#[tokio::test]
async fn both_algorithms_sign_side_by_side_and_over_a_restart() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        assert!(replica.authority.active_oidc(REALM, JwsAlgorithm::Es256).is_none());
        let bundle = sequence(&replica);
        assert_eq!(rotate_oidc(&replica).await, 4, "prepared and activated, twice");
        assert_eq!(rotate_oidc(&replica).await, 0, "nothing more to do");
        assert_eq!(states(&replica, Purpose::Oidc), ["active", "active"]);
        assert_eq!(sequence(&replica), bundle, "the SPIFFE bundle has nothing to do with it");
        let signing = |replica: &KeysReplica| {
            BOTH.map(|algorithm| replica.authority.active_oidc(REALM, algorithm).unwrap())
        };
        let before = signing(&replica);
        for (algorithm, authority) in BOTH.into_iter().zip(&before) {
            assert_eq!(authority.algorithm, algorithm);
            assert_eq!(&*authority.issuer, "https://weft.test", "without `/spiffe`");
        }
        assert!(replica.authority.active_oidc(REALM, JwsAlgorithm::Ps256).is_none());
        drop(replica);
        let again = KeysReplica::over(database, 2, Settings::default()).await;
        again.load().await;
        assert_eq!(signing(&again).map(|one| one.id), before.map(|one| one.id));
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_make_the_first_keys_at_once_agree() {
    on_each_database(async |database| {
        let a = KeysReplica::started(database).await;
        let b = KeysReplica::over(database, 2, Settings::default()).await;
        b.load().await;
        let (left, right) =
            tokio::join!(a.authority.rotate_oidc(REALM), b.authority.rotate_oidc(REALM));
        left.unwrap();
        right.unwrap();
        a.load().await;
        b.load().await;
        rotate_oidc(&a).await;
        b.load().await;
        assert_eq!(kids(&a), kids(&b));
        // Whoever was late may have prepared the next one already: it waits for its turn.
        let active = |replica: &KeysReplica| {
            BOTH.map(|algorithm| replica.authority.active_oidc(REALM, algorithm).unwrap().id)
        };
        assert_eq!(active(&a), active(&b));
    })
    .await;
}

/// An application that fetches the keys as rarely as it may, and tokens that are verified in their last second.
#[tokio::test]
async fn oidc_008_no_application_meets_a_key_that_it_does_not_know() {
    const TOKEN_SECONDS: i64 = 20;
    const TICK_SECONDS: i64 = 10;
    let database = TestDatabase::new(Engine::Sqlite).await;
    let replica = KeysReplica::over(&database, 1, quick()).await;
    replica.load().await;
    rotate_oidc(&replica).await;
    let (mut known, mut fetched) = (kids(&replica), replica.clock_now());
    let mut live: Vec<(String, Timestamp)> = Vec::new();
    let (mut signed, mut seen) = (0, BTreeSet::new());
    for _ in 0..60 {
        rotate_oidc(&replica).await;
        replica.load().await;
        let now = replica.clock_now();
        if now.since(fetched).as_seconds() >= 50 {
            (known, fetched) = (kids(&replica), now);
        }
        for algorithm in BOTH {
            let authority = replica.authority.active_oidc(REALM, algorithm).unwrap();
            let kid = authority.id_tokens.kid().to_owned();
            assert!(known.contains(&kid), "signed by a key that was just published");
            let until = now.plus(Lifetime::seconds(TOKEN_SECONDS)).min(authority.not_after);
            seen.insert(kid.clone());
            live.push((kid, until));
            signed += 1;
        }
        let published = kids(&replica);
        live.retain(|(_, until)| *until > now);
        assert!(live.iter().all(|(kid, _)| published.contains(kid)), "a live token lost its key");
        assert!(published.len() <= 6, "the set does not grow");
        replica.clock.advance(Lifetime::seconds(TICK_SECONDS));
    }
    assert!(seen.len() >= 8, "{} keys", seen.len());
    println!(
        "proof: OpenID tokens {signed} by {} keys in turn, signed by an unknown key 0",
        seen.len()
    );
}

#[tokio::test]
async fn an_administrator_rotates_each_algorithm_by_itself() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let replica = KeysReplica::started(&database).await;
    rotate_oidc(&replica).await;
    let rs256 = Line { purpose: Purpose::Oidc, algorithm: Algorithm::Rsa2048 };
    let old = replica.authority.active_oidc(REALM, JwsAlgorithm::Rs256).unwrap().id;
    let kept = replica.authority.active_oidc(REALM, JwsAlgorithm::Es256).unwrap().id;
    let next = replica.authority.prepare(root(), rs256).await.unwrap();
    replica.load().await;
    assert_eq!(next.algorithm, Algorithm::Rsa2048);
    let early = replica.authority.activate(root(), next.id, false).await;
    assert!(matches!(early, Err(Error::TooEarly { .. })), "{early:?}");
    replica.clock.advance(Lifetime::days(1));
    replica.authority.activate(root(), next.id, false).await.unwrap();
    replica.load().await;
    let active = |algorithm| replica.authority.active_oidc(REALM, algorithm).unwrap().id;
    assert_eq!((active(JwsAlgorithm::Rs256), active(JwsAlgorithm::Es256)), (next.id, kept));
    assert_eq!(kids(&replica).len(), 3, "the old one is still published");
    replica.authority.taint(root(), old).await.unwrap();
    replica.authority.revoke(root(), old).await.unwrap();
    replica.load().await;
    assert_eq!(kids(&replica).len(), 2);
}

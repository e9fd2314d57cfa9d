//! Authorities as sentences: prepared, active, old, gone; by time and by command; on one replica and on two.

mod oidc;
mod published;
mod stolen;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::access::Asker;
use crate::authority::settings::KeyManager;
use crate::crypto::jose::Unverified;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::seal::KekRing;
use crate::crypto::x509::{CertificateView, LeafTemplate, Roots, Serial, verify_svid};
use crate::db::Engine;
use crate::kernel::{AuthorityId, Granted, Lifetime, SpiffeId, Timestamp};
use crate::testkit::{KeysReplica, TestDatabase, on_each_database, on_each_engine};

const REALM: RealmId = RealmId::FIRST;

fn by(asker: Asker) -> Administrator {
    Administrator { realm: REALM, asker }
}

fn root() -> Administrator {
    by(KeysReplica::root())
}

/// Minutes instead of days: hint 5 s, overlap 15 s, life 100 s.
fn short() -> Settings {
    Settings {
        x509_seconds: 100,
        jwt_seconds: 100,
        refresh_hint_seconds: 5,
        x509_published_seconds: 15,
        ..Settings::default()
    }
}

fn slots(replica: &KeysReplica, purpose: Purpose) -> Vec<Slot> {
    let listing = replica.authority.read(root()).unwrap();
    listing.slots.into_iter().filter(|slot| slot.purpose == purpose).collect()
}

fn line(purpose: Purpose) -> Line {
    Line::find(purpose, None).unwrap()
}

fn states(replica: &KeysReplica, purpose: Purpose) -> Vec<&'static str> {
    slots(replica, purpose).iter().map(|slot| slot.state.as_str()).collect()
}

fn in_state(replica: &KeysReplica, purpose: Purpose, state: &str) -> AuthorityId {
    let found = slots(replica, purpose);
    found
        .iter()
        .find(|slot| slot.state.as_str() == state)
        .unwrap_or_else(|| panic!("no {state}: {found:?}"))
        .id
}

fn sequence(replica: &KeysReplica) -> u64 {
    replica.authority.bundle(REALM).unwrap().sequence
}

async fn rotate(replica: &KeysReplica) -> u64 {
    replica.authority.rotate(REALM).await.unwrap()
}

/// A leaf by whoever signs now.
fn leaf(replica: &KeysReplica) -> Vec<Vec<u8>> {
    let now = replica.env.clock.now();
    let authority = replica.authority.active_x509(REALM).unwrap();
    let id = SpiffeId::parse("spiffe://weft.test/x").unwrap();
    let template = LeafTemplate {
        id: &id,
        dns_names: &[],
        organization: None,
        serial: Serial::new(replica.env.entropy.as_ref()).unwrap(),
        not_before: now,
        not_after: now.plus(Lifetime::seconds(30)),
    };
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    authority.chain_of(authority.issuer.sign_leaf(&template, key.public()).unwrap())
}

fn verifies(chain: &[Vec<u8>], roots: &Roots, now: Timestamp) -> bool {
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    verify_svid(&chain, roots, now).is_ok()
}

#[tokio::test]
async fn an_empty_realm_gets_an_authority_of_each_purpose_and_keeps_it_over_a_restart() {
    on_each_database(async |database| {
        let first = KeysReplica::started(database).await;
        for purpose in [Purpose::X509, Purpose::JwtSvid] {
            assert_eq!(states(&first, purpose), ["active"]);
        }
        assert_eq!(rotate(&first).await, 0, "nothing more to do");
        let (x509, jwt) = (
            first.authority.active_x509(REALM).unwrap().id,
            first.authority.active_jwt(REALM).unwrap(),
        );
        assert_eq!(&*jwt.issuer, "https://weft.test/spiffe");
        let bundle = first.authority.bundle(REALM).unwrap();
        assert_eq!((bundle.x509.len(), bundle.jwt.len()), (1, 1));
        drop(first);
        let again = KeysReplica::over(database, 2, Settings::default()).await;
        assert!(again.authority.active_x509(REALM).is_none(), "nothing before the load");
        again.load().await;
        assert_eq!(again.authority.active_x509(REALM).unwrap().id, x509);
        assert_eq!(again.authority.active_jwt(REALM).unwrap().id, jwt.id);
        assert_eq!(rotate(&again).await, 0);
        assert!(verifies(&leaf(&again), bundle.roots(), again.clock_now()));
    })
    .await;
}

#[tokio::test]
async fn a_purpose_has_a_key_of_its_own_and_a_name_of_its_own() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let all = replica.authority.read(root()).unwrap().slots;
        let keys: BTreeSet<[u8; 32]> = all.iter().map(|slot| slot.public_key.digest()).collect();
        assert_eq!(keys.len(), all.len());
        let x509 = all.iter().find(|slot| slot.purpose == Purpose::X509).unwrap();
        let view = CertificateView::parse(x509.certificate.as_ref().unwrap()).unwrap();
        assert_eq!(
            Some(x509.key_id.clone()),
            view.subject_key_id.map(|id| crate::crypto::digest::hex(&id))
        );
        assert_eq!((view.not_before, view.not_after), (x509.not_before, x509.not_after));
        let jwt = replica.authority.active_jwt(REALM).unwrap();
        let token = jwt.signer.sign("{}").unwrap();
        let named = all.iter().find(|slot| slot.purpose == Purpose::JwtSvid).unwrap();
        assert_eq!(Unverified::parse(&token).unwrap().kid(), named.key_id);
    })
    .await;
}

#[tokio::test]
async fn a_life_goes_from_prepared_to_gone_and_no_lagging_verifier_meets_an_unknown_key() {
    on_each_database(async |database| {
        let replica = KeysReplica::over(database, 1, short()).await;
        replica.load().await;
        rotate(&replica).await;
        // A verifier that fetches every 5 s, and one that missed two fetches.
        let mut lagging: Vec<Arc<Bundle>> = vec![replica.authority.bundle(REALM).unwrap(); 3];
        let mut signers = BTreeSet::new();
        for second in 1..400 {
            replica.clock.advance(Lifetime::seconds(1));
            rotate(&replica).await;
            if second % 5 == 0 {
                lagging.rotate_right(1);
                lagging[0] = replica.authority.bundle(REALM).unwrap();
            }
            if second % 4 != 0 {
                continue;
            }
            let now = replica.clock_now();
            let chain = leaf(&replica);
            let jwt = replica.authority.active_jwt(REALM).unwrap();
            for bundle in &lagging {
                assert!(verifies(&chain, bundle.roots(), now), "second {second}");
                assert!(bundle.jwt_keys().get(jwt.signer.kid()).is_some(), "second {second}");
            }
            signers.insert(jwt.id);
            assert!(slots(&replica, Purpose::X509).len() <= 3);
        }
        assert!(signers.len() >= 5, "{} rotations", signers.len());
    })
    .await;
}

#[tokio::test]
async fn an_old_authority_stays_in_the_bundle_until_what_it_signed_has_ended() {
    on_each_database(async |database| {
        let replica = KeysReplica::over(database, 1, short()).await;
        replica.load().await;
        rotate(&replica).await;
        let first = in_state(&replica, Purpose::X509, "active");
        let chain = leaf(&replica);
        replica.clock.advance(Lifetime::seconds(50));
        rotate(&replica).await;
        assert_eq!(states(&replica, Purpose::X509), ["active", "prepared"]);
        replica.clock.advance(Lifetime::seconds(15));
        rotate(&replica).await;
        assert_eq!(states(&replica, Purpose::X509), ["old", "active"]);
        assert_eq!(in_state(&replica, Purpose::X509, "old"), first);
        assert!(verifies(
            &chain,
            replica.authority.bundle(REALM).unwrap().roots(),
            Timestamp::from_seconds(replica.clock_now().seconds() - 40)
        ));
        let stored = stored_key(&replica, first).await;
        assert_eq!(stored, None, "its private key is gone the moment it stops signing");
        replica.clock.advance(Lifetime::seconds(41));
        rotate(&replica).await;
        assert!(
            slots(&replica, Purpose::X509).iter().all(|slot| slot.id != first),
            "gone after its end and a margin"
        );
    })
    .await;
}

async fn stored_key(replica: &KeysReplica, id: AuthorityId) -> Option<Vec<u8>> {
    let found: Result<_, Fault> = replica
        .env
        .db
        .read(REALM, id, |tx, id| Box::pin(async move { store::find(tx, *id).await }))
        .await;
    found.unwrap().unwrap().sealed_key
}

#[tokio::test]
async fn spiffe_052_the_sequence_rises_with_every_change_of_content_and_only_then() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let mut bundles = replica.authority.watch(REALM).unwrap();
        bundles.mark_unchanged();
        let mut last = sequence(&replica);
        assert!(
            i64::try_from(last).unwrap() >= replica.clock_now().seconds(),
            "higher than any backup's"
        );
        let prepared = replica.authority.prepare(root(), line(Purpose::X509)).await.unwrap();
        replica.load().await;
        assert!(sequence(&replica) > last, "a key came");
        assert!(bundles.has_changed().unwrap());
        last = sequence(&replica);
        assert_eq!(u64::try_from(prepared.published_sequence).unwrap(), last);
        replica.authority.activate(root(), prepared.id, true).await.unwrap();
        replica.load().await;
        assert_eq!(sequence(&replica), last, "who signs is not part of the content");
        let old = in_state(&replica, Purpose::X509, "old");
        replica.authority.taint(root(), old).await.unwrap();
        replica.load().await;
        let tainted = sequence(&replica);
        replica.authority.revoke(root(), old).await.unwrap();
        replica.load().await;
        assert!(last < tainted && tainted < sequence(&replica));
        let bundle = replica.authority.bundle(REALM).unwrap();
        assert_eq!(bundle.key_set().sequence, Some(bundle.sequence));
    })
    .await;
}

#[tokio::test]
async fn prepare_activate_taint_and_revoke_each_need_the_state_before_them() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let authority = &replica.authority;
        let active = in_state(&replica, Purpose::JwtSvid, "active");
        for refused in [
            authority.activate(root(), active, true).await,
            authority.taint(root(), active).await,
            authority.revoke(root(), active).await,
        ] {
            assert!(matches!(refused, Err(Error::State { .. })), "{refused:?}");
        }
        let next = authority.prepare(root(), line(Purpose::JwtSvid)).await.unwrap();
        replica.load().await;
        let twice = authority.prepare(root(), line(Purpose::JwtSvid)).await;
        assert!(
            matches!(twice, Err(Error::Prepared(Line { purpose: Purpose::JwtSvid, .. }))),
            "{twice:?}"
        );
        let early = authority.activate(root(), next.id, false).await;
        assert!(matches!(early, Err(Error::TooEarly { .. })), "{early:?}");
        replica.clock.advance(Lifetime::minutes(15));
        assert_eq!(authority.activate(root(), next.id, false).await.unwrap().state, State::Active);
        replica.load().await;
        let untainted = authority.revoke(root(), active).await;
        assert!(matches!(untainted, Err(Error::State { .. })), "{untainted:?}");
        assert_eq!(
            authority.taint(root(), active).await.unwrap().state,
            State::Old { tainted: true }
        );
        replica.load().await;
        let bundle = authority.bundle(REALM).unwrap();
        assert_eq!(bundle.jwt.iter().map(|key| key.tainted).collect::<Vec<_>>(), [true, false]);
        assert_eq!(authority.revoke(root(), active).await.unwrap().state, State::Revoked);
        replica.load().await;
        assert_eq!(
            authority.bundle(REALM).unwrap().jwt.len(),
            1,
            "what it signed is refused from now on"
        );
        let unknown = AuthorityId::new(uuid::Uuid::from_u128(9));
        assert!(matches!(authority.taint(root(), unknown).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_right_changes_and_sees_nothing() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let authority = &replica.authority;
        let active = in_state(&replica, Purpose::X509, "active");
        let nobody = || by(Asker::nobody());
        let node =
            || by(Asker::node(&SpiffeId::parse("spiffe://weft.test/spire/agent/x").unwrap()));
        for who in [nobody, node] {
            assert!(matches!(authority.read(who()), Err(Error::Access(_))));
            assert!(matches!(
                authority.prepare(who(), line(Purpose::X509)).await,
                Err(Error::Access(_))
            ));
            assert!(matches!(authority.activate(who(), active, true).await, Err(Error::Access(_))));
            assert!(matches!(authority.taint(who(), active).await, Err(Error::Access(_))));
            assert!(matches!(authority.revoke(who(), active).await, Err(Error::Access(_))));
        }
        assert_eq!(states(&replica, Purpose::X509), ["active"]);
    })
    .await;
}

#[tokio::test]
async fn keys_in_memory_are_made_anew_at_every_start() {
    on_each_database(async |database| {
        let settings = || Settings { key_manager: KeyManager::Memory, ..Settings::default() };
        let first = KeysReplica::over(database, 1, settings()).await;
        first.load().await;
        rotate(&first).await;
        let id = first.authority.active_x509(REALM).unwrap().id;
        let stored = stored_key(&first, id).await;
        assert_eq!(stored, None, "not even sealed");
        let chain = leaf(&first);
        drop(first);
        let again = KeysReplica::over(database, 2, settings()).await;
        again.load().await;
        assert!(again.authority.active_x509(REALM).is_none());
        rotate(&again).await;
        assert_ne!(again.authority.active_x509(REALM).unwrap().id, id);
        assert_eq!(states(&again, Purpose::X509), ["old", "active"]);
        let roots = again.authority.bundle(REALM).unwrap();
        assert!(
            verifies(&chain, roots.roots(), again.clock_now()),
            "what the lost key signed still verifies"
        );
    })
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_be_unsealed_stops_the_start_instead_of_making_another() {
    on_each_database(async |database| {
        drop(KeysReplica::started(database).await);
        let ring = KekRing::new(KeysReplica::kek(1), vec![]);
        let wrong = KekRing::new(KeysReplica::kek(2), vec![]);
        assert_ne!(ring.current_id(), wrong.current_id());
        let env = KeysReplica::sealing(database, 2, Settings::default(), ring).await.env;
        let access = crate::access::Access::new(Arc::clone(&env.clock), 0).unwrap();
        let events = {
            let directory = tempfile::tempdir().unwrap().keep();
            let ring = Arc::new(KekRing::new(KeysReplica::kek(1), vec![]));
            crate::events::Events::open(
                env.clone(),
                directory,
                ring,
                crate::events::LedgerSettings::default(),
            )
            .unwrap()
        };
        let blind =
            Authority::new(env.clone(), events, access, Arc::new(wrong), Settings::default());
        blind.open(KeysReplica::names()).unwrap();
        let loaded: Result<(), Fault> = env
            .db
            .read(REALM, blind, |tx, blind| Box::pin(async move { blind.load(tx).await }))
            .await;
        assert!(loaded.unwrap_err().to_string().contains("which this server was not given"));
    })
    .await;
}

#[tokio::test]
async fn resealing_lets_the_older_key_encryption_key_go() {
    on_each_database(async |database| {
        let first = KeysReplica::started(database).await;
        let id = first.authority.active_x509(REALM).unwrap().id;
        assert_eq!(
            first.authority.reseal(REALM, &Granted::to_server("keys.reseal")).await.unwrap(),
            0,
            "all are under the current key"
        );
        drop(first);
        let both = KekRing::new(KeysReplica::kek(2), vec![KeysReplica::kek(1)]);
        let middle = KeysReplica::sealing(database, 2, Settings::default(), both).await;
        middle.load().await;
        assert_eq!(
            middle.authority.reseal(REALM, &Granted::to_server("keys.reseal")).await.unwrap(),
            2
        );
        assert_eq!(
            middle.authority.reseal(REALM, &Granted::to_server("keys.reseal")).await.unwrap(),
            0,
            "again changes nothing"
        );
        let blob = stored_key(&middle, id).await.unwrap();
        assert!(!KekRing::new(KeysReplica::kek(2), vec![]).is_stale(&blob));
        middle.load().await;
        assert_eq!(middle.authority.active_x509(REALM).unwrap().id, id);
        let other_place = seal_key::open(
            &KekRing::new(KeysReplica::kek(2), vec![]),
            RealmId(2),
            &slots(&middle, Purpose::X509)[0],
            2,
            &blob,
        );
        assert!(other_place.is_err(), "a blob opens in its own realm only");
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_rotate_at_once_make_one_authority() {
    on_each_database(async |database| {
        if database.engine() == Engine::Sqlite {
            return;
        }
        let a = KeysReplica::over(database, 1, short()).await;
        let b = KeysReplica::over(database, 2, short()).await;
        for _ in 0..30 {
            let (left, right) = tokio::join!(a.authority.rotate(REALM), b.authority.rotate(REALM));
            left.unwrap();
            right.unwrap();
            a.load().await;
            b.load().await;
            for purpose in [Purpose::X509, Purpose::JwtSvid] {
                let found = states(&a, purpose);
                assert_eq!(found, states(&b, purpose));
                assert_eq!(
                    found.iter().filter(|state| **state == "active").count(),
                    1,
                    "{found:?}"
                );
            }
            let of = |replica: &KeysReplica| replica.authority.active_x509(REALM).unwrap().id;
            assert_eq!(of(&a), of(&b));
            a.clock.advance(Lifetime::seconds(10));
        }
    })
    .await;
}

#[tokio::test]
async fn a_restored_database_numbers_its_bundle_above_what_others_hold() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let before = sequence(&replica);
        replica.env.db.new_history(REALM).await.unwrap();
        replica.clock.advance(Lifetime::hours(1));
        assert_eq!(rotate(&replica).await, 1);
        assert!(
            sequence(&replica) > before
                && i64::try_from(sequence(&replica)).unwrap() >= replica.clock_now().seconds(),
            "the seconds of now, though nothing else changed"
        );
        assert_eq!(rotate(&replica).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_upstream_authority_on_disk_is_the_root_and_ours_stands_in_the_chain() {
    on_each_database(async |database| {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        upstream_files(directory.path(), database);
        let settings = Settings {
            upstream_certificate: path("chain.pem"),
            upstream_key: path("key.pem"),
            ..Settings::default()
        };
        let replica = KeysReplica::over(database, 1, settings.clone()).await;
        replica.load().await;
        rotate(&replica).await;
        let bundle = replica.authority.bundle(REALM).unwrap();
        let root = CertificateView::parse(&bundle.x509[0].certificate).unwrap();
        assert_eq!(root.common_name.as_deref(), Some("upstream root"));
        let chain = leaf(&replica);
        assert_eq!(chain.len(), 3, "leaf, ours, and the upstream intermediate, without the root");
        assert!(verifies(&chain, bundle.roots(), replica.clock_now()));
        assert!(!verifies(&chain[..2], bundle.roots(), replica.clock_now()));
        let ours = slots(&replica, Purpose::X509)[0].clone();
        assert!(
            ours.not_after <= CertificateView::parse(&ours.upstream[0]).unwrap().not_after,
            "never outlives it"
        );
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        std::fs::set_permissions(path("key.pem"), open).unwrap();
        let refused = replica.authority.prepare(root_asker(), line(Purpose::X509)).await;
        assert!(
            matches!(&refused, Err(Error::Upstream(words)) if words.contains("has mode 0640: others can read it")),
            "{refused:?}"
        );
        let missing = KeysReplica::over(
            database,
            3,
            Settings { upstream_key: path("absent.pem"), ..settings },
        )
        .await;
        missing.load().await;
        let refused = missing.authority.prepare(root_asker(), line(Purpose::X509)).await;
        assert!(
            matches!(&refused, Err(Error::Upstream(words)) if words.contains("absent.pem")),
            "{refused:?}"
        );
    })
    .await;
}

fn root_asker() -> Administrator {
    root()
}

/// An offline root and an intermediate whose key we have, made by OpenSSL as an operator would.
fn upstream_files(directory: &std::path::Path, database: &TestDatabase) {
    let now = crate::env::Clock::now(&database.clock()).seconds();
    let day = |at: i64| {
        let date = time::OffsetDateTime::from_unix_timestamp(at).unwrap();
        format!("{:04}{:02}{:02}000000Z", date.year(), u8::from(date.month()), date.day())
    };
    let (from, until) = (day(now - 86_400), day(now + 3 * 86_400));
    let extensions = "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n[req]\ndistinguished_name=dn\n[dn]\n\
         [mini]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n\
         [any]\ncommonName=supplied\n";
    std::fs::write(directory.join("cnf"), extensions).unwrap();
    std::fs::write(directory.join("index"), "").unwrap();
    std::fs::write(directory.join("serial"), "01\n").unwrap();
    let run = |words: &str| {
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(words)
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for name in ["root", "key"] {
        run(&format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.pem"
        ));
    }
    run("openssl req -new -config cnf -subj '/CN=upstream root' -key root.pem -out root.csr");
    run("openssl req -new -config cnf -subj '/CN=upstream middle' -key key.pem -out middle.csr");
    let sign = format!(
        "openssl ca -batch -notext -config cnf -name mini -extensions ca -startdate {from} -enddate {until}"
    );
    run(&format!("{sign} -selfsign -keyfile root.pem -in root.csr -out root.crt"));
    run(&format!("{sign} -cert root.crt -keyfile root.pem -in middle.csr -out middle.crt"));
    run("cat middle.crt root.crt > chain.pem");
}

#[tokio::test]
async fn every_statement_of_this_slice_is_understood_on_each_engine() {
    on_each_engine(async |db| {
        for sql in store::STATEMENTS {
            let done: Result<(), Fault> =
                db.read(REALM, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
            done.unwrap_or_else(|fault| panic!("{sql}: {fault}"));
        }
    })
    .await;
}

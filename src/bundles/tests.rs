//! Bundles of other trust domains as sentences: each is trusted for its own names, as long as it is there.

use super::*;
use crate::access::Asker;
use crate::crypto::jose::{JwtAuthority, KeySet, TokenSigner, print_bundle};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer};
use crate::crypto::x509::forge::{Ca, NOW, domain};
use crate::testkit::{KeysReplica, on_each_database, on_each_engine};

const REALM: RealmId = RealmId::FIRST;

fn root() -> Administrator {
    Administrator { realm: REALM, asker: KeysReplica::root() }
}

/// Another trust domain: an authority, a token signer, and the document that publishes both.
struct Other {
    ca: Ca,
    signer: TokenSigner,
    document: String,
}

impl Other {
    fn new(name: &str) -> Self {
        let ca = Ca::of(name);
        let key: Arc<dyn Signer> = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let signer = TokenSigner::new(Arc::clone(&key), "k", "JWT");
        let jwt = vec![JwtAuthority { kid: "k".to_owned(), key: key.public_key().clone() }];
        let set = KeySet { x509: vec![ca.der.clone()], jwt, sequence: Some(3), refresh_hint: None };
        Self { document: print_bundle(&set).to_string(), signer, ca }
    }

    fn token(&self, subject: &str) -> String {
        let exp = NOW.seconds() + 3600;
        self.signer.sign(&format!(r#"{{"sub":"{subject}","aud":["db"],"exp":{exp}}}"#)).unwrap()
    }
}

#[tokio::test]
async fn a_foreign_bundle_is_trusted_for_its_own_names_until_it_is_deleted() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let (bundles, other) = (&replica.bundles, Other::new("other.test"));
        let roots = bundles.roots(REALM).unwrap();
        let mut moved = bundles.watch_foreign(REALM);
        moved.mark_unchanged();
        let (leaf, _) = other.ca.leaf("spiffe://other.test/x");
        let (posing, _) = other.ca.leaf("spiffe://weft.test/x");
        let judge = || {
            let x509 = roots.verify(&[&leaf], NOW).is_ok();
            let jwt = bundles
                .verify_jwt_svid(REALM, &other.token("spiffe://other.test/x"), "db", NOW)
                .is_ok();
            (x509, jwt)
        };
        assert_eq!(judge(), (false, false));
        let set =
            bundles.set(root(), &domain("other.test"), other.document.as_bytes()).await.unwrap();
        assert_eq!(set.sequence, 3);
        replica.load().await;
        assert_eq!(judge(), (true, true));
        assert!(moved.has_changed().unwrap());
        assert!(roots.verify(&[&posing], NOW).is_err(), "it says nothing about our names");
        let posing =
            bundles.verify_jwt_svid(REALM, &other.token("spiffe://weft.test/x"), "db", NOW);
        assert!(posing.is_err());
        let agents = replica.authority.roots(REALM).unwrap();
        assert!(agents.verify(&[&leaf], NOW).is_err(), "no agent comes from another trust domain");
        assert_eq!(bundles.read(root()).unwrap().len(), 1);
        bundles.delete(root(), &domain("other.test")).await.unwrap();
        replica.load().await;
        assert_eq!(judge(), (false, false));
        assert!(matches!(
            bundles.delete(root(), &domain("other.test")).await,
            Err(Error::NotFound(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_change_is_applied_by_its_key_and_a_missing_row_is_a_deletion() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let bundles = &replica.bundles;
        for name in ["one.test", "two.test"] {
            bundles.set(root(), &domain(name), Other::new(name).document.as_bytes()).await.unwrap();
        }
        let apply = async |key: &str| {
            let input = (bundles.clone(), key.to_owned());
            let applied: Result<(), Fault> = replica
                .env
                .db
                .read(REALM, input, |tx, (bundles, key)| {
                    Box::pin(async move { bundles.apply(tx, std::slice::from_ref(key)).await })
                })
                .await;
            applied.unwrap();
            bundles
                .foreign_all(REALM)
                .iter()
                .map(|bundle| bundle.trust_domain.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(apply("one.test").await, ["one.test"]);
        assert_eq!(apply("two.test").await, ["one.test", "two.test"]);
        bundles.delete(root(), &domain("one.test")).await.unwrap();
        assert_eq!(apply("one.test").await, ["two.test"]);
        assert_eq!(apply("one.test").await, ["two.test"], "twice is once");
    })
    .await;
}

#[tokio::test]
async fn spiffe_057_a_bundle_is_filed_under_the_name_the_administrator_gave() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let other = Other::new("inside.test");
        let filed = replica
            .bundles
            .set(root(), &domain("filed.test"), other.document.as_bytes())
            .await
            .unwrap();
        assert_eq!(filed.trust_domain, domain("filed.test"));
        replica.load().await;
        assert!(replica.bundles.foreign(REALM, &domain("inside.test")).is_none());
        let roots = replica.bundles.roots(REALM).unwrap();
        assert!(roots.verify(&[&other.ca.leaf("spiffe://inside.test/x").0], NOW).is_err());
        assert!(roots.verify(&[&other.ca.leaf("spiffe://filed.test/x").0], NOW).is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_document_that_cannot_be_used_changes_nothing_and_our_own_bundle_cannot_be_set() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let bundles = &replica.bundles;
        let good = Other::new("other.test");
        for bad in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"use":"jwt-svid"}]}"#] {
            let refused = bundles.set(root(), &domain("other.test"), bad.as_bytes()).await;
            assert!(
                matches!(refused, Err(Error::Document(_) | Error::Empty(_))),
                "{bad}: {refused:?}"
            );
        }
        let own = bundles.set(root(), &domain("weft.test"), good.document.as_bytes()).await;
        assert!(matches!(own, Err(Error::Own(_))), "{own:?}");
        assert!(matches!(bundles.delete(root(), &domain("weft.test")).await, Err(Error::Own(_))));
        let nobody = || Administrator { realm: REALM, asker: Asker::nobody() };
        let denied = bundles.set(nobody(), &domain("other.test"), good.document.as_bytes()).await;
        assert!(matches!(denied, Err(Error::Access(_))), "{denied:?}");
        assert!(matches!(
            bundles.delete(nobody(), &domain("other.test")).await,
            Err(Error::Access(_))
        ));
        assert!(matches!(bundles.read(nobody()), Err(Error::Access(_))));
        replica.load().await;
        assert!(bundles.foreign_all(REALM).is_empty());
    })
    .await;
}

#[tokio::test]
async fn spiffe_051_to_053_our_own_document_is_whole_and_numbered() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let bundle = replica.bundles.current(REALM).unwrap();
        let set = KeySet::parse(document::print(&bundle).as_bytes()).unwrap();
        assert_eq!(set, bundle.key_set());
        assert_eq!((set.x509.len(), set.jwt.len()), (1, 1));
        assert_eq!(set.refresh_hint, Some(crate::kernel::Lifetime::minutes(5)));
    })
    .await;
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

//! Under which name an agent may come in, whatever its attestor says; and what is kept of a join token.

use futures_util::future::BoxFuture;

use super::{House, key, not_admitted};
use crate::crypto::digest::{hex, sha256};
use crate::crypto::x509::csr;
use crate::db::Engine;
use crate::env::Env;
use crate::kernel::{Fault, Situation, Strength};
use crate::nodes::Error;
use crate::nodes::attest_agent::{AttestAgent, Progress};
use crate::nodes::attestors::{Attested, Attestors, NodeAttestor, Opening, Step};
use crate::testkit::on_each_database;

/// Names an agent whatever it was sent.
#[derive(Debug)]
struct Obedient;

impl NodeAttestor for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    fn open<'a>(
        &'a self,
        _env: &'a Env,
        opening: Opening<'a>,
    ) -> BoxFuture<'a, Result<Step, Error>> {
        let attested = Attested {
            path: String::from_utf8(opening.payload.to_vec()).unwrap(),
            selectors: Vec::new(),
            alias: None,
            strength: Strength::Software,
            can_reattest: false,
            good_for: None,
        };
        Box::pin(async move { Ok(Step::Done(attested)) })
    }
}

#[tokio::test]
async fn an_attestor_cannot_name_an_agent_outside_its_own_path() {
    on_each_database(async |database| {
        let house = House::with(database, Attestors::new(vec![Box::new(Obedient)])).await;
        let join = async |path: &str| {
            let ask = AttestAgent {
                realm: super::REALM,
                attestor: "obedient".to_owned(),
                payload: path.as_bytes().to_vec(),
                csr: csr::create(&key()).unwrap(),
                situation: Situation::default(),
            };
            house.nodes.attest(ask).await
        };
        let long = format!("obedient/{}", "x".repeat(2048));
        let outside =
            ["../server", "obedient/../../server", "obedient//x", "obedient/", "obedient"];
        let others = ["join_token/x", "obedientx/x", "/obedient/x", "obedient/x y", "obedient/./x"];
        for path in outside.into_iter().chain(others).chain([long.as_str()]) {
            not_admitted(&join(path).await);
        }
        let Progress::Admitted { svid, .. } = join("obedient/rack/7").await.unwrap() else {
            panic!("it never asks back")
        };
        assert_eq!(svid.id.path(), "/spire/agent/obedient/rack/7");
    })
    .await;
}

#[tokio::test]
async fn a_join_token_is_stored_as_a_digest() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let made = house.token(1).await;
        let secret = made.secret.expose().clone();
        house.join(&secret, &key()).await.unwrap();
        let digest = sha256(secret.as_bytes());
        let stored: Result<Vec<u8>, Fault> = (house.keys.env.db)
            .read(super::REALM, (), |tx, ()| {
                Box::pin(async move {
                    let row = tx.row("SELECT digest FROM join_token WHERE realm = $1", &[]).await?;
                    row.unwrap().bytes("digest")
                })
            })
            .await;
        assert_eq!(stored.unwrap(), digest);
        // Nor is the secret anywhere else: in no other table, log or file.
        if database.engine() == Engine::Sqlite {
            for file in std::fs::read_dir(database.directory().unwrap()).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                assert!(!holds(&bytes, secret.as_bytes()));
            }
        } else {
            let rows = database.sql("SELECT * FROM join_token; SELECT * FROM change");
            assert!(rows.contains(&hex(&digest)) && !rows.contains(&secret), "{rows}");
            assert!(!rows.contains(&hex(secret.as_bytes())), "{rows}");
        }
    })
    .await;
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

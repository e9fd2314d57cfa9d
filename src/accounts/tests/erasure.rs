//! What is known of a person can be read, and is gone when they are.

use super::{GOOD, HERE, REALM, World, root};
use crate::access::{BindRole, Given, Holder, Name, RoleBinding};
use crate::accounts::{
    Attribute, AttributeName, By, Error, ExternalId, Handle, Identifier, NewUser,
};
use crate::db::Engine;
use crate::env::Clock as _;
use crate::kernel::{SpiffeId, UpstreamId, UserId};
use crate::testkit::{TestDatabase, TestPasskey, on_each_database};

/// What must be nowhere afterwards.
const TRACES: [&str; 8] = [
    "lovelace",
    "ada@analytical.example",
    "Countess",
    "12 St James",
    "+442079460123",
    "ada-handle",
    "subject-at-acme",
    "my blue key",
];

async fn ada(world: &World) -> UserId {
    let value = |text: &str| Attribute { value: text.to_owned(), proof: None };
    let new = NewUser {
        handle: Some(Handle::parse("ada-handle").unwrap()),
        identifiers: vec![
            Identifier::username("lovelace").unwrap(),
            Identifier::email("ada@analytical.example").unwrap(),
            Identifier::phone("+442079460123").unwrap(),
        ],
        attributes: [
            (AttributeName::Name, value("Countess")),
            (AttributeName::Email, value("ada@analytical.example")),
            (AttributeName::PhoneNumber, value("+442079460123")),
            (AttributeName::AddressStreet, value("12 St James")),
        ]
        .into(),
        ..NewUser::default()
    };
    let user = world.accounts.create(&root(), new).await.unwrap().id;
    let accounts = &world.accounts;
    accounts.set_password(REALM, user, &super::secret(GOOD), By::Themselves).await.unwrap();
    accounts.send_verification(REALM, user, HERE).await.unwrap();
    let token = super::token_in(&world.letters().await[0]);
    accounts.use_proof(REALM, &token, crate::accounts::ProofPurpose::VerifyAddress).await.unwrap();
    accounts.send_recovery(REALM, "lovelace", HERE).await.unwrap();
    world.letters().await;
    let external = ExternalId {
        upstream: UpstreamId::parse("acme").unwrap(),
        issuer: "https://acme.example".to_owned(),
        subject: "subject-at-acme".to_owned(),
    };
    let shown = Some("ada@analytical.example".to_owned());
    accounts.link(REALM, user, (external, shown), By::Themselves.into()).await.unwrap();
    let challenge = accounts.register_passkey_start(REALM, user).await.unwrap();
    let made = TestPasskey::hardware("https://id.weft.test").create(&challenge.options);
    accounts
        .register_passkey_finish(REALM, user, &challenge.state, (&made, "my blue key"))
        .await
        .unwrap();
    accounts.make_recovery_codes(REALM, user).await.unwrap();
    world.try_password("lovelace", "wrong").await;
    user
}

async fn bind_admin(world: &World) {
    let holder = SpiffeId::parse("spiffe://weft.test/user/ada-handle").unwrap();
    let binding = RoleBinding {
        name: Name::parse("a-binding").unwrap(),
        holder: Holder::Spiffe(holder),
        given: Given::Admin,
    };
    let ask = BindRole { asker: root().asker, realm: REALM, binding };
    world.rights.bind_role(ask).await.unwrap();
    world.follow().await;
}

/// Every byte of the database at rest.
pub(crate) fn dump(database: &TestDatabase) -> Vec<u8> {
    match database.engine() {
        Engine::Sqlite => {
            let mut all = Vec::new();
            for entry in std::fs::read_dir(database.directory().unwrap()).unwrap() {
                all.extend(std::fs::read(entry.unwrap().path()).unwrap());
            }
            all
        }
        // What `pg_dump` would write: every row of every table as text.
        Engine::Postgres => {
            let tables = database.sql(
                "SELECT string_agg(format('SELECT t::text FROM %I t', table_name), ' UNION ALL ') \
                 FROM information_schema.tables WHERE table_schema = 'public'",
            );
            database.sql(tables.trim()).into_bytes()
        }
    }
}

fn traces(database: &TestDatabase) -> Vec<&'static str> {
    let all = dump(database).to_ascii_lowercase();
    let is_in = |trace: &&str| {
        let trace = trace.to_ascii_lowercase();
        // PostgreSQL writes bytes as hexadecimal digits.
        let digits = crate::crypto::digest::hex(trace.as_bytes());
        [trace.as_bytes(), digits.as_bytes()]
            .iter()
            .any(|needle| all.windows(needle.len()).any(|window| window == *needle))
    };
    TRACES.into_iter().filter(is_in).collect()
}

#[tokio::test]
async fn after_a_deletion_nothing_of_the_person_is_in_the_database() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = ada(&world).await;
        bind_admin(&world).await;
        world.events.copy().await.unwrap();
        assert_eq!(traces(database).len(), TRACES.len(), "there is something to erase");
        world.accounts.delete(&root(), user, None).await.unwrap();
        let left = traces(database);
        assert!(left.is_empty(), "{left:?}");
        assert!(world.accounts.user(REALM, user).await.unwrap().is_none());
        let again = world.accounts.delete(&root(), user, None).await;
        assert!(matches!(again, Err(Error::Unknown("user"))));
        assert!(world.told().await.contains(&"accounts.user_erased".to_owned()));
        println!(
            "proof: erasure on {:?}: traces before {}, after {}",
            database.engine(),
            TRACES.len(),
            left.len()
        );
    })
    .await;
}

#[tokio::test]
async fn who_gets_the_handle_of_somebody_erased_does_not_get_their_roles() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = ada(&world).await;
        bind_admin(&world).await;
        world.accounts.delete(&root(), user, None).await.unwrap();
        world.follow().await;
        assert!(world.rights.bindings(&root().asker, REALM).unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_export_holds_everything_but_secrets() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = ada(&world).await;
        let declined = world.clock.now();
        world.accounts.decline_passkey(REALM, user).await.unwrap();
        let export = world.accounts.export(REALM, user).await.unwrap();
        let text = export.to_string();
        for trace in TRACES {
            assert!(text.contains(trace), "{trace}");
        }
        assert_eq!(export["account"]["has_password"], true);
        assert_eq!(export["account"]["passkey_declined_at"], declined.to_string());
        assert_eq!(export["account"]["attributes"]["email"]["proof"]["how"], "mail");
        assert_eq!(export["passkeys"][0]["name"], "my blue key");
        assert!(!text.contains("$argon2id"), "no hash");
    })
    .await;
}

#[tokio::test]
async fn credentials_that_are_reset_are_gone_and_a_link_makes_new_ones() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = ada(&world).await;
        world.accounts.reset_credentials(&root(), user).await.unwrap();
        let factors = world.fresh(user).await.factors;
        assert!(!factors.password && factors.passkeys == 0 && factors.recovery_codes == 0);
        assert_eq!(factors.external, 1, "linked identities stay");
        let link = world.accounts.enrolment_link(&root(), user).await.unwrap();
        assert!(link.expose().starts_with("https://id.weft.test/account/proof/"));
        let token = super::token_in(link.expose());
        let enrol = crate::accounts::ProofPurpose::Enrol;
        assert_eq!(world.accounts.use_proof(REALM, &token, enrol).await.unwrap().user, user);
        assert!(world.accounts.use_proof(REALM, &token, enrol).await.is_err());
    })
    .await;
}

//! The specification of accounts, on both engines.

pub(crate) mod erasure;
mod mail;
mod passkeys;
mod people;
mod secrets;

use std::net::IpAddr;
use std::sync::Arc;

use super::{
    Accounts, Attribute, AttributeName, Below, By, Checked, Claimed, Identifier, MailSettings,
    MailTransport, NewUser, Settings, User, UserFilter,
};
use crate::access::{Access, Administrator, Asker, Rights};
use crate::crypto::seal::{Kek, KekRing};
use crate::db::{Cursor, Db};
use crate::env::Env;
use crate::events::{Events, LedgerSettings};
use crate::jobs::deliveries::Deliveries;
use crate::kernel::{
    Caller, Fault, Listener, Method, Proof, RealmId, Secret, Timestamp, TrustDomain, UserId,
};
use crate::realms::{Issuer, Realms};
use crate::testkit::{SeededEntropy, TestClock, TestDatabase};

pub(super) const REALM: RealmId = RealmId::FIRST;

/// Accounts of one replica.
pub(super) struct World {
    pub(super) db: Db,
    pub(super) clock: TestClock,
    pub(super) accounts: Accounts,
    pub(super) access: Access,
    pub(super) rights: Rights,
    pub(super) events: Events,
    realms: Realms,
    pub(super) directory: tempfile::TempDir,
}

impl World {
    pub(super) async fn new(database: &TestDatabase) -> Self {
        Self::with(database, |_| {}).await
    }

    pub(super) async fn with(database: &TestDatabase, adjust: impl FnOnce(&mut Settings)) -> Self {
        let (db, clock) = (database.open().await, database.clock());
        // Begins on a minute, so that a test's time steps are where it thinks.
        clock.step_to(Timestamp::from_seconds(1_800_000_000));
        let entropy = Arc::new(SeededEntropy::new(7));
        let env = Env { db: db.clone(), clock: Arc::new(clock.clone()), entropy };
        let directory = tempfile::tempdir().unwrap();
        let kek = Kek::from_bytes(&Secret::new([1; 32])).unwrap();
        let ring = Arc::new(KekRing::new(kek, Vec::new()));
        let ledger = directory.path().join("ledger");
        let events =
            Events::open(env.clone(), ledger, Arc::clone(&ring), LedgerSettings::default())
                .unwrap();
        let access = Access::new(Arc::new(clock.clone()), 1000).unwrap();
        // Nobody follows the log here.
        let far = Cursor { history: 1, seq: 1_000_000 };
        for realm in [RealmId::SYSTEM, REALM] {
            events.prepare(realm).await.unwrap();
            access.open(realm);
            db.applied(realm, far);
        }
        let realms = Realms::new(env.clone(), access.clone(), events.clone());
        realms
            .found(
                TrustDomain::parse("weft.test").unwrap(),
                Issuer::parse("https://id.weft.test").unwrap(),
            )
            .await
            .unwrap();
        for realm in [RealmId::SYSTEM, REALM] {
            follow(&db, realm, (realms.clone(), access.clone())).await;
        }
        let mut settings = Settings {
            password_memory_kib: 64,
            password_passes: 1,
            password_threads: 2,
            mail: MailSettings {
                transport: MailTransport::Maildir,
                directory: Some(directory.path().join("mail")),
                ..MailSettings::default()
            },
            ..Settings::default()
        };
        adjust(&mut settings);
        let rights = Rights::new(access.clone(), events.clone(), env.clone());
        let below =
            Below { access: access.clone(), events: events.clone(), realms: realms.clone(), ring };
        let accounts = Accounts::new(env, below, settings);
        Self { db, clock, accounts, access, rights, events, realms, directory }
    }

    /// Rights as the rows have them now.
    pub(super) async fn follow(&self) {
        follow(&self.db, REALM, (self.realms.clone(), self.access.clone())).await;
    }

    /// A person with this username and proven address `<name>@example.org`.
    pub(super) async fn person(&self, name: &str) -> Arc<User> {
        let email = format!("{name}@example.org");
        let proof = super::Proof {
            how: super::ProofKind::Administrator,
            by: "test".to_owned(),
            at: Timestamp::EPOCH,
        };
        let new = NewUser {
            identifiers: vec![
                Identifier::username(name).unwrap(),
                Identifier::email(&email).unwrap(),
            ],
            attributes: [(AttributeName::Email, Attribute { value: email, proof: Some(proof) })]
                .into(),
            ..NewUser::default()
        };
        self.accounts.create(&root(), new).await.unwrap()
    }

    /// The same, with this password.
    pub(super) async fn with_password(&self, name: &str, password: &str) -> Arc<User> {
        let user = self.person(name).await;
        self.accounts
            .set_password(REALM, user.id, &secret(password), By::Themselves)
            .await
            .unwrap();
        user
    }

    pub(super) async fn try_password(&self, typed: &str, password: &str) -> Checked {
        self.try_password_from(typed, password, HERE).await
    }

    pub(super) async fn try_password_from(
        &self,
        typed: &str,
        password: &str,
        address: IpAddr,
    ) -> Checked {
        let found = match Identifier::typed(typed) {
            Some(identifier) => self.accounts.find(REALM, &identifier).await.unwrap(),
            None => None,
        };
        let who = Claimed { user: found.map(|user| user.id), typed };
        self.accounts.check_password(REALM, who, &secret(password), address).await.unwrap()
    }

    pub(super) async fn fresh(&self, user: UserId) -> User {
        User::clone(&self.accounts.fresh(REALM, user).await.unwrap().expect("they exist"))
    }

    /// What is due of deliveries, delivered; gives the letters that lie there then, and empties the box.
    pub(super) async fn letters(&self) -> Vec<String> {
        let handler = super::Mail::new(self.accounts.clone()).unwrap();
        let clock = Arc::new(self.clock.clone());
        let deliveries =
            Deliveries::new(self.db.clone(), clock, || vec![REALM], vec![Arc::new(handler)]);
        crate::jobs::Reconciler::reconcile(&deliveries).await.unwrap();
        let Ok(directory) = std::fs::read_dir(self.directory.path().join("mail/new")) else {
            return Vec::new();
        };
        let mut letters = Vec::new();
        for entry in directory {
            let path = entry.unwrap().path();
            letters.push(std::fs::read_to_string(&path).unwrap());
            std::fs::remove_file(path).unwrap();
        }
        letters
    }

    /// The kinds of all facts and changes so far, of people.
    pub(super) async fn told(&self) -> Vec<String> {
        let told: Result<Vec<String>, Fault> =
            self.db.read(REALM, (), |tx, ()| Box::pin(async move { kinds(tx).await })).await;
        told.unwrap()
    }
}

async fn follow(db: &Db, realm: RealmId, who: (Realms, Access)) {
    let loaded: Result<(), Fault> = db
        .read(realm, who, |tx, (realms, access)| {
            Box::pin(async move {
                realms.load(tx).await?;
                access.load(tx).await
            })
        })
        .await;
    loaded.unwrap();
}

async fn kinds(tx: &mut crate::db::Tx) -> Result<Vec<String>, Fault> {
    let waiting = tx.rows("SELECT kind FROM ledger_unnumbered WHERE realm = $1", &[]).await?;
    let changes = tx.rows("SELECT event FROM change WHERE realm = $1 ORDER BY seq", &[]).await?;
    let mut kinds: Vec<String> = waiting.iter().map(|row| row.text("kind").unwrap()).collect();
    for change in changes {
        let sealed = crate::events::Sealed::decode(&change.bytes("event")?)?;
        kinds.push(sealed.header.kind);
    }
    Ok(kinds)
}

/// The link in a letter, as its token.
pub(super) fn token_in(letter: &str) -> Secret<String> {
    let body = letter.replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = body.split_once("/account/proof/").expect("a link");
    let token: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    Secret::new(token)
}

pub(super) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub(super) fn yes(method: Method) -> Checked {
    Checked::Yes(method)
}

/// Root at the local socket, who may do everything.
pub(super) fn root() -> Administrator {
    let proof = Proof::KernelPeer { uid: 0, pid: 1 };
    let caller =
        Caller { realm: REALM, subject: None, proof, listener: Listener::Local, address: None };
    let asker = Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap());
    Administrator { realm: REALM, asker }
}

/// Nobody we know.
pub(super) fn stranger() -> Administrator {
    Administrator { realm: REALM, asker: Asker::nobody() }
}

pub(super) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// Long enough for the settings as shipped.
pub(super) const GOOD: &str = "correct horse battery";

#[tokio::test]
async fn nobody_but_whoever_may_reads_or_changes_people() {
    crate::testkit::on_each_database(async |database| {
        let world = World::new(database).await;
        let (user, accounts, nobody) = (world.person("ada").await, &world.accounts, stranger());
        assert!(accounts.show(&nobody, user.id).await.is_err());
        assert!(accounts.list(&nobody, UserFilter::default(), None, 10).await.is_err());
        assert!(accounts.create(&nobody, NewUser::default()).await.is_err());
        assert!(
            accounts.update(&nobody, user.id, (None, super::UserChange::default())).await.is_err()
        );
        assert!(accounts.set_state(&nobody, user.id, super::UserState::Locked).await.is_err());
        assert!(accounts.delete(&nobody, user.id, None).await.is_err());
        assert!(accounts.export_for(&nobody, user.id).await.is_err());
        assert!(accounts.enrolment_link(&nobody, user.id).await.is_err());
        assert!(accounts.reset_credentials(&nobody, user.id).await.is_err());
        assert!(accounts.groups(&nobody).await.is_err());
        assert!(accounts.set_group(&nobody, "staff", "").await.is_err());
        assert_eq!(accounts.list(&root(), UserFilter::default(), None, 10).await.unwrap().len(), 1);
    })
    .await;
}

//! A person's SVIDs: which tokens open nothing, and what bounds what they open.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::enrol_device::EnrolOwnDevice;
use super::know_person::Shown;
use super::*;
use crate::accounts;
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::seal::KekRing;
use crate::devices::Inventory;
use crate::devices::model::Class;
use crate::kernel::{
    Assurance, Authentication, ClientId, Evidence, EvidenceSource, Failure, Fault, GrantId,
    Granted, Kind, Lifetime, RealmId, SessionId, Situation, SpiffeId, Standing, Strength, Subject,
    SubjectId, SubjectKind, Timestamp,
};
use crate::realms::{Issuer, Realm, RealmName, Realms};
use crate::sessions::{self, Revocable};
use crate::svid::{GrantKind, IssueTokens, TokenDraft, TokenKind};
use crate::testkit::{KeysReplica, TestDatabase, engines};

const REALM: RealmId = RealmId::FIRST;
const USER: &str = "usr_00000000000000000000000000000007";
const AUDIENCE: &str = "https://weft.test";

struct House {
    replica: KeysReplica,
    svids: PersonSvids,
    realm: Realm,
}

impl House {
    async fn new() -> Self {
        let replica = KeysReplica::started(&TestDatabase::new(engines()[0]).await).await;
        replica.authority.rotate_oidc(REALM).await.unwrap();
        let (env, access) = (replica.env.clone(), replica.access.clone());
        let events = replica.events.clone();
        let ring = Arc::new(KekRing::new(KeysReplica::kek(1), Vec::new()));
        let realms = Realms::new(env.clone(), access.clone(), events.clone());
        let devices = replica.devices(&realms, Inventory::new(env.db.clone()), &replica.posture());
        let below =
            accounts::Below { access: access.clone(), events: events.clone(), realms, ring };
        let accounts = Accounts::new(env.clone(), below, accounts::Settings::default());
        let below = sessions::Below {
            access: access.clone(),
            events: events.clone(),
            accounts: accounts.clone(),
        };
        let sessions = Sessions::new(env.clone(), below, sessions::Settings::default());
        let below = Below {
            access,
            events,
            bundles: replica.bundles.clone(),
            posture: replica.posture(),
            svid: replica.svid.clone(),
            accounts,
            sessions,
            devices,
        };
        let realm = Realm {
            id: REALM,
            name: RealmName::parse("default").unwrap(),
            trust_domain: KeysReplica::names().trust_domain,
            issuer: Issuer::parse(AUDIENCE).unwrap(),
            hosts: BTreeSet::default(),
            created: Timestamp::EPOCH,
        };
        Self { svids: PersonSvids::new(env, below), replica, realm }
    }

    /// An access token as the token endpoint gives it, changed a little.
    async fn token(&self, change: impl FnOnce(&mut IssueTokens)) -> String {
        let now = self.replica.clock_now();
        let mut claims = Map::new();
        claims.insert("sid".to_owned(), json!(SessionId::new(Uuid::from_u128(3)).to_string()));
        claims.insert("auth_time".to_owned(), json!(now.seconds() - 60));
        let mut issue = IssueTokens {
            realm: REALM,
            evidence: Evidence {
                subject: Subject {
                    kind: SubjectKind::User,
                    id: SpiffeId::parse("spiffe://weft.test/user/ann").unwrap(),
                    number: SubjectId::new(Uuid::from_u128(7)),
                },
                source: EvidenceSource::Session,
                strength: Strength::Software,
                at: now,
                expires: Timestamp::FOREVER,
                device: None,
                situation: Situation::default(),
            },
            standing: Standing::unknown(),
            subject: USER.to_owned(),
            client: ClientId::parse("weft-cli").unwrap(),
            grant: GrantId::new(Uuid::from_u128(4)),
            kind: GrantKind::AuthorizationCode,
            administration: false,
            scopes: vec!["svid".to_owned()],
            tokens: vec![TokenDraft {
                kind: TokenKind::Access,
                algorithm: JwsAlgorithm::Es256,
                audience: vec![AUDIENCE.to_owned()],
                lifetime: Lifetime::minutes(5),
                claims,
            }],
        };
        change(&mut issue);
        let permit = self.replica.access.permit(issue).unwrap();
        let signed = self.replica.svid.sign_tokens(permit, now).unwrap();
        let tokens = self.replica.events.record(signed).await.unwrap();
        tokens.0[0].text.expose().clone()
    }

    fn shown(&self, token: &str) -> Result<Shown, Failure> {
        self.svids.shown(&self.realm, token, AUDIENCE)
    }

    async fn revoke(&self, what: Revocable<'_>) {
        let (sessions, now) = (&self.svids.below.sessions, self.replica.clock_now());
        let granted = Granted::to_server("Test");
        sessions.revoke(REALM, granted, what, now.plus(Lifetime::days(1))).await.unwrap();
        let loaded: Result<(), Fault> = self
            .replica
            .env
            .db
            .read(REALM, sessions.clone(), |tx, sessions| {
                Box::pin(async move { sessions.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }
}

fn assert_refused(found: Result<Shown, Failure>, why: &str) {
    let refusal = found.err().unwrap_or_else(|| panic!("{why}"));
    assert_eq!((refusal.kind, refusal.code), (Kind::Unauthenticated, "token.refused"), "{why}");
}

#[tokio::test]
async fn a_token_opens_nothing_here_unless_it_is_a_persons_for_this_issuer() {
    let house = House::new().await;
    let found = house.shown(&house.token(|_| {}).await).unwrap();
    assert_eq!(found.token.subject, USER);
    assert_eq!(found.signed_in_at.seconds(), house.replica.clock_now().seconds() - 60);

    let elsewhere = |issue: &mut IssueTokens| issue.tokens[0].audience = vec!["api".to_owned()];
    assert_refused(house.shown(&house.token(elsewhere).await), "another audience");
    let kind = |issue: &mut IssueTokens| issue.tokens[0].kind = TokenKind::Id;
    assert_refused(house.shown(&house.token(kind).await), "an ID token");
    for claim in ["sid", "auth_time"] {
        let without = |issue: &mut IssueTokens| drop(issue.tokens[0].claims.remove(claim));
        assert_refused(house.shown(&house.token(without).await), claim);
        let odd = |issue: &mut IssueTokens| {
            issue.tokens[0].claims.insert(claim.to_owned(), Value::from("x"));
        };
        assert_refused(house.shown(&house.token(odd).await), claim);
    }
    let old = house.token(|_| {}).await;
    house.replica.clock.advance(Lifetime::minutes(5));
    assert_refused(house.shown(&old), "it has ended");
    assert_refused(house.shown("nonsense"), "no token");
}

#[tokio::test]
async fn a_token_that_was_taken_back_opens_nothing() {
    let revocations = [
        Revocable::Grant(GrantId::new(Uuid::from_u128(4))),
        Revocable::Session(SessionId::new(Uuid::from_u128(3))),
        Revocable::Subject(USER),
        Revocable::Subject("weft-cli"),
        Revocable::Realm,
    ];
    for what in revocations {
        let house = House::new().await;
        let token = house.token(|_| {}).await;
        assert!(house.shown(&token).is_ok());
        house.revoke(what).await;
        assert_refused(house.shown(&token), "taken back");
    }
}

#[test]
fn a_signing_request_is_read_as_pem_or_base64_and_as_nothing_else() {
    use crate::crypto::keys::{Algorithm, PrivateKey};
    use crate::crypto::x509::{csr, pem};
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let der = csr::create(&key).unwrap();
    let base64 = crate::crypto::digest::base64(&der);
    for text in [
        base64.clone(),
        format!("\n{base64}\n"),
        pem("CERTIFICATE REQUEST", &der).as_str().to_owned(),
        pem("NEW CERTIFICATE REQUEST", &der).as_str().to_owned(),
    ] {
        assert_eq!(csr::from_text(&text).as_ref(), Some(&der), "{text}");
    }
    for bad in [
        String::new(),
        "-----BEGIN".to_owned(),
        "not base64!".to_owned(),
        pem("PRIVATE KEY", &der).as_str().to_owned(),
        pem("CERTIFICATE REQUEST", &der).replace("-----END", "----END"),
    ] {
        assert_eq!(csr::from_text(&bad), None, "{bad}");
    }
}

#[tokio::test]
async fn whoever_brings_a_device_has_signed_in_just_now_and_is_nobody_who_is_contained() {
    let house = House::new().await;
    let outcome = |age_seconds, asked, standing| {
        let now = house.replica.clock_now();
        let id = SpiffeId::parse("spiffe://weft.test/user/ann").unwrap();
        let number = SubjectId::new(Uuid::from_u128(7));
        let at = now.minus(Lifetime::seconds(age_seconds));
        let authentication =
            Authentication { at, assurance: Assurance::Aal1, amr: Arc::from([]), upstream: None };
        let evidence = Evidence {
            subject: Subject { kind: SubjectKind::User, id, number },
            source: EvidenceSource::Token,
            strength: Strength::Software,
            at: now,
            expires: Timestamp::FOREVER,
            device: None,
            situation: Situation::after(authentication, None),
        };
        let ask = EnrolOwnDevice {
            realm: REALM,
            evidence,
            standing,
            class: Class::Laptop,
            devices: 0,
            asked,
        };
        house.replica.access.permit(ask).map(drop).map_err(|error| Failure::from(error).kind)
    };
    let unknown = Standing::unknown;
    assert_eq!(outcome(300, false, unknown()), Ok(()));
    assert_eq!(outcome(301, false, unknown()), Err(Kind::StepUp));
    assert_eq!(outcome(86_400, true, unknown()), Ok(()), "it was asked for in time");
    let contained = Standing { contained: true, ..unknown() };
    assert_eq!(outcome(0, true, contained), Err(Kind::Denied));
    let quarantine = Standing { level: crate::kernel::Level::Quarantine, ..unknown() };
    assert_eq!(outcome(0, false, quarantine), Err(Kind::Denied));
}

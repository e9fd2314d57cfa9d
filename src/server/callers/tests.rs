//! Access tokens of people at the admin API, and for their own SVIDs: on a whole server, with a real account and session.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, json};
use uuid::Uuid;

use super::*;
use crate::access::{Name, Seen, SetPolicy};
use crate::accounts::{Handle, NewUser, User};
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::csr;
use crate::db::Engine;
use crate::http::{Remote, TlsPeer};
use crate::kernel::{
    ClientId, Evidence, EvidenceSource, GrantId, Method, Situation, Standing, Strength, Subject,
    SubjectKind, Timestamp,
};
use crate::oauth::{Draft, Profile};
use crate::sessions::svids::{JwtSvidAsk, X509SvidAsk};
use crate::sessions::{Session, SignedIn, Why};
use crate::svid::{GrantKind, IssueTokens, TokenDraft, X509Svid};
use crate::testkit::{TestDatabase, TestServer, until};

const REALM: RealmId = RealmId::FIRST;

struct House {
    life: TestServer,
    person: Arc<User>,
    session: Arc<Session>,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let life = TestServer::start(database).await;
        let server = life.server();
        until("keys of OpenID tokens", async || {
            server.authority.active_oidc(REALM, JwsAlgorithm::Es256).ok_or("none yet")
        })
        .await;
        let new = NewUser { handle: Some(Handle::parse("ann").unwrap()), ..NewUser::default() };
        let person = server.accounts.create(&life.administrator(), new).await.unwrap();
        for (id, administration) in [("console", true), ("shop", false)] {
            let draft = draft(administration);
            let id = ClientId::parse(id).unwrap();
            server.oauth.create_client(life.administrator(), Some(id), draft).await.unwrap();
        }
        let session = sign_in(server, &person).await;
        Self { life, person, session }
    }

    fn server(&self) -> &Arc<Server> {
        self.life.server()
    }

    fn now(&self) -> Timestamp {
        self.server().env.clock.now()
    }

    /// A token for this client and audience, of a sign-in so many minutes ago.
    async fn token(&self, client: &str, audience: &str, minutes: i64) -> String {
        let (server, now) = (self.server(), self.now());
        let signed_in = now.minus(Lifetime::minutes(minutes));
        let mut claims = Map::new();
        claims.insert("sid".to_owned(), json!(self.session.id.to_string()));
        claims.insert("auth_time".to_owned(), json!(signed_in.seconds()));
        let id = self.person.spiffe_id(&self.life.trust_domain()).unwrap();
        let issue = IssueTokens {
            realm: REALM,
            evidence: Evidence {
                subject: Subject { kind: SubjectKind::User, id, number: self.person.number },
                source: EvidenceSource::Session,
                strength: Strength::Software,
                at: signed_in,
                expires: self.session.expires_at,
                device: None,
                situation: Situation::default(),
            },
            standing: Standing::unknown(),
            subject: self.person.id.to_string(),
            client: ClientId::parse(client).unwrap(),
            grant: GrantId::new(Uuid::from_u128(4)),
            kind: GrantKind::AuthorizationCode,
            administration: true,
            scopes: vec!["svid".to_owned()],
            tokens: vec![TokenDraft {
                kind: TokenKind::Access,
                algorithm: JwsAlgorithm::Es256,
                audience: vec![format!("{}{audience}", self.issuer())],
                lifetime: Lifetime::minutes(5),
                claims,
            }],
        };
        let permit = server.access.permit(issue).unwrap();
        let tokens = server.events.record(server.svid.sign_tokens(permit, now).unwrap()).await;
        tokens.unwrap().0[0].text.expose().clone()
    }

    async fn set_policy(&self, text: &str) {
        let ask = SetPolicy {
            asker: self.life.administrator().asker,
            realm: REALM,
            name: Name::parse("own").unwrap(),
            text: Arc::from(text),
            seen: Seen::Anything,
        };
        self.server().rights.set_policy(ask).await.unwrap();
    }

    fn issuer(&self) -> String {
        self.realm().issuer.as_str().to_owned()
    }

    fn realm(&self) -> Arc<Realm> {
        self.server().realms.get(REALM).unwrap()
    }

    /// A call with this JWT-SVID, or access token.
    async fn call(&self, method: &str, token: &str) -> Result<(Caller, Administrator), Failure> {
        let request = Request::builder().method(method).uri("/api/v1/whoami");
        let request = request.header("authorization", format!("Bearer {token}"));
        let mut request = request.body(Body::empty()).unwrap();
        let address = "192.0.2.1:4711".parse().unwrap();
        request.extensions_mut().insert(PeerInfo::new("public", Remote::Tcp(address), None));
        let desk = Desk { server: Arc::clone(self.server()), listener: Listener::Public };
        let shown = desk.shown(&request);
        desk.known(shown).await
    }

    /// A call over mutual TLS with this SVID.
    async fn show(
        &self,
        method: &str,
        svid: &X509Svid,
    ) -> Result<(Caller, Administrator), Failure> {
        let peer = TlsPeer {
            chain: svid.chain.iter().cloned().map(CertificateDer::from).collect(),
            svid: None,
            server_name: None,
            alpn: None,
            key_exchange: None,
        };
        let request = Request::builder().method(method).uri("/api/v1/whoami");
        let mut request = request.body(Body::empty()).unwrap();
        let address = "192.0.2.1:4711".parse().unwrap();
        request.extensions_mut().insert(PeerInfo::new("mtls", Remote::Tcp(address), Some(peer)));
        let desk = Desk { server: Arc::clone(self.server()), listener: Listener::Mtls };
        let shown = desk.shown(&request);
        desk.known(shown).await
    }

    async fn x509(&self, token: &str) -> Result<X509Svid, Failure> {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let ask = X509SvidAsk { csr: csr::create(&key).unwrap(), lifetime: None };
        Ok(self.server().person_svids.issue_x509(&self.realm(), token, ask).await?.svid)
    }
}

async fn sign_in(server: &Server, person: &User) -> Arc<Session> {
    let signed_in = SignedIn {
        realm: REALM,
        user: person.id,
        number: person.number,
        methods: BTreeSet::from([Method::Password]),
        since: server.env.clock.now(),
        upstream: None,
        device: None,
        address: "192.0.2.1".to_owned(),
        agent: String::new(),
        before: None,
    };
    server.sessions.open(signed_in).await.unwrap().session
}

fn draft(administration: bool) -> Draft {
    Draft {
        name: "Console".to_owned(),
        profile: Profile::Native,
        auth_method: None,
        id_token_algorithm: None,
        access_token_algorithm: None,
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        scopes: None,
        resources: Vec::new(),
        administration,
        upstreams: None,
        consent: None,
        rotates_refresh_tokens: None,
        relaxed: BTreeMap::new(),
        enabled: true,
    }
}

#[tokio::test]
async fn a_person_administrates_through_a_client_for_it_and_changes_only_after_a_fresh_sign_in() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let house = House::new(&database).await;
    let fresh = house.token("console", "/api", 1).await;
    for method in ["GET", "POST", "DELETE"] {
        let (caller, by) = house.call(method, &fresh).await.unwrap();
        assert_eq!(caller.subject.unwrap(), house.life.id("/user/ann"));
        assert_eq!(by.asker.principal().0, "User");
        assert_eq!(by.asker.actor(), Some(house.person.number));
    }
    let stale = house.token("console", "/api", 16).await;
    assert!(house.call("GET", &stale).await.is_ok(), "to read, it is fresh enough");
    for method in ["POST", "PUT", "DELETE"] {
        let refused = house.call(method, &stale).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (Kind::StepUp, "caller.stale_sign_in"));
    }
    let refused = |found: Result<(Caller, Administrator), Failure>, why: &str| {
        assert_eq!(found.unwrap_err().kind, Kind::Unauthenticated, "{why}");
    };
    let other = house.token("shop", "/api", 1).await;
    refused(house.call("GET", &other).await, "a client that is not for administration");
    let here = house.token("console", "", 1).await;
    refused(house.call("GET", &here).await, "the provider's own audience");
    let unknown = house.token("nobody", "/api", 1).await;
    refused(house.call("GET", &unknown).await, "a client that is gone");
}

#[tokio::test]
async fn policy_sees_where_a_person_is_and_how_they_signed_in_behind_what_acts_for_them() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let house = House::new(&database).await;
    let api = house.token("console", "/api", 1).await;
    let (_, by) = house.call("GET", &api).await.unwrap();
    let situation = by.asker.situation().clone();
    let here = Situation::at("192.0.2.1".parse().ok());
    assert_eq!(situation, here.signed_in(house.session.authentication()));
    let token = house.token("shop", "", 1).await;
    assert!(house.x509(&token).await.is_ok());
    let text = r#"@id("elsewhere") @says("not from there")
        forbid (principal is User, action == Action::"IssueX509Svid", resource) when {
            context.address.isInRange(ip("192.0.2.0/24")) && context.address_source == "sign_in" &&
            context.assurance == 1 && context.amr == ["pwd"] && context.sign_in_age_seconds < 60
        };"#;
    house.set_policy(text).await;
    let refused = house.x509(&token).await.unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Denied, "access.denied"));
    assert!(refused.public.contains("not from there"), "{}", refused.public);
}

#[tokio::test]
async fn a_person_gets_its_own_svid_for_as_long_as_its_session_lives() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let house = House::new(&database).await;
    let token = house.token("shop", "", 1).await;
    let svid = house.x509(&token).await.unwrap();
    assert_eq!(svid.id, house.life.id("/user/ann"));
    let eight = house.now().plus(Lifetime::hours(8));
    assert!(svid.not_after <= eight.min(house.session.expires_at), "{}", svid.not_after);
    let api = house.token("console", "/api", 1).await;
    assert_eq!(house.x509(&api).await.unwrap_err().kind, Kind::Unauthenticated, "another audience");
    let server = house.server();
    server.sessions.end(REALM, house.session.id, Why::SignedOut).await.unwrap();
    let ended = house.x509(&token).await.unwrap_err();
    assert_eq!((ended.kind, ended.code), (Kind::Unauthenticated, "token.refused"));
}

#[tokio::test]
async fn a_persons_own_svid_opens_nothing_even_of_an_administrator() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let house = House::new(&database).await;
    let token = house.token("shop", "", 1).await;
    let (server, realm) = (house.server(), house.realm());
    let ask = JwtSvidAsk { audience: vec![format!("{}/api", house.issuer())], lifetime: None };
    let jwt = server.person_svids.issue_jwt(&realm, &token, ask).await.unwrap().token;
    let x509 = house.x509(&token).await.unwrap();
    for method in ["GET", "POST"] {
        for shown in [house.call(method, &jwt).await, house.show(method, &x509).await] {
            let refused = shown.unwrap_err();
            assert_eq!(refused.kind, Kind::Unauthenticated, "{refused:?}");
            assert!(refused.public.contains("not with their SVID"), "{refused:?}");
        }
    }
}

//! Authorities rotate again and again while SVIDs are issued and verified by relying parties that fetch the bundle late:
//! nobody ever meets a key that they do not know.

use std::collections::VecDeque;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;
use weft::access::Administrator;
use weft::authority::{Error, Line, Purpose, Settings, State};
use weft::bundles::Bundle;
use weft::crypto::jose::{JwtKeys, verify_jwt_svid};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{
    Clients, CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config, server_config,
};
use weft::db::Engine;
use weft::kernel::{
    AuthorityId, EntryId, Evidence, EvidenceSource, Lifetime, RealmId, Situation, SpiffeId,
    Standing, Strength, Subject, SubjectId, SubjectKind, Timestamp,
};
use weft::svid::{IssueJwtSvid, IssueX509, ServerCertificates};
use weft::testkit::{KeysReplica, TestDatabase, engines, shake_hands};

const ROTATIONS: usize = 50;
const CHECKS_MIN: usize = 100_000;
/// What is asked of relying parties: to fetch the bundle this often. A new key is published three times as long.
const HINT_SECONDS: i64 = 5;
const OVERLAP_SECONDS: usize = 15;
/// An X.509 authority longer: an agent may have been off for as long as its SVID lives, and have heard the bundle a hint before.
const X509_OVERLAP_SECONDS: usize = SVID_SECONDS + 5;
/// Far too long: agents that were off for so long show that the others come back because of the overlap.
const OFF_TOO_LONG_SECONDS: usize = 60;
/// How late they are: at every moment, as they are asked to, and missing two fetches in a row.
const LAGS_SECONDS: [i64; 3] = [1, 5, 13];
/// Later than the overlap allows: it shows that the others pass because of the overlap, and not whatever happens.
const TOO_LATE_SECONDS: i64 = 60;
const SVID_SECONDS: usize = 20;
const WORKLOAD: &str = "spiffe://weft.test/web";
const AUDIENCE: &str = "billing";

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rotations_under_traffic_and_no_verifier_meets_an_unknown_key() {
    let mut world = World::new().await;
    for rotation in 0..ROTATIONS {
        // Replicas take turns in changing, and the other hears of it a second later.
        world.changes_at = rotation % world.replicas.len();
        world.rotate().await;
    }
    let (checks, failures) = (world.tally.mtls + world.tally.jwt, &world.tally.failures);
    assert!(failures.is_empty(), "{}: {:#?}", failures.len(), failures.iter().take(5));
    assert!(world.handshakes > ROTATIONS, "{} handshakes", world.handshakes);
    assert!(world.too_late > 0, "the overlap was not needed: nothing is proved");
    let (back, locked_out) = (world.agents.back, world.agents.locked_out);
    assert!(back > ROTATIONS * 10, "{back} agents came back");
    assert!(locked_out > 0, "agents may stay away as long as they like: nothing is proved");
    assert!(checks >= CHECKS_MIN, "{checks} checks");
    println!(
        "proof: {ROTATIONS} rotations under traffic, an agent connected: {checks} mTLS and JWT checks by {} lagging verifiers, \
         {back} agents back after as long as their SVID lives, failures {}",
        LAGS_SECONDS.len(),
        failures.len(),
    );
}

/// Replicas that share authorities, the SVIDs that they issued and that still live, and those who verify them.
struct World {
    replicas: Vec<KeysReplica>,
    changes_at: usize,
    /// The replica that has not heard of the last change yet.
    behind: Option<usize>,
    key: PrivateKey,
    live: VecDeque<Issued>,
    verifiers: Vec<Verifier>,
    tardy: Verifier,
    agents: Agents,
    ticks: usize,
    tally: Tally,
    handshakes: usize,
    too_late: usize,
}

struct Issued {
    chain: Vec<Vec<u8>>,
    token: String,
    ends: Timestamp,
}

#[derive(Default)]
struct Tally {
    mtls: usize,
    jwt: usize,
    failures: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let settings = Settings {
            refresh_hint_seconds: HINT_SECONDS,
            x509_published_seconds: i64::try_from(X509_OVERLAP_SECONDS).unwrap(),
            ..Settings::default()
        };
        let shared = engines().contains(&Engine::Postgres);
        let engine = if shared { Engine::Postgres } else { Engine::Sqlite };
        let database = TestDatabase::new(engine).await;
        let mut replicas = Vec::new();
        for seed in 1..=if shared { 2 } else { 1 } {
            let replica = KeysReplica::over(&database, seed, settings.clone()).await;
            replica.load().await;
            replica.authority.rotate(RealmId::FIRST).await.unwrap();
            replicas.push(replica);
        }
        let verifier = |lag| Verifier::new(lag, &replicas[0]);
        Self {
            verifiers: LAGS_SECONDS.map(verifier).into(),
            tardy: verifier(TOO_LATE_SECONDS),
            agents: Agents::new(&replicas[0]),
            replicas,
            changes_at: 0,
            behind: None,
            key: PrivateKey::generate(Algorithm::P256).unwrap(),
            live: VecDeque::new(),
            ticks: 0,
            tally: Tally::default(),
            handshakes: 0,
            too_late: 0,
        }
    }

    /// Prepare, activate, taint, revoke: each as soon as it may be, for both purposes.
    async fn rotate(&mut self) {
        let old =
            [Purpose::X509, Purpose::JwtSvid].map(|purpose| self.slot(purpose, State::Active));
        let mut next = Vec::new();
        for purpose in [Purpose::X509, Purpose::JwtSvid] {
            let prepared = self
                .changer()
                .authority
                .prepare(root(), Line::find(purpose, None).unwrap())
                .await
                .unwrap();
            next.push(prepared.id);
        }
        self.changed().await;
        self.pass(1).await;
        for id in &next {
            // The agent that is connected has it by now; those that are off have not.
            let early = self.changer().authority.activate(root(), *id, false).await;
            assert!(matches!(early, Err(Error::TooEarly { .. })), "{early:?}");
        }
        // Not by force: refused before everybody had the time to fetch it.
        self.pass(OVERLAP_SECONDS - 1).await;
        self.changer().authority.activate(root(), next[1], false).await.unwrap();
        self.changed().await;
        self.pass(X509_OVERLAP_SECONDS - OVERLAP_SECONDS).await;
        self.changer().authority.activate(root(), next[0], false).await.unwrap();
        self.changed().await;
        // What the old ones signed lives on, also what the other replica signs until it hears of the change.
        self.pass(SVID_SECONDS + 2).await;
        for id in old {
            self.changer().authority.taint(root(), id).await.unwrap();
        }
        self.changed().await;
        self.pass(1).await;
        for id in old {
            self.changer().authority.revoke(root(), id).await.unwrap();
        }
        self.changed().await;
        self.pass(1).await;
    }

    fn changer(&self) -> &KeysReplica {
        &self.replicas[self.changes_at]
    }

    fn slot(&self, purpose: Purpose, state: State) -> AuthorityId {
        let slots = self.changer().authority.read(root()).unwrap().slots;
        slots.iter().find(|slot| slot.purpose == purpose && slot.state == state).unwrap().id
    }

    async fn changed(&mut self) {
        self.changer().load().await;
        self.behind = (self.replicas.len() > 1).then_some(1 - self.changes_at);
    }

    /// So many seconds, in each of which something is issued and everybody verifies.
    async fn pass(&mut self, seconds: usize) {
        for _ in 0..seconds {
            self.issue().await;
            self.agents.hear(&self.replicas[0]).await;
            // In time every moment of a rotation is met: its length is no multiple of this.
            if self.ticks.is_multiple_of(3) {
                self.agents.come_back(&self.live[0], &self.key);
            }
            self.tally.failures.append(&mut self.agents.failures);
            self.verify();
            self.ticks += 1;
            self.replicas[0].clock.advance(Lifetime::seconds(1));
            if let Some(behind) = self.behind.take() {
                self.replicas[behind].load().await;
            }
        }
    }

    /// One SVID of each kind, by the replicas in turn.
    async fn issue(&mut self) {
        let replica = &self.replicas[self.ticks % self.replicas.len()];
        let now = replica.clock_now();
        let permit = replica.access.permit(x509_ask(now)).unwrap();
        let signed = replica.svid.sign_x509(permit, self.key.public(), now).unwrap();
        let x509 = replica.events.record(signed).await.unwrap();
        let permit = replica.access.permit(jwt_ask(now)).unwrap();
        let signed = replica.svid.sign_jwt(permit, now).unwrap();
        let jwt = replica.events.record(signed).await.unwrap();
        let ends = x509.not_after.min(jwt.expires_at);
        self.live.push_back(Issued { chain: x509.chain, token: jwt.token, ends });
        self.live.retain(|issued| issued.ends > now);
    }

    fn verify(&mut self) {
        let now = self.replicas[0].clock_now();
        for (number, verifier) in self.verifiers.iter_mut().enumerate() {
            let from = &self.replicas[(self.ticks + number) % self.replicas.len()];
            verifier.follow(from, now);
        }
        self.tardy.follow(&self.replicas[0], now);
        let newest = self.live.back().unwrap();
        self.too_late += usize::from(self.tardy.token(&newest.token, now).is_err());

        let (live, ticks) = (&self.live, self.ticks);
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let all = self.verifiers.iter().enumerate();
            let checks = all.map(|(number, verifier)| {
                scope.spawn(move || {
                    verifier.check(live.iter().skip((ticks + number) % 2).step_by(2), now)
                })
            });
            let started: Vec<_> = checks.collect();
            started.into_iter().map(|check| check.join().unwrap()).collect()
        });
        for tally in tallies {
            self.tally.mtls += tally.mtls;
            self.tally.jwt += tally.jwt;
            self.tally.failures.extend(tally.failures);
        }
        self.shake_hands();
    }

    /// A real handshake with the newest SVID on both sides, each of which trusts what it has fetched.
    fn shake_hands(&mut self) {
        let newest = self.live.back().unwrap();
        let count = self.verifiers.len();
        let server = &self.verifiers[self.ticks % count];
        let client = &self.verifiers[(self.ticks + 1) % count];
        for side in [server, client] {
            side.certificate.set(&newest.chain, &self.key).unwrap();
        }
        if let Err(error) = handshake(&client.client, &server.server) {
            self.tally.failures.push(format!("handshake: {error}"));
        }
        self.tally.mtls += 2;
        self.handshakes += 1;
    }
}

/// Agents at the server's own door: one is connected all the time, and at every moment one goes off and another comes back,
/// whose SVID is about to end.
struct Agents {
    connected: SpiffeId,
    /// What was known at each second, the latest last.
    heard: VecDeque<Arc<Bundle>>,
    server: ServerCertificates,
    listener: Arc<ServerConfig>,
    roots: CurrentRoots,
    certificate: CurrentCertificate,
    client: Arc<ClientConfig>,
    back: usize,
    locked_out: usize,
    failures: Vec<String>,
}

impl Agents {
    fn new(replica: &KeysReplica) -> Self {
        let server =
            ServerCertificates::new(RealmId::FIRST, replica.svid.clone(), replica.events.clone());
        let (roots, certificate) = (CurrentRoots::none(), CurrentCertificate::none());
        let clock = || TlsClock(Arc::clone(&replica.env.clock));
        let agents = Clients::Required(replica.authority.roots(RealmId::FIRST).unwrap());
        let listener = server_config(&server.current(), agents, &["h2"], clock()).unwrap();
        let id = SpiffeId::parse("spiffe://weft.test/spire/server").unwrap();
        let peer = ExpectedPeer::Exactly { id, roots: roots.clone() };
        let client = client_config(peer, Some(&certificate), &["h2"], clock()).unwrap();
        Self {
            connected: SpiffeId::parse("spiffe://weft.test/spire/agent/join_token/on").unwrap(),
            heard: VecDeque::from(vec![bundle(replica); OFF_TOO_LONG_SECONDS]),
            server,
            listener: Arc::new(listener),
            roots,
            certificate,
            client: Arc::new(client),
            back: 0,
            locked_out: 0,
            failures: Vec::new(),
        }
    }

    /// A second passes: the server renews, and the one that is connected hears what is new.
    async fn hear(&mut self, replica: &KeysReplica) {
        self.server.renew(replica.clock_now()).await.unwrap();
        let newest = bundle(replica);
        replica.authority.seen(RealmId::FIRST, &self.connected, newest.sequence);
        self.heard.push_back(newest);
        self.heard.pop_front();
    }

    /// Who was off for as long as their SVID lives dials, and so does somebody who was off for longer.
    fn come_back(&mut self, oldest: &Issued, key: &PrivateKey) {
        self.certificate.set(&oldest.chain, key).unwrap();
        self.roots.set(self.heard[0].roots());
        self.locked_out += usize::from(handshake(&self.client, &self.listener).is_err());
        let off = &self.heard[self.heard.len() - 1 - X509_OVERLAP_SECONDS];
        self.roots.set(off.roots());
        match handshake(&self.client, &self.listener) {
            Ok(()) => self.back += 1,
            Err(error) => self.failures.push(format!("an agent that was off: {error}")),
        }
    }
}

/// A relying party: what it fetched last, and the TLS that it speaks with that.
struct Verifier {
    lag: Lifetime,
    fetched: Timestamp,
    roots: CurrentRoots,
    keys: JwtKeys,
    certificate: CurrentCertificate,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Verifier {
    fn new(lag_seconds: i64, replica: &KeysReplica) -> Self {
        let (roots, certificate) = (CurrentRoots::none(), CurrentCertificate::none());
        let id = SpiffeId::parse(WORKLOAD).unwrap();
        let peer = ExpectedPeer::Exactly { id, roots: roots.clone() };
        let clock = || TlsClock(Arc::clone(&replica.env.clock));
        let client = client_config(peer, Some(&certificate), &["h2"], clock()).unwrap();
        let required = Clients::Required(roots.clone());
        let server = server_config(&certificate, required, &["h2"], clock()).unwrap();
        let bundle = bundle(replica);
        roots.set(bundle.roots());
        Self {
            lag: Lifetime::seconds(lag_seconds),
            fetched: replica.clock_now(),
            roots,
            keys: bundle.jwt_keys().clone(),
            certificate,
            client: Arc::new(client),
            server: Arc::new(server),
        }
    }

    /// Fetches the bundle if it is time to.
    fn follow(&mut self, replica: &KeysReplica, now: Timestamp) {
        if now >= self.fetched.plus(self.lag) {
            let bundle = bundle(replica);
            self.roots.set(bundle.roots());
            self.keys = bundle.jwt_keys().clone();
            self.fetched = now;
        }
    }

    fn check<'a>(&self, live: impl Iterator<Item = &'a Issued>, now: Timestamp) -> Tally {
        let mut tally = Tally::default();
        let mut failed = |what: &str, error: String| {
            tally.failures.push(format!("{what}, lag {}: {error}", self.lag));
        };
        let (mut mtls, mut jwt) = (0, 0);
        for issued in live {
            let chain: Vec<&[u8]> = issued.chain.iter().map(Vec::as_slice).collect();
            if let Err(error) = self.roots.verify(&chain, now) {
                failed("X.509-SVID", error.to_string());
            }
            mtls += 1;
            if let Err(error) = self.token(&issued.token, now) {
                failed("JWT-SVID", error);
            }
            jwt += 1;
        }
        Tally { mtls, jwt, ..tally }
    }

    fn token(&self, token: &str, now: Timestamp) -> Result<(), String> {
        let keys = |_: &_| Some(self.keys.clone());
        let claims =
            verify_jwt_svid(token, AUDIENCE, keys, now).map_err(|error| error.to_string())?;
        if claims.id.as_str() == WORKLOAD { Ok(()) } else { Err(claims.id.to_string()) }
    }
}

fn bundle(replica: &KeysReplica) -> Arc<Bundle> {
    replica.bundles.current(RealmId::FIRST).unwrap()
}

/// Both sides of a handshake, until each has verified the other.
fn handshake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<(), String> {
    let words = |error: rustls::Error| error.to_string();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).map_err(words)?;
    let mut server = ServerConnection::new(Arc::clone(server)).map_err(words)?;
    shake_hands(&mut client, &mut server).map_err(words)
}

fn root() -> Administrator {
    Administrator { realm: RealmId::FIRST, asker: KeysReplica::root() }
}

fn subject(kind: SubjectKind, id: &str, number: u128) -> Subject {
    let number = SubjectId::new(uuid::Uuid::from_u128(number));
    Subject { kind, id: SpiffeId::parse(id).unwrap(), number }
}

/// What an agent asks for a workload that it vouches for.
fn x509_ask(now: Timestamp) -> IssueX509 {
    let evidence = Evidence {
        subject: subject(SubjectKind::Workload, WORKLOAD, 2),
        source: EvidenceSource::WorkloadAttestation,
        strength: Strength::Software,
        at: now,
        expires: Timestamp::FOREVER,
        device: None,
        situation: Situation::default(),
    };
    let agent = "spiffe://weft.test/spire/agent/join_token/x";
    IssueX509 {
        realm: RealmId::FIRST,
        evidence,
        standing: Standing::unknown(),
        dns_names: Arc::from([]),
        lifetime: Lifetime::seconds(i64::try_from(SVID_SECONDS).unwrap()),
        entry: Some(EntryId::parse("web").unwrap()),
        requester: Some(subject(SubjectKind::Node, agent, 1)),
    }
}

fn jwt_ask(now: Timestamp) -> IssueJwtSvid {
    let IssueX509 { realm, evidence, standing, lifetime, entry, requester, .. } = x509_ask(now);
    let audience = vec![AUDIENCE.to_owned()];
    IssueJwtSvid {
        realm,
        evidence,
        standing,
        audience,
        lifetime,
        entry,
        requester,
        with_jti: false,
    }
}

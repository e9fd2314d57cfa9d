//! A server that behaves: the node API in memory, over real TLS, with real certificates and tokens.
//!
//! It does what SPIRE's server does as far as agents can see it; what a test wants to go wrong is a switch.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use tonic::{Code, Status};
use weft_proto::node::v1::Ack;
use weft_proto::spire::api::types;

use super::builders::{Authority, domain};
use crate::crypto::digest::sha256;
use crate::crypto::jose::TokenSigner;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::tls::{Clients, CurrentCertificate, CurrentRoots, TlsClock, server_config};
use crate::crypto::x509::{CertificateView, Roots, csr};
use crate::env::Clock;
use crate::http::{Door, PeerInfo};
use crate::jobs::Tasks;
use crate::kernel::{Lifetime, Secret, SpiffeId, TrustDomain};
use crate::wire::join::JoinString;

/// The server; stops when dropped.
pub(crate) struct FakeServer {
    pub(crate) state: Shared,
    pub(crate) address: SocketAddr,
    tasks: Tasks,
}

/// What the services share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trust_domain: TrustDomain,
    pub(crate) tasks: Tasks,
    pub(crate) changed: watch::Sender<u64>,
    certificate: CurrentCertificate,
    roots: CurrentRoots,
    inner: Arc<Mutex<Inner>>,
}

pub(crate) struct Inner {
    pub(crate) authority: Authority,
    pub(crate) x509: Vec<types::X509Certificate>,
    pub(crate) signer: TokenSigner,
    pub(crate) jwt: Vec<types::JwtKey>,
    pub(crate) bundle_sequence: u64,
    /// Each with the digest of the key it was used for.
    pub(crate) tokens: BTreeMap<String, Option<[u8; 32]>>,
    pub(crate) tokens_seen: Vec<String>,
    pub(crate) agents: BTreeMap<SpiffeId, AgentRecord>,
    pub(crate) entries: BTreeMap<String, types::Entry>,
    pub(crate) federated: BTreeMap<String, types::Bundle>,
    pub(crate) refused: BTreeSet<String>,
    pub(crate) renew: Vec<(u64, String)>,
    pub(crate) seq: u64,
    /// What was authorised at each number of the log.
    pub(crate) versions: BTreeMap<u64, BTreeMap<String, i64>>,
    pub(crate) calls: BTreeMap<&'static str, usize>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) csr_keys: Vec<[u8; 32]>,
    pub(crate) switches: Switches,
}

/// What can go differently.
#[derive(Clone)]
pub(crate) struct Switches {
    pub(crate) push: bool,
    pub(crate) away: bool,
    /// A server that is away is back once it refused this call.
    pub(crate) back_after: Option<&'static str>,
    pub(crate) loses_answers: bool,
    pub(crate) batch_max: usize,
    pub(crate) page: usize,
    pub(crate) agent_life: Lifetime,
    pub(crate) x509_life: Lifetime,
    pub(crate) jwt_life: Lifetime,
}

/// An agent as the server knows it.
#[derive(Default, Clone)]
pub(crate) struct AgentRecord {
    pub(crate) current: String,
    pub(crate) next: Option<String>,
    pub(crate) banned: bool,
}

impl FakeServer {
    pub(crate) fn start(clock: Arc<dyn Clock>) -> Self {
        Self::start_as(clock, "/spire/server")
    }

    /// With another name in its certificate.
    pub(crate) fn start_as(clock: Arc<dyn Clock>, path: &str) -> Self {
        let trust_domain = domain(super::builders::DOMAIN);
        let tasks = Tasks::new(Arc::clone(&clock));
        let state = Shared {
            trust_domain: trust_domain.clone(),
            tasks: tasks.clone(),
            changed: watch::Sender::new(0),
            certificate: CurrentCertificate::none(),
            roots: CurrentRoots::none(),
            inner: Arc::new(Mutex::new(Inner::new(&trust_domain, clock.as_ref()))),
            clock,
        };
        state.show(path);
        let config = server_config(
            &state.certificate,
            Clients::Requested(state.roots.clone()),
            &["h2"],
            TlsClock(Arc::clone(&state.clock)),
        );
        let config = Arc::new(config.unwrap());
        let door = Door::tcp("node", ([127, 0, 0, 1], 0).into()).unwrap();
        let door = door.tls(Arc::new(move |_| Some(Arc::clone(&config))));
        let address = door.tcp_address().unwrap();
        let app = super::fake_services::services(&state).prepare().into_axum_router();
        door.serve(app, &tasks, Arc::clone(&state.clock));
        Self { state, address, tasks }
    }

    /// A join string with a new token and the pins of this server's bundle.
    pub(crate) fn join_string(&self, token: &str) -> JoinString {
        let mut inner = self.lock();
        inner.tokens.insert(token.to_owned(), None);
        let pin =
            |one: &types::X509Certificate| sha256(&CertificateView::parse(&one.asn1).unwrap().spki);
        let pins = inner.x509.iter().map(pin).collect();
        let token = Secret::new(token.to_owned());
        JoinString::new(self.state.trust_domain.clone(), &self.address.to_string(), token, pins)
            .unwrap()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock()
    }

    /// Changes something, gives the change a number, and tells the push streams.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let (answer, seq) = {
            let mut inner = self.lock();
            let answer = change(&mut inner);
            inner.seq += 1;
            inner.note_version();
            (answer, inner.seq)
        };
        self.state.changed.send_replace(seq);
        answer
    }

    /// An entry for whoever has these selectors; the number in the log orders creation.
    pub(crate) fn add_entry(&self, name: &str, path: &str, selectors: &[String]) {
        self.add_entry_with(name, path, selectors, |_| {});
    }

    pub(crate) fn add_entry_with(
        &self,
        name: &str,
        path: &str,
        selectors: &[String],
        more: impl FnOnce(&mut types::Entry),
    ) {
        let selector = |text: &String| {
            let (kind, value) = text.split_once(':').unwrap();
            types::Selector { r#type: kind.to_owned(), value: value.to_owned() }
        };
        let mut entry = types::Entry {
            id: name.to_owned(),
            spiffe_id: Some(types::Spiffeid {
                trust_domain: self.state.trust_domain.to_string(),
                path: path.to_owned(),
            }),
            selectors: selectors.iter().map(selector).collect(),
            ..types::Entry::default()
        };
        self.change(|inner| {
            let number = i64::try_from(inner.seq).unwrap() + 1;
            entry.created_at = inner.entries.get(name).map_or(number, |old| old.created_at);
            entry.revision_number = number;
            more(&mut entry);
            inner.entries.insert(name.to_owned(), entry);
        });
    }

    pub(crate) fn remove_entry(&self, name: &str) {
        self.change(|inner| inner.entries.remove(name));
    }

    /// A new authority signs from now on; the old one stays in the bundle, tainted or not.
    pub(crate) fn rotate(&self, taint: bool) {
        self.change(|inner| {
            inner.authority = Authority::new(&self.state.trust_domain, self.state.clock.now());
            inner.x509.iter_mut().for_each(|old| old.tainted |= taint);
            let asn1 = inner.authority.der.clone().into();
            inner.x509.push(types::X509Certificate { asn1, tainted: false });
            inner.bundle_sequence += 1;
        });
        self.state.show("/spire/server");
    }

    /// How often a call was made.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.lock().calls.get(name).copied().unwrap_or(0)
    }

    pub(crate) fn bundle(&self) -> types::Bundle {
        self.lock().bundle(&self.state.trust_domain)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Shows a certificate with this path, and verifies clients under the bundle of this moment.
    pub(crate) fn show(&self, path: &str) {
        let inner = self.lock();
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let id = self.trust_domain.with_path(path).unwrap();
        let (leaf, _) =
            inner.authority.sign(&id, key.public(), self.clock.now(), Lifetime::days(20));
        self.certificate.set(&[leaf], &key).unwrap();
        let roots =
            Roots::new(self.trust_domain.clone(), inner.x509.iter().map(|one| one.asn1.as_ref()));
        self.roots.set(&roots.unwrap());
    }

    /// Counts the call, unless the server is away.
    pub(crate) fn count(&self, name: &'static str) -> Result<(), Status> {
        let mut inner = self.lock();
        *inner.calls.entry(name).or_default() += 1;
        if !inner.switches.away {
            return Ok(());
        }
        inner.switches.away = inner.switches.back_after != Some(name);
        Err(Status::unavailable("away"))
    }

    /// The agent behind a connection, by its certificate; activates a renewed one.
    pub(crate) fn agent(&self, extensions: &tonic::Extensions) -> Result<SpiffeId, Status> {
        use types::permission_denied_details::Reason;
        let peer = extensions.get::<PeerInfo>().unwrap();
        let leaf =
            peer.chain().first().ok_or_else(|| Status::permission_denied("no certificate"))?;
        let view = CertificateView::parse(leaf).unwrap();
        let id = SpiffeId::parse(view.uris.first().unwrap()).unwrap();
        let mut inner = self.lock();
        let Some(agent) = inner.agents.get_mut(&id) else {
            return Err(denied(Reason::AgentNotAttested));
        };
        if agent.banned {
            return Err(denied(Reason::AgentBanned));
        }
        if view.not_after < self.clock.now() {
            return Err(denied(Reason::AgentExpired));
        }
        if agent.next.as_ref() == Some(&view.serial) {
            agent.current.clone_from(&view.serial);
            agent.next = None;
        }
        if agent.current == view.serial { Ok(id) } else { Err(denied(Reason::AgentNotActive)) }
    }

    /// Signs an agent's SVID.
    pub(crate) fn sign_agent(
        &self,
        id: &SpiffeId,
        request: &[u8],
    ) -> Result<(types::X509svid, String), Status> {
        let key =
            csr::public_key(request).map_err(|why| Status::invalid_argument(why.to_string()))?;
        let mut inner = self.lock();
        inner.csr_keys.push(key.digest());
        let life = inner.switches.agent_life;
        let (leaf, serial) = inner.authority.sign(id, &key, self.clock.now(), life);
        let expires_at = self.clock.now().plus(life).seconds();
        let svid = types::X509svid {
            cert_chain: vec![leaf.into()],
            id: None,
            expires_at,
            hint: String::new(),
        };
        Ok((svid, serial))
    }
}

impl Inner {
    fn new(trust_domain: &TrustDomain, clock: &dyn Clock) -> Self {
        let authority = Authority::new(trust_domain, clock.now());
        let asn1 = authority.der.clone().into();
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let jwt = types::JwtKey {
            public_key: key.public().spki().to_vec().into(),
            key_id: "jwt-1".to_owned(),
            expires_at: 0,
            tainted: false,
        };
        let switches = Switches {
            push: true,
            away: false,
            back_after: None,
            loses_answers: false,
            batch_max: 500,
            page: 500,
            agent_life: Lifetime::hours(1),
            x509_life: Lifetime::hours(1),
            jwt_life: Lifetime::minutes(5),
        };
        Self {
            x509: vec![types::X509Certificate { asn1, tainted: false }],
            authority,
            signer: TokenSigner::new(key, "jwt-1", "JWT"),
            jwt: vec![jwt],
            bundle_sequence: 1,
            tokens: BTreeMap::new(),
            tokens_seen: Vec::new(),
            agents: BTreeMap::new(),
            entries: BTreeMap::new(),
            federated: BTreeMap::new(),
            refused: BTreeSet::new(),
            renew: Vec::new(),
            seq: 0,
            versions: BTreeMap::from([(0, BTreeMap::new())]),
            calls: BTreeMap::new(),
            acks: Vec::new(),
            csr_keys: Vec::new(),
            switches,
        }
    }

    pub(crate) fn bundle(&self, trust_domain: &TrustDomain) -> types::Bundle {
        types::Bundle {
            trust_domain: trust_domain.to_string(),
            x509_authorities: self.x509.clone(),
            jwt_authorities: self.jwt.clone(),
            refresh_hint: 60,
            sequence_number: self.bundle_sequence,
            wit_authorities: Vec::new(),
        }
    }

    fn note_version(&mut self) {
        let now =
            self.entries.iter().map(|(id, entry)| (id.clone(), entry.revision_number)).collect();
        self.versions.insert(self.seq, now);
    }
}

pub(crate) fn denied(reason: types::permission_denied_details::Reason) -> Status {
    let details = types::PermissionDeniedDetails { reason: reason.into() };
    let url = "type.googleapis.com/spire.api.types.PermissionDeniedDetails";
    crate::grpc::detailed(Code::PermissionDenied, "agent refused", url, &details)
}

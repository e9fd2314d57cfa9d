//! The dependency graph as code: which slice stands on which, in the order in which they can be made.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::access::{Access, Rights};
use crate::account::{self, Account};
use crate::accounts::{self, Accounts};
use crate::admin::{self, Admin};
use crate::audit::Audit;
use crate::authority::Authority;
use crate::bundles::Bundles;
use crate::containment::{self, Containments};
use crate::crypto::digest::sha256;
use crate::crypto::seal::{Kek, KekRing, KekSource};
use crate::crypto::x509::CertificateView;
use crate::db::Db;
use crate::devices::{self, Devices, Inventory};
use crate::env::{Clock, Entropy, Env};
use crate::events::{Events, LedgerSettings, LedgerSync};
use crate::jobs::{Nudge, Reconcilers, Tasks};
use crate::kernel::{Failure, Fault, Kind, Lifetime, RealmId, ReplicaId, Secret, Timestamp};
use crate::nodes::attestors::{Attestors, JoinTokens, NodeAttestor, X509Pop};
use crate::nodes::{self, Nodes};
use crate::oauth::{self, Oauth};
use crate::osquery::{self, Osquery};
use crate::posture::{self, Posture};
use crate::realms::Realms;
use crate::services::{self, Services};
use crate::sessions::svids::PersonSvids;
use crate::sessions::{self, Sessions};
use crate::settings::{Environment, Places};
use crate::signin::{self, Signin};
use crate::svid::Svid;
use crate::telemetry::{Health, Metrics};
use crate::undelivered::{self, Undelivered};
use crate::upstreams::{self, Upstreams};
use crate::workloads::{self, Workloads};

use super::realm_doors::RealmDoor;
use super::settings::{SealSettings, Settings};
use super::ways_in::KnownWaysIn;
use super::web_certificate::WebCertificate;

/// A server, built and not yet open.
#[derive(Debug)]
pub struct Server {
    /// What it may touch.
    pub env: Env,
    /// What it runs in the background.
    pub tasks: Tasks,
    pub(super) reconcilers: Reconcilers,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) settings: Settings,
    pub(super) data_dir: PathBuf,
    /// Facts, recorded.
    pub events: Events,
    /// Decisions.
    pub access: Access,
    /// Roles and policies.
    pub rights: Rights,
    /// Realms.
    pub realms: Realms,
    /// Events, read back.
    pub audit: Audit,
    /// Devices.
    pub devices: Devices,
    /// Who is contained.
    pub containments: Containments,
    /// What is known of devices.
    pub posture: Posture,
    /// Machines that report through osquery.
    pub osquery: Osquery,
    /// Services that tell what they know of devices.
    pub services: Services,
    /// People.
    pub accounts: Accounts,
    /// The pages of one's own account.
    pub account: Account,
    /// The console.
    pub admin: Admin,
    /// Identity providers of others.
    pub upstreams: Upstreams,
    /// Signing authorities.
    pub authority: Authority,
    /// Bundles, ours and foreign.
    pub bundles: Bundles,
    /// The desk.
    pub svid: Svid,
    /// Browsers that are signed in.
    pub sessions: Sessions,
    /// People's own SVIDs.
    pub person_svids: PersonSvids,
    /// Sign-ins on their way.
    pub signin: Signin,
    /// Agents.
    pub nodes: Nodes,
    /// Registration entries.
    pub workloads: Workloads,
    /// The OpenID provider.
    pub oauth: Oauth,
    /// What was not delivered yet.
    pub undelivered: Undelivered,
    /// Names this process in the status.
    pub(super) replica: ReplicaId,
    pub(super) started_at: Timestamp,
    pub(super) node_bound: OnceLock<String>,
    /// What `public` and `mtls` show.
    pub(super) web: OnceLock<WebCertificate>,
    /// Wakes the rotation of authorities.
    pub(super) rotation: Nudge,
    pub(super) doors: RwLock<HashMap<RealmId, Arc<RealmDoor>>>,
}

/// The outside world, as the process or a test gives it.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The process's environment, read once.
    pub environment: Environment,
    /// Metrics of this process.
    pub metrics: Metrics,
}

impl Server {
    /// Opens the database and puts the slices together. Nothing listens yet and nothing runs.
    pub async fn build(settings: Settings, ports: Ports) -> Result<Arc<Self>, Failure> {
        let ledger = settings.ledger.clone();
        Self::build_with(settings, ledger, ports).await
    }

    /// The same beside a running server, for its commands: facts go straight to the database, because the local ledger
    /// belongs to one process.
    pub(super) async fn build_beside(
        settings: Settings,
        ports: Ports,
    ) -> Result<Arc<Self>, Failure> {
        let ledger = LedgerSettings { sync: LedgerSync::Database, ..settings.ledger.clone() };
        Self::build_with(settings, ledger, ports).await
    }

    #[expect(clippy::too_many_lines, reason = "the dependency graph reads best in one piece")]
    async fn build_with(
        settings: Settings,
        ledger: LedgerSettings,
        ports: Ports,
    ) -> Result<Arc<Self>, Failure> {
        let Ports { clock, entropy, environment, metrics } = ports;
        let data_dir = data_dir(&settings, &environment);
        private_directory(&data_dir)?;
        let ring = Arc::new(kek_ring(&settings.seal, &data_dir, &environment, entropy.as_ref())?);
        let db =
            Db::open(&database_url(&settings, &data_dir), Arc::clone(&clock), Arc::clone(&entropy))
                .await?;
        let env = Env { db, clock: Arc::clone(&clock), entropy: Arc::clone(&entropy) };
        let tasks = Tasks::new(Arc::clone(&clock));

        let directory = ledger.directory.clone().unwrap_or_else(|| data_dir.join("ledger"));
        let events = Events::open(env.clone(), directory, Arc::clone(&ring), ledger)?;
        let access = Access::new(Arc::clone(&clock), rustix::process::geteuid().as_raw())?;
        let realms = Realms::new(env.clone(), access.clone(), events.clone());
        let audit = Audit::new(env.db.clone(), events.clone(), access.clone());
        let authority = Authority::new(
            env.clone(),
            events.clone(),
            access.clone(),
            Arc::clone(&ring),
            settings.authority.clone(),
        );
        let bundles = Bundles::new(env.clone(), events.clone(), access.clone(), authority.clone());
        let away_max = Lifetime::seconds(settings.storage.away_max_seconds);
        let svid = Svid::new(env.clone(), authority.clone(), settings.svid.clone(), away_max);
        let inventory = Inventory::new(env.db.clone());
        let containments = Containments::new(
            env.clone(),
            containment::Below {
                access: access.clone(),
                events: events.clone(),
                devices: inventory.clone(),
            },
        );
        let posture = Posture::new(
            env.clone(),
            posture::Below {
                access: access.clone(),
                events: events.clone(),
                devices: inventory.clone(),
                containments: containments.clone(),
            },
            settings.posture.clone(),
        )
        .map_err(Fault::bug)?;
        let devices = Devices::new(
            env.clone(),
            devices::Below {
                access: access.clone(),
                events: events.clone(),
                realms: realms.clone(),
                bundles: bundles.clone(),
                svid: svid.clone(),
                inventory: inventory.clone(),
                posture: Arc::new(posture.clone()),
            },
            settings.devices.clone(),
        );
        devices.contained_by(Arc::new(containments.clone()));
        let osquery = Osquery::new(
            env.clone(),
            osquery::Below {
                events: events.clone(),
                devices: devices.clone(),
                posture: posture.clone(),
            },
            &settings.osquery,
        )?;
        let services = Services::new(
            env.clone(),
            services::Below {
                access: access.clone(),
                events: events.clone(),
                devices: inventory.clone(),
                posture: posture.clone(),
                ring: Arc::clone(&ring),
            },
        );
        let accounts = Accounts::new(
            env.clone(),
            accounts::Below {
                access: access.clone(),
                events: events.clone(),
                realms: realms.clone(),
                ring: Arc::clone(&ring),
            },
            settings.accounts.clone(),
        );
        let upstreams = Upstreams::new(
            env.clone(),
            upstreams::Below {
                access: access.clone(),
                events: events.clone(),
                realms: realms.clone(),
                accounts: accounts.clone(),
                ring: Arc::clone(&ring),
            },
            settings.outbound.clone(),
        );
        let sessions = Sessions::new(
            env.clone(),
            sessions::Below {
                access: access.clone(),
                events: events.clone(),
                accounts: accounts.clone(),
            },
            settings.sessions.clone(),
        );
        devices.owned_by(Arc::new(accounts.clone()));
        containments.people(Arc::new(accounts.clone()));
        accounts.keep_with(Arc::new(accounts::ContainedPeople(containments.clone())));
        accounts.keep_with(Arc::new(accounts::OwnedDevices(devices.clone())));
        accounts.keep_with(Arc::new(sessions.clone()));
        let person_svids = PersonSvids::new(
            env.clone(),
            sessions::svids::Below {
                access: access.clone(),
                events: events.clone(),
                bundles: bundles.clone(),
                posture: posture.clone(),
                svid: svid.clone(),
                accounts: accounts.clone(),
                sessions: sessions.clone(),
                devices: devices.clone(),
            },
        );
        let signin = Signin::new(
            env.clone(),
            signin::Below {
                access: access.clone(),
                events: events.clone(),
                devices: devices.clone(),
                posture: posture.clone(),
                accounts: accounts.clone(),
                upstreams: upstreams.clone(),
                sessions: sessions.clone(),
            },
        );
        let nodes = Nodes::new(
            env.clone(),
            nodes::Below {
                access: access.clone(),
                events: events.clone(),
                posture: posture.clone(),
                svid: svid.clone(),
                realms: realms.clone(),
                bundles: bundles.clone(),
                devices: inventory.clone(),
            },
            attestors(&settings)?,
            settings.node.clone(),
        );
        let workloads = Workloads::new(
            env.clone(),
            workloads::Below {
                access: access.clone(),
                events: events.clone(),
                authority: authority.clone(),
                bundles: bundles.clone(),
                posture: posture.clone(),
                svid: svid.clone(),
                nodes: nodes.clone(),
            },
            settings.workloads.clone(),
        );
        let below = oauth::Below {
            access: access.clone(),
            events: events.clone(),
            realms: realms.clone(),
            authority: authority.clone(),
            svid: svid.clone(),
            posture: posture.clone(),
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            signin: signin.clone(),
            ring,
            outbound: settings.outbound.clone(),
        };
        let oauth = Oauth::new(env.clone(), below, settings.oauth.clone());
        sessions.tell(Arc::new(oauth::TellClients(oauth.clone())));
        accounts.keep_with(Arc::new(oauth.clone()));
        accounts.keep_with(Arc::new(upstreams.clone()));
        let below = account::Below {
            access: access.clone(),
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            upstreams: upstreams.clone(),
            signin: signin.clone(),
            oauth: oauth.clone(),
            audit: audit.clone(),
            devices: devices.clone(),
            posture: posture.clone(),
        };
        let account = Account::new(env.clone(), below);
        let ways = KnownWaysIn {
            accounts: accounts.clone(),
            devices: inventory,
            posture: posture.clone(),
        };
        let below = undelivered::Below {
            access: access.clone(),
            events: events.clone(),
            realms: realms.clone(),
            accounts: accounts.clone(),
        };
        let undelivered = Undelivered::new(env.clone(), below);
        let rights = Rights::new(access.clone(), events.clone(), env.clone());
        let rights = rights.knowing(Arc::new(ways));
        let below = admin::Below {
            access: access.clone(),
            rights: rights.clone(),
            audit: audit.clone(),
            devices: devices.clone(),
            containments: containments.clone(),
            posture: posture.clone(),
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            signin: signin.clone(),
            nodes: nodes.clone(),
            workloads: workloads.clone(),
            oauth: oauth.clone(),
            upstreams: upstreams.clone(),
            undelivered: undelivered.clone(),
        };
        let admin = Admin::new(env.clone(), below);
        let now = env.clock.now();
        let replica = ReplicaId::new(env.entropy.uuid(now)?);
        Ok(Arc::new(Self {
            health: Health::new(Arc::clone(&clock)),
            reconcilers: Reconcilers::new(clock, entropy),
            doors: RwLock::default(),
            node_bound: OnceLock::new(),
            web: OnceLock::new(),
            rotation: Nudge::default(),
            replica,
            started_at: now,
            env,
            tasks,
            metrics,
            settings,
            data_dir,
            events,
            access,
            rights,
            realms,
            audit,
            devices,
            containments,
            posture,
            osquery,
            services,
            accounts,
            account,
            admin,
            upstreams,
            authority,
            bundles,
            svid,
            sessions,
            person_svids,
            signin,
            nodes,
            workloads,
            oauth,
            undelivered,
        }))
    }

    /// Where agents dial: as the settings say, else where the `node` door is bound.
    pub(super) fn node_address(&self) -> String {
        let advertised = self.settings.listen.node_advertised.clone();
        advertised.or_else(|| self.node_bound.get().cloned()).unwrap_or_default()
    }

    /// SHA-256 of each public key in the realm's bundle, for join strings.
    pub fn pins(&self, realm: RealmId) -> Vec<[u8; 32]> {
        let bundle = self.bundles.current(realm);
        let views = bundle.iter().flat_map(|bundle| &bundle.x509).filter(|root| !root.tainted);
        let views = views.filter_map(|root| CertificateView::parse(&root.certificate).ok());
        views.map(|view| sha256(&view.spki)).collect()
    }

    /// Where everything of this server lives that is not in the database.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(super) fn door(&self, realm: RealmId) -> Option<Arc<RealmDoor>> {
        self.doors.read().unwrap_or_else(PoisonError::into_inner).get(&realm).map(Arc::clone)
    }
}

/// Slices tell others of what ends, and those hold them in turn: without this a server that ended would keep its ledger.
impl Drop for Server {
    fn drop(&mut self) {
        self.sessions.tell_nobody();
        self.accounts.keep_with_nobody();
    }
}

/// Where everything of this server lives that is not in the database.
pub(super) fn data_dir(settings: &Settings, environment: &Environment) -> PathBuf {
    settings.server.data_dir.clone().unwrap_or_else(|| Places::of_process(environment).data)
}

/// The database named in the settings, or SQLite in the data directory.
pub(super) fn database_url(settings: &Settings, data_dir: &Path) -> String {
    let default = || format!("sqlite:{}", data_dir.join("weft.sqlite").display());
    settings.storage.url.clone().unwrap_or_else(default)
}

/// The key-encryption keys: from where the settings say, or a file made at the first start.
pub(super) fn kek_ring(
    settings: &SealSettings,
    data_dir: &Path,
    environment: &Environment,
    entropy: &dyn Entropy,
) -> Result<KekRing, Failure> {
    let own = data_dir.join("kek");
    let (text, credential);
    let source = match (&settings.file, &settings.environment, &settings.credential) {
        (None, None, None) => KekSource::File { path: &own, create: true },
        (Some(path), None, None) => KekSource::File { path, create: false },
        (None, Some(name), None) => {
            let value = environment
                .get(name)
                .ok_or_else(|| no_key(format!("the environment has no `{name}`")))?;
            text = Secret::new(value.to_owned());
            KekSource::Text(&text)
        }
        (None, None, Some(name)) => {
            let directory = Places::of_process(environment).credentials;
            let directory = directory
                .ok_or_else(|| no_key("systemd gave no credentials directory".to_owned()))?;
            credential = directory.join(name);
            KekSource::Credential { path: &credential }
        }
        _ => {
            return Err(Failure::new(
                Kind::Invalid,
                "seal.sources",
                "name one source of the key-encryption key: `file`, `environment` or `credential`",
            ));
        }
    };
    let current = Kek::load(&source, entropy).map_err(|error| kek_failure(&error))?;
    let mut others = Vec::new();
    for path in &settings.earlier_files {
        others.push(
            Kek::load(&KekSource::File { path, create: false }, entropy)
                .map_err(|error| kek_failure(&error))?,
        );
    }
    Ok(KekRing::new(current, others))
}

fn no_key(words: String) -> Failure {
    Failure::new(Kind::Invalid, "seal.key", words)
}

fn kek_failure(error: &crate::crypto::seal::KekError) -> Failure {
    Failure::new(Kind::Invalid, "seal.key", error.to_string())
}

fn attestors(settings: &Settings) -> Result<Attestors, Failure> {
    let mut attestors: Vec<Box<dyn NodeAttestor>> = vec![Box::new(JoinTokens)];
    if !settings.node.x509pop_authorities.is_empty() {
        let path = Path::new(&settings.node.x509pop_authorities);
        let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let roots = crate::crypto::x509::pem_certificates(&text).map_err(|error| {
            Failure::new(Kind::Invalid, "node.x509pop", format!("`{}`: {error}", path.display()))
        })?;
        attestors.push(Box::new(X509Pop::new(roots)));
    }
    Ok(Attestors::new(attestors))
}

/// A directory that only this user may enter.
pub(super) fn private_directory(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Fault::away("data directory", format!("`{}`: {error}", path.display())))?;
    Ok(())
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Kind::Invalid,
        "file.unreadable",
        format!("`{}` cannot be read: {error}", path.display()),
    )
}

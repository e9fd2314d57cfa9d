//! From settings and what is on disk to a server that is trusted and an identity that is valid.

use std::sync::Arc;

use crate::crypto::tls::CurrentRoots;
use crate::kernel::{Secret, TrustDomain};

use super::attest::{Attestor, X509Pop};
use super::bootstrap::Trust;
use super::cache::Cache;
use super::convert;
use super::identity::{Identity, Store};
use super::keep_identity::Keeper;
use super::key_file::KeyFiles;
use super::model::{Error, X509Authority};
use super::run::Ports;
use super::server_client::ServerClient;
use super::settings::Settings;

/// What the agent starts with.
#[derive(Debug)]
pub(crate) struct Start {
    store: Store,
    held: Option<Identity>,
    trust_domain: TrustDomain,
    address: String,
    trust: Option<Trust>,
    attestor: Option<Attestor>,
}

impl Start {
    /// Reads settings and data directory; refuses what does not fit together.
    pub(crate) fn new(settings: &Settings, ports: &Ports) -> Result<Self, Error> {
        let dir = settings.data_dir.as_deref();
        let dir = dir.ok_or_else(|| Error::Settings("no data directory".to_owned()))?;
        let keys = match &settings.seal_credential {
            Some(credential) => KeyFiles::sealed(credential, &ports.entropy)?,
            None => KeyFiles::default(),
        };
        let store = Store::open(dir, keys)?;
        let held = store.load()?;
        let Told { trust_domain, address, trust, token } = Told::read(settings)?;
        let held_domain = held.as_ref().map(|identity| identity.spiffe_id.trust_domain().clone());
        if let (Some(held), Some(told)) = (&held_domain, &trust_domain)
            && held != told
        {
            return Err(Error::Settings(format!(
                "this data directory belongs to an agent of trust domain `{held}`, not `{told}`: use another directory"
            )));
        }
        let trust_domain =
            trust_domain.or(held_domain).ok_or_else(|| Error::Settings(NOTHING_TOLD.to_owned()))?;
        let address = match address {
            Some(address) => address,
            None => store.server()?.ok_or_else(|| Error::Settings(NOTHING_TOLD.to_owned()))?,
        };
        let attestor = match (&settings.x509pop, token) {
            (Some(_), Some(_)) => {
                return Err(Error::Settings(
                    "both a join token and `x509pop` are given: choose one".to_owned(),
                ));
            }
            (Some(files), None) => Some(Attestor::X509Pop(X509Pop::load(files)?)),
            (None, token) => token.map(Attestor::JoinToken),
        };
        Ok(Self { store, held, trust_domain, address, trust, attestor })
    }

    /// The server, not dialled yet and trusted by nobody.
    pub(crate) fn client(&self, ports: &Ports) -> Result<ServerClient, Error> {
        ServerClient::new(
            &self.address,
            &self.trust_domain,
            CurrentRoots::none(),
            Arc::clone(&ports.clock),
        )
    }

    /// Gives the client its roots: those of last time, else those that the settings lead to.
    ///
    /// A server that does not verify under those of last time may have been set up anew. If the settings lead to it, it is
    /// joined as a new one; else the agent goes on with what it has and tries again.
    pub(crate) async fn trust(
        &mut self,
        client: &ServerClient,
        ports: &Ports,
    ) -> Result<(), Error> {
        let kept = if self.held.is_some() { self.store.bundle()? } else { None };
        let Some(kept) = kept else {
            return self.use_roots(client, &self.first_authorities(ports).await?);
        };
        let kept = kept.into_iter().map(|der| X509Authority { der: der.into(), tainted: false });
        self.use_roots(client, &kept.collect::<Vec<_>>())?;
        let (Err(Error::NotTheServer { .. }), Some(trust)) = (client.bundle().await, &self.trust)
        else {
            return Ok(());
        };
        let clock = Arc::clone(&ports.clock);
        match trust.authorities(&self.address, &self.trust_domain, clock).await {
            Ok(authorities) => {
                tracing::warn!(
                    server.address = self.address,
                    "this server was set up anew: joining it as a new one"
                );
                self.use_roots(client, &authorities)?;
                self.held = None;
            }
            Err(why) => tracing::warn!(error = %why, "the server is not the one this agent knows"),
        }
        Ok(())
    }

    fn use_roots(&self, client: &ServerClient, authorities: &[X509Authority]) -> Result<(), Error> {
        client.roots().set(&convert::roots(&self.trust_domain, authorities)?);
        Ok(())
    }

    /// The identity of last time if it is still valid, else one by attestation.
    pub(crate) async fn identity(
        self,
        client: &ServerClient,
        cache: &Cache,
        ports: &Ports,
    ) -> Result<(Keeper, Identity), Error> {
        let (store, trust_domain, attestor) = (self.store, self.trust_domain, self.attestor);
        let keeper = Keeper {
            client: client.clone(),
            store,
            trust_domain,
            attestor,
            cache: cache.clone(),
            ports: ports.clone(),
        };
        let now = ports.clock.now();
        let identity = match self.held.filter(|held| now < held.expires_at) {
            Some(held) => {
                client.present(&held)?;
                held
            }
            None => keeper.attest_until_done().await?,
        };
        keeper.store.keep_server(&self.address)?;
        Ok((keeper, identity))
    }

    async fn first_authorities(&self, ports: &Ports) -> Result<Vec<X509Authority>, Error> {
        let trust = self.trust.as_ref().ok_or_else(|| Error::Settings(NO_TRUST.to_owned()))?;
        let mut failures = 0;
        loop {
            let clock = Arc::clone(&ports.clock);
            match trust.authorities(&self.address, &self.trust_domain, clock).await {
                Err(why) if why.passes() => {
                    super::keep_identity::pause(ports, &mut failures, "bootstrap", &why).await?;
                }
                outcome => return outcome,
            }
        }
    }
}

/// What the settings say about the server.
struct Told {
    trust_domain: Option<TrustDomain>,
    address: Option<String>,
    trust: Option<Trust>,
    token: Option<Secret<String>>,
}

impl Told {
    fn read(settings: &Settings) -> Result<Self, Error> {
        let named = settings.trust_domain.as_deref().map(TrustDomain::parse).transpose();
        let named = named.map_err(|why| Error::Settings(format!("`trust_domain`: {why}")))?;
        let file = settings.trust_bundle.clone().map(Trust::File);
        let Some(text) = &settings.join else {
            let insecure = settings.insecure_bootstrap.then_some(Trust::Insecure);
            if file.is_some() && insecure.is_some() {
                return Err(Error::Settings(
                    "`trust_bundle` and `insecure_bootstrap` exclude each other".to_owned(),
                ));
            }
            let token = settings.join_token.as_ref().map(crate::wire::join::JoinText::reveal);
            let address = settings.server_address.clone();
            return Ok(Self { trust_domain: named, address, trust: file.or(insecure), token });
        };
        let join = text.parse()?;
        if named.is_some_and(|named| named != join.trust_domain) {
            return Err(Error::Settings(
                "`trust_domain` is another than the join string's".to_owned(),
            ));
        }
        if settings.insecure_bootstrap {
            return Err(Error::Settings("a join string needs no `insecure_bootstrap`".to_owned()));
        }
        Ok(Self {
            trust_domain: Some(join.trust_domain),
            // The server may be reached elsewhere from here; who it is stays pinned.
            address: Some(settings.server_address.clone().unwrap_or(join.address)),
            trust: Some(file.unwrap_or(Trust::Pins(join.pins))),
            token: Some(join.token),
        })
    }
}

const NOTHING_TOLD: &str = "this agent does not know its server: start it with `--join STRING` (`weft token create` on \
    the server prints one), or give `server_address` and `trust_domain`";
const NO_TRUST: &str = "this agent has no reason to believe any server: start it with `--join STRING`, or bring the \
    server's bundle here and give `--trust-bundle FILE`";

//! Says to the server that this node runs on a device: the agent's key signs a statement for the device, and the device's SVID
//! brings it. From then on what is known of the device is known of this node.
//!
//! Owns: when that is said. Does not own: the device's key and SVID, which `weft device` keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::crypto::digest::hex;
use crate::crypto::jose::TokenSigner;
use crate::crypto::keys::Signer;
use crate::crypto::x509::{CertificateView, pem, pem_certificates};
use crate::kernel::Lifetime;
use crate::outbound::Names;
use crate::wire::api::{BoundAgent, DeviceAgent, Problem};
use crate::wire::on_device::{TYPE, claims};

use super::Ports;
use super::identity::{Identity, Store};
use super::keep_identity::pause;
use super::model::Error;
use super::settings::OnDeviceSettings;

/// Binds this agent to its device, and looks now and then that it is still bound.
#[derive(Debug)]
pub(crate) struct OnDevice {
    pub(crate) settings: OnDeviceSettings,
    pub(crate) store: Store,
    pub(crate) ports: Ports,
}

/// The device's SVID, with its key.
struct Device {
    id: String,
    pem: Zeroizing<Vec<u8>>,
}

impl OnDevice {
    /// Never ends: a device that enrols later, or anew, is found.
    pub(crate) async fn run(self) {
        let mut failures = 0;
        loop {
            match self.bind().await {
                Ok(bound) => {
                    failures = 0;
                    tracing::info!(device.id = bound.device, "this node is bound to its device");
                    self.ports.clock.sleep(AGAIN).await;
                }
                Err(why) => {
                    let paused = pause(&self.ports, &mut failures, "binding to the device", &why);
                    if paused.await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn bind(&self) -> Result<BoundAgent, Error> {
        let dir = self.settings.directory.clone().unwrap_or_default();
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let none = || Error::Settings("the agent has no SVID yet".to_owned());
            Ok::<_, Error>((device(&dir)?, store.load()?.ok_or_else(none)?))
        });
        let (device, identity) = read.await.map_err(crate::kernel::Fault::bug)??;
        let ask = self.statement(&device, identity)?;
        let url =
            format!("{}/api/v1/devices/self/agent", self.settings.server.trim_end_matches('/'));
        let sent = self.client(&device)?.post(url).json(&ask).send().await;
        let answer = sent.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if !status.is_success() {
            let problem = serde_json::from_slice::<Problem>(&body);
            let why = problem.map_or_else(|_| status.to_string(), |problem| problem.detail);
            return Err(Error::Answer { code: tonic::Code::PermissionDenied, message: why });
        }
        serde_json::from_slice(&body).map_err(|error| Error::BadAnswer(error.to_string()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        Error::Unreachable { address: self.settings.server.clone(), why: error.to_string() }
    }

    fn statement(&self, device: &Device, identity: Identity) -> Result<DeviceAgent, Error> {
        let kid = hex(&identity.key.public().digest());
        let signer: Arc<dyn Signer> = identity.key;
        let now = self.ports.clock.now().seconds();
        let claims = claims(identity.spiffe_id.as_str(), &device.id, now);
        let statement = TokenSigner::new(signer, &kid, TYPE).sign(&claims)?;
        let chain = identity.chain.iter().map(|der| pem("CERTIFICATE", der).to_string()).collect();
        Ok(DeviceAgent { chain, statement })
    }

    fn client(&self, device: &Device) -> Result<reqwest::Client, Error> {
        let bad = |error: &dyn std::fmt::Display| Error::Settings(format!("the device: {error}"));
        let own = reqwest::Identity::from_pem(&device.pem).map_err(|error| bad(&error))?;
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(Arc::new(Names))
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(CALL_MAX)
            .identity(own);
        if let Some(file) = &self.settings.server_ca {
            let text = std::fs::read(file).map_err(|error| Error::file(file, error))?;
            let roots = reqwest::Certificate::from_pem_bundle(&text);
            builder = builder.tls_certs_only(roots.map_err(|error| bad(&error))?);
        }
        builder.build().map_err(|error| bad(&error))
    }
}

/// The device whose key and SVID are in this directory.
fn device(dir: &Path) -> Result<Device, Error> {
    let read = |name: &str| {
        let path: PathBuf = dir.join(name);
        std::fs::read(&path).map(Zeroizing::new).map_err(|error| Error::file(&path, error))
    };
    let (svid, mut text) = (read("svid.pem")?, read("key.pem")?);
    let leaf = pem_certificates(&svid).ok().and_then(|chain| chain.into_iter().next());
    let view = leaf.and_then(|leaf| CertificateView::parse(&leaf).ok());
    let id = view.and_then(|view| view.uris.into_iter().next());
    let id = id.ok_or_else(|| Error::file(&dir.join("svid.pem"), "no X.509-SVID"))?;
    text.push(b'\n');
    text.extend_from_slice(&svid);
    Ok(Device { id, pem: text })
}

/// A device may enrol anew, and a server be restored.
const AGAIN: Lifetime = Lifetime::hours(1);
const CALL_MAX: Duration = Duration::from_secs(30);

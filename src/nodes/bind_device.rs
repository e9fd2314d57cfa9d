//! A node that runs on a device: two keys, one statement. The device calls with its SVID and brings a statement that the agent
//! signed with its own key, made for this device and good for a minute. From then on what is known of the device is known of
//! the agent and its workloads.
//!
//! It proves that whoever holds the one key holds the other. That both are in one machine, keys in files cannot prove.

use serde_json::{Map, Value};

use crate::crypto::jose::{Unverified, is_good_now};
use crate::crypto::x509::{VerifiedSvid, pem_certificates};
use crate::events::Changed;
use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{Caller, DeviceId, Granted, Lifetime, RealmId, SpiffeId, Timestamp};
use crate::wire::on_device::{LIFE_SECONDS, TYPE};

use super::model::{AGENT, PeerSvid, events};
use super::{Agent, Error, Nodes, store};

/// What a device brings.
#[derive(Debug, Clone)]
pub struct BindDevice {
    /// The agent's X.509-SVID: its certificates in PEM, leaf first.
    pub chain: String,
    /// What the agent signed, in compact JWS form.
    pub statement: String,
}

impl Nodes {
    /// Binds the agent that signed to the device that calls, and gives the agent.
    pub async fn bind_device(&self, caller: &Caller, ask: BindDevice) -> Result<Agent, Error> {
        let (realm, device, _) = self.devices.calling(caller).await?;
        device.state.check()?;
        let now = self.env.clock.now();
        let svid = self.verified(realm, &ask.chain, now)?;
        let statement = Unverified::parse(&ask.statement)
            .map_err(|error| Error::Statement(error.to_string()))?;
        if statement.typ() != Some(TYPE) {
            return Err(Error::Statement(format!("its type is not `{TYPE}`")));
        }
        let claims = statement
            .verify(&svid.public_key)
            .map_err(|error| Error::Statement(error.to_string()))?;
        check(&claims, (&svid.id, &device.spiffe_id), now)?;
        // Possession is shown; whether this agent may call at all is judged as at its own door.
        let shown = PeerSvid {
            issued_at: svid.not_before.plus(Lifetime::seconds(BACKDATE_SECONDS)),
            id: svid.id,
            serial: svid.serial,
            expires: svid.not_after,
        };
        let agent = self.judge(realm, &shown).await?.agent;
        self.bind(realm, agent.id.clone(), device.id).await
    }

    fn verified(&self, realm: RealmId, chain: &str, now: Timestamp) -> Result<VerifiedSvid, Error> {
        let chain = pem_certificates(chain.as_bytes())
            .map_err(|error| Error::Statement(format!("`chain`: {error}")))?;
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let roots = self.bundles.roots(realm).ok_or(Error::NotFound("realm"))?;
        roots.verify(&chain, now).map_err(|error| Error::Statement(format!("`chain`: {error}")))
    }

    async fn bind(&self, realm: RealmId, id: SpiffeId, device: DeviceId) -> Result<Agent, Error> {
        let granted = Granted::to_server("BindDevice");
        self.events
            .change_in(realm, granted, (id, device), move |tx, (id, device)| {
                Box::pin(async move {
                    let known = store::agent(tx, id.as_str()).await?;
                    let mut agent = known.ok_or(Error::NotFound("agent"))?;
                    let mut changes = Vec::new();
                    if agent.device != Some(*device) {
                        agent.device = Some(*device);
                        store::set_device(tx, id, *device).await?;
                        let event = events::bound(realm, &agent, *device);
                        changes.push((AGENT, id.to_string(), event));
                    }
                    Ok::<_, Error>(Changed { value: agent, changes, rights: false })
                })
            })
            .await
    }
}

/// Made by this agent for this device, now, and for a minute.
fn check(
    claims: &Map<String, Value>,
    (agent, device): (&SpiffeId, &SpiffeId),
    now: Timestamp,
) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Statement(why.to_owned()));
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("sub") != Some(agent.as_str()) {
        return refuse("`sub` is not the agent whose key signed");
    }
    if text("aud") != Some(device.as_str()) {
        return refuse("`aud` is not the device that calls");
    }
    is_good_now(claims, now, LIFE_SECONDS).map_err(|error| Error::Statement(error.to_string()))
}

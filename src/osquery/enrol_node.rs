//! Enrol an osquery: it shows a token's secret and says which host it is on, and gets a node key.

use crate::crypto::digest::{base64url, sha256};
use crate::db::Tx;
use crate::devices::{self, Newcomer};
use crate::events::Changed;
use crate::http::PeerInfo;
use crate::kernel::{Granted, RealmId, Secret, Timestamp};

use super::model::{Node, OSQUERY_NODE, events};
use super::{Error, Osquery, store};

/// An osquery that wants to come in.
#[derive(Debug)]
pub struct EnrolNode {
    /// In which realm.
    pub realm: RealmId,
    /// The secret of a token.
    pub secret: Secret<String>,
    /// What it calls its host.
    pub host: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it runs.
    pub platform: &'static str,
}

/// Everything that the transaction needs: it may run again.
#[derive(Debug)]
struct Drawn {
    newcomer: Newcomer,
    host: String,
    key: [u8; 32],
    now: Timestamp,
}

impl Osquery {
    /// Lets an osquery in and gives it its key, which is in clear only here. One that was in before gets another.
    pub async fn enrol(&self, ask: EnrolNode, peer: &PeerInfo) -> Result<Secret<String>, Error> {
        let limit = &self.inner.enrolments;
        limit.as_ref().map_or(Ok(()), |limit| limit.take(peer)).map_err(Error::TooOften)?;
        let realm = ask.realm;
        let given = self.admit(ask).await;
        if let Err(Error::Devices(why @ (devices::Error::Token | devices::Error::Refused(_)))) =
            &given
        {
            self.inner.below.devices.note_refused(realm, None, &why.to_string()).await?;
        }
        given
    }

    async fn admit(&self, ask: EnrolNode) -> Result<Secret<String>, Error> {
        let plain = |text: &str| {
            (1..=HOST_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if !plain(&ask.host) {
            return Err(Error::Body("`host_identifier` is 1 to 64 printable bytes"));
        }
        let name = ask.name.filter(|name| plain(name)).unwrap_or_else(|| ask.host.clone());
        let machine = format!("osquery:{}", ask.host);
        let devices = &self.inner.below.devices;
        let words = (name, ask.platform.to_owned());
        let newcomer = devices.newcomer(ask.realm, &ask.secret, &machine, words)?;
        let random = self.inner.env.entropy.token()?;
        let key = Secret::new(base64url(random.expose()));
        let digest = sha256(key.expose().as_bytes());
        let now = self.inner.env.clock.now();
        let drawn = Drawn { newcomer, host: ask.host, key: digest, now };
        let granted = Granted::to_server("EnrolOsquery");
        self.inner
            .below
            .events
            .change_in(ask.realm, granted, drawn, |tx, drawn| Box::pin(enrolled(tx, drawn)))
            .await?;
        Ok(key)
    }
}

async fn enrolled(tx: &mut Tx, drawn: &Drawn) -> Result<Changed<()>, Error> {
    let held = store::node(tx, &drawn.host).await?;
    let admitted = drawn.newcomer.admit(tx, held.as_ref().map(|held| held.device)).await?;
    // What a host calls itself is no secret: it does not let a stranger speak for a device that has a key of its own.
    if admitted.device.current.is_some() && !admitted.named {
        return Err(Error::Bound);
    }
    let (realm, device) = (tx.realm(), admitted.device);
    let mut changes: Vec<_> = admitted.change.into_iter().collect();
    for host in store::remove_others(tx, device.id, &drawn.host).await? {
        let event = events::replaced(realm, &device, &host);
        changes.push((OSQUERY_NODE, host, event));
    }
    let same = held.filter(|held| held.device == device.id);
    let again = same.is_some();
    let node = Node {
        host: drawn.host.clone(),
        device: device.id,
        key: drawn.key,
        previous: same.map(|held| held.key),
        enrolled_at: drawn.now,
    };
    store::put(tx, &node).await?;
    changes.push((OSQUERY_NODE, node.host.clone(), events::enrolled(realm, &device, &node, again)));
    Ok(Changed { value: (), changes, rights: false })
}

/// A UUID has 36; what people call hosts is shorter.
const HOST_BYTES_MAX: usize = 64;

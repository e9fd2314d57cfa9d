//! Take what a service delivers: who signed it, which device it is about, what it says.

use std::sync::Arc;

use super::signature::{self, Said};
use super::{Error, Services};
use crate::http::PeerInfo;
use crate::kernel::RealmId;
use crate::posture::{Outcome, Source};

/// What a service sends.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'d> {
    /// To which realm.
    pub realm: RealmId,
    /// In whose name.
    pub name: &'d str,
    /// Its id, its time and its signature.
    pub said: Said<'d>,
    /// What was signed.
    pub body: &'d [u8],
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The device that it is about.
    pub device: String,
    /// Whether it counts.
    pub outcome: Outcome,
}

impl Services {
    /// Takes a delivery. A name that is none is answered as a signature that is none.
    pub async fn deliver(
        &self,
        delivery: Delivery<'_>,
        peer: &PeerInfo,
    ) -> Result<Delivered, Error> {
        let (realm, now) = (delivery.realm, self.inner.env.clock.now());
        let unsigned = || match self.inner.unsigned.take(peer) {
            Ok(()) => Error::Unsigned,
            Err(wait) => Error::TooOften(wait),
        };
        let service = self.inner.index.find(realm, delivery.name).ok_or_else(unsigned)?;
        let at = signature::time(delivery.said, now).ok_or_else(unsigned)?;
        let secrets = self.live(realm, &service, now)?;
        if !signature::holds(delivery.said, delivery.body, &secrets) {
            metrics::counter!("weft_posture_deliveries_unsigned_total").increment(1);
            return Err(unsigned());
        }
        let (id, report) = service.mapping.read(delivery.body, at.min(now))?;
        let unknown = || super::mapping::Unread("no device is known by this name".to_owned());
        let device = self.inner.below.devices.device(realm, id).ok_or_else(unknown)?;
        let source = Source::Service(Arc::from(service.name.as_str()));
        let taken = self.inner.below.posture.hear(realm, device, (source, report)).await?;
        Ok(Delivered { device: id.to_string(), outcome: taken.outcome })
    }
}

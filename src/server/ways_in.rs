//! How administrators can come, for the question whether a change of policies would lock them all out.

use futures_util::future::BoxFuture;

use crate::access::WaysIn;
use crate::accounts::Accounts;
use crate::devices::{Inventory, model::State};
use crate::kernel::{
    Evidence, EvidenceSource, Fault, RealmId, Situation, SpiffeId, Standing, Strength, Subject,
    SubjectKind, Timestamp,
};
use crate::posture::Posture;

/// What is known of people and of their devices. Nothing of it holds who asks, so that a server that ends lets go of all.
#[derive(Debug)]
pub(super) struct KnownWaysIn {
    pub(super) accounts: Accounts,
    pub(super) devices: Inventory,
    pub(super) posture: Posture,
}

impl WaysIn for KnownWaysIn {
    fn of<'p>(
        &'p self,
        realm: RealmId,
        person: &'p SpiffeId,
    ) -> BoxFuture<'p, Result<Vec<Standing>, Fault>> {
        Box::pin(async move {
            let found = self.accounts.of_spiffe_id(realm, person).await;
            let Some(user) = found.map_err(|error| Fault::away("people", error))? else {
                // Somebody who has never come may still come through another provider.
                return Ok(vec![Standing::unknown()]);
            };
            if !user.is_active() {
                return Ok(Vec::new());
            }
            let evidence = |device| Evidence {
                subject: Subject {
                    kind: SubjectKind::User,
                    id: person.clone(),
                    number: user.number,
                },
                source: EvidenceSource::Possession,
                strength: Strength::Software,
                at: Timestamp::EPOCH,
                expires: Timestamp::FOREVER,
                device,
                situation: Situation::default(),
            };
            let all = self.devices.devices(realm);
            let theirs = all.iter().filter(|device| {
                device.owner == Some(user.id)
                    && device.state == State::Enrolled
                    && device.current.is_some()
            });
            let devices = theirs.map(|device| Some(device.id));
            let ways = [None].into_iter().chain(devices);
            Ok(ways.map(|device| self.posture.standing(&evidence(device))).collect())
        })
    }
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::access::{ChangeError, Given, Name, Seen, SetPolicy};
    use crate::account::tests::world::{House, REALM};
    use crate::admin::tests::world::{machine, person};
    use crate::kernel::{Level, Timestamp};
    use crate::posture::Source;
    use crate::wire::api::Time;
    use crate::wire::posture::{FORMAT, Report};

    async fn set(house: &House, text: &str) -> Result<bool, ChangeError> {
        let by = house.by().asker;
        let (name, text, seen) = (Name::parse("own").unwrap(), Arc::from(text), Seen::Anything);
        let ask = SetPolicy { asker: by, realm: REALM, name, text, seen };
        house.server().rights.set_policy(ask).await
    }

    #[tokio::test]
    async fn a_policy_that_asks_for_a_device_as_no_administrator_has_one_is_refused() {
        let house = House::start().await;
        let ada = person(&house, "ada", Some(Given::Admin)).await;
        let only = |level: &str| {
            format!(
                "forbid (principal, action, resource) unless {{ context.standing == \"{level}\" }};"
            )
        };
        let refused = |outcome: Result<bool, ChangeError>| match outcome {
            Err(ChangeError::LocksOut { names, .. }) => assert_eq!(names.len(), 1, "{names:?}"),
            other => panic!("{other:?}"),
        };
        let laptop = machine(&house, "ada-laptop", Some(&ada)).await;
        let standard = only(Level::Standard.as_str());
        refused(set(&house, &standard).await);
        // A service that looks after it says that all is well.
        let (posture, device) =
            (&house.server().posture, house.server().devices.device(REALM, laptop.id));
        let heard =
            posture.hear(REALM, device.unwrap(), (Source::Service("mdm".into()), well(&house)));
        heard.await.unwrap();
        assert_eq!(posture.of_device(laptop.id).level, Level::Standard);
        refused(set(&house, &only(Level::Trusted.as_str())).await);
        assert!(set(&house, &standard).await.is_ok(), "she has one of those");
    }

    fn well(house: &House) -> Report {
        let now = Time(Timestamp::from_seconds(house.now().seconds()));
        let signal = |name: &&str| json!({"signal": name, "value": 10_000, "class": "service", "at": now, "source": "mdm"});
        let signals: Vec<_> = crate::machine::names().iter().map(signal).collect();
        let report =
            json!({"format": FORMAT, "collected_at": now, "platform": "linux", "signals": signals});
        serde_json::from_value(report).unwrap()
    }
}

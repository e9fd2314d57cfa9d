//! How administrators can come, for the question whether a change of policies would lock them all out.

use futures_util::future::BoxFuture;

use crate::access::WaysIn;
use crate::accounts::Accounts;
use crate::devices::{Inventory, model::State};
use crate::kernel::{
    Evidence, EvidenceSource, Fault, RealmId, SpiffeId, Standing, Strength, Subject, SubjectKind,
    Timestamp,
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

    use crate::access::{ChangeError, Given, Name, Seen, SetPolicy};
    use crate::account::tests::world::{House, REALM};
    use crate::admin::tests::world::{machine, person, reports};
    use crate::kernel::Level;

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
        let ours = machine(&house, "ours", None).await;
        reports(&house, &ours, 10_000, &[]).await;
        let level = || house.server().posture.of_device(laptop.id).level;
        let of_ours = house.server().posture.of_device(ours.id).level;
        refused(set(&house, &only(of_ours.as_str())).await);
        reports(&house, &laptop, 10_000, &[]).await;
        assert!(level() == of_ours && level() < Level::High, "a key in a file: {:?}", level());
        refused(set(&house, &only("high")).await);
        assert!(set(&house, &only(level().as_str())).await.is_ok(), "she has one of those");
    }
}

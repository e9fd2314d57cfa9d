//! A device's key in two hands: what rings, what is contained, and how often.

use std::sync::Mutex;

use super::*;
use crate::audit::{Audit, Query, ReadEvents};
use crate::devices::Contains;
use crate::kernel::{Failure, Kind};

/// Keeps whom it was told to contain; fails while it is away.
#[derive(Debug, Default)]
struct Fence {
    contained: Mutex<Vec<DeviceId>>,
    away: Mutex<bool>,
}

impl Contains for Fence {
    fn contain(
        &self,
        realm: RealmId,
        device: DeviceId,
        _reason: &'static str,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        assert_eq!(realm, REALM);
        let away = *self.away.lock().unwrap();
        if !away {
            self.contained.lock().unwrap().push(device);
        }
        let failure = || Failure::new(Kind::Unavailable, "test.away", "away");
        Box::pin(async move { if away { Err(failure()) } else { Ok(()) } })
    }
}

impl Fence {
    fn count(&self) -> usize {
        self.contained.lock().unwrap().len()
    }
}

async fn fenced(database: &TestDatabase, settings: Settings) -> (House, Arc<Fence>) {
    let (house, fence) = (House::with(database, settings).await, Arc::new(Fence::default()));
    let ours: Arc<Fence> = Arc::clone(&fence);
    house.devices.contained_by(ours);
    (house, fence)
}

/// A device that goes on with the second of these, and the one that this replaced.
async fn renewed(house: &House) -> (X509Svid, X509Svid) {
    let first = house.enrolled().await;
    let next = house.renew(&first.svid, &key()).await.unwrap();
    house.judge(&next.svid).await.unwrap();
    (first.svid, next.svid)
}

async fn alarms(house: &House) -> usize {
    let kind = Some("device.clone_suspected".to_owned());
    let query = Query { kind, ..Query::default() };
    let (keys, asker) = (&house.keys, KeysReplica::root());
    let audit = Audit::new(keys.env.db.clone(), keys.events.clone(), keys.access.clone());
    keys.events.copy().await.unwrap();
    audit.list(ReadEvents { realm: REALM, asker, query }).await.unwrap().items.len()
}

#[tokio::test]
async fn wherever_a_replaced_svid_is_shown_the_alarm_rings_and_the_device_is_contained_once() {
    on_each_database(async |database| {
        let (house, fence) = fenced(database, Settings::default()).await;
        let (old, new) = renewed(&house).await;
        house.keys.clock.advance(Lifetime::minutes(2));
        for _ in 0..3 {
            refused(&house.judge(&old).await, Refusal::Superseded);
            house.keys.clock.advance(Lifetime::minutes(2));
        }
        assert_eq!((alarms(&house).await, fence.count()), (1, 1));
        house.judge(&new).await.unwrap();
        assert_eq!((alarms(&house).await, fence.count()), (1, 1), "the one it holds is no copy");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_was_on_its_way_contains_no_device() {
    on_each_database(async |database| {
        let (house, fence) = fenced(database, Settings::default()).await;
        let (old, _) = renewed(&house).await;
        refused(&house.judge(&old).await, Refusal::Superseded);
        assert_eq!((alarms(&house).await, fence.count()), (1, 0));
        house.keys.clock.advance(Lifetime::minutes(1));
        refused(&house.judge(&old).await, Refusal::Superseded);
        assert_eq!((alarms(&house).await, fence.count()), (1, 1), "but it was none");
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_contained_is_tried_again_and_settings_can_say_no() {
    on_each_database(async |database| {
        let (house, fence) = fenced(database, Settings::default()).await;
        let (old, _) = renewed(&house).await;
        *fence.away.lock().unwrap() = true;
        house.keys.clock.advance(Lifetime::minutes(2));
        refused(&house.judge(&old).await, Refusal::Superseded);
        *fence.away.lock().unwrap() = false;
        house.keys.clock.advance(Lifetime::minutes(2));
        refused(&house.judge(&old).await, Refusal::Superseded);
        assert_eq!((alarms(&house).await, fence.count()), (1, 1));
    })
    .await;
    on_each_database(async |database| {
        let settings = Settings { contain_clones: false, ..Settings::default() };
        let (house, fence) = fenced(database, settings).await;
        let (old, _) = renewed(&house).await;
        house.keys.clock.advance(Lifetime::minutes(2));
        refused(&house.judge(&old).await, Refusal::Superseded);
        assert_eq!((alarms(&house).await, fence.count()), (1, 0));
    })
    .await;
}

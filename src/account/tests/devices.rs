//! One's own devices on one's own page.

use super::world::House;
use crate::admin::tests::world::{machine, plain, reports};
use crate::devices::Manage;
use crate::signin::tests::world::Tab;
use crate::testkit::on_each_database;

#[tokio::test]
async fn a_person_sees_their_own_devices_with_what_to_fix_and_nobody_elses() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let eve = house.person("eve").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.get(&house, "/account/devices").await;
        assert!(tab.body.contains("id=\"empty\""), "{}", tab.body);
        assert!(tab.body.contains("weft device enroll --server https://"));
        let own = machine(&house, "ada-laptop", Some(&ada)).await;
        let silent = machine(&house, "ada-tablet", Some(&ada)).await;
        let theirs = machine(&house, "eve-laptop", Some(&eve)).await;
        reports(&house, &own, 10_000, &[("firewall", 0)]).await;
        reports(&house, &theirs, 10_000, &[("ssh", 0)]).await;
        tab.get(&house, "/account/devices").await;
        let page = plain(&tab);
        for part in [
            format!("id=\"device-{}\"", own.id),
            format!("id=\"device-{}\"", silent.id),
            "Switch a firewall on.".to_owned(),
            "Firewall: Not as it should be".to_owned(),
            "weft device run".to_owned(),
        ] {
            assert!(page.contains(&part), "{part} in {page}");
        }
        assert!(!page.contains("eve-laptop") && !page.contains(&theirs.id.to_string()), "{page}");
        // Everything a person may know of a lock is that there is one, and why.
        let ask = Manage::new(own.id, None, "left in a taxi").unwrap();
        house.server().devices.lock(house.by(), ask).await.unwrap();
        tab.get(&house, "/account/devices").await;
        assert!(plain(&tab).contains("left in a taxi"), "{}", tab.body);
    })
    .await;
}

#[tokio::test]
async fn a_person_retires_their_own_device_and_nobody_elses() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let (ada, eve) = (house.person("ada").await, house.person("eve").await);
        let own = machine(&house, "ada-laptop", Some(&ada)).await;
        let theirs = machine(&house, "eve-laptop", Some(&eve)).await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        let id = |machine: &crate::admin::tests::world::Machine| machine.id.to_string();
        tab.post_to(&house, "/account/devices/retire", &[("device", &id(&theirs))]).await;
        assert_eq!(tab.status, 404, "{}", tab.body);
        tab.post_to(&house, "/account/devices/retire", &[("device", "nonsense")]).await;
        assert_eq!(tab.status, 400, "{}", tab.body);
        tab.get(&house, "/account/devices").await;
        assert!(tab.body.contains(&format!("value=\"{}\"", id(&own))), "{}", tab.body);
        tab.post_to(&house, "/account/devices/retire", &[("device", &id(&own))]).await;
        tab.get(&house, "/account/devices?done=retired").await;
        assert!(tab.body.contains("id=\"empty\""), "{}", tab.body);
        assert!(plain(&tab).contains("The device is retired."), "{}", tab.body);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_was_retired_is_nobodys_to_fix() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let old = machine(&house, "ada-laptop", Some(&ada)).await;
    let ask = Manage::new(old.id, None, "sold").unwrap();
    house.server().devices.retire(house.by(), ask).await.unwrap();
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    tab.get(&house, "/account/devices").await;
    assert!(tab.body.contains("id=\"empty\""), "{}", tab.body);
}

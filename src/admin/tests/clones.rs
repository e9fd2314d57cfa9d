//! A device whose key is in two hands, on a whole server: put out by the server, and let in again by an administrator.

use super::world::{Machine, machine};
use crate::account::tests::world::{House, REALM};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{csr, svid_of_verified_peer};
use crate::devices::{Error, Refusal, Shown};
use crate::kernel::{Lifetime, Proof};
use crate::testkit::until;

/// The SVID that it enrolled with.
fn replaced(machine: &Machine) -> Shown {
    let Proof::X509Svid { serial, .. } = &machine.caller.proof else {
        panic!("{:?}", machine.caller)
    };
    Shown { id: machine.caller.subject.clone().unwrap(), serial: serial.clone() }
}

async fn shows(house: &House, shown: &Shown) {
    let judged = house.server().devices.judge(REALM, shown).await;
    assert!(matches!(judged, Err(Error::Refused(Refusal::Superseded))), "{judged:?}");
}

#[tokio::test]
async fn a_device_whose_key_is_in_two_hands_gets_nothing_until_it_is_released() {
    let house = House::start().await;
    let laptop = machine(&house, "ada-laptop", None).await;
    let devices = &house.server().devices;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let next = devices.renew(&laptop.caller, &csr::create(&key).unwrap()).await.unwrap();
    let next = Shown::of(&svid_of_verified_peer(&next.svid.chain[0]).unwrap());
    devices.judge(REALM, &next).await.unwrap();
    house.clock.advance(Lifetime::minutes(2));
    let contained = || house.server().posture.of_device(laptop.id).contained;
    assert!(!contained());
    shows(&house, &replaced(&laptop)).await;
    until("it is contained", async || contained().then_some(()).ok_or("not yet")).await;
    let id = laptop.id.to_string();
    house.server().containments.release(house.by(), (&id, "restored from a copy")).await.unwrap();
    until("it is released", async || (!contained()).then_some(()).ok_or("not yet")).await;
    house.clock.advance(Lifetime::minutes(2));
    shows(&house, &replaced(&laptop)).await;
    assert!(house.server().containments.held(REALM, &id).is_none(), "no second time");
}

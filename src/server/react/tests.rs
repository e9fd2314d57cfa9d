//! What changed is acted on at once, whatever else there is to do; what sank in silence is found.

use super::*;
use crate::account::tests::world::{House, REALM};
use crate::admin::tests::world::{Machine, machine, reports};

fn reactor(house: &House) -> Reactor {
    Reactor::new(Arc::clone(house.server()), REALM)
}

fn heard(device: DeviceId) -> Waiting {
    Waiting { devices: BTreeSet::from([device]), ..Waiting::default() }
}

fn everything() -> Waiting {
    Waiting { everything: true, ..Waiting::default() }
}

async fn fleet(house: &House, count: usize) -> Vec<Machine> {
    let mut fleet = Vec::new();
    for n in 0..count {
        fleet.push(machine(house, &format!("laptop-{n}"), None).await);
    }
    fleet.sort_by_key(|machine| machine.id);
    fleet
}

#[tokio::test]
async fn what_sank_in_silence_is_acted_on_once() {
    let house = House::start().await;
    let laptop = machine(&house, "ada-laptop", None).await;
    reports(&house, &laptop, 10_000, &[]).await;
    let mut reactor = reactor(&house);
    let level = || house.server().posture.of_device(laptop.id).level;
    assert!(reactor.turn(heard(laptop.id), false).await.is_empty());
    let before = level();
    assert_eq!(reactor.seen.get(&laptop.id), Some(&before));
    house.clock.advance(Lifetime::days(30));
    assert!(level() < before, "silence has sunk it");
    assert!(reactor.turn(Waiting::default(), false).await.is_empty());
    assert_eq!(reactor.seen.get(&laptop.id), Some(&before), "nobody looked");
    assert!(reactor.turn(Waiting::default(), true).await.is_empty());
    assert_eq!(reactor.seen.get(&laptop.id), Some(&level()));
    assert!(!reactor.pass.is_under_way());
}

#[tokio::test]
async fn a_drop_is_acted_on_between_two_steps_of_a_look_at_the_whole_fleet() {
    let house = House::start().await;
    let fleet = fleet(&house, 2 * ACTED_AT_ONCE + 2).await;
    let last = fleet.last().unwrap();
    reports(&house, last, 10_000, &[]).await;
    let mut reactor = reactor(&house);
    let level = || house.server().posture.of_device(last.id).level;
    reactor.turn(everything(), false).await;
    assert_eq!(reactor.seen.len(), ACTED_AT_ONCE, "one step of it");
    assert!(!reactor.seen.contains_key(&last.id), "its turn has not come");
    let before = level();
    reports(&house, last, 0, &[]).await;
    assert!(level() < before);
    reactor.turn(heard(last.id), false).await;
    assert_eq!(reactor.seen.get(&last.id), Some(&level()), "acted on in the very next turn");
    assert!(reactor.pass.is_under_way(), "with the rest of the fleet still to come");
    // Told again in the middle that everything changed: what had its turn comes again, after what had none.
    reactor.turn(everything(), false).await;
    let first_without = &fleet[ACTED_AT_ONCE - 2];
    assert!(reactor.seen.contains_key(&last.id) && !reactor.seen.contains_key(&first_without.id));
    while reactor.pass.is_under_way() {
        reactor.turn(Waiting::default(), false).await;
    }
    assert_eq!(reactor.seen.len(), fleet.len());
}

#[test]
fn a_look_that_begins_anew_goes_on_where_it_was_and_leaves_nobody_out() {
    let id = |n: u128| DeviceId::new(uuid::Uuid::from_u128(n));
    let mut pass = Pass::default();
    pass.begin((0..5).map(id).collect());
    assert_eq!([pass.take(), pass.take()], [Some(id(0)), Some(id(1))]);
    // The one that was next is gone, and another came.
    pass.begin([0, 1, 3, 4, 9].map(id).to_vec());
    let rest: Vec<_> = std::iter::from_fn(|| pass.take()).collect();
    assert_eq!(rest, [3, 4, 9, 0, 1].map(id));
    assert!(!pass.is_under_way());
    pass.begin([7, 8].map(id).to_vec());
    assert_eq!([pass.take(), pass.take(), pass.take()], [Some(id(7)), Some(id(8)), None]);
    pass.begin(Vec::new());
    assert!(!pass.is_under_way() && pass.take().is_none());
}

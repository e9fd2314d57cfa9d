//! The next step of one line of slots. Pure: rows in, one action out.
//!
//! prepared → active → old → gone. A prepared authority is published at once; it signs only when everybody who verifies has
//! had the time to fetch it. An old one stays published until the last thing it can have signed has ended, and that is its
//! own end: nothing outlives its authority.

use super::model::Slot;
use crate::crypto::x509::CertificateView;
use crate::kernel::{AuthorityId, Lifetime, Timestamp};

/// How far apart the steps are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// How long an authority is published before it signs.
    pub(super) overlap: Lifetime,
    /// How long an authority stays published after its end, for verifiers whose clocks are behind.
    pub(super) margin: Lifetime,
}

impl Policy {
    /// When an authority that is not made yet may sign at the earliest, this slot being the newest. One below the same upstream
    /// root is known by that root: until it ends.
    pub(super) fn replaced_at(self, newest: &Slot, now: Timestamp) -> Timestamp {
        let upstream = newest.upstream.last().and_then(|root| CertificateView::parse(root).ok());
        match upstream {
            Some(root) => root.not_after,
            None => half_of(newest.not_before, newest.not_after).max(now).plus(self.overlap),
        }
    }
}

/// One slot, as far as this rule looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) id: AuthorityId,
    pub(super) stage: Stage,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// True if this process can sign with it; only `memory` keys are ever lost.
    pub(super) has_key: bool,
}

/// Where a slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Published since then.
    Prepared {
        since: Timestamp,
    },
    Active,
    /// Old or revoked.
    Past,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Make a new authority and publish it.
    Prepare,
    /// Sign with this one from now on.
    Activate(AuthorityId),
    /// Forget this one.
    Remove(AuthorityId),
}

/// The one next step.
pub(super) fn step(now: Timestamp, seats: &[Seat], policy: Policy) -> Action {
    let ended = |seat: &&Seat| match seat.stage {
        Stage::Past => now > seat.not_after.plus(policy.margin),
        Stage::Prepared { .. } => !seat.has_key || now >= seat.not_after,
        Stage::Active => false,
    };
    if let Some(gone) = seats.iter().find(ended) {
        return Action::Remove(gone.id);
    }
    let active = seats
        .iter()
        .find(|seat| seat.stage == Stage::Active && seat.has_key && now < seat.not_after);
    let prepared = seats.iter().find_map(|seat| match seat.stage {
        Stage::Prepared { since } => Some((seat, since)),
        _ => None,
    });
    match (active, prepared) {
        // Nobody can sign: a verifier that does not know the new one yet is better off than everybody without an SVID.
        (None, Some((seat, _))) => Action::Activate(seat.id),
        (None, None) => Action::Prepare,
        (Some(active), None) if is_half_over(active, now) => Action::Prepare,
        (Some(active), Some((seat, since))) if is_half_over(active, now) => {
            let published = now >= since.plus(policy.overlap);
            // What the active one signs now would end before verifiers fetch the bundle again: waiting helps nobody.
            let ending = active.not_after <= now.plus(policy.overlap);
            if published || ending { Action::Activate(seat.id) } else { Action::Nothing }
        }
        _ => Action::Nothing,
    }
}

/// Half a life in reserve: whatever is asked to live up to half as long as an authority is never cut short.
fn is_half_over(seat: &Seat, now: Timestamp) -> bool {
    now >= half_of(seat.not_before, seat.not_after)
}

fn half_of(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    not_before.plus(not_after.since(not_before).divided_by(2))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const POLICY: Policy = Policy { overlap: Lifetime::seconds(15), margin: Lifetime::seconds(5) };

    fn id(number: u128) -> AuthorityId {
        AuthorityId::new(Uuid::from_u128(number))
    }

    fn seat(number: u128, stage: Stage, from: i64, until: i64) -> Seat {
        let (not_before, not_after) =
            (Timestamp::from_seconds(from), Timestamp::from_seconds(until));
        Seat { id: id(number), stage, not_before, not_after, has_key: true }
    }

    fn published(since: i64) -> Stage {
        Stage::Prepared { since: Timestamp::from_seconds(since) }
    }

    fn check(now: i64, seats: &[Seat], expected: Action, why: &str) {
        assert_eq!(step(Timestamp::from_seconds(now), seats, POLICY), expected, "{why}");
    }

    #[test]
    fn each_state_has_its_one_next_step() {
        let active = seat(1, Stage::Active, 0, 200);
        let lost = Seat { has_key: false, ..active };
        let next = |since| seat(2, published(since), since, since + 200);
        let old = |until| seat(3, Stage::Past, 0, until);
        check(0, &[], Action::Prepare, "an empty realm");
        check(0, &[next(0)], Action::Activate(id(2)), "nobody signs yet");
        check(99, &[active], Action::Nothing, "before half of its life");
        check(100, &[active], Action::Prepare, "at half of its life");
        check(114, &[active, next(100)], Action::Nothing, "not published long enough");
        check(115, &[active, next(100)], Action::Activate(id(2)), "published long enough");
        check(
            50,
            &[active, next(0)],
            Action::Nothing,
            "prepared by command: it waits for its turn",
        );
        check(186, &[active, next(184)], Action::Activate(id(2)), "the active one is about to end");
        check(200, &[active, next(199)], Action::Activate(id(2)), "the active one has ended");
        check(200, &[active], Action::Prepare, "it ended and nothing was prepared");
        check(10, &[lost], Action::Prepare, "the key went with the process");
        check(10, &[lost, next(9)], Action::Activate(id(2)), "and its successor signs at once");
        check(
            10,
            &[active, Seat { has_key: false, ..next(5) }],
            Action::Remove(id(2)),
            "a successor without a key",
        );
        check(55, &[active, old(50)], Action::Nothing, "an old one within its margin");
        check(56, &[active, old(50)], Action::Remove(id(3)), "an old one after its margin");
        check(
            300,
            &[seat(2, published(0), 0, 300)],
            Action::Remove(id(2)),
            "a prepared one that ended unused",
        );
    }

    #[test]
    fn a_whole_life_never_leaves_a_realm_without_a_signer_and_never_signs_with_an_unknown_key() {
        let mut seats: Vec<Seat> = Vec::new();
        let mut made = 0;
        for now in 0..5_000 {
            loop {
                match step(Timestamp::from_seconds(now), &seats, POLICY) {
                    Action::Nothing => break,
                    Action::Prepare => {
                        made += 1;
                        seats.push(seat(made, published(now), now, now + 200));
                    }
                    Action::Activate(next) => {
                        let chosen = seats.iter().find(|seat| seat.id == next).unwrap();
                        let waited = now - chosen.not_before.seconds();
                        assert!(
                            now == 0 || waited >= 15,
                            "signed {waited} s after it was published"
                        );
                        for seat in &mut seats {
                            if seat.stage == Stage::Active {
                                seat.stage = Stage::Past;
                            }
                            if seat.id == next {
                                seat.stage = Stage::Active;
                            }
                        }
                    }
                    Action::Remove(gone) => {
                        let ended =
                            seats.iter().find(|seat| seat.id == gone).unwrap().not_after.seconds();
                        assert!(now > ended, "forgotten before what it signed had ended");
                        seats.retain(|seat| seat.id != gone);
                    }
                }
            }
            assert_eq!(seats.iter().filter(|seat| seat.stage == Stage::Active).count(), 1);
            assert!(seats.len() <= 3, "the bundle does not grow");
        }
        assert!(made > 30, "{made} rotations");
    }
}

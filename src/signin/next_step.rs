//! The one dispatcher: from what is known to the page that comes next. Pure. No step names another one.

use super::model::{End, Facts, Has, Mark, Person, Present, Shown, State, Verdict, Way};
use crate::kernel::{Assurance, DeviceId, Method};

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Say who: go on with the session of this browser, or as somebody else.
    SelectAccount,
    /// Type who one is, or take a passkey or a provider.
    Identify,
    /// Show on which device this is, or go on without.
    Device,
    /// Type a password.
    Password,
    /// Show a passkey.
    Passkey,
    /// Type a one-time password.
    Totp,
    /// Type a recovery code.
    RecoveryCode,
    /// Have a link sent.
    Recover,
    /// Look into the mail.
    MailSent,
    /// Choose a new password.
    NewPassword,
    /// Add a passkey. `required`: there is no "not now".
    Enrol {
        /// They came for it.
        required: bool,
    },
    /// Link an identity at a provider to the account.
    LinkConfirm,
    /// Something stronger is needed, and this account has none.
    NoWay(String),
    /// Policy says no.
    Refused(String),
    /// Nothing is left to be shown.
    Done,
}

impl Step {
    /// The segment of the path that its form is sent to.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SelectAccount => "select",
            Self::Identify => "identify",
            Self::Device => "device",
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery-code",
            Self::Recover => "recover",
            Self::MailSent => "mail-sent",
            Self::NewPassword => "new-password",
            Self::Enrol { .. } => "enrol",
            Self::LinkConfirm => "link",
            Self::NoWay(_) => "no-way",
            Self::Refused(_) => "refused",
            Self::Done => "done",
        }
    }
}

/// The page that comes next.
pub fn next_step(state: &State, facts: &Facts) -> Step {
    match &state.end {
        Some(End::Done) => return Step::Done,
        Some(End::Refused(reason)) => return Step::Refused(reason.clone()),
        None => {}
    }
    match (&state.person, shown(state, facts)) {
        (_, Some(shown)) => after_proof(state, facts, &shown),
        (Person::Nobody, None) if asks_which_account(state, facts) => Step::SelectAccount,
        (person, None) => before_proof(state, facts, person),
    }
}

/// What counts as shown: what was shown in this sign-in, else what the session of this browser was opened with, as far as
/// the request takes it.
pub(super) fn shown(state: &State, facts: &Facts) -> Option<Shown> {
    if let Person::Proven(shown) = &state.person {
        return Some(shown.clone());
    }
    let present = facts.session.as_ref()?;
    let request = &state.request;
    let right = request.expected_user.is_none_or(|user| user == present.shown.user);
    let fresh = request.fresh_after.is_none_or(|since| present.signed_in_at >= since);
    let asked = !request.select_account || state.is(Mark::Selected);
    let usable =
        state.person == Person::Nobody && !state.is(Mark::Other) && state.stranger.is_none();
    (usable && right && fresh && asked).then(|| present.shown.clone())
}

/// The device that this sign-in is on: the one that signed, else that of this person's session in the same browser.
pub(super) fn device(state: &State, facts: &Facts, shown: &Shown) -> Option<DeviceId> {
    let same = facts.session.as_ref().filter(|present| present.shown.user == shown.user);
    state.device.or_else(|| same.and_then(|present| present.device))
}

/// The session of this browser that only has to be shown again: its person need not be typed.
pub(super) fn known_again<'f>(state: &State, facts: &'f Facts) -> Option<&'f Present> {
    let present = facts.session.as_ref()?;
    let request = &state.request;
    let right = request.expected_user.is_none_or(|user| user == present.shown.user);
    let asked = !request.select_account || state.is(Mark::Selected);
    (state.person == Person::Nobody
        && !state.is(Mark::Other)
        && state.stranger.is_none()
        && right
        && asked)
        .then_some(present)
}

/// How sure it has to be now: one level above what was shown, or what was asked.
pub(super) fn wanted(state: &State, shown: &Shown) -> Assurance {
    let above = match shown.assurance() {
        Assurance::Aal1 => Assurance::Aal2,
        Assurance::Aal2 | Assurance::Aal3 => Assurance::Aal3,
    };
    let asked = state.request.assurance.filter(|asked| *asked > shown.assurance());
    asked.unwrap_or(above)
}

/// The ways that would make what was shown surer, the best first.
pub(super) fn stronger(shown: &Shown, has: Has, wanted: Assurance) -> Vec<Way> {
    let first = shown.methods.contains(&Method::Password)
        || shown.methods.contains(&Method::Mail)
        || shown.upstream.is_some();
    let mut ways = Vec::new();
    let new = |method| !shown.methods.contains(&method);
    let passkey = if wanted == Assurance::Aal3 { has.hardware } else { has.passkey };
    if passkey && new(Method::HardwarePasskey) {
        ways.push(Way::Passkey);
    }
    if wanted < Assurance::Aal3 && first {
        if has.totp && new(Method::Totp) {
            ways.push(Way::Totp);
        }
        if has.codes && new(Method::RecoveryCode) {
            ways.push(Way::RecoveryCode);
        }
    }
    ways
}

/// The ways out of a step-up. What an old session was opened with is no factor any more: it is shown again first.
pub(super) fn ways(state: &State, facts: &Facts, shown: &Shown) -> Vec<Way> {
    let mut ways = stronger(shown, facts.has, wanted(state, shown));
    let old = facts.session.as_ref().is_some_and(|present| !present.recent);
    if state.person == Person::Nobody && old {
        ways.retain(|way| *way == Way::Passkey);
        if facts.has.password {
            ways.push(Way::Password);
        }
    }
    ways
}

fn asks_which_account(state: &State, facts: &Facts) -> bool {
    let request = &state.request;
    facts.session.is_some()
        && request.select_account
        && !state.is(Mark::Selected)
        && !state.is(Mark::Other)
        && request.expected_user.is_none()
        && state.stranger.is_none()
}

fn before_proof(state: &State, facts: &Facts, person: &Person) -> Step {
    match state.way {
        Some(Way::Mail) if state.is(Mark::Mailed) => Step::MailSent,
        Some(Way::Mail) => Step::Recover,
        Some(Way::Passkey) => Step::Passkey,
        _ if *person != Person::Nobody || known_again(state, facts).is_some() => Step::Password,
        _ => Step::Identify,
    }
}

fn after_proof(state: &State, facts: &Facts, shown: &Shown) -> Step {
    let short = state.request.assurance.is_some_and(|asked| shown.assurance() < asked);
    let asks = asks_for_device(state, facts, shown);
    match &facts.verdict {
        // What is known of their device may be what policy misses.
        Some(Verdict::StepUp(_) | Verdict::Deny(_)) if asks => Step::Device,
        // What was lost is replaced first: it may be what makes this sure enough.
        Some(Verdict::Permit) if renews_password(state, facts, shown) => Step::NewPassword,
        Some(Verdict::Permit) if short && !state.is(Mark::Enrol) => {
            step_up(state, facts, shown, "")
        }
        Some(Verdict::Permit) => before_the_end(state, facts, shown),
        Some(Verdict::StepUp(reason)) => step_up(state, facts, shown, reason),
        Some(Verdict::Deny(reason)) => Step::Refused(reason.clone()),
        // Nobody goes on whom nobody was asked about.
        None => Step::Refused(String::new()),
    }
}

/// Who came because a password is lost may add a passkey instead, unless they have a second factor that they did not show:
/// whoever reads somebody's mail must not come out with one.
fn renews_password(state: &State, facts: &Facts, shown: &Shown) -> bool {
    let instead = state.is(Mark::Enrol) && may_add(facts, shown);
    state.is(Mark::Renew) && !instead
}

/// Whoever has two factors shows both before another one, or another provider, is added to them.
pub(super) fn may_add(facts: &Facts, shown: &Shown) -> bool {
    let two = facts.has.passkey || facts.has.totp;
    !two || shown.assurance() >= Assurance::Aal2
}

fn step_up(state: &State, facts: &Facts, shown: &Shown, reason: &str) -> Step {
    let ways = ways(state, facts, shown);
    let chosen = state.way.filter(|way| ways.contains(way));
    match chosen.or(ways.first().copied()) {
        Some(Way::Passkey) => Step::Passkey,
        Some(Way::Totp) => Step::Totp,
        Some(Way::RecoveryCode) => Step::RecoveryCode,
        Some(Way::Password) => Step::Password,
        Some(Way::Mail) | None => Step::NoWay(reason.to_owned()),
    }
}

fn before_the_end(state: &State, facts: &Facts, shown: &Shown) -> Step {
    if state.is(Mark::Enrol) {
        Step::Enrol { required: true }
    } else if asks_for_device(state, facts, shown) {
        Step::Device
    } else if state.stranger.is_some() && !may_add(facts, shown) {
        step_up(state, facts, shown, "")
    } else if state.stranger.is_some() {
        Step::LinkConfirm
    } else if offers_passkey(state, facts, shown) {
        Step::Enrol { required: false }
    } else {
        Step::Done
    }
}

/// Once in a sign-in in which something was shown. Whoever uses the session they have has answered.
fn asks_for_device(state: &State, facts: &Facts, shown: &Shown) -> bool {
    facts.devices
        && matches!(state.person, Person::Proven(_))
        && !state.is(Mark::Anywhere)
        && device(state, facts, shown).is_none()
}

/// After a password that was typed just now, whoever has no passkey is offered one, unless they turned that off.
fn offers_passkey(state: &State, facts: &Facts, shown: &Shown) -> bool {
    matches!(state.person, Person::Proven(_))
        && shown.methods.contains(&Method::Password)
        && !facts.has.passkey
        && may_add(facts, shown)
        && !facts.declined
        && !state.is(Mark::Declined)
}

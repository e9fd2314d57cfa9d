//! Whether the session of a browser does for an authorization request (OpenID Connect Core §3.1.2.3, §5.5.1.1). Pure.

use super::authorization_request::AuthorizationRequest;
use crate::kernel::{Assurance, Timestamp, UserId};
use crate::sessions::Session;

/// What follows for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The session does.
    Does,
    /// Somebody must show something.
    SignIn(Wish),
    /// Nothing more can be shown, and it is not enough.
    Unmet,
}

/// What the sign-in must bring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Something shown since then.
    pub(super) fresh_after: Option<Timestamp>,
    /// The account is to be chosen.
    pub(super) select_account: bool,
    /// At least this sure.
    pub(super) assurance: Option<Assurance>,
    /// Nobody else.
    pub(super) expected: Option<UserId>,
}

/// What has happened to the request before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    /// When it arrived: ages are counted from then, so that what is shown afterwards is never too old.
    pub(super) arrived_at: Timestamp,
    /// Whether a sign-in was asked for already: what is only a wish is asked for once.
    pub(super) asked: bool,
}

/// Judges. `expected` is whom a hint or the `claims` parameter names.
pub(super) fn judge(
    request: &AuthorizationRequest,
    session: Option<&Session>,
    expected: Option<UserId>,
    before: Before,
) -> Verdict {
    let fresh_after = fresh_after(request, before.arrived_at);
    let assurance = lowest(request);
    let wish = Wish {
        fresh_after,
        select_account: request.prompt.select_account && !before.asked,
        assurance,
        expected,
    };
    let Some(session) = session else { return Verdict::SignIn(wish) };
    let stale = fresh_after.is_some_and(|after| session.signed_in_at < after);
    let other = expected.is_some_and(|user| user != session.user);
    if stale || other || wish.select_account {
        return Verdict::SignIn(wish);
    }
    match assurance {
        Some(lowest) if session.assurance < lowest => match (before.asked, request.acr_essential) {
            (false, _) => Verdict::SignIn(wish),
            (true, true) => Verdict::Unmet,
            (true, false) => Verdict::Does,
        },
        _ => Verdict::Does,
    }
}

/// `acr` of the ID token: what was asked for and is met, best first; nothing where none of it is; and without a wish the level
/// that was reached.
pub(super) fn acr(request: &AuthorizationRequest, reached: Assurance) -> Option<String> {
    if request.acr_values.is_empty() {
        return Some(reached.as_str().to_owned());
    }
    let met = |value: &&String| Assurance::parse(value).is_some_and(|level| level <= reached);
    request.acr_values.iter().find(met).cloned()
}

fn fresh_after(request: &AuthorizationRequest, arrived_at: Timestamp) -> Option<Timestamp> {
    let login = request.prompt.login.then_some(arrived_at);
    // `auth_time` is whole seconds, and an application compares that.
    let aged = request.max_age.map(|age| arrived_at.minus(age));
    login.into_iter().chain(aged).max()
}

/// The lowest level that meets one of the wishes. A value that is not ours can be met by nothing, and asks for nothing.
fn lowest(request: &AuthorizationRequest) -> Option<Assurance> {
    request.acr_values.iter().filter_map(|value| Assurance::parse(value)).min()
}

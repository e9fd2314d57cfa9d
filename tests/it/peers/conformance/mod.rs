//! Our own conformance harness: items of the OpenID requirements as a client and a browser meet them, written against the
//! text of the standards and run first against an independent provider, so that a wrong check is known for what it is.
//!
//! An item that the reference does not pass is explained in `explained.txt`, or the harness fails. An item that needs time to
//! pass waits for it, or moves the provider's clock where there is a handle on it.

pub(super) mod applications;
mod authorization;
mod discovery;
mod identity;
mod logout;
mod op;
mod reference;
mod token;
mod tokens;
mod weft;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use op::Op;

/// What came of a check: why it does not hold.
type Verdict = Result<(), String>;

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

type Check = for<'o> fn(&'o Op) -> BoxFuture<'o, Verdict>;

macro_rules! items {
    ($($room:ident: $($check:ident),+;)+) => {
        /// Every item, by the name of its check.
        const ITEMS: &[(&str, Check)] = &[$($((stringify!($check), |op| $room::$check(op).boxed())),+),+];
    };
}

items! {
    discovery: oidc_001_discovery_is_found_at_the_issuer, oidc_002_endpoints_are_https_and_there,
        oidc_003_what_must_be_supported_is_listed, oidc_004_lists_have_their_types_and_tell_the_truth,
        oidc_005_pkce_is_s256, oidc_006_keys_are_public_distinct_and_strong,
        oidc_007_metadata_of_rfc_8414_is_served;
    authorization: oidc_009_get_and_post_are_accepted, oidc_010_unknown_parameters_and_order_do_not_matter,
        oidc_011_a_missing_response_type_is_an_error, oidc_012_an_unregistered_redirect_uri_leads_nowhere,
        oidc_013_a_nonce_comes_back_if_it_was_sent, oidc_014_hints_never_cause_an_error,
        oidc_015_prompt_login_asks_again, oidc_016_prompt_none_is_silent, oidc_017_max_age_is_kept,
        oidc_018_a_hint_names_who_must_be_signed_in, oidc_019_acr_is_one_of_those_asked_for,
        oidc_020_an_essential_claim_is_given, oidc_021_request_objects_are_never_ignored,
        oidc_022_pkce_works_for_confidential_clients, oidc_023_every_answer_names_its_issuer,
        oidc_024_prompt_none_stands_alone, oidc_025_a_long_state_survives,
        oidc_026_redirects_do_not_carry_a_posted_secret_on, oidc_027_a_parameter_given_twice_is_an_error,
        oidc_073_cancelling_is_told_to_the_application;
    token: oidc_028_a_client_authenticates_in_one_way, oidc_029_a_code_works_once,
        oidc_030_a_code_is_bound_to_its_request, oidc_031_a_verifier_without_a_challenge_is_refused,
        oidc_032_answers_are_not_kept_and_say_how_to_authenticate,
        oidc_033_a_refresh_token_is_bound_and_may_ask_for_less,
        oidc_034_a_public_client_gets_a_new_refresh_token_each_time, oidc_035_a_retry_gets_the_same_successor,
        oidc_063_a_code_lives_a_minute_at_most, oidc_074_tokens_cannot_be_guessed,
        oidc_077_introspection_says_no_more_than_it_must,
        oidc_078_revoking_a_refresh_token_ends_what_came_of_it,
        oidc_080_a_token_is_for_the_resource_asked_for, oidc_081_an_access_token_is_what_rfc_9068_says;
    identity: oidc_036_an_id_token_has_what_it_must, oidc_037_nothing_is_unsigned,
        oidc_038_userinfo_answers_get_and_post, oidc_039_claims_have_their_types, oidc_040_a_bad_token_is_told_so;
    logout: oidc_041_logging_out_works_by_get_and_post, oidc_042_a_known_way_back_is_taken_with_its_state,
        oidc_043_no_state_comes_of_none, oidc_044_an_unknown_way_back_is_not_taken,
        oidc_045_without_a_way_back_there_is_a_page, oidc_047_back_channel_logout_is_announced,
        oidc_048_sid_is_one_value_for_a_session_and_client, oidc_049_a_logout_token_is_nothing_else,
        oidc_050_a_logout_token_is_posted_as_a_form;
}

/// Items that change the provider's keys, end everybody's session or move its clock: one after the other, after the rest.
const ALONE: &[(&str, Check)] = &[
    ("oidc_008_a_new_key_is_published_before_it_signs", |op| {
        discovery::oidc_008_a_new_key_is_published_before_it_signs(op).boxed()
    }),
    ("oidc_051_every_way_out_is_told", |op| logout::oidc_051_every_way_out_is_told(op).boxed()),
    ("oidc_046_an_expired_hint_still_tells_whose_session_ends", |op| {
        logout::oidc_046_an_expired_hint_still_tells_whose_session_ends(op).boxed()
    }),
];

/// Checks every item, and gives what came of each.
async fn outcomes(op: &Op) -> BTreeMap<&'static str, Verdict> {
    let together = stream::iter(ITEMS).map(|(name, check)| async move { (*name, check(op).await) });
    let mut all: BTreeMap<_, _> = together.buffer_unordered(AT_ONCE).collect().await;
    for (name, check) in ALONE {
        all.insert(name, check(op).await);
    }
    all
}

/// What did not hold, a line each.
fn told(outcomes: &BTreeMap<&'static str, Verdict>) -> String {
    outcomes.iter().fold(String::new(), |mut text, (name, verdict)| {
        if let Err(why) = verdict {
            let _ = writeln!(text, "{name}: {why}");
        }
        text
    })
}

/// Most of the time of the slow items is waiting.
const AT_ONCE: usize = 12;

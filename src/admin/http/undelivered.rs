//! Letters and logout notices that were not delivered yet, and the button that has one tried again.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::super::pages::{Badge, Tab, UndeliveredLine, UndeliveredPage};
use super::super::{Admin, Done};
use super::visitor::{Asks, Away, Visitor};
use crate::account::posture_words::Tone;
use crate::http::pages::{page, text_key};
use crate::http::{Form, Query, cursor, page_of};
use crate::jobs::deliveries::Open;
use crate::kernel::Timestamp;
use crate::oauth::SendLogoutToken;

/// A place in the list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Sought {
    cursor: Option<String>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    asks: Asks,
    Query(sought): Query<Sought>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let (limit, after) = cursor::<String>(Some(UNDELIVERED), sought.cursor.as_deref())?;
    let undelivered = &admin.below.undelivered;
    let found = undelivered.list(&visitor.by, after.unwrap_or_default(), limit.saturating_add(1));
    let found = found.await.map_err(|error| admin.refuse(&visitor, Tab::Undelivered, error))?;
    let id = |open: &Open| open.delivery.id.clone();
    let shown = page_of(found, limit, id, |open| line(&visitor, &open))?;
    let href = |cursor: &str| {
        let cursor: String = byte_serialize(cursor.as_bytes()).collect();
        format!("{}?cursor={cursor}", Tab::Undelivered.path())
    };
    let shown = UndeliveredPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Undelivered),
        may: undelivered.may_retry(&visitor.by),
        deliveries: shown.items,
        next: shown.next_cursor.as_deref().map(href),
        first: sought.cursor.is_some().then(|| Tab::Undelivered.path().to_owned()),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

#[derive(Debug, Deserialize)]
pub(super) struct Again {
    delivery: String,
}

/// Has one tried now. One that was delivered meanwhile is gone from the list that follows, which is all there is to say.
pub(super) async fn retry(
    State(admin): State<Admin>,
    asks: Asks,
    Form(again): Form<Again>,
) -> Result<Response, Away> {
    let visitor = admin.enter_to_change(&asks, Tab::Undelivered.path()).await?;
    let done = match admin.below.undelivered.retry(&visitor.by, &again.delivery).await {
        Ok(_) => format!("?done={}", Done::TriedAgain.as_str()),
        Err(crate::undelivered::Error::NotFound) => String::new(),
        Err(error) => return Err(admin.refuse(&visitor, Tab::Undelivered, error)),
    };
    Ok(Redirect::to(&format!("{}{done}", Tab::Undelivered.path())).into_response())
}

fn line(visitor: &Visitor, open: &Open) -> UndeliveredLine {
    let look = &visitor.look;
    let (text, tone) = match (open.next, &open.last_error) {
        (None, _) => (text_key("undelivered-given-up"), Tone::Bad),
        (Some(_), Some(_)) => (text_key("undelivered-failing"), Tone::Warn),
        (Some(_), None) => (text_key("undelivered-waiting"), Tone::Plain),
    };
    let what = match open.delivery.kind.as_ref() {
        "mail" => look.say("undelivered-mail"),
        crate::oauth::BACKCHANNEL_LOGOUT => look.say("undelivered-logout"),
        crate::upstreams::REVOCATION => look.say("undelivered-revocation"),
        other => other.to_owned(),
    };
    let since = visitor.ago(open.made);
    let tries =
        look.say2("undelivered-tries", &("n", &open.attempts.to_string()), &("since", &since));
    // One that is being tried just now is due before now.
    let in_future = |next: &Timestamp| *next > visitor.now;
    let next = open
        .next
        .filter(in_future)
        .map(|next| look.say1("undelivered-next", "span", look.lasting(next.since(visitor.now))));
    UndeliveredLine {
        id: open.delivery.id.clone(),
        what,
        client: SendLogoutToken::client_of(&open.delivery).map(|client| client.to_string()),
        badge: Badge { text: look.say(text), tone },
        tries,
        exactly: look.exactly(open.made),
        next,
        error: open.last_error.clone(),
    }
}

/// Deliveries on a page: a screen or two.
const UNDELIVERED: usize = 50;

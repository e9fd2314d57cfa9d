//! A sign-in on its way as a row has it: JSON, sealed under a key that only the cookie of its browser makes. Written out by
//! hand: a row is no wire type, and a field that is renamed here is renamed in no row.

use serde_json::{Value, json};

use super::model::{
    Application, Ceremony, CeremonyOf, Complaint, End, Mark, OwnPath, Person, Shown, SigninRequest,
    State, Stranger, Way,
};
use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::crypto::seal::DataKey;
use crate::env::Entropy;
use crate::kernel::{
    Assurance, ClientId, DeviceId, Fault, Method, RealmId, Secret, SignInId, Timestamp, UpstreamId,
    UserId,
};
use crate::sessions::BrowserCookie;
use crate::upstreams::Group;

/// Which row a document belongs to: sealed for one, it does not open in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) realm: RealmId,
    pub(super) id: SignInId,
}

impl Place {
    fn bytes(self) -> Vec<u8> {
        format!("weft sign-in {} {}", self.realm, self.id).into_bytes()
    }
}

/// Seals a state for this browser.
pub(super) fn seal(
    state: &State,
    place: Place,
    cookie: &BrowserCookie,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Fault> {
    let text = Secret::new(write(state).to_string());
    DataKey::from_bytes(&key(cookie), entropy)?.seal(&place.bytes(), text.expose().as_bytes())
}

/// Opens it.
pub(super) fn open(
    sealed: &[u8],
    place: Place,
    cookie: &BrowserCookie,
    entropy: &dyn Entropy,
) -> Result<State, Fault> {
    let text = DataKey::from_bytes(&key(cookie), entropy)?.open(&place.bytes(), sealed)?;
    let value: Value = serde_json::from_slice(text.expose()).map_err(bad)?;
    read(&value).ok_or_else(|| bad("a field is missing"))
}

/// Nobody but the browser has what this key is made of: neither the database nor whoever has its key-encryption key.
fn key(cookie: &BrowserCookie) -> Secret<[u8; 32]> {
    let labelled = Secret::new([LABEL, cookie.bits().expose()].concat());
    Secret::new(sha256(labelled.expose()))
}

fn write(state: &State) -> Value {
    json!({
        "request": write_request(&state.request),
        "typed": state.typed,
        "person": match &state.person {
            Person::Nobody => Value::Null,
            Person::Claimed(user) => json!({ "claimed": user.map(|user| user.to_string()) }),
            Person::Proven(shown) => write_shown(shown),
        },
        "way": state.way.map(Way::as_str),
        "marks": state.marks.iter().copied().map(Mark::as_str).collect::<Vec<_>>(),
        "stranger": state.stranger.as_ref().map(|stranger| json!({
            "upstream": stranger.upstream.as_str(),
            "issuer": stranger.issuer,
            "subject": stranger.subject,
            "display": stranger.display,
            "provider": stranger.provider,
            "user": stranger.user.to_string(),
        })),
        "ceremony": state.ceremony.as_ref().map(write_ceremony),
        "challenge": state.challenge,
        "device": state.device.map(|device| device.to_string()),
        "complaint": state.complaint.as_ref().map(write_complaint),
        "end": state.end.as_ref().map(|end| match end {
            End::Done => json!({}),
            End::Refused(reason) => json!({ "reason": reason }),
        }),
    })
}

fn read(value: &Value) -> Option<State> {
    let mut state = State::new(read_request(value.get("request")?)?);
    state.typed = text(value, "typed");
    state.person = match value.get("person")? {
        Value::Null => Person::Nobody,
        person => match person.get("claimed") {
            Some(Value::Null) => Person::Claimed(None),
            Some(user) => Person::Claimed(Some(UserId::parse(user.as_str()?).ok()?)),
            None => Person::Proven(read_shown(person)?),
        },
    };
    state.way = match text(value, "way") {
        Some(way) => Some(Way::parse(&way)?),
        None => None,
    };
    state.marks =
        texts(value.get("marks")?)?.iter().map(|word| Mark::parse(word)).collect::<Option<_>>()?;
    state.stranger = optional(value, "stranger", |value| {
        Some(Stranger {
            upstream: UpstreamId::parse(&text(value, "upstream")?).ok()?,
            issuer: text(value, "issuer")?,
            subject: text(value, "subject")?,
            display: text(value, "display"),
            provider: text(value, "provider")?,
            user: UserId::parse(&text(value, "user")?).ok()?,
        })
    })
    .ok()?;
    state.ceremony = optional(value, "ceremony", read_ceremony).ok()?;
    state.challenge = text(value, "challenge");
    state.device = optional(value, "device", |value| DeviceId::parse(value.as_str()?).ok()).ok()?;
    state.complaint = optional(value, "complaint", read_complaint).ok()?;
    state.end =
        optional(value, "end", |value| Some(text(value, "reason").map_or(End::Done, End::Refused)))
            .ok()?;
    Some(state)
}

fn write_request(request: &SigninRequest) -> Value {
    json!({
        "return_to": request.return_to.as_str(),
        "cancel_to": request.cancel_to.as_ref().map(OwnPath::as_str),
        "client": request.client.as_ref().map(|client| json!({
            "id": client.id.as_str(),
            "name": client.name,
            "administration": client.administration,
            "leads_to": client.leads_to,
        })),
        "upstreams": request.upstreams.as_ref().map(|all| all.iter().map(UpstreamId::as_str).collect::<Vec<_>>()),
        "assurance": request.assurance.map(Assurance::as_str),
        "fresh_after": request.fresh_after.map(Timestamp::micros),
        "select_account": request.select_account,
        "login_hint": request.login_hint,
        "expected_user": request.expected_user.map(|user| user.to_string()),
        "languages": request.languages,
    })
}

fn read_request(value: &Value) -> Option<SigninRequest> {
    Some(SigninRequest {
        return_to: OwnPath::parse(&text(value, "return_to")?)?,
        cancel_to: text(value, "cancel_to").and_then(|path| OwnPath::parse(&path)),
        client: optional(value, "client", |client| {
            Some(Application {
                id: ClientId::parse(&text(client, "id")?).ok()?,
                name: text(client, "name")?,
                administration: client.get("administration")?.as_bool()?,
                leads_to: text(client, "leads_to")?,
            })
        })
        .ok()?,
        upstreams: optional(value, "upstreams", |all| {
            texts(all)?.iter().map(|id| UpstreamId::parse(id).ok()).collect()
        })
        .ok()?,
        assurance: match text(value, "assurance") {
            Some(level) => Some(Assurance::parse(&level)?),
            None => None,
        },
        fresh_after: value.get("fresh_after")?.as_i64().map(Timestamp::from_micros),
        select_account: value.get("select_account")?.as_bool()?,
        login_hint: text(value, "login_hint"),
        expected_user: match text(value, "expected_user") {
            Some(user) => Some(UserId::parse(&user).ok()?),
            None => None,
        },
        languages: texts(value.get("languages")?)?,
    })
}

fn write_shown(shown: &Shown) -> Value {
    let methods: Vec<&str> = shown.methods.iter().copied().map(Method::as_str).collect();
    json!({
        "user": shown.user.to_string(),
        "methods": methods,
        "since": shown.since.micros(),
        "upstream": shown.upstream.as_ref().map(UpstreamId::as_str),
    })
}

fn read_shown(value: &Value) -> Option<Shown> {
    Some(Shown {
        user: UserId::parse(&text(value, "user")?).ok()?,
        methods: texts(value.get("methods")?)?
            .iter()
            .map(|word| Method::parse(word))
            .collect::<Option<_>>()?,
        since: Timestamp::from_micros(value.get("since")?.as_i64()?),
        upstream: match text(value, "upstream") {
            Some(id) => Some(UpstreamId::parse(&id).ok()?),
            None => None,
        },
    })
}

fn write_ceremony(ceremony: &Ceremony) -> Value {
    let (purpose, user) = match ceremony.purpose {
        CeremonyOf::Anybody => ("anybody", None),
        CeremonyOf::Person(user) => ("person", Some(user)),
        CeremonyOf::Adding(user) => ("adding", Some(user)),
    };
    json!({
        "options": ceremony.options,
        "state": base64url(&ceremony.state),
        "purpose": purpose,
        "user": user.map(|user| user.to_string()),
        "at": ceremony.at.micros(),
    })
}

fn read_ceremony(value: &Value) -> Option<Ceremony> {
    let user = || text(value, "user").and_then(|user| UserId::parse(&user).ok());
    Some(Ceremony {
        options: value.get("options")?.clone(),
        state: from_base64url(&text(value, "state")?)?,
        purpose: match text(value, "purpose")?.as_str() {
            "anybody" => CeremonyOf::Anybody,
            "person" => CeremonyOf::Person(user()?),
            "adding" => CeremonyOf::Adding(user()?),
            _ => return None,
        },
        at: Timestamp::from_micros(value.get("at")?.as_i64()?),
    })
}

fn write_complaint(complaint: &Complaint) -> Value {
    let (what, more) = match complaint {
        Complaint::Nothing => ("nothing", Value::Null),
        Complaint::Password => ("password", Value::Null),
        Complaint::Code => ("code", Value::Null),
        Complaint::Passkey => ("passkey", Value::Null),
        Complaint::Limited { seconds } => ("limited", json!(seconds)),
        Complaint::Busy => ("busy", Value::Null),
        Complaint::NewPassword(rule) => ("new_password", json!(rule)),
        Complaint::Repeated => ("repeated", Value::Null),
        Complaint::Upstream(group) => ("upstream", json!(group.as_str())),
        Complaint::Link => ("link", Value::Null),
        Complaint::Other => ("other", Value::Null),
        Complaint::Device => ("device", Value::Null),
    };
    json!({ "what": what, "more": more })
}

fn read_complaint(value: &Value) -> Option<Complaint> {
    let more = value.get("more")?;
    let words = || more.as_str().map(str::to_owned);
    Some(match text(value, "what")?.as_str() {
        "nothing" => Complaint::Nothing,
        "password" => Complaint::Password,
        "code" => Complaint::Code,
        "passkey" => Complaint::Passkey,
        "limited" => Complaint::Limited { seconds: more.as_i64()? },
        "busy" => Complaint::Busy,
        "new_password" => Complaint::NewPassword(words()?),
        "repeated" => Complaint::Repeated,
        "upstream" => Complaint::Upstream(Group::parse(&words()?)?),
        "link" => Complaint::Link,
        "other" => Complaint::Other,
        "device" => Complaint::Device,
        _ => return None,
    })
}

/// A field that may be null: nothing if it is, and a failure if what stands there cannot be read.
fn optional<T>(
    value: &Value,
    name: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, Unreadable> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or(Unreadable),
    }
}

/// Something stands there, and is not what it must be.
struct Unreadable;

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("document of a sign-in", error)
}

/// Keeps this key apart from every other one made of the cookie.
const LABEL: &[u8] = b"weft sign-in document key v1\0";

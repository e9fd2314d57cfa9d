//! The form of an upstream: one table says what can be said, how, and what it is called; the settings are read from it and
//! written into it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::pages::{FactLine, FieldLine, Input};
use crate::http::pages::{Flaw, Flaws, Look, text_key};
use crate::kernel::{Fault, Secret};
use crate::wire::api::{PrivateNetwork, UpstreamSettings};

/// What was sent, by the names of the fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Sent(BTreeMap<String, String>);

/// Something that can be said of an upstream.
struct Field {
    /// The name of the setting.
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    form: Form,
}

/// How it is said.
#[derive(Clone, Copy)]
enum Form {
    /// A line that must be there.
    Needed,
    /// A line that may be empty: nothing is said then.
    Line,
    /// A number.
    Number,
    /// A list: each on its line.
    Lines,
    /// Pairs, `left = right`, each on its line, parted at the first sign or at the last one.
    Pairs(Parted),
    Switch,
    Choice(&'static [(&'static str, &'static str)]),
}

#[derive(Clone, Copy)]
enum Parted {
    /// A name stands left: an expression may have the sign in it.
    First,
    /// A name stands right: `cn=staff,ou=groups = staff`.
    Last,
}

impl Sent {
    /// What these settings say.
    pub(super) fn of(settings: &UpstreamSettings) -> Result<Self, Fault> {
        let document = serde_json::to_value(settings).map_err(Fault::bug)?;
        let mut said = BTreeMap::new();
        for field in FIELDS {
            let value = document.get(field.name).unwrap_or(&Value::Null);
            if let Some(text) = printed(value) {
                said.insert(field.name.to_owned(), text);
            }
        }
        if let Some(private) = &settings.allow_private_network {
            let certificates = private.certificates.clone().unwrap_or_default();
            let parts = [&private.authority, &private.network, &certificates];
            for (field, text) in PRIVATE.iter().zip(parts) {
                said.insert(field.name.to_owned(), text.clone());
            }
        }
        Ok(Self(said))
    }

    /// A new one, as it is if nothing is said.
    pub(super) fn new() -> Result<Self, Fault> {
        let least = serde_json::json!({ "display_name": "", "issuer": "", "client_id": "" });
        Self::of(&serde_json::from_value(least).map_err(Fault::bug)?)
    }

    /// What was typed into a field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The secret that was typed, if one was.
    pub(super) fn secret(&self) -> Option<Secret<String>> {
        let text = self.text(SECRET);
        (!text.is_empty()).then(|| Secret::new(text.to_owned()))
    }

    /// The settings. What the words mean is for the slice to judge; here it is their form alone.
    pub(super) fn settings(&self, look: &Look) -> Result<UpstreamSettings, Flaw> {
        let mut document = Map::new();
        for field in FIELDS {
            let value = self.value(field).ok_or_else(|| {
                Flaw::of(field.name, look.say1("upstream-unread", "field", look.say(field.label)))
            })?;
            if !value.is_null() {
                document.insert(field.name.to_owned(), value);
            }
        }
        let settings: Result<UpstreamSettings, _> = serde_json::from_value(document.into());
        let mut settings = settings
            .map_err(|error| Flaw::whole(look.say1("upstream-cannot", "why", error.to_string())))?;
        let [authority, network, certificates] = PRIVATE.each_ref().map(|one| self.text(one.name));
        if [authority, network, certificates].iter().any(|text| !text.is_empty()) {
            settings.allow_private_network = Some(PrivateNetwork {
                network: network.to_owned(),
                authority: authority.to_owned(),
                certificates: (!certificates.is_empty()).then(|| format!("{certificates}\n")),
            });
        }
        Ok(settings)
    }

    /// What was said in a field, as the document has it: null where nothing was. Nothing where it cannot be read.
    fn value(&self, field: &Field) -> Option<Value> {
        let text = self.text(field.name);
        let said = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Some(match field.form {
            Form::Line | Form::Choice(_) if text.is_empty() => Value::Null,
            Form::Needed | Form::Line | Form::Choice(_) => text.into(),
            Form::Number => text.parse::<i64>().ok()?.into(),
            Form::Lines => said.map(Value::from).collect(),
            Form::Switch => self.0.contains_key(field.name).into(),
            Form::Pairs(parted) => {
                let pair = |line: &str| {
                    let (left, right) = match parted {
                        Parted::First => line.split_once('=')?,
                        Parted::Last => line.rsplit_once('=')?,
                    };
                    Some((left.trim().to_owned(), Value::from(right.trim())))
                };
                Value::Object(said.map(pair).collect::<Option<_>>()?)
            }
        })
    }

    /// The fields of the form; of a new upstream its name, too.
    pub(super) fn fields(&self, look: &Look, new: bool) -> Vec<FieldLine> {
        let name = new.then_some(&NAME).into_iter();
        let secret = std::iter::once(FieldLine {
            name: SECRET,
            label: look.say("upstream-client-secret"),
            hint: Some(if new {
                look.say("upstream-client-secret-hint")
            } else {
                look.say("upstream-client-secret-kept")
            }),
            required: false,
            input: Input::Secret,
        });
        let (first, rest) = FIELDS.split_at_checked(BEFORE_SECRET).unwrap_or((FIELDS, &[]));
        let line = |field: &Field| self.line(look, field);
        let first: Vec<_> = name.chain(first).map(line).collect();
        let rest = rest.iter().chain(&PRIVATE).map(line);
        first.into_iter().chain(secret).chain(rest).collect()
    }

    fn line(&self, look: &Look, field: &Field) -> FieldLine {
        let text = self.text(field.name).to_owned();
        let input = match field.form {
            Form::Needed | Form::Line | Form::Number => Input::Line(text),
            Form::Lines | Form::Pairs(_) => Input::Lines(text),
            Form::Switch => Input::Switch(self.0.contains_key(field.name)),
            Form::Choice(all) => {
                let choice = |(word, name): &(&'static str, &'static str)| {
                    (*word, look.say(name), *word == text)
                };
                Input::Choice(all.iter().map(choice).collect())
            }
        };
        FieldLine {
            name: field.name,
            label: look.say(field.label),
            hint: field.hint.map(|hint| look.say(hint)),
            required: matches!(field.form, Form::Needed),
            input,
        }
    }

    /// What is said, to be read: what is empty or off is left out.
    pub(super) fn facts(&self, look: &Look) -> Vec<FactLine> {
        let fact = |field: &Field| {
            let text = self.text(field.name);
            let (value, code) = match field.form {
                Form::Switch => {
                    (self.0.contains_key(field.name).then(|| look.say("upstream-yes")), false)
                }
                Form::Choice(all) => {
                    let chosen = all.iter().find(|(word, _)| *word == text);
                    (chosen.map(|(_, name)| look.say(name)), false)
                }
                _ => ((!text.is_empty()).then(|| text.replace('\n', " · ")), true),
            };
            Some(FactLine { name: look.say(field.label), value: value?, code })
        };
        // A certificate is no reading.
        FIELDS.iter().chain(PRIVATE.iter().take(2)).filter_map(fact).collect()
    }
}

/// What a refused setting says, beside its field if the form has it.
pub(super) fn flaws(look: &Look, field: &str, why: &str) -> Flaws {
    let text = look.say1("upstream-cannot", "why", why);
    let shown = match field {
        "allow_private_network" => Some(PRIVATE[0].name),
        SECRET => Some(SECRET),
        other => {
            std::iter::once(&NAME).chain(FIELDS).map(|one| one.name).find(|name| *name == other)
        }
    };
    Flaws::one(shown.map_or_else(|| Flaw::whole(text.clone()), |name| Flaw::of(name, text.clone())))
}

/// A value as its field has it; nothing for what is off or not there.
fn printed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(on) => on.then(|| "on".to_owned()),
        Value::Array(all) => {
            Some(all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
        }
        Value::Object(all) => {
            let pair = |(left, right): (&String, &Value)| {
                right.as_str().map(|right| format!("{left} = {right}"))
            };
            Some(all.iter().filter_map(pair).collect::<Vec<_>>().join("\n"))
        }
        Value::Null => None,
    }
}

const fn field(name: &'static str, label: &'static str, form: Form) -> Field {
    Field { name, label, hint: None, form }
}

const fn hinted(
    name: &'static str,
    (label, hint): (&'static str, &'static str),
    form: Form,
) -> Field {
    Field { name, label, hint: Some(hint), form }
}

/// The field of the client secret, which is no setting.
const SECRET: &str = "client_secret";
/// How many fields stand before it.
const BEFORE_SECRET: usize = 4;
const NAME: Field =
    hinted("id", (text_key("upstream-id"), text_key("upstream-id-hint")), Form::Needed);
const FIELDS: &[Field] = &[
    field("display_name", text_key("upstream-display-name"), Form::Needed),
    hinted("issuer", (text_key("upstream-issuer"), text_key("upstream-issuer-hint")), Form::Needed),
    field("client_id", text_key("upstream-client-id"), Form::Needed),
    field(
        "client_authentication",
        text_key("upstream-client-authentication"),
        Form::Choice(&[
            ("client_secret_basic", text_key("upstream-secret-basic")),
            ("client_secret_post", text_key("upstream-secret-post")),
            ("none", text_key("upstream-secret-none")),
        ]),
    ),
    field("enabled", text_key("upstream-enabled"), Form::Switch),
    field(
        "usage",
        text_key("upstream-usage"),
        Form::Choice(&[
            ("login", text_key("upstream-usage-login")),
            ("link_only", text_key("upstream-usage-link")),
        ]),
    ),
    hinted("scopes", (text_key("upstream-scopes"), text_key("upstream-each-line")), Form::Lines),
    hinted(
        "algorithms",
        (text_key("upstream-algorithms"), text_key("upstream-algorithms-hint")),
        Form::Lines,
    ),
    hinted(
        "domains",
        (text_key("upstream-domains"), text_key("upstream-domains-hint")),
        Form::Lines,
    ),
    field(
        "email_trust",
        text_key("upstream-email-trust"),
        Form::Choice(&[
            ("never", text_key("upstream-email-never")),
            ("if_true", text_key("upstream-email-if-true")),
            ("domains", text_key("upstream-email-domains-only")),
        ]),
    ),
    hinted(
        "email_domains",
        (text_key("upstream-email-domains"), text_key("upstream-each-line")),
        Form::Lines,
    ),
    field("link_verified_email", text_key("upstream-link-verified-email"), Form::Switch),
    field("create_accounts", text_key("upstream-create-accounts"), Form::Switch),
    hinted(
        "create_domains",
        (text_key("upstream-create-domains"), text_key("upstream-empty-all")),
        Form::Lines,
    ),
    hinted(
        "create_groups",
        (text_key("upstream-create-groups"), text_key("upstream-empty-all")),
        Form::Lines,
    ),
    hinted(
        "attributes",
        (text_key("upstream-attributes"), text_key("upstream-attributes-hint")),
        Form::Pairs(Parted::First),
    ),
    hinted("groups", (text_key("upstream-groups"), text_key("upstream-groups-hint")), Form::Line),
    hinted(
        "group_map",
        (text_key("upstream-group-map"), text_key("upstream-group-map-hint")),
        Form::Pairs(Parted::Last),
    ),
    hinted(
        "two_factors",
        (text_key("upstream-two-factors"), text_key("upstream-two-factors-hint")),
        Form::Line,
    ),
    field("userinfo", text_key("upstream-userinfo"), Form::Switch),
    field("keep_tokens", text_key("upstream-keep-tokens"), Form::Switch),
    field("skew_seconds", text_key("upstream-skew"), Form::Number),
];
/// A provider in a private network: host and port, network, and who vouches for it.
const PRIVATE: [Field; 3] = [
    hinted(
        "private_authority",
        (text_key("upstream-private-authority"), text_key("upstream-private-hint")),
        Form::Line,
    ),
    field("private_network", text_key("upstream-private-network"), Form::Line),
    field("private_certificates", text_key("upstream-private-certificates"), Form::Lines),
];

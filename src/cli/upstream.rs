//! `weft upstream`: identity providers that people come through.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::When;
use super::error::Error;
use super::input;
use super::session::Session;
use super::table::{Fields, Table};
use crate::kernel::Lifetime;
use crate::wire::api::{
    Upstream, UpstreamInput, UpstreamTest, UpstreamTestInput, UpstreamTestOutcome,
};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum UpstreamCommand {
    /// List them.
    List,
    /// Show one.
    Show {
        /// Its name.
        id: String,
    },
    /// Make one: the redirect URI to register at the provider is printed.
    Create {
        /// Its name, your choice: part of that redirect URI.
        id: String,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Change one; what is not said stays.
    Update {
        /// Its name.
        id: String,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Remove one: nobody comes through it any more.
    Delete {
        /// Its name.
        id: String,
    },
    /// Try one: is the provider there, what does it say of you, and what is made of that. Nobody is signed in.
    Test {
        /// Its name.
        id: String,
        /// Claims as JSON, instead of those that a browser brings; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        claims: Option<PathBuf>,
        /// Print the address for a browser, and do not wait for it.
        #[arg(long, conflicts_with = "claims")]
        no_wait: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct SettingArgs {
    /// What people read on the button.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The provider's issuer, letter by letter.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The client id that the provider gave.
    #[arg(long, value_name = "TEXT")]
    client_id: Option<String>,
    /// The client secret that it gave; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// How the secret is shown: `client_secret_basic`, `client_secret_post` or `none`.
    #[arg(long, value_name = "WORD")]
    client_authentication: Option<String>,
    /// What is asked for, beside `openid`; may be said several times.
    #[arg(long, value_name = "WORD")]
    scope: Vec<String>,
    /// With what the provider signs, `RS256` if not said; may be said several times.
    #[arg(long, value_name = "ALG")]
    algorithm: Vec<String>,
    /// People with addresses in this domain are sent there; may be said several times.
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// A standard claim and the CEL expression that gives it; may be said several times.
    #[arg(long, value_name = "NAME=CEL", value_parser = pair)]
    attribute: Vec<(String, String)>,
    /// The CEL expression that gives the provider's groups.
    #[arg(long, value_name = "CEL")]
    groups: Option<String>,
    /// A group of the provider, and which of ours it is; may be said several times.
    #[arg(long, value_name = "THEIRS=OURS", value_parser = pair)]
    group: Vec<(String, String)>,
    /// Make accounts for people whom nobody knows yet.
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    create_accounts: Option<bool>,
    /// Only for verified addresses of this domain; may be said several times.
    #[arg(long, value_name = "DOMAIN")]
    create_domain: Vec<String>,
    /// Only for members of this group of the provider; may be said several times.
    #[arg(long, value_name = "GROUP")]
    create_group: Vec<String>,
    /// `login`, or `link_only`.
    #[arg(long, value_name = "WORD")]
    usage: Option<String>,
    /// On or off.
    #[arg(long, value_name = "YES")]
    enabled: Option<bool>,
    /// All settings as JSON, as `weft upstream show --output json` prints them; flags change them. `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, `=` and what it stands for")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) async fn run(command: UpstreamCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        UpstreamCommand::List => {
            let all: Vec<Upstream> = session.api.all(&["upstreams"], &[], None).await?;
            session.print.list(&all, table, "No upstreams: `weft upstream create` makes one.")
        }
        UpstreamCommand::Show { id } => {
            let upstream: Upstream = session.api.get(&["upstreams", &id]).await?;
            session.print.show(&upstream, fields)
        }
        UpstreamCommand::Create { id, settings } => {
            let body = settings.apply(Map::new())?;
            let made: Upstream = session.api.put(&["upstreams", &id], &body, When::New).await?;
            session.print.show(&made, fields)
        }
        UpstreamCommand::Update { id, settings } => {
            let path = ["upstreams", id.as_str()];
            let (old, tag): (Upstream, String) = session.api.get_tagged(&path).await?;
            let body = settings.apply(members(&old.settings)?)?;
            let changed: Upstream = session.api.put(&path, &body, When::Is(&tag)).await?;
            session.print.show(&changed, fields)
        }
        UpstreamCommand::Delete { id } => {
            let question = format!("Remove the upstream {id}? Nobody comes through it any more.");
            session.confirm(&question)?;
            session.api.delete(&["upstreams", &id]).await?;
            session.done("deleted", &id)
        }
        UpstreamCommand::Test { id, claims, no_wait } => test(&id, claims, !no_wait, session).await,
    }
}

async fn test(
    id: &str,
    claims: Option<PathBuf>,
    wait: bool,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let path = ["upstreams", id, "test"];
    let mut ask = UpstreamTestInput::default();
    if let Some(file) = claims {
        let claims = serde_json::from_str(&input::text(&file)?);
        ask.claims = Some(claims.map_err(|error| Error::local(format!("no claims: {error}")))?);
    }
    let mut came: UpstreamTest = session.api.post(&path, &ask).await?;
    if let Some(why) = &came.connection {
        return Err(Error::local(format!("the provider cannot be used: {why}")));
    }
    if let (Some(url), Some(test)) = (came.url.clone(), came.id.clone()) {
        if !wait {
            return session.print.show(&came, connection);
        }
        session.print.note(&format!("The provider answers. Keys: {}.", came.keys.join(", ")))?;
        session.print.warn(&format!("Open this in a browser and sign in there:\n{url}\n"))?;
        let ask = UpstreamTestInput { test: Some(test), ..UpstreamTestInput::default() };
        while came.outcome.is_none() {
            session.clock.sleep(BETWEEN_LOOKS).await;
            came = session.api.post(&path, &ask).await?;
        }
    }
    let outcome = came.outcome.unwrap_or_default();
    session.print.show(&outcome, made_of)
}

impl SettingArgs {
    /// The settings with what was said.
    fn apply(self, old: Map<String, Value>) -> Result<UpstreamInput, Error> {
        let mut settings = match &self.file {
            None => old,
            Some(file) => {
                let read: Value = serde_json::from_str(&input::text(file)?)
                    .map_err(|error| Error::local(format!("`{}`: {error}", file.display())))?;
                // A whole upstream, as it is shown, or its settings alone.
                let inner = read.get("settings").cloned().unwrap_or(read);
                inner.as_object().cloned().ok_or_else(|| Error::local("settings are an object"))?
            }
        };
        let Self { scope, algorithm, domain, create_domain, create_group, .. } = &self;
        let lists = [
            ("scopes", scope),
            ("algorithms", algorithm),
            ("domains", domain),
            ("create_domains", create_domain),
            ("create_groups", create_group),
        ];
        for (name, said) in lists.into_iter().filter(|(_, said)| !said.is_empty()) {
            settings.insert(name.to_owned(), json!(said));
        }
        let texts = [
            ("display_name", &self.name),
            ("issuer", &self.issuer),
            ("client_id", &self.client_id),
            ("client_authentication", &self.client_authentication),
            ("groups", &self.groups),
            ("usage", &self.usage),
        ];
        for (name, said) in
            texts.into_iter().filter_map(|(name, said)| Some((name, said.as_ref()?)))
        {
            settings.insert(name.to_owned(), json!(said));
        }
        for (name, said) in [("create_accounts", self.create_accounts), ("enabled", self.enabled)] {
            if let Some(said) = said {
                settings.insert(name.to_owned(), json!(said));
            }
        }
        for (name, said) in [("attributes", &self.attribute), ("group_map", &self.group)] {
            if !said.is_empty() {
                let said: Map<String, Value> =
                    said.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                settings.insert(name.to_owned(), Value::Object(said));
            }
        }
        let settings = serde_json::from_value(Value::Object(settings))
            .map_err(|error| Error::usage(format!("the settings are not whole: {error}")))?;
        let client_secret = self.client_secret_file.as_deref().map(input::secret).transpose()?;
        Ok(UpstreamInput { settings, client_secret })
    }
}

fn members<T: serde::Serialize>(document: &T) -> Result<Map<String, Value>, Error> {
    let value = serde_json::to_value(document);
    let members = value.ok().and_then(|value| value.as_object().cloned());
    members.ok_or_else(|| Error::local("the server's settings are no document"))
}

fn table(upstreams: &[Upstream]) -> Table {
    let mut table = Table::new(&["NAME", "DISPLAY", "ISSUER", "ON", "DOMAINS"]);
    for upstream in upstreams {
        let settings = &upstream.settings;
        table.row([
            upstream.id.clone(),
            settings.display_name.clone(),
            settings.issuer.clone(),
            if settings.enabled { "yes" } else { "no" }.to_owned(),
            settings.domains.join(", "),
        ]);
    }
    table
}

fn fields(upstream: &Upstream) -> Fields {
    let settings = &upstream.settings;
    let mut fields = Fields::default();
    fields.add("Name", upstream.id.as_str());
    fields.add("Redirect URI", upstream.callback.as_str());
    fields.add("Display", settings.display_name.as_str());
    fields.add("Issuer", settings.issuer.as_str());
    fields.add("Client id", settings.client_id.as_str());
    fields.add("Secret", if upstream.has_secret { "kept" } else { "none" });
    fields.add("On", if settings.enabled { "yes" } else { "no" });
    fields.add("Scopes", settings.scopes.join(" "));
    fields.add("Signed with", settings.algorithms.join(" "));
    fields.list("Domains", &settings.domains);
    fields.flag("Makes accounts", settings.create_accounts);
    fields.flag("Keeps tokens", settings.keep_tokens);
    fields.add("Changed", upstream.updated_at.to_string());
    fields
}

fn connection(test: &UpstreamTest) -> Fields {
    let mut fields = Fields::default();
    fields.add("Connection", "the provider answers");
    fields.list("Keys", &test.keys);
    fields.add("Open in a browser", test.url.as_deref().unwrap_or_default());
    fields.add("Test", test.id.as_deref().unwrap_or_default());
    fields
}

fn made_of(outcome: &UpstreamTestOutcome) -> Fields {
    let mut fields = Fields::default();
    let said = |(name, value): (&String, &Value)| format!("{name}: {value}");
    fields.list("Claims", &outcome.claims.iter().map(said).collect::<Vec<_>>());
    let made = |(name, value): (&String, &String)| format!("{name}: {value}");
    fields.list("Attributes", &outcome.attributes.iter().map(made).collect::<Vec<_>>());
    if let Some(email) = &outcome.email {
        let verified = if outcome.email_verified { "verified" } else { "not verified" };
        fields.add("E-mail", format!("{email}, {verified}"));
    }
    fields.list("Their groups", &outcome.upstream_groups);
    fields.list("Our groups", &outcome.groups);
    fields.flag("Two factors", outcome.two_factors);
    fields.list("Left out", &outcome.notes);
    fields.add("Verdict", outcome.verdict.as_str());
    fields
}

/// Somebody is signing in meanwhile.
const BETWEEN_LOOKS: Lifetime = Lifetime::seconds(2);

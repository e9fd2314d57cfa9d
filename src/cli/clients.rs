//! `weft client`: the applications that may ask for tokens.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::client::When;
use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::wire::api::{Client, ClientInput, ClientResource, NewClient, RotateSecret};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ClientCommand {
    /// Make a client; prints its secret, once.
    Create {
        /// Its `client_id`; one is made if none is said.
        id: Option<String>,
        /// `web`, `spa`, `native` or `machine`: fixes its rules.
        #[arg(long, value_name = "PROFILE", default_value = "web")]
        profile: String,
        #[command(flatten)]
        terms: Box<TermArgs>,
    },
    /// List clients.
    List,
    /// Show one client.
    Show {
        /// Its `client_id`.
        id: String,
    },
    /// Change what is named, and leave the rest.
    Update {
        /// Its `client_id`.
        id: String,
        #[command(flatten)]
        terms: Box<TermArgs>,
        /// Whether anything is given to it.
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
    },
    /// Give a client another secret; the one before it counts until the next time.
    RotateSecret {
        /// Its `client_id`.
        id: String,
        /// Let only the new secret count, from now on.
        #[arg(long)]
        drop_previous: bool,
    },
    /// Remove a client; its tokens are void.
    Delete {
        /// Its `client_id`.
        #[arg(required = true)]
        id: Vec<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct TermArgs {
    /// What people are shown: of a new client its `client_id`, if nothing else is said.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Where answers may go, the whole address; may be said several times.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where a browser may go after signing out; may be said several times.
    #[arg(long, value_name = "URI")]
    post_logout_uri: Vec<String>,
    /// Where it hears that a session ended.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// `client_secret_basic`, `client_secret_post` or `none` [default: the secret either way].
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// What signs its ID tokens, `RS256` or `ES256` [default: RS256].
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// What signs access tokens for it [default: ES256].
    #[arg(long, value_name = "ALG")]
    access_token_alg: Option<String>,
    /// A scope it may ask for; may be said several times [default: those of OpenID Connect].
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// A resource it may ask tokens for, with its scopes; may be said several times.
    #[arg(long, value_name = "URI[=SCOPE,…]")]
    resource: Vec<String>,
    /// An upstream provider its people may come through; may be said several times [default: all].
    #[arg(long, value_name = "NAME")]
    upstream: Vec<String>,
    /// Its people are not asked for consent: it is the organisation's own.
    #[arg(long)]
    first_party: bool,
    /// Its tokens may call the admin API.
    #[arg(long)]
    administration: bool,
    /// Whether a refresh token is used once.
    #[arg(long, value_name = "BOOL")]
    rotate_refresh_tokens: Option<bool>,
    /// A rule of the profile that does not hold for it, with the reason; may be said several times.
    #[arg(long, value_name = "RULE=REASON", value_parser = value::key_value)]
    relax: Vec<(String, String)>,
}

impl TermArgs {
    fn apply(self, input: &mut ClientInput) {
        let Self { name, redirect_uri, post_logout_uri, scope, resource, upstream, .. } = self;
        input.name = name.unwrap_or_else(|| std::mem::take(&mut input.name));
        replace(&mut input.redirect_uris, redirect_uri);
        replace(&mut input.post_logout_redirect_uris, post_logout_uri);
        replace(&mut input.resources, resource.iter().map(|text| self::resource(text)).collect());
        put(&mut input.scopes, Some(scope).filter(|scope| !scope.is_empty()));
        put(&mut input.upstreams, Some(upstream).filter(|all| !all.is_empty()));
        put(&mut input.backchannel_logout_uri, self.backchannel_logout_uri);
        put(&mut input.token_endpoint_auth_method, self.auth_method);
        put(&mut input.id_token_signed_response_alg, self.alg);
        put(&mut input.access_token_signed_response_alg, self.access_token_alg);
        put(&mut input.rotates_refresh_tokens, self.rotate_refresh_tokens);
        put(&mut input.consent, self.first_party.then(|| "first_party".to_owned()));
        input.administration |= self.administration;
        if !self.relax.is_empty() {
            input.relaxed = self.relax.into_iter().collect::<BTreeMap<_, _>>();
        }
    }
}

fn replace<T>(list: &mut Vec<T>, said: Vec<T>) {
    if !said.is_empty() {
        *list = said;
    }
}

fn put<T>(field: &mut Option<T>, said: Option<T>) {
    if said.is_some() {
        *field = said;
    }
}

/// `https://api.example=read,write`. A URI may hold `=`: the last one counts.
fn resource(text: &str) -> ClientResource {
    let (uri, scopes) = text.rsplit_once('=').unwrap_or((text, ""));
    let scopes = scopes.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    ClientResource { uri: uri.to_owned(), scopes }
}

pub(super) async fn run(command: ClientCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        ClientCommand::Create { id, profile, terms } => {
            let name = id.clone().unwrap_or_default();
            let mut input = ClientInput { id, name, profile, ..ClientInput::default() };
            terms.apply(&mut input);
            let made: NewClient = session.api.post(&["clients"], &input).await?;
            print_secret(session, &made)
        }
        ClientCommand::List => {
            let clients: Vec<Client> = session.api.all(&["clients"], &[], None).await?;
            session.print.list(&clients, table, EMPTY)
        }
        ClientCommand::Show { id } => {
            let client: Client = session.api.get(&["clients", &id]).await?;
            session.print.show(&client, fields)
        }
        ClientCommand::Update { id, terms, enabled } => update(session, &id, *terms, enabled).await,
        ClientCommand::RotateSecret { id, drop_previous } => {
            let path = ["clients", &id, "rotate-secret"];
            let body = RotateSecret { keep_previous: !drop_previous };
            let made: NewClient = session.api.post(&path, &body).await?;
            print_secret(session, &made)
        }
        ClientCommand::Delete { id } => {
            let question = format!("Remove {}, and void what they hold?", id.join(", "));
            session.delete_each("clients", &id, (&question, "deleted")).await
        }
    }
}

async fn update(
    session: &mut Session<'_>,
    id: &str,
    terms: TermArgs,
    enabled: Option<bool>,
) -> Result<(), Error> {
    let path = ["clients", id];
    let (client, tag): (Client, String) = session.api.get_tagged(&path).await?;
    let before = ClientInput::from(client);
    let mut input = before.clone();
    terms.apply(&mut input);
    input.enabled = enabled.unwrap_or(input.enabled);
    if input == before {
        return Err(Error::usage("nothing to change: say what shall be different"));
    }
    let client: Client = session.api.put(&path, &input, When::Is(&tag)).await?;
    session.print.show(&client, fields)
}

/// The secret alone on standard output, so that it can be piped; what it is for beside.
fn print_secret(session: &mut Session<'_>, made: &NewClient) -> Result<(), Error> {
    if session.print.is_json() {
        return session.print.json(made);
    }
    match &made.client_secret {
        Some(secret) => {
            session.print.note(&format!(
                "client_id: {}\nIts client_secret, which is shown only now:\n",
                made.client.id
            ))?;
            session.print.line(secret)
        }
        None => session.print.show(&made.client, fields),
    }
}

fn table(clients: &[Client]) -> Table {
    let mut table = Table::new(&["CLIENT ID", "NAME", "PROFILE", "REDIRECTS", "NOTES"]);
    for client in clients {
        table.row([
            client.id.clone(),
            client.name.clone(),
            client.profile.clone(),
            client.redirect_uris.join(", "),
            notes(client).join(", "),
        ]);
    }
    table
}

fn notes(client: &Client) -> Vec<String> {
    let flags = [
        (!client.enabled, "disabled"),
        (client.administration, "administration"),
        (client.consent == "first_party", "first party"),
    ];
    let flags = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word.to_owned());
    flags.chain(client.relaxed.keys().map(|rule| format!("relaxed {rule}"))).collect()
}

fn fields(client: &Client) -> Fields {
    let mut fields = Fields::default();
    fields.add("client id", &client.id);
    fields.add("name", &client.name);
    fields.add("profile", &client.profile);
    fields.add(
        "authenticates by",
        client.token_endpoint_auth_method.clone().unwrap_or_else(|| "client_secret".to_owned()),
    );
    fields.add("secrets", client.secrets.to_string());
    fields.add("ID token signed by", &client.id_token_signed_response_alg);
    fields.add("access token signed by", &client.access_token_signed_response_alg);
    fields.list("redirect URIs", &client.redirect_uris);
    fields.list("post-logout URIs", &client.post_logout_redirect_uris);
    fields.add("back-channel logout", client.backchannel_logout_uri.clone().unwrap_or_default());
    fields.add("scopes", client.scopes.join(" "));
    let resource = |one: &ClientResource| format!("{} {}", one.uri, one.scopes.join(" "));
    fields.list("resources", &client.resources.iter().map(resource).collect::<Vec<_>>());
    fields.list("upstreams", &client.upstreams.clone().unwrap_or_default());
    fields.add("consent", &client.consent);
    fields.add("refresh tokens rotate", if client.rotates_refresh_tokens { "yes" } else { "no" });
    let reason = |(rule, reason): (&String, &String)| format!("{rule}: {reason}");
    fields.list("relaxed", &client.relaxed.iter().map(reason).collect::<Vec<_>>());
    fields.list("notes", &notes(client));
    fields.add("made", client.created_at.to_string());
    fields.add("revision", client.revision.to_string());
    fields
}

const EMPTY: &str = "No clients. `weft client create` makes one for an application.";

//! `weft user`, `weft group` and `weft admin`: people, groups, and the first administrator.

use std::collections::BTreeMap;

use clap::Subcommand;

use super::client::When;
use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::wire::api::{
    EnrolmentLink, Group, GroupInput, Patch, RoleBinding, RoleName, User, UserInput, UserPatch,
    UserState,
};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum UserCommand {
    /// Make a person.
    Create {
        /// The name they type.
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// The last segment of their SPIFFE ID, for ever; random if not said.
        #[arg(long, value_name = "HANDLE")]
        handle: Option<String>,
        /// A claim: `email=ada@example.org`; may be said several times.
        #[arg(long, value_name = "CLAIM=VALUE", value_parser = claim)]
        set: Vec<(String, String)>,
        /// A claim that you vouch for: `email`; may be said several times.
        #[arg(long, value_name = "CLAIM")]
        verified: Vec<String>,
        /// A group they are in; may be said several times.
        #[arg(long, value_name = "GROUP")]
        group: Vec<String>,
    },
    /// List people.
    List {
        /// Only in this group.
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// Only whoever may type this.
        #[arg(long, value_name = "TEXT")]
        identifier: Option<String>,
        /// Only those who are locked.
        #[arg(long)]
        locked: bool,
    },
    /// Show a person.
    Show {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Change what is said of a person.
    Update {
        /// `usr_…`, or what they type.
        user: String,
        /// Another name to type.
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// A claim to set; may be said several times.
        #[arg(long, value_name = "CLAIM=VALUE", value_parser = claim)]
        set: Vec<(String, String)>,
        /// A claim to remove; may be said several times.
        #[arg(long, value_name = "CLAIM")]
        unset: Vec<String>,
        /// Of the claims set here, one that you vouch for.
        #[arg(long, value_name = "CLAIM")]
        verified: Vec<String>,
    },
    /// Keep a person from signing in.
    Lock {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Let a person sign in again.
    Unlock {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Erase a person, and everything that is known of them.
    Delete {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Print everything that is known of a person, as JSON.
    Export {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Take every password, passkey and code of a person away.
    ResetCredentials {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Send a person a letter whose link proves their e-mail address.
    Verify {
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Print a link by which a person adds a passkey, once, within an hour.
    EnrolLink {
        /// `usr_…`, or what they type.
        user: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum GroupCommand {
    /// List groups.
    List,
    /// Make a group, or describe it anew.
    Set {
        /// Its name, as tokens say it.
        id: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Remove a group.
    Delete {
        /// Its name.
        id: String,
    },
    /// List who is in a group.
    Members {
        /// Its name.
        id: String,
    },
    /// Put a person into a group.
    Add {
        /// Its name.
        id: String,
        /// `usr_…`, or what they type.
        user: String,
    },
    /// Take a person out of a group.
    Remove {
        /// Its name.
        id: String,
        /// `usr_…`, or what they type.
        user: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum AdminCommand {
    /// Make an administrator, and print the link by which they add their passkey. On the server's own machine only.
    Create {
        /// The name they type, and the last segment of their SPIFFE ID.
        name: String,
    },
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a claim and its value, as `email=ada@example.org`".to_owned()),
    }
}

pub(super) async fn run(command: UserCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        UserCommand::Create { username, handle, set, verified, group } => {
            let attributes = set.into_iter().collect();
            let input =
                UserInput { handle, username, language: None, attributes, verified, groups: group };
            let made: User = session.api.post(&["users"], &input).await?;
            session.print.show(&made, fields)
        }
        UserCommand::List { group, identifier, locked } => {
            let mut query = Vec::new();
            query.extend(group.map(|group| ("group", group)));
            query.extend(identifier.map(|identifier| ("identifier", identifier)));
            query.extend(locked.then(|| ("state", "locked".to_owned())));
            let users: Vec<User> = session.api.all(&["users"], &query, None).await?;
            session.print.list(&users, table, "There is nobody, or nobody like that.")
        }
        UserCommand::Show { user } => {
            let id = id_of(session, &user).await?;
            let user: User = session.api.get(&["users", &id]).await?;
            session.print.show(&user, fields)
        }
        UserCommand::Update { user, username, set, unset, verified } => {
            let id = id_of(session, &user).await?;
            let mut attributes: BTreeMap<String, Option<String>> =
                set.into_iter().map(|(name, value)| (name, Some(value))).collect();
            attributes.extend(unset.into_iter().map(|name| (name, None)));
            let username = username.map_or(Patch::Keep, Patch::Set);
            let patch = UserPatch { username, language: Patch::Keep, attributes, verified };
            let changed: User = session.api.patch(&["users", &id], &patch).await?;
            session.print.show(&changed, fields)
        }
        other => act(other, session).await,
    }
}

/// The commands that say all with a person.
async fn act(command: UserCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        UserCommand::Lock { user } => verb(session, &user, ("lock", "locked")).await,
        UserCommand::Unlock { user } => verb(session, &user, ("unlock", "unlocked")).await,
        UserCommand::ResetCredentials { user } => {
            session.confirm(&format!("Take all passwords, passkeys and codes of {user} away?"))?;
            verb(session, &user, ("reset-credentials", "reset")).await
        }
        UserCommand::Delete { user } => {
            let id = id_of(session, &user).await?;
            session.confirm(&format!("Erase {user} for ever?"))?;
            session.api.delete(&["users", &id]).await?;
            session.done("erased", &id)
        }
        UserCommand::Export { user } => {
            let id = id_of(session, &user).await?;
            let all: serde_json::Value = session.api.get(&["users", &id, "export"]).await?;
            session.print.json(&all)
        }
        UserCommand::Verify { user } => {
            let id = id_of(session, &user).await?;
            session.api.act_only(&["users", &id, "verification"]).await?;
            session.done("written to", &id)
        }
        UserCommand::EnrolLink { user } => {
            let id = id_of(session, &user).await?;
            print_link(session, &id).await
        }
        // The others were taken before.
        _ => Ok(()),
    }
}

async fn verb(
    session: &mut Session<'_>,
    user: &str,
    (verb, done): (&str, &str),
) -> Result<(), Error> {
    let id = id_of(session, user).await?;
    let _changed: User = session.api.act(&["users", &id, verb]).await?;
    session.done(done, &id)
}

pub(super) async fn group(command: GroupCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        GroupCommand::List => {
            let groups: Vec<Group> = session.api.all(&["groups"], &[], None).await?;
            session.print.list(
                &groups,
                groups_table,
                "There is no group; `weft group set` makes one.",
            )
        }
        GroupCommand::Set { id, description } => {
            let set: Group = session
                .api
                .put(&["groups", &id], &GroupInput { description }, When::Always)
                .await?;
            session.print.list(&[set], groups_table, "")
        }
        GroupCommand::Delete { id } => {
            session.confirm(&format!("Remove the group {id}?"))?;
            session.api.delete(&["groups", &id]).await?;
            session.done("removed", &id)
        }
        GroupCommand::Members { id } => {
            let members: Vec<String> =
                session.api.all(&["groups", &id, "members"], &[], None).await?;
            let table = |members: &[String]| {
                let mut table = Table::new(&["USER"]);
                for member in members {
                    table.row([member.clone()]);
                }
                table
            };
            session.print.list(&members, table, "Nobody is in it.")
        }
        GroupCommand::Add { id, user } => {
            let user = id_of(session, &user).await?;
            session.api.put_nothing(&["groups", &id, "members", &user]).await?;
            session.done("joined", &user)
        }
        GroupCommand::Remove { id, user } => {
            let user = id_of(session, &user).await?;
            session.api.delete(&["groups", &id, "members", &user]).await?;
            session.done("left", &user)
        }
    }
}

pub(super) async fn admin(command: AdminCommand, session: &mut Session<'_>) -> Result<(), Error> {
    let AdminCommand::Create { name } = command;
    if !session.api.is_local() {
        return Err(Error::usage(
            "an administrator is made on the server's own machine: run this there, without `--server`",
        ));
    }
    let input =
        UserInput { handle: Some(name.clone()), username: Some(name), ..UserInput::default() };
    let made: User = session.api.post(&["users"], &input).await?;
    let binding = RoleBinding {
        // By id: the name of a binding stays in the log when the person is erased.
        name: format!("admin-{}", made.id.trim_start_matches("usr_")),
        holder: made.spiffe_id.clone(),
        role: RoleName::Admin,
        path: None,
        rights: Vec::new(),
    };
    let _bound: RoleBinding = session.api.post(&["role-bindings"], &binding).await?;
    session.print.note(&format!("{} may do everything here.\n", made.spiffe_id))?;
    print_link(session, &made.id).await
}

/// The link alone on standard output; what to do with it beside.
async fn print_link(session: &mut Session<'_>, id: &str) -> Result<(), Error> {
    let link: EnrolmentLink = session.api.act(&["users", id, "enrolment-link"]).await?;
    if session.print.is_json() {
        return session.print.json(&link);
    }
    let until = value::moment(link.expires_at, session.now());
    session.print.note(&format!("Open this to add a passkey, once, until {until}:\n"))?;
    session.print.line(&link.url)?;
    session.print.note("\nIt is a secret: whoever opens it first becomes that person.")
}

/// An id as it is, or that of whoever may type this.
pub(super) async fn id_of(session: &Session<'_>, user: &str) -> Result<String, Error> {
    if user.starts_with("usr_") {
        return Ok(user.to_owned());
    }
    let query = [("identifier", user.to_owned())];
    let found: Vec<User> = session.api.all(&["users"], &query, Some(1)).await?;
    let first = found.into_iter().next();
    first.map(|user| user.id).ok_or_else(|| Error::usage(format!("nobody types `{user}`")))
}

fn table(users: &[User]) -> Table {
    let mut table = Table::new(&["ID", "HANDLE", "STATE", "IDENTIFIERS", "GROUPS"]);
    for user in users {
        let typed: Vec<&str> = user.identifiers.iter().map(|one| one.value.as_str()).collect();
        table.row([
            user.id.clone(),
            user.handle.clone(),
            state(user.state).to_owned(),
            typed.join(", "),
            user.groups.join(", "),
        ]);
    }
    table
}

fn fields(user: &User) -> Fields {
    let mut fields = Fields::default();
    fields.add("id", user.id.as_str());
    fields.add("spiffe id", user.spiffe_id.as_str());
    fields.add("state", state(user.state));
    let typed = user.identifiers.iter().map(|one| format!("{} {}", one.kind, one.value));
    fields.list("identifiers", &typed.collect::<Vec<_>>());
    let claims = user.attributes.iter().map(|(name, claim)| match &claim.proof {
        None => format!("{name} {}", claim.value),
        Some(proof) => format!("{name} {} (proven by {} {})", claim.value, proof.how, proof.by),
    });
    fields.list("claims", &claims.collect::<Vec<_>>());
    fields.list("groups", &user.groups);
    fields.list("signs in with", &factors(user));
    fields.add("created", user.created_at.to_string());
    fields
}

fn factors(user: &User) -> Vec<String> {
    let factors = user.factors;
    let mut all = Vec::new();
    if factors.password {
        all.push("a password".to_owned());
    }
    if factors.totp {
        all.push("one-time passwords".to_owned());
    }
    for (count, what) in [
        (factors.passkeys, "passkeys"),
        (factors.recovery_codes, "recovery codes"),
        (factors.external, "identities elsewhere"),
    ] {
        if count > 0 {
            all.push(format!("{count} {what}"));
        }
    }
    all
}

fn groups_table(groups: &[Group]) -> Table {
    let mut table = Table::new(&["GROUP", "DESCRIPTION"]);
    for group in groups {
        table.row([group.id.clone(), group.description.clone()]);
    }
    table
}

fn state(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Locked => "locked",
    }
}

//! `weft role`: who may do what.

use clap::Subcommand;

use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::value;
use crate::wire::api::{RoleBinding, RoleName};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum RoleCommand {
    /// List who holds which role.
    List,
    /// Give a role to somebody.
    Bind {
        /// A name for the binding, your choice.
        name: String,
        /// Who: a SPIFFE ID, a path, or `uid:<number>` at the server's local socket.
        #[arg(long, value_name = "HOLDER", value_parser = holder)]
        to: String,
        /// `viewer`, `operator`, `registrar`, `auditor` or `admin`.
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: RoleName,
        /// A registrar's path: the SPIFFE ID at and below which it registers.
        #[arg(long, value_name = "ID", value_parser = value::id_or_path)]
        path: Option<String>,
        /// A registrar's right; may be said several times [default: create, update, delete].
        #[arg(long, value_name = "RIGHT", requires = "path")]
        right: Vec<String>,
    },
    /// Take a role away.
    Unbind {
        /// The binding's name.
        name: String,
    },
}

fn role(text: &str) -> Result<RoleName, String> {
    RoleName::parse(text)
        .ok_or_else(|| "one of `viewer`, `operator`, `registrar`, `auditor`, `admin`".to_owned())
}

fn holder(text: &str) -> Result<String, String> {
    match text.strip_prefix("uid:") {
        Some(number) if number.parse::<u32>().is_ok() => Ok(text.to_owned()),
        Some(_) => Err("a user's number goes behind `uid:`".to_owned()),
        None => value::id_or_path(text),
    }
}

pub(super) async fn run(command: RoleCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        RoleCommand::List => {
            let bindings: Vec<RoleBinding> = session.api.all(&["role-bindings"], &[], None).await?;
            session.print.list(&bindings, table, EMPTY)
        }
        RoleCommand::Bind { name, to, role, path, right } => {
            if (role == RoleName::Registrar) != path.is_some() {
                return Err(Error::usage(
                    "`--path` belongs to the role `registrar`, and to no other",
                ));
            }
            let holder = session.whole_id(&to).await?;
            let path = match path {
                Some(path) => Some(session.whole_id(&path).await?),
                None => None,
            };
            let body = RoleBinding { name, holder, role, path, rights: right };
            let made: RoleBinding = session.api.post(&["role-bindings"], &body).await?;
            session.print.list(&[made], table, "")
        }
        RoleCommand::Unbind { name } => {
            session.confirm(&format!("Take the role of binding {name} away?"))?;
            session.api.delete(&["role-bindings", &name]).await?;
            session.done("unbound", &name)
        }
    }
}

fn table(bindings: &[RoleBinding]) -> Table {
    let mut table = Table::new(&["NAME", "HOLDER", "ROLE", "PATH", "RIGHTS"]);
    for binding in bindings {
        table.row([
            binding.name.clone(),
            binding.holder.clone(),
            binding.role.as_str().to_owned(),
            binding.path.clone().unwrap_or_default(),
            binding.rights.join(", "),
        ]);
    }
    table
}

const EMPTY: &str = "Nobody holds a role, but root and the server's own user at the local socket. `weft role bind` \
                     gives one.";

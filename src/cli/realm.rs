//! `weft realm`: trust domains on one server.

use clap::Subcommand;

use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::wire::api::{Realm, RealmInput};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum RealmCommand {
    /// List the realms of the server.
    List,
    /// Make a realm. Its trust domain is fixed for ever.
    Create {
        /// Its name.
        name: String,
        /// Its trust domain.
        #[arg(long, value_name = "NAME", value_parser = value::trust_domain)]
        trust_domain: String,
        /// Its issuer, `https://…`.
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// A host name that chooses it; may be said several times.
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
    },
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
}

pub(super) async fn run(command: RealmCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        RealmCommand::List => {
            let realms: Vec<Realm> = session.api.all(&["realms"], &[], None).await?;
            session.print.list(&realms, table, "No realms that you may know of.")
        }
        RealmCommand::Create { name, trust_domain, issuer, host } => {
            let body = RealmInput { name, trust_domain, issuer, hosts: host };
            let realm: Realm = session.api.post(&["realms"], &body).await?;
            session.print.show(&realm, fields)
        }
        RealmCommand::Show { name } => {
            let realm: Realm = session.api.get(&["realms", &name]).await?;
            session.print.show(&realm, fields)
        }
    }
}

fn table(realms: &[Realm]) -> Table {
    let mut table = Table::new(&["NAME", "TRUST DOMAIN", "ISSUER", "HOSTS"]);
    for realm in realms {
        table.row([
            realm.name.clone(),
            realm.trust_domain.clone(),
            realm.issuer.clone(),
            realm.hosts.join(", "),
        ]);
    }
    table
}

fn fields(realm: &Realm) -> Fields {
    let mut fields = Fields::default();
    fields.add("name", &realm.name);
    fields.add("trust domain", &realm.trust_domain);
    fields.add("issuer", &realm.issuer);
    fields.list("hosts", &realm.hosts);
    fields.add("made", realm.created_at.0.to_string());
    fields.add("number", realm.id.to_string());
    fields
}

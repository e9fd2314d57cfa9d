//! `weft realm`: trust domains on one server.

use std::path::PathBuf;

use clap::Subcommand;

use super::client::When;
use super::error::Error;
use super::input;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::crypto::digest::base64;
use crate::wire::api::{Brand, Realm, RealmInput};

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
    /// What this realm's pages say of themselves.
    #[command(subcommand)]
    Brand(BrandCommand),
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum BrandCommand {
    /// Show name, colours and logo.
    Show,
    /// Change what is said here; the rest stays.
    Set {
        /// What it is called, on every page.
        #[arg(long)]
        name: Option<String>,
        /// The colour of buttons and links, `#rrggbb`.
        #[arg(long, value_name = "COLOUR")]
        accent: Option<String>,
        /// The same on dark pages.
        #[arg(long, value_name = "COLOUR")]
        accent_dark: Option<String>,
        /// A picture: PNG, WebP, or SVG of shapes alone, at most 64 KiB.
        #[arg(long, value_name = "FILE")]
        logo: Option<PathBuf>,
    },
    /// Pages say the realm's name again, in Weft's colours.
    Reset,
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
        RealmCommand::Brand(command) => brand(command, session).await,
    }
}

async fn brand(command: BrandCommand, session: &mut Session<'_>) -> Result<(), Error> {
    let BrandCommand::Set { name, accent, accent_dark, logo } = command else {
        if matches!(command, BrandCommand::Reset) {
            session.api.delete(&["brand"]).await?;
            return session.done("reset", "brand");
        }
        let brand: Brand = session.api.get(&["brand"]).await?;
        return session.print.show(&brand, brand_fields);
    };
    let mut brand: Brand = session.api.get(&["brand"]).await?;
    brand.name = name.unwrap_or(brand.name);
    brand.accent = accent.or(brand.accent);
    brand.accent_dark = accent_dark.or(brand.accent_dark);
    if let Some(path) = logo {
        brand.logo = Some(base64(&input::bytes(&path)?));
    }
    let brand: Brand = session.api.put(&["brand"], &brand, When::Always).await?;
    session.print.show(&brand, brand_fields)
}

fn brand_fields(brand: &Brand) -> Fields {
    let mut fields = Fields::default();
    fields.add("name", &brand.name);
    fields.add("accent", brand.accent.as_deref().unwrap_or("Weft's"));
    fields.add("accent, dark", brand.accent_dark.as_deref().unwrap_or("the same"));
    let size = brand.logo.as_ref().map(|logo| format!("{} KiB", logo.len() * 3 / 4096 + 1));
    fields.add("logo", size.as_deref().unwrap_or("none"));
    fields
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

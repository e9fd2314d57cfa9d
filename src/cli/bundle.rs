//! `weft bundle`: trust bundles.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::client::When;
use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::{input, value};
use crate::crypto::x509::pem_of_base64;
use crate::kernel::Timestamp;
use crate::wire::api::{BundleDocument, BundleSummary};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum BundleCommand {
    /// Print a bundle.
    Show {
        /// Whose [default: the realm's own].
        #[arg(value_parser = value::trust_domain)]
        trust_domain: Option<String>,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Form,
    },
    /// List the bundles that are known.
    List,
    /// Store the bundle of a foreign trust domain.
    Set {
        /// Whose.
        #[arg(value_parser = value::trust_domain)]
        trust_domain: String,
        /// A SPIFFE bundle document; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Forget the bundle of a foreign trust domain.
    Delete {
        /// Whose.
        #[arg(value_parser = value::trust_domain)]
        trust_domain: String,
    },
}

/// The forms of a bundle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The SPIFFE bundle document, with X.509 and JWT authorities.
    #[default]
    Spiffe,
    /// The certificates of the X.509 authorities.
    Pem,
}

pub(super) async fn run(command: BundleCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        BundleCommand::Show { trust_domain, format } => show(trust_domain, format, session).await,
        BundleCommand::List => {
            let bundles: Vec<BundleSummary> = session.api.all(&["bundles"], &[], None).await?;
            let now = session.now();
            session.print.list(&bundles, |bundles| table(bundles, now), "No bundles.")
        }
        BundleCommand::Set { trust_domain, file } => {
            let document = input::bytes(&file)?;
            check(&document, &file.display().to_string())?;
            let path = ["bundles", trust_domain.as_str()];
            let stored: BundleSummary =
                session.api.put_bytes(&path, document, When::Always).await?;
            let now = session.now();
            session.print.list(&[stored], |bundles| table(bundles, now), "")
        }
        BundleCommand::Delete { trust_domain } => {
            session.confirm(&format!(
                "Forget the bundle of {trust_domain}? Workloads no longer accept its identities"
            ))?;
            session.api.delete(&["bundles", &trust_domain]).await?;
            session.done("deleted", &trust_domain)
        }
    }
}

async fn show(
    trust_domain: Option<String>,
    format: Form,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let trust_domain = match trust_domain {
        Some(name) => name,
        None => session.trust_domain().await?,
    };
    let document = session.api.get_bytes(&["bundles", &trust_domain]).await?;
    match format {
        Form::Spiffe => {
            let document: Value = serde_json::from_slice(&document)
                .map_err(|error| Error::local(format!("the bundle is no document: {error}")))?;
            session.print.json(&document)
        }
        Form::Pem => {
            let document: BundleDocument = serde_json::from_slice(&document)
                .map_err(|error| Error::local(format!("the bundle is no document: {error}")))?;
            session.print.raw(pem(&document).as_bytes())
        }
    }
}

/// A mistake in a file is better said before it travels.
fn check(document: &[u8], file: &str) -> Result<(), Error> {
    let read: Result<BundleDocument, _> = serde_json::from_slice(document);
    read.map(|_| ()).map_err(|error| Error::Local {
        what: format!("`{file}` is no SPIFFE bundle document: {error}"),
        next: "The other side prints one with `weft bundle show`, or serves it at its bundle endpoint."
            .to_owned(),
    })
}

/// The certificates for X.509-SVIDs, one `x5c` each (Trust Domain and Bundle §4.2).
fn pem(document: &BundleDocument) -> String {
    let x509 = document.keys.iter().filter(|key| key["use"] == "x509-svid");
    let certificates = x509.filter_map(|key| key["x5c"].as_array()?.first()?.as_str());
    certificates.map(|certificate| pem_of_base64("CERTIFICATE", certificate).to_string()).collect()
}

fn table(bundles: &[BundleSummary], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["TRUST DOMAIN", "KIND", "SEQUENCE", "X.509", "JWT", "REFRESH", "CHANGED"]);
    for bundle in bundles {
        table.row([
            bundle.trust_domain.clone(),
            if bundle.own { "own" } else { "foreign" }.to_owned(),
            bundle.sequence.to_string(),
            bundle.x509_authorities.to_string(),
            bundle.jwt_authorities.to_string(),
            bundle.refresh_hint_seconds.map(value::largest_unit).unwrap_or_default(),
            value::distance(bundle.updated_at, now),
        ]);
    }
    table
}

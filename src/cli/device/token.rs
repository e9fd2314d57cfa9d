//! `weft device token`: what devices enrol with.

use clap::Subcommand;

use super::super::error::Error;
use super::super::session::Session;
use super::super::table::Table;
use super::super::value;
use super::{ClassName, class};
use crate::kernel::Timestamp;
use crate::wire::api::{DeviceToken, DeviceTokenInput, NewDeviceToken};

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum DeviceTokenCommand {
    /// Make a token; prints its secret, and the next command.
    Create {
        /// How many devices may use it.
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: i64,
        /// How long it is good for.
        #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = value::span)]
        expires: i64,
        /// What sort of machines they are.
        #[arg(long, value_enum, default_value = "other")]
        class: ClassName,
        /// The profile of the posture model that is for them.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// The person they belong to, `usr_…`.
        #[arg(long, value_name = "ID")]
        owner: Option<String>,
        /// For an osquery on this device, `dev_…`, which has enrolled already: nothing else enrols with it.
        #[arg(long, value_name = "ID")]
        device: Option<String>,
    },
    /// List tokens.
    List,
    /// Take a token back.
    Revoke {
        /// Its public id, `dtk_…`.
        #[arg(required = true)]
        id: Vec<String>,
    },
}

pub(super) async fn run(
    command: DeviceTokenCommand,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    match command {
        DeviceTokenCommand::Create { uses, expires, class, profile, owner, device } => {
            let (class, uses_max, lifetime_seconds) = (class.into(), uses, expires);
            let input =
                DeviceTokenInput { uses_max, lifetime_seconds, class, profile, owner, device };
            let made: NewDeviceToken = session.api.post(&["device-tokens"], &input).await?;
            print_new(session, &made)
        }
        DeviceTokenCommand::List => {
            let tokens: Vec<DeviceToken> = session.api.all(&["device-tokens"], &[], None).await?;
            let now = session.now();
            session.print.list(&tokens, |tokens| table(tokens, now), EMPTY)
        }
        DeviceTokenCommand::Revoke { id } => {
            let question = format!("Take back {}?", id.join(", "));
            session.delete_each("device-tokens", &id, (&question, "revoked")).await
        }
    }
}

/// The secret alone on standard output, so that it can be piped; what to do with it beside.
fn print_new(session: &mut Session<'_>, made: &NewDeviceToken) -> Result<(), Error> {
    if session.print.is_json() {
        return session.print.json(made);
    }
    let devices = match made.token.uses_max {
        1 => "one device".to_owned(),
        more => format!("{more} devices"),
    };
    let until = value::moment(made.token.expires_at, session.now());
    session.print.note(&format!("Token for {devices}, good until {until}:\n"))?;
    session.print.line(&made.secret)?;
    session.print.note(&format!(
        "\nIt is a secret. On the device, run\n\n  weft device enroll --token-file - --server https://HOST:8443\n\n\
         and paste it. `weft device token revoke {}` takes it back.",
        made.token.id
    ))
}

fn table(tokens: &[DeviceToken], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "USED", "STATE", "ENDS", "CLASS", "PROFILE", "OWNER"]);
    for token in tokens {
        table.row([
            token.id.clone(),
            format!("{} of {}", token.uses, token.uses_max),
            value::token_state(token.revoked, (token.uses, token.uses_max), token.expires_at, now)
                .to_owned(),
            value::distance(token.expires_at, now),
            class(token.class).to_owned(),
            token.profile.clone().unwrap_or_default(),
            token.owner.clone().unwrap_or_default(),
        ]);
    }
    table
}

const EMPTY: &str =
    "No device tokens. `weft device token create` makes one, and a device enrols with it.";

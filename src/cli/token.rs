//! `weft token`: join tokens.

use clap::Subcommand;

use super::error::Error;
use super::session::Session;
use super::table::Table;
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::{JoinToken, JoinTokenInput, NewJoinToken};

#[derive(Debug, Clone, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a join token; prints the join string, and the next command.
    Create {
        /// How many nodes may use it.
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: i64,
        /// How long it is good for.
        #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = value::span)]
        ttl: i64,
        /// A selector its nodes get; may be said several times.
        #[arg(long, value_name = "TYPE:VALUE", value_parser = value::selector)]
        selector: Vec<String>,
        /// A second parent for entries: a SPIFFE ID or a path.
        #[arg(long, value_name = "ID", value_parser = value::id_or_path)]
        alias: Option<String>,
    },
    /// List join tokens.
    List,
    /// Take a join token back.
    Revoke {
        /// Its public id, `jtk_…`.
        #[arg(required = true)]
        id: Vec<String>,
    },
}

pub(super) async fn run(command: TokenCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        TokenCommand::Create { uses, ttl, selector, alias } => {
            let agent_alias = match alias {
                Some(alias) => Some(session.whole_id(&alias).await?),
                None => None,
            };
            let input = JoinTokenInput {
                uses_max: uses,
                lifetime_seconds: ttl,
                selectors: selector,
                agent_alias,
            };
            let made: NewJoinToken = session.api.post(&["join-tokens"], &input).await?;
            print_new(session, &made)
        }
        TokenCommand::List => {
            let tokens: Vec<JoinToken> = session.api.all(&["join-tokens"], &[], None).await?;
            let now = session.now();
            session.print.list(&tokens, |tokens| table(tokens, now), EMPTY)
        }
        TokenCommand::Revoke { id } => {
            let question = format!("Take back {}?", id.join(", "));
            session.delete_each("join-tokens", &id, (&question, "revoked")).await
        }
    }
}

/// The join string alone on standard output, so that it can be piped; what to do with it beside.
fn print_new(session: &mut Session<'_>, made: &NewJoinToken) -> Result<(), Error> {
    if session.print.is_json() {
        return session.print.json(made);
    }
    let nodes = match made.token.uses_max {
        1 => "one node".to_owned(),
        more => format!("{more} nodes"),
    };
    let ends = made.token.expires_at;
    let good_until = made.join_good_until.map_or(ends, |until| until.min(ends));
    let until = value::moment(good_until, session.now());
    session.print.note(&format!("Join string for {nodes}, good until {until}:\n"))?;
    session.print.line(&made.join)?;
    if good_until < ends {
        session.print.note(&format!(
            "\nThe token itself is good until {}, but the server's authorities are replaced before that, and the string does \
             not name their successors: make a new one then.",
            value::moment(ends, session.now())
        ))?;
    }
    session.print.note(&format!(
        "\nIt is a secret. On the node, run\n\n  weft agent --join {}\n\n\
         or `weft agent --join -` and paste it, which keeps it out of the shell's history.\n\
         `weft token revoke {}` takes it back.",
        made.join, made.token.id
    ))
}

fn table(tokens: &[JoinToken], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "USED", "STATE", "ENDS", "ALIAS", "SELECTORS"]);
    for token in tokens {
        table.row([
            token.id.clone(),
            format!("{} of {}", token.uses, token.uses_max),
            value::token_state(token.revoked, (token.uses, token.uses_max), token.expires_at, now)
                .to_owned(),
            value::distance(token.expires_at, now),
            token.agent_alias.clone().unwrap_or_default(),
            token.selectors.join(", "),
        ]);
    }
    table
}

const EMPTY: &str = "No join tokens. `weft token create` makes one, and a node joins with it.";

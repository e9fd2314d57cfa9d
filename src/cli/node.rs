//! `weft node`: the agents that have joined.

use clap::{Args, Subcommand};

use super::error::Error;
use super::session::Session;
use super::table::{Fields, Table};
use super::value;
use crate::kernel::Timestamp;
use crate::wire::api::Agent;

#[derive(Debug, Clone, Subcommand)]
pub(super) enum NodeCommand {
    /// List the nodes that have joined.
    List(ListArgs),
    /// Show one.
    Show(NodeArgs),
    /// Refuse a node, until it is evicted.
    Ban(NodeArgs),
    /// Forget a node: its SVIDs are worth nothing, and it may join again.
    Evict(NodeArgs),
}

#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// Vouched for by this attestor.
    #[arg(long, value_name = "TYPE")]
    attestation_type: Option<String>,
    /// Banned, or not.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    banned: Option<bool>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct NodeArgs {
    /// Its number, `sub_…`, or its SPIFFE ID or path.
    node: String,
}

pub(super) async fn run(command: NodeCommand, session: &mut Session<'_>) -> Result<(), Error> {
    match command {
        NodeCommand::List(filter) => list(filter, session).await,
        NodeCommand::Show(NodeArgs { node }) => {
            let agent = find(&node, session).await?;
            let now = session.now();
            session.print.show(&agent, |agent| fields(agent, now))
        }
        NodeCommand::Ban(NodeArgs { node }) => {
            let agent = find(&node, session).await?;
            session.confirm(&format!(
                "Ban {}? Its SVIDs are worth nothing from now on, and its workloads get none",
                agent.spiffe_id
            ))?;
            let _: Agent = session.api.act(&["agents", &agent.number, "ban"]).await?;
            session.done("banned", &agent.number)
        }
        NodeCommand::Evict(NodeArgs { node }) => {
            let agent = find(&node, session).await?;
            session.confirm(&format!("Evict {}? It has to join again", agent.spiffe_id))?;
            session.api.delete(&["agents", &agent.number]).await?;
            session.done("evicted", &agent.number)
        }
    }
}

async fn list(filter: ListArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let mut query = Vec::new();
    query.extend(filter.attestation_type.map(|kind| ("attestation_type", kind)));
    query.extend(filter.banned.map(|banned| ("banned", banned.to_string())));
    let agents: Vec<Agent> = session.api.all(&["agents"], &query, None).await?;
    let empty = if query.is_empty() { EMPTY } else { "No node is like that." };
    let now = session.now();
    session.print.list(&agents, |agents| table(agents, now), empty)
}

/// By number, or by SPIFFE ID or path.
pub(super) async fn find(node: &str, session: &Session<'_>) -> Result<Agent, Error> {
    if !node.contains('/') {
        return session.api.get(&["agents", node]).await;
    }
    let id = session.whole_id(node).await?;
    let page = session.api.page(&["agents"], &[("spiffe_id", id.clone())]).await?;
    page.items.into_iter().next().ok_or_else(|| Error::Local {
        what: format!("no node has the SPIFFE ID {id}"),
        next: "`weft node list` shows those that have joined.".to_owned(),
    })
}

fn table(agents: &[Agent], now: Timestamp) -> Table {
    let mut table = Table::new(&["NUMBER", "SPIFFE ID", "STATE", "SVID ENDS", "VERSION"]);
    for agent in agents {
        table.row([
            agent.number.clone(),
            agent.spiffe_id.clone(),
            state(agent, now),
            value::distance(agent.expires_at, now),
            agent.version.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn state(agent: &Agent, now: Timestamp) -> String {
    if agent.banned {
        "banned".to_owned()
    } else if agent.expires_at.0 <= now {
        "expired".to_owned()
    } else if agent.connected {
        "connected".to_owned()
    } else {
        match agent.view_age_seconds {
            Some(age) => format!("seen {} ago", value::largest_unit(age)),
            None => "away".to_owned(),
        }
    }
}

fn fields(agent: &Agent, now: Timestamp) -> Fields {
    let mut fields = Fields::default();
    fields.add("number", &agent.number);
    fields.add("SPIFFE ID", &agent.spiffe_id);
    fields.add("state", state(agent, now));
    fields.add("alias", agent.alias.clone().unwrap_or_default());
    fields.add("attested by", &agent.attestation_type);
    fields.add("attested", value::moment(agent.attested_at, now));
    if let Some(ends) = agent.evidence_expires_at {
        fields.add("attest again", value::moment(ends, now));
    }
    fields.list("selectors", &agent.selectors);
    fields.add("SVID serial", &agent.serial);
    fields.add("SVID issued", value::moment(agent.issued_at, now));
    fields.add("SVID ends", value::moment(agent.expires_at, now));
    if let Some(age) = agent.view_age_seconds {
        fields.add("view age", value::largest_unit(age));
    }
    fields.add("device", agent.device.clone().unwrap_or_default());
    fields.add("version", agent.version.clone().unwrap_or_default());
    fields
}

const EMPTY: &str = "No node has joined yet. `weft token create` prints a join string; `weft agent --join` on the node takes it.";

//! `explain` in the form of the admin API.

use super::forms;
use crate::access::Administrator;
use crate::kernel::{RealmId, Selector, SpiffeId, Timestamp};
use crate::wire::api::{
    ExplainRequest, ExplainedAgent, ExplainedEntry, Explanation, NearEntry, Obstacle,
};
use crate::workloads::explain::{Explain, Near, Reason};
use crate::workloads::model::{Entry, Error};
use crate::workloads::{Workloads, explain};

pub(super) fn explain(
    workloads: &Workloads,
    by: Administrator,
    request: &ExplainRequest,
) -> Result<Explanation, Error> {
    let nearest_max = request.nearest_max.unwrap_or(NEAREST);
    if !(1..=explain::NEAR_MAX).contains(&nearest_max) {
        return Err(Error::invalid("nearest_max", format!("is 1 to {}", explain::NEAR_MAX)));
    }
    let selectors = forms::selectors(&request.selectors)?;
    let realm = by.realm;
    let agent =
        request.agent.as_deref().map(|agent| workloads.agent_named(realm, agent)).transpose()?;
    let mut shown = selectors.clone();
    shown.sort();
    shown.dedup();
    let ask = Explain {
        realm,
        by: by.asker,
        agent: agent.clone(),
        selectors,
        entry: None,
        spiffe_id: None,
    };
    let answer = workloads.explain(ask)?;
    let now = workloads.env.clock.now();
    let near = answer.near.iter().take(nearest_max);
    Ok(Explanation {
        summary: answer.summary(now),
        selectors: forms::texts(&shown),
        agent: agent.and_then(|id| known(workloads, realm, &id, now)),
        granted: if answer.agent.gets_nothing() {
            Vec::new()
        } else {
            answer.given.iter().map(|e| granted(e)).collect()
        },
        nearest: near.map(|near| nearest(workloads, realm, near)).collect(),
    })
}

fn known(
    workloads: &Workloads,
    realm: RealmId,
    id: &SpiffeId,
    now: Timestamp,
) -> Option<ExplainedAgent> {
    let agent = workloads.nodes.agent(realm, id)?;
    let aliases = agent.alias.iter().cloned().chain(workloads.aliases_of(realm, &agent));
    let view = workloads.view(realm, id);
    Some(ExplainedAgent {
        number: agent.number.to_string(),
        spiffe_id: agent.id.to_string(),
        aliases: aliases.map(|alias| alias.to_string()).collect(),
        selectors: forms::texts(&agent.selectors),
        banned: agent.banned,
        expires_at: agent.current.expires.into(),
        connected: workloads.is_connected(realm, id),
        view_age_seconds: view.map(|view| now.since(view.at).as_seconds()),
    })
}

fn granted(entry: &Entry) -> ExplainedEntry {
    ExplainedEntry {
        id: entry.id.to_string(),
        spiffe_id: entry.terms.spiffe_id.to_string(),
        parent_id: entry.terms.parent_id.to_string(),
        selectors: forms::texts(&entry.terms.selectors),
    }
}

fn nearest(workloads: &Workloads, realm: RealmId, near: &Near) -> NearEntry {
    let terms = &near.entry.terms;
    let mut missing: Vec<&Selector> = Vec::new();
    let mut obstacles = Vec::new();
    for reason in &near.reasons {
        let obstacle = match reason {
            Reason::Missing(selectors) | Reason::OtherNode(selectors) => {
                missing.extend(selectors);
                Obstacle::MissingSelectors
            }
            Reason::Expired(_) => Obstacle::Expired,
            Reason::OtherParent(parent) if workloads.is_parent(realm, parent) => {
                Obstacle::OtherParent
            }
            Reason::OtherParent(_) => Obstacle::ParentUnknown,
            Reason::Stored => Obstacle::StoreOnly,
            Reason::Denied(_) => Obstacle::PolicyDenies,
        };
        if !obstacles.contains(&obstacle) {
            obstacles.push(obstacle);
        }
    }
    missing.sort();
    missing.dedup();
    let matched = terms.selectors.iter().filter(|selector| !missing.contains(selector));
    NearEntry {
        id: near.entry.id.to_string(),
        spiffe_id: terms.spiffe_id.to_string(),
        parent_id: terms.parent_id.to_string(),
        matched: matched.map(ToString::to_string).collect(),
        missing: missing.iter().map(ToString::to_string).collect(),
        obstacles,
    }
}

/// As many as a person reads at a glance.
const NEAREST: usize = 5;

//! Ban an agent, lift a ban, evict an agent: an administrator's three verbs.
//!
//! A ban ends what was issued before it and stays until it is lifted. An eviction forgets the agent: it may attest again.

use crate::events::Changed;
use crate::kernel::{Granted, RealmId, SpiffeId};

use super::model::{AGENT, Administrator, BanAgent, EvictAgent, UnbanAgent, events};
use super::{Agent, Error, Nodes, store};

#[derive(Debug, Clone, Copy)]
enum Verb {
    Ban,
    Unban,
    Evict,
}

impl Verb {
    const fn event(self) -> &'static str {
        match self {
            Self::Ban => "agent.banned",
            Self::Unban => "agent.unbanned",
            Self::Evict => "agent.evicted",
        }
    }
}

impl Nodes {
    /// Bans an agent. Banning a banned one changes nothing.
    pub async fn ban(&self, by: Administrator, agent: &SpiffeId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.access.permit(BanAgent { by, agent: agent.clone() })?;
        self.manage(realm, agent, permit.spend().1, Verb::Ban).await
    }

    /// Lifts a ban. The agent must attest or renew with an SVID issued from now on.
    pub async fn unban(&self, by: Administrator, agent: &SpiffeId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.access.permit(UnbanAgent { by, agent: agent.clone() })?;
        self.manage(realm, agent, permit.spend().1, Verb::Unban).await
    }

    /// Evicts an agent.
    pub async fn evict(&self, by: Administrator, agent: &SpiffeId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.access.permit(EvictAgent { by, agent: agent.clone() })?;
        self.manage(realm, agent, permit.spend().1, Verb::Evict).await
    }

    async fn manage(&self, realm: RealmId, id: &SpiffeId, granted: Granted, verb: Verb) -> Result<(), Error> {
        let agent = self.agent(realm, id).ok_or(Error::NotFound("agent"))?;
        let input = (Agent::clone(&agent), self.env.clock.now(), granted.actor);
        self.events
            .change_in(realm, granted, input, move |tx, (agent, now, actor)| {
                Box::pin(async move {
                    let changed = match verb {
                        Verb::Ban => store::ban(tx, &agent.id, true, *now).await?,
                        Verb::Unban => store::ban(tx, &agent.id, false, *now).await?,
                        Verb::Evict => store::evict(tx, &agent.id).await?,
                    };
                    let event = events::managed(realm, verb.event(), agent.number, &agent.id, *actor);
                    let changes = if changed { vec![(AGENT, agent.id.to_string(), event)] } else { Vec::new() };
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }
}

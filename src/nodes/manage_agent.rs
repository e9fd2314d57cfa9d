//! Ban an agent, evict an agent: an administrator's two verbs, and the look-up behind them.
//!
//! A banned agent is refused until it is evicted. An eviction forgets the agent, banned or not: it may attest again. Not by the
//! join token that it used up: for ten minutes the same key could ask for that answer once more.

use std::sync::Arc;

use crate::events::Changed;
use crate::kernel::{DeviceId, Granted, RealmId, SpiffeId};

use super::attestors::use_of;
use super::model::{AGENT, Administrator, BanAgent, EvictAgent, ReadAgent, events};
use super::{Agent, Error, Nodes, store};

#[derive(Debug, Clone, Copy)]
enum Verb {
    Ban,
    Evict,
}

impl Verb {
    const fn event(self) -> &'static str {
        match self {
            Self::Ban => "agent.banned",
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

    /// Evicts an agent.
    pub async fn evict(&self, by: Administrator, agent: &SpiffeId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.access.permit(EvictAgent { by, agent: agent.clone() })?;
        self.manage(realm, agent, permit.spend().1, Verb::Evict).await
    }

    /// One agent, for an administrator.
    pub fn read_agent(&self, by: Administrator, agent: &SpiffeId) -> Result<Arc<Agent>, Error> {
        let realm = by.realm;
        let permit = self.access.permit(ReadAgent { by, agent: Some(agent.clone()) })?;
        permit.spend();
        self.agent(realm, agent).ok_or(Error::NotFound("agent"))
    }

    /// Every agent of the realm, for an administrator.
    pub fn read_agents(&self, by: Administrator) -> Result<Vec<Arc<Agent>>, Error> {
        let realm = by.realm;
        let permit = self.access.permit(ReadAgent { by, agent: None })?;
        permit.spend();
        Ok(self.agents(realm))
    }

    /// The agents that run on this device, for an administrator who may look at agents.
    pub fn read_agents_on(
        &self,
        by: Administrator,
        device: DeviceId,
    ) -> Result<Vec<Arc<Agent>>, Error> {
        let realm = by.realm;
        self.access.permit(ReadAgent { by, agent: None })?.spend();
        Ok(self.index.on_device(realm, device))
    }

    async fn manage(
        &self,
        realm: RealmId,
        id: &SpiffeId,
        granted: Granted,
        verb: Verb,
    ) -> Result<(), Error> {
        let agent = self.agent(realm, id).ok_or(Error::NotFound("agent"))?;
        let input = (Agent::clone(&agent), self.env.clock.now(), granted.actor);
        self.events
            .change_in(realm, granted, input, move |tx, (agent, now, actor)| {
                Box::pin(async move {
                    let found = match verb {
                        Verb::Ban => store::ban(tx, &agent.id, *now).await?,
                        Verb::Evict => {
                            if let Some((token, ordinal)) = use_of(&agent.id) {
                                store::forget_use(tx, token, ordinal).await?;
                            }
                            store::evict(tx, &agent.id).await?
                        }
                    };
                    let event =
                        events::managed(realm, verb.event(), agent.number, &agent.id, *actor);
                    let changes =
                        if found { vec![(AGENT, agent.id.to_string(), event)] } else { Vec::new() };
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            })
            .await
    }
}

//! What happens outside entries and concerns the streams: agents that change or are put out, bundles, time.

use std::sync::{Arc, PoisonError};

use tokio::sync::broadcast::error::RecvError;

use super::Workloads;
use super::index::Node;
use super::push::Goodbye;
use crate::kernel::{Lifetime, RealmId, SpiffeId, Timestamp};
use crate::nodes::Notice;

impl Workloads {
    /// Tells the streams of a realm about agents and bundles, as long as the server lives.
    pub async fn watch_realm(self, realm: RealmId) {
        let mut agents = self.nodes.notices(realm);
        let Some(mut own) = self.authority.watch(realm) else { return };
        let mut foreign = self.bundles.watch_foreign(realm);
        // What was missed before this watch began.
        self.look_at_agents(realm);
        loop {
            tokio::select! {
                notice = agents.recv() => match notice {
                    Ok(notice) => self.hear(realm, notice),
                    Err(RecvError::Lagged(_)) => self.look_at_agents(realm),
                    Err(RecvError::Closed) => return,
                },
                changed = own.changed() => match changed {
                    Ok(()) => self.say(realm, super::push::Realm::bundles_changed),
                    Err(_) => return,
                },
                changed = foreign.changed() => match changed {
                    Ok(()) => self.say(realm, super::push::Realm::foreign_bundles_changed),
                    Err(_) => return,
                },
            }
        }
    }

    fn say(&self, realm: RealmId, word: fn(&mut super::push::Realm)) {
        // A realm that is not loaded has no streams.
        let _told = self.edit(realm, word);
    }

    /// Tells the streams of entries whose expiry comes: one timer for all.
    pub async fn watch_time(self) {
        loop {
            let now = self.env.clock.now();
            let next = self.expire_all(now);
            let wait = next.map_or(LOOK_AGAIN, |at| at.since(now).capped_by(LOOK_AGAIN));
            tokio::select! {
                () = self.env.clock.sleep(wait) => {}
                () = self.state.sooner.notified() => {}
            }
        }
    }

    fn expire_all(&self, now: Timestamp) -> Option<Timestamp> {
        let realms: Vec<_> = {
            let realms = self.state.realms.read().unwrap_or_else(PoisonError::into_inner);
            realms.values().map(Arc::clone).collect()
        };
        let next = realms.iter().filter_map(|shared| {
            shared.realm.write().unwrap_or_else(PoisonError::into_inner).expire(now)
        });
        next.min()
    }

    /// The realms that have an expired entry in memory: only those are worth a write.
    pub(super) fn with_expired(&self) -> Vec<RealmId> {
        let now = self.env.clock.now();
        let realms = self.state.realms.read().unwrap_or_else(PoisonError::into_inner);
        let expired = |shared: &super::Shared| {
            let realm = shared.realm.read().unwrap_or_else(PoisonError::into_inner);
            realm.index.expired_between(Timestamp::EPOCH, now).next().is_some()
        };
        realms.iter().filter(|(_, shared)| expired(shared)).map(|(realm, _)| *realm).collect()
    }

    fn hear(&self, realm: RealmId, notice: Notice) {
        let (agent, reason) = match notice {
            Notice::Updated(id) => {
                if let Some(agent) = self.nodes.agent(realm, &id) {
                    let node = Node::of(&agent);
                    self.edit(realm, |realm| realm.reselect(node));
                    self.redecide_agent(realm, &id);
                }
                return;
            }
            Notice::Gone(id) => (id, Goodbye::Evicted),
            Notice::Banned(id) => (id, Goodbye::Banned),
        };
        self.edit(realm, |realm| realm.say_goodbye(&agent, reason));
        if let (Goodbye::Evicted, Some(shared)) = (reason, self.shared(realm)) {
            shared.views.lock().unwrap_or_else(PoisonError::into_inner).remove(&agent);
        }
    }

    /// Compares every agent that watches with what is known of it now.
    fn look_at_agents(&self, realm: RealmId) {
        let watching = self.read(realm, super::push::Realm::watched_agents).unwrap_or_default();
        for id in &watching {
            self.look_at_agent(realm, id);
        }
    }

    /// Compares an agent that watches with what is known of it now.
    pub(super) fn look_at_agent(&self, realm: RealmId, id: &SpiffeId) {
        let notice = match self.nodes.agent(realm, id) {
            None => Notice::Gone(id.clone()),
            Some(agent) if agent.banned => Notice::Banned(id.clone()),
            Some(_) => Notice::Updated(id.clone()),
        };
        self.hear(realm, notice);
    }
}

/// A wall clock that was stepped is noticed within this.
const LOOK_AGAIN: Lifetime = Lifetime::minutes(5);

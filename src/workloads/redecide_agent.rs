//! What stands behind an agent changed: whether its workloads may have what they have is decided anew, as a renewal would be.
//!
//! An agent that holds a stream is told at once what it must not serve any more, and what it may ask for again. An SVID that is
//! permitted stays; its next renewal has the lifetime that the standing leaves. Other agents learn of it when they renew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use super::Workloads;
use super::index::{Node, Roots};
use super::issue_x509::evidence;
use super::model::Entry;
use super::push::{Directive, Why};
use crate::access;
use crate::kernel::{DeviceId, RealmId, Situation, SpiffeId, Timestamp};
use crate::nodes::Agent;

impl Workloads {
    /// The same for every agent whose node runs on this device.
    pub fn redecide_agents(&self, realm: RealmId, device: DeviceId) {
        for agent in self.nodes.on_device(realm, device) {
            self.redecide(realm, &agent);
        }
    }

    /// The same for every agent that holds a stream and may serve this identity: it was contained, or released.
    pub fn redecide_subject(&self, realm: RealmId, id: &SpiffeId) {
        let look = |realm: &super::push::Realm| realm.watching_any(realm.index.with_spiffe_id(id));
        for agent in self.read(realm, look).unwrap_or_default() {
            self.redecide_known(realm, &agent);
        }
    }

    /// The devices behind an identity: of its nodes, where those run on devices, and of the agent of that name itself.
    pub fn devices_behind(&self, realm: RealmId, id: &SpiffeId) -> BTreeSet<DeviceId> {
        let bound = self.nodes.on_devices(realm);
        if bound.is_empty() {
            return BTreeSet::new();
        }
        let look = |realm: &super::push::Realm| -> Vec<Roots> {
            realm.index.with_spiffe_id(id).map(|entry| realm.index.roots(entry)).collect()
        };
        let roots = self.read(realm, look).unwrap_or_default();
        let serves = |agent: &Agent| {
            let node = Node::of(agent);
            agent.id == *id || roots.iter().any(|roots| roots.hold(&node))
        };
        bound.iter().filter(|agent| serves(agent)).filter_map(|agent| agent.device).collect()
    }

    /// The same for every agent to which something is refused: a refusal may end with time alone.
    pub fn redecide_refused(&self, realm: RealmId) {
        for agent in self.read(realm, super::push::Realm::refused_agents).unwrap_or_default() {
            self.redecide_known(realm, &agent);
        }
    }

    /// Decides anew what this agent has, where anything but its entries can stand in the way.
    pub(super) fn redecide_agent(&self, realm: RealmId, id: &SpiffeId) {
        let bound = self.nodes.agent(realm, id).is_some_and(|agent| agent.device.is_some());
        let refused = self.read(realm, |realm| realm.refuses(id)).unwrap_or(false);
        if bound || refused || self.posture.contains_any() {
            self.redecide_known(realm, id);
        }
    }

    fn redecide_known(&self, realm: RealmId, id: &SpiffeId) {
        if let Some(agent) = self.nodes.agent(realm, id) {
            self.redecide(realm, &agent);
        }
    }

    fn redecide(&self, realm: RealmId, agent: &Agent) {
        let Some(shared) = self.shared(realm) else { return };
        let _judging = shared.judging.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.env.clock.now();
        let look = |realm: &super::push::Realm| {
            let situation = realm.watching_from(&agent.id)?;
            Some((situation.clone(), realm.all_of(&agent.id, now)))
        };
        let Some((situation, entries)) = self.read(realm, look).flatten() else { return };
        let refused: BTreeMap<_, _> = entries
            .iter()
            .filter_map(|entry| self.refusal(realm, (agent, &situation), (entry, now)))
            .map(|order| (order.entry.clone(), order))
            .collect();
        self.edit(realm, |realm| realm.refuse(&agent.id, refused));
    }

    fn refusal(
        &self,
        realm: RealmId,
        (agent, situation): (&Agent, &Situation),
        (entry, now): (&Arc<Entry>, Timestamp),
    ) -> Option<Directive> {
        let known = evidence((agent, situation), entry, now);
        let ask = self.x509_ask((realm, agent), entry, known);
        let put_out = ask.standing.locked || ask.standing.contained;
        let why = if put_out { Why::Containment } else { Why::Posture };
        match self.access.permit(ask).err()? {
            // A broken policy refuses each renewal by itself; what is served meanwhile ends by itself.
            access::Error::Broken { .. } => None,
            refused => Some(Directive {
                entry: entry.id.clone(),
                refused: true,
                why,
                message: refused.to_string(),
            }),
        }
    }
}

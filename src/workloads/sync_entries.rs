//! What an agent is authorised for, and how it keeps up: by asking, or by a stream.

use std::sync::Arc;

use super::Workloads;
use super::index::Node;
use super::model::{Entry, Error};
use super::push::{Delta, Goodbye, Mailbox};
use super::rights::SyncEntries;
use crate::db::Cursor;
use crate::kernel::{Fault, RealmId, SpiffeId};
use crate::nodes::NodeCaller;

/// An agent's place among the watchers; it is given up when dropped.
#[derive(Debug)]
pub(super) struct Watching {
    /// Shared: as many of these are held as agents are connected.
    pub(super) workloads: Arc<Workloads>,
    realm: RealmId,
    agent: SpiffeId,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Workloads {
    /// All entries the caller is authorised for, in the order of their ids.
    pub(super) fn authorised(&self, caller: &NodeCaller) -> Result<Vec<Arc<Entry>>, Error> {
        let _sync = self.access.permit(SyncEntries(caller))?.spend();
        let node = Node::of(&caller.agent);
        let now = self.env.clock.now();
        let look =
            |realm: &super::push::Realm| (realm.index.authorised(&node, now), realm.revision());
        let (mut entries, revision) = self.read(caller.realm, look).ok_or(Error::Realm)?;
        // An agent that polls has seen what it was given.
        if let Some(revision) = revision {
            self.saw(caller.realm, &node.id, revision);
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(entries)
    }

    /// Begins a stream of changes for the caller, from where it was; what it missed waits in its mailbox already.
    pub(super) fn watch(
        self: &Arc<Self>,
        caller: &NodeCaller,
        from: Option<Cursor>,
    ) -> Result<Watching, Error> {
        let _sync = self.access.permit(SyncEntries(caller))?.spend();
        let node = Node::of(&caller.agent);
        let id = node.id.clone();
        let now = self.env.clock.now();
        let begin = |realm: &mut super::push::Realm| {
            realm.revision()?;
            let (mailbox, missed) = realm.watch((node, caller.situation.clone()), from);
            realm.deliver_missed(&id, &mailbox, missed, now);
            Some(mailbox)
        };
        let mailbox = self.edit(caller.realm, begin).ok_or(Error::Realm)?;
        let mailbox = mailbox.ok_or_else(|| Fault::away("index", "nothing is loaded yet"))?;
        // What changed about the agent between the listener's judgement and this moment was told to nobody.
        self.look_at_agent(caller.realm, &id);
        // In its mailbox before its first update: until then it goes by what another stream said.
        self.redecide_agent(caller.realm, &id);
        Ok(Watching { workloads: Arc::clone(self), realm: caller.realm, agent: id, mailbox })
    }

    /// The server stops: every stream ends with a word.
    pub fn say_goodbye_to_all(&self) {
        let realms = self.state.realms.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for shared in realms.values() {
            let realm = shared.realm.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            realm.say_goodbye_to_all(Goodbye::ShuttingDown);
        }
    }
}

impl Watching {
    /// What waits, as it stands now; nothing if another stream took over.
    pub(super) fn collect(&self) -> Option<Delta> {
        let now = self.workloads.env.clock.now();
        self.workloads.read(self.realm, |realm| realm.collect(&self.agent, &self.mailbox, now))?
    }

    /// Everything the agent is authorised for.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let now = self.workloads.env.clock.now();
        let look = |realm: &super::push::Realm| realm.all_of(&self.agent, now);
        self.workloads.read(self.realm, look).unwrap_or_default()
    }

    /// The agent says how far it is.
    pub(super) fn acknowledge(&self, revision: Option<Cursor>, bundle_sequence: u64) {
        if let Some(revision) = revision {
            self.workloads.saw(self.realm, &self.agent, revision);
        }
        self.workloads.authority.seen(self.realm, &self.agent, bundle_sequence);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let end = |realm: &mut super::push::Realm| realm.unwatch(&self.agent, &self.mailbox);
        // Where another stream of the agent took over, the agent is still there.
        if self.workloads.edit(self.realm, end).unwrap_or(false) {
            self.workloads.authority.left(self.realm, &self.agent);
        }
    }
}

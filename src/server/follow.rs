//! The list: which kind of change concerns which slice, and the loop that keeps a realm's indexes at the head of its log.
//!
//! A start reads head and rows in one snapshot; from then on the changes after the cursor and the rows they name, again
//! in one snapshot, so that what is applied was true at one moment. A follower that fails tries again: a notice is only a
//! nudge, and the log is read from the cursor.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::access::{POLICY, ROLE_BINDING};
use crate::accounts::GROUP;
use crate::authority::AUTHORITY;
use crate::bundles::FOREIGN_BUNDLE;
use crate::containment::CONTAINMENT;
use crate::db::{Change, Cursor, Tx};
use crate::devices::model::DEVICE;
use crate::events::FORGET;
use crate::kernel::{DeviceId, Fault, Lifetime, RealmId};
use crate::nodes::model::AGENT;
use crate::oauth::CLIENT;
use crate::osquery::OSQUERY_NODE;
use crate::posture::{POSTURE, POSTURE_MODEL};
use crate::realms::{BRAND, REALM};
use crate::services::SERVICE;
use crate::sessions::{REVOCATION, SESSION};
use crate::upstreams::UPSTREAM;
use crate::workloads::ENTRY;

use super::build::Server;
use super::react::{Changed, Waiting};
use super::serve::realm_names;

/// Changes taken in one snapshot: enough to catch up quickly, few enough to hold a reader for milliseconds only.
const CHANGES_AT_ONCE: usize = 2000;
/// Between attempts while the database is away.
const RETRY: Lifetime = Lifetime::millis(500);

/// Reads everything of a realm, and says where its log stood.
pub(super) async fn load(server: &Arc<Server>, realm: RealmId) -> Result<Cursor, Fault> {
    let cursor = server
        .env
        .db
        .labelled("follow")
        .read(realm, Arc::clone(server), |tx, server| {
            Box::pin(async move {
                let head = tx.head().await?;
                server.load(tx).await?;
                Ok::<_, Fault>(head)
            })
        })
        .await?;
    settled(server, realm, cursor);
    Ok(cursor)
}

/// Follows a realm's log from this cursor until the process stops; `changed` hears of devices.
pub(super) async fn follow(
    server: Arc<Server>,
    realm: RealmId,
    mut cursor: Cursor,
    changed: Arc<Changed>,
) {
    // What happened while nobody followed is not known.
    changed.put(Waiting { everything: true, ..Waiting::default() });
    let mut heard = server.env.db.heard(realm);
    loop {
        // The sender is part of the database handle, which lives as long as the server.
        if heard.wait_for(|head| *head != cursor).await.is_err() {
            return;
        }
        match catch_up(&server, realm, cursor, &changed).await {
            Ok(reached) => cursor = reached,
            Err(fault) => {
                tracing::warn!(realm = realm.0, cause = %fault, "the change log cannot be followed for now");
                server.env.clock.sleep(RETRY).await;
            }
        }
    }
}

async fn catch_up(
    server: &Arc<Server>,
    realm: RealmId,
    from: Cursor,
    changed: &Changed,
) -> Result<Cursor, Fault> {
    let input = (Arc::clone(server), from);
    let reached = server
        .env
        .db
        .labelled("follow")
        .read(realm, input, |tx, (server, from)| Box::pin(step(tx, server, *from)))
        .await?;
    if let Some((cursor, concerned)) = reached {
        settled(server, realm, cursor);
        changed.put(concerned);
        return Ok(cursor);
    }
    // Another history, or too far behind: everything anew.
    let cursor = load(server, realm).await?;
    changed.put(Waiting { everything: true, ..Waiting::default() });
    Ok(cursor)
}

/// Every index holds everything up to here: agents hear of it, and the writers that wait for it go on.
fn settled(server: &Server, realm: RealmId, cursor: Cursor) {
    server.workloads.settled(realm, cursor);
    server.env.db.applied(realm, cursor);
}

async fn step(
    tx: &mut Tx,
    server: &Server,
    from: Cursor,
) -> Result<Option<(Cursor, Waiting)>, Fault> {
    let Some(changes) = tx.changes_after(from, CHANGES_AT_ONCE).await? else { return Ok(None) };
    let mut concerned = Waiting::default();
    let Some(last) = changes.last().map(|change| change.seq) else {
        return Ok(Some((tx.head().await?, concerned)));
    };
    for (kind, keys) in by_kind(changes) {
        server.apply(tx, &kind, &keys).await?;
        match kind.as_str() {
            DEVICE | POSTURE => {
                concerned.devices.extend(keys.iter().filter_map(|key| DeviceId::parse(key).ok()));
            }
            CONTAINMENT => concerned.subjects.extend(keys.iter().cloned()),
            POLICY | POSTURE_MODEL => concerned.everything = true,
            _ => {}
        }
    }
    Ok(Some((Cursor { seq: last, ..from }, concerned)))
}

/// The keys of each kind, each once, in the order of their first change.
fn by_kind(changes: Vec<Change>) -> BTreeMap<String, Vec<String>> {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for change in changes {
        if seen.insert((change.kind.clone(), change.key.clone())) {
            kinds.entry(change.kind).or_default().push(change.key);
        }
    }
    kinds
}

/// Every realm, once, without following: for commands beside a running server.
pub(super) async fn load_all(server: &Arc<Server>) -> Result<(), Fault> {
    load(server, RealmId::SYSTEM).await?;
    for realm in server.realms.all() {
        server.authority.open(realm_names(&realm))?;
        load(server, realm.id).await?;
    }
    Ok(())
}

impl Server {
    /// Every slice that keeps rows in memory reads them all.
    async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        self.realms.load(tx).await?;
        self.events.load(tx).await?;
        self.access.load(tx).await?;
        self.authority.load(tx).await?;
        self.bundles.load(tx).await?;
        self.devices.load(tx).await?;
        self.containments.load(tx).await?;
        self.posture.load(tx).await?;
        self.osquery.load(tx).await?;
        self.services.load(tx).await?;
        self.upstreams.load(tx).await?;
        self.sessions.load(tx).await?;
        self.nodes.load(tx).await?;
        self.workloads.load(tx).await?;
        self.oauth.load(tx).await
    }

    /// Kind of change → slice.
    async fn apply(&self, tx: &mut Tx, kind: &str, keys: &[String]) -> Result<(), Fault> {
        match kind {
            REALM => self.realms.apply(tx, keys).await,
            BRAND => self.realms.apply_brand(tx).await,
            ROLE_BINDING | POLICY => self.access.apply(tx, keys).await,
            AUTHORITY => self.authority.apply(tx, keys).await,
            FOREIGN_BUNDLE => self.bundles.apply(tx, keys).await,
            DEVICE => self.devices.apply(tx, keys).await,
            CONTAINMENT => self.containments.apply(tx, keys).await,
            POSTURE => self.posture.apply(tx, keys).await,
            POSTURE_MODEL => self.posture.apply_model(tx).await,
            OSQUERY_NODE => self.osquery.apply(tx, keys).await,
            SERVICE => self.services.apply(tx, keys).await,
            UPSTREAM => self.upstreams.apply(tx, keys).await,
            REVOCATION => self.sessions.apply(tx, keys).await,
            SESSION => {
                self.sessions.forget_cookies(tx.realm(), keys);
                Ok(())
            }
            AGENT => self.nodes.apply(tx, keys).await,
            ENTRY => self.workloads.apply(tx, keys).await,
            CLIENT => self.oauth.apply(tx, keys).await,
            FORGET => {
                self.events.apply(tx.realm(), keys);
                self.sessions.forget();
                self.accounts.apply(tx.realm(), keys);
                Ok(())
            }
            GROUP => {
                self.accounts.apply_groups();
                Ok(())
            }
            // A newer replica wrote what this one does not know; migrations are one release apart for this reason.
            other => {
                tracing::warn!(kind = other, "a change of an unknown kind was passed over");
                Ok(())
            }
        }
    }
}

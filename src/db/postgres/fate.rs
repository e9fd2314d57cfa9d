//! What became of a COMMIT whose answer was lost. A plain look would say "absent" while the old COMMIT still runs; so the
//! look first waits, behind the realm's head row or the write id's own key, until the old transaction has ended.

use super::super::fault::Met;
use super::write::BEGIN;
use super::{AWAY_AFTER, Shared};
use crate::kernel::{RealmId, Timestamp};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It happened.
    Committed,
    /// It did not, and never will.
    Absent,
    /// It could not be told in time.
    Unknown,
}

/// What the transaction held while it ran, for others to wait behind.
#[derive(Debug, Clone, Copy)]
enum Fence {
    /// The key of its write id, which it inserted before its COMMIT was sent.
    WriteId,
    /// The realm's head row.
    Head,
}

/// Of a write.
pub(super) async fn of_write(shared: &Shared, realm: RealmId, id: &str) -> Fate {
    ask(shared, Fence::WriteId, realm, id).await
}

/// Of a group of changes.
pub(super) async fn of_group(shared: &Shared, realm: RealmId, id: &str) -> Fate {
    ask(shared, Fence::Head, realm, id).await
}

/// Asks on new connections until one answers, but not for long.
async fn ask(shared: &Shared, fence: Fence, realm: RealmId, id: &str) -> Fate {
    let asking = async {
        let mut every = tokio::time::interval(AWAY_AFTER / 20);
        loop {
            every.tick().await;
            if let Ok(fate) = ask_once(shared, fence, realm, id).await {
                return fate;
            }
        }
    };
    tokio::time::timeout(AWAY_AFTER, asking).await.unwrap_or(Fate::Unknown)
}

/// The fence itself is never committed: the connection is closed with its transaction open.
async fn ask_once(shared: &Shared, fence: Fence, realm: RealmId, id: &str) -> Result<Fate, Met> {
    let mut link = shared.pool.own().await?;
    link.batch(BEGIN).await?;
    let committed = match fence {
        Fence::WriteId => {
            let values = [id.into(), Timestamp::EPOCH.into()];
            link.row(INSERT, realm, &values).await?.is_none()
        }
        Fence::Head => {
            link.row(super::change::LOCK_HEAD, realm, &[]).await?;
            link.row(LOOK, realm, &[id.into()]).await?.is_some()
        }
    };
    Ok(if committed { Fate::Committed } else { Fate::Absent })
}

/// Notes a commit's id.
pub(super) const NOTE: &str = "INSERT INTO write_done (realm, id, at) VALUES ($1, $2, $3)";
const INSERT: &str = "INSERT INTO write_done (realm, id, at) VALUES ($1, $2, $3) \
    ON CONFLICT (realm, id) DO NOTHING RETURNING id";
const LOOK: &str = "SELECT id FROM write_done WHERE realm = $1 AND id = $2";
/// Forgets ids that nobody looks up any more. They begin with their time, so older ones sort before.
pub(super) const FORGET: &str = "DELETE FROM write_done WHERE realm = $1 AND id < $2";

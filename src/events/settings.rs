//! Settings of the ledger.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::kernel::Lifetime;
use crate::settings::{section, value};

/// Where a fact becomes durable before the answer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerSync {
    /// In a file of this machine, copied to the database afterwards: issuance outlives the database.
    Disk,
    /// In the database: for replicas without a durable disk. Issuance stops when the database is away.
    Database,
}

value!(LedgerSync);

section! {
    /// The ledger: what was handed out or refused.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct LedgerSettings {
        /// Where the segments live. Not set: `ledger` under the data directory. It must be a durable disk of this machine,
        /// and one directory belongs to one server.
        pub directory: Option<PathBuf>,
        /// Where a fact must be before its answer leaves: `disk` or `database`.
        pub sync: LedgerSync,
        /// Room for facts that the database does not have yet, in mebibytes. When it is used up, issuance is refused:
        /// recording beats availability. A gibibyte holds some two million facts.
        pub bound_mib: u32,
        /// Days a fact is kept in the database.
        pub retention_days: u32,
    }
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { directory: None, sync: LedgerSync::Disk, bound_mib: 1024, retention_days: 90 }
    }
}

impl LedgerSettings {
    /// The bound in bytes.
    pub fn bound_bytes(&self) -> u64 {
        u64::from(self.bound_mib).saturating_mul(1024 * 1024)
    }

    /// How long a fact is kept.
    pub fn retention(&self) -> Lifetime {
        Lifetime::days(i64::from(self.retention_days))
    }
}

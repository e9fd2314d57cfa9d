//! What this replica can see of its storage, said on the health page and by `/ready`: the database, and the ledger on this
//! machine's disk. The desk refuses by itself (`svid`); here it is told to whoever sends requests this way.

use std::sync::Weak;

use futures_util::future::BoxFuture;

use super::build::Server;
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime};
use crate::telemetry::Component;

/// Looks every second: a start and an end of an outage are known about as soon as the database shell knows.
pub(super) struct Sight {
    pub(super) server: Weak<Server>,
    pub(super) database: Component,
    pub(super) ledger: Component,
}

impl Sight {
    /// Says how both are.
    pub(super) fn look(&self, server: &Server) {
        let now = server.env.clock.now();
        let away = now.since(server.env.db.last_seen());
        if server.svid.check_sight(now).is_err() {
            self.database
                .down(format!("last seen {away} ago: nothing is issued before it is back"));
        } else if away > AWAY {
            self.database.impaired(format!(
                "last seen {away} ago: changes are refused, and issuing ends after {}",
                Lifetime::seconds(server.settings.storage.away_max_seconds)
            ));
        } else {
            self.database.well(SEEN);
        }
        let ledger = server.events.health();
        if let Some(fault) = ledger.fatal {
            self.ledger.down(fault.public());
        } else if ledger.refusing {
            // Not down: it is only found out by the next request whether there is room again.
            self.ledger.impaired("there is no room for what is issued: nothing is until there is");
        } else {
            self.ledger.well("recording");
        }
    }
}

impl Reconciler for Sight {
    fn name(&self) -> &'static str {
        "server.sight"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            if let Some(server) = self.server.upgrade() {
                self.look(&server);
            }
            Ok(Summary::nothing())
        })
    }
}

/// What a database that answers is.
pub(super) const SEEN: &str = "reached";
/// Heads are looked at each second; several looks in a row have failed.
const AWAY: Lifetime = Lifetime::seconds(5);

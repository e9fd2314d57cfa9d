//! Who is killed, and when: in turn each replica, PostgreSQL, one of its backends, and all of them at once; always while
//! everybody writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use weft::testkit::TestDatabase;
use weft::testkit::postgres::Stop;
use weft::testkit::until;

use super::program::Replica;
use super::writers::Run;

/// What stands, to be killed.
pub(super) struct World<'a> {
    pub(super) database: &'a TestDatabase,
    pub(super) replicas: Vec<Arc<Replica>>,
}

#[derive(Debug, Clone, Copy)]
enum Victim {
    Replica(usize),
    Postgres,
    Backend,
    All,
}

/// With PostgreSQL behind two replicas, and with SQLite inside one.
const CLUSTER: [Victim; 5] =
    [Victim::Replica(0), Victim::Postgres, Victim::Replica(1), Victim::Backend, Victim::All];
const ALONE: [Victim; 1] = [Victim::Replica(0)];

impl World<'_> {
    /// Kills so often, each time after so many more acknowledged changes and at another moment of the writing, and has
    /// everything running again before the next.
    pub(super) async fn kill(&self, kills: u64, each: u64, run: &Run) {
        let victims: &[Victim] = if self.database.server().is_some() { &CLUSTER } else { &ALONE };
        for (n, victim) in (0..kills).zip(victims.iter().cycle()) {
            self.until_acknowledged(each, run).await;
            super::pause(i64::try_from(n * 37 % 100).unwrap()).await;
            self.one(*victim).await;
        }
        self.until_acknowledged(each, run).await;
    }

    async fn until_acknowledged(&self, more: u64, run: &Run) {
        let enough = run.acknowledged.load(Ordering::SeqCst) + more;
        let mut last = 0;
        // As long as there is progress there is patience.
        while run.acknowledged.load(Ordering::SeqCst) < enough {
            last = until("writing goes on", async || {
                let now = run.acknowledged.load(Ordering::SeqCst);
                if now > last { Ok(now) } else { Err(self.words()) }
            })
            .await;
        }
    }

    async fn one(&self, victim: Victim) {
        let postgres = self.database.server();
        match (victim, postgres) {
            (Victim::Replica(at), _) => {
                self.replicas[at].kill().await;
                self.replicas[at].start().await;
            }
            (Victim::Postgres, Some(server)) => {
                server.stop(Stop::Kill);
                server.start_again();
            }
            // The postmaster ends all others and recovers by itself.
            (Victim::Backend, Some(server)) => server.kill_a_backend(),
            (Victim::All, Some(server)) => {
                server.stop(Stop::Kill);
                for replica in &self.replicas {
                    replica.kill().await;
                }
                server.start_again();
                for replica in &self.replicas {
                    replica.start().await;
                }
            }
            (Victim::Postgres | Victim::Backend | Victim::All, None) => {
                panic!("SQLite is inside its server");
            }
        }
    }

    fn words(&self) -> String {
        let one = |replica: &Arc<Replica>| format!("{}: {}", replica.name, replica.words());
        self.replicas.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

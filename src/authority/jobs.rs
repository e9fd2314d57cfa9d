//! Rotation: each line of slots of each realm takes the step that its time has come for.

use futures_util::future::BoxFuture;

use super::Authority;
use super::change_slots::Verb;
use super::model::{Doer, Error, Line, Purpose};
use super::step::{Action, step};
use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime, RealmId};

/// The reconciler `authority.rotation`.
#[derive(Debug, Clone)]
pub struct Rotation(pub Authority);

impl Reconciler for Rotation {
    fn name(&self) -> &'static str {
        "authority.rotation"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(10)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async move {
            let mut changed = 0;
            for realm in self.0.index.all() {
                changed += self.0.rotate(realm).await.map_err(as_fault)?;
                changed += self.0.rotate_oidc(realm).await.map_err(as_fault)?;
            }
            Ok(if changed == 0 {
                Summary::nothing()
            } else {
                Summary::did(changed, format!("{changed} steps"))
            })
        })
    }
}

impl Authority {
    /// Takes every step whose time has come for the keys of SVIDs in this realm; gives how many. Two replicas that do it at
    /// once are harmless.
    pub async fn rotate(&self, realm: RealmId) -> Result<u64, Error> {
        let renumbered = self.renumber_after_restore(realm).await?;
        Ok(renumbered + self.take_steps(realm, |line| line.purpose != Purpose::Oidc).await?)
    }

    /// The same for the keys of OpenID tokens. Apart, because a start must not wait for an RSA key.
    pub async fn rotate_oidc(&self, realm: RealmId) -> Result<u64, Error> {
        self.take_steps(realm, |line| line.purpose == Purpose::Oidc).await
    }

    async fn take_steps(&self, realm: RealmId, of: fn(&Line) -> bool) -> Result<u64, Error> {
        let mut steps = 0;
        for line in Line::ALL.into_iter().filter(of) {
            // From an empty slot to a signing authority it is two steps; removals add one each.
            for _ in 0..STEPS_MAX {
                if !self.take_step(realm, line).await? {
                    break;
                }
                steps += 1;
            }
        }
        Ok(steps)
    }

    async fn take_step(&self, realm: RealmId, line: Line) -> Result<bool, Error> {
        let keys = self.keys(realm)?;
        let seats = keys.seats(line);
        let doer = Doer::server("RotateAuthorities");
        let done = match step(self.env.clock.now(), &seats, self.settings.policy(line.purpose)) {
            Action::Nothing => return Ok(false),
            Action::Prepare => {
                let made = self.make(&keys.names, line).await?;
                self.store_prepared(realm, made, doer).await.map(|stored| stored.is_some())
            }
            Action::Activate(id) => {
                self.change_slot(realm, id, Verb::Activate, doer).await.map(|_| true)
            }
            Action::Remove(id) => {
                self.change_slot(realm, id, Verb::Remove, doer).await.map(|_| true)
            }
        };
        let done = match done {
            // Another replica took the same step first.
            Err(Error::State { .. } | Error::NotFound(_)) => false,
            other => other?,
        };
        // The next step looks at this one, also where the followers of the change log are late.
        self.refresh(realm).await?;
        Ok(done)
    }

    async fn refresh(&self, realm: RealmId) -> Result<(), Fault> {
        let authority = self.clone();
        self.env
            .db
            .read(realm, authority, |tx, authority| {
                Box::pin(async move { authority.load(tx).await })
            })
            .await
    }

    async fn renumber_after_restore(&self, realm: RealmId) -> Result<u64, Error> {
        let head = self.keys(realm)?.head;
        let history = self.env.db.heard(realm).borrow().history;
        match head {
            Some(head) if head.history != history => {
                self.renumber(realm, self.env.clock.now()).await?;
                self.refresh(realm).await?;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

fn as_fault(error: Error) -> Fault {
    match error {
        Error::Fault(fault) | Error::Record(crate::events::Error::Fault(fault)) => fault,
        other => Fault::away("authority", other),
    }
}

/// More steps than any state needs; the rest waits for the next run.
const STEPS_MAX: usize = 16;

//! Numbers the events that were written in the transactions they tell of: stream `db`.

use crate::kernel::{Fault, RealmId};

use super::{Events, store};

impl Events {
    /// Numbers what waits in this realm; gives how many.
    pub async fn number(&self, realm: RealmId) -> Result<u64, Fault> {
        let db = &self.inner.background;
        let mut numbered = 0;
        while db.read(realm, (), |tx, ()| Box::pin(store::has_unnumbered(tx))).await? {
            let some = db
                .write(realm, db.engine(), |tx, engine| Box::pin(store::number_some(tx, *engine)))
                .await?;
            numbered += some;
        }
        Ok(numbered)
    }

    /// The realms whose keys are in memory: those whose events this server looks after.
    pub fn realms(&self) -> Vec<RealmId> {
        self.inner.keys.realms()
    }
}

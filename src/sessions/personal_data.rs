//! What sessions know of a person: exported to them, and removed with them.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::end_session::end_all;
use super::{Sessions, Why, store};
use crate::accounts::{Change, Erased, KeepsPersonalData};
use crate::db::Tx;
use crate::kernel::{Fault, Method};

impl KeepsPersonalData for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>> {
        Box::pin(async move {
            let sessions = store::of_user(tx, (user.user, None), EXPORTED_MAX).await?;
            let shown = sessions.iter().map(|session| {
                let methods = session.methods.iter().copied().map(Method::as_str);
                json!({
                    "id": session.id.to_string(),
                    "assurance": session.assurance.as_str(),
                    "methods": methods.collect::<Vec<_>>(),
                    "device": session.device.map(|id| id.to_string()),
                    "address": session.address,
                    "agent": session.agent,
                    "created_at": session.created_at.to_string(),
                    "used_at": session.used_at.to_string(),
                })
            });
            Ok(shown.collect())
        })
    }

    /// Whoever must tell clients hears of it first, while it is known what they got. What is held in memory goes with the change
    /// that `accounts` adds.
    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(async move {
            let changes = self.end_everything(tx, user, Why::Erased).await?;
            store::delete_of_user(tx, user.user).await?;
            Ok(changes)
        })
    }

    fn cut_off<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(self.end_everything(tx, user, Why::Credentials))
    }
}

impl Sessions {
    async fn end_everything(
        &self,
        tx: &mut Tx,
        user: &Erased,
        why: Why,
    ) -> Result<Vec<Change>, Fault> {
        let all = self.all_end(tx.realm(), (user.user, user.number), why);
        end_all(tx, &all).await
    }
}

/// As many as are shown on a page.
const EXPORTED_MAX: i64 = 200;

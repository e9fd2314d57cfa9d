//! What this slice knows of a person: told at an export, and forgotten with the account.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Oauth, store};
use crate::accounts::{Change, Erased, KeepsPersonalData};
use crate::db::Tx;
use crate::kernel::Fault;

impl KeepsPersonalData for Oauth {
    fn name(&self) -> &'static str {
        "applications"
    }

    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>> {
        Box::pin(async move {
            let grants = store::grants_of(tx, user.user, self.env.clock.now()).await?;
            let one = |grant: super::grant::Grant| {
                json!({
                    "client": grant.client.as_str(),
                    "scopes": grant.scopes,
                    "resources": grant.resources,
                    "given_at": grant.created_at.to_string(),
                    "ends_at": grant.expires_at.to_string(),
                })
            };
            Ok(Value::Array(grants.into_iter().map(one).collect()))
        })
    }

    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(async move {
            store::erase(tx, user.user).await?;
            Ok(Vec::new())
        })
    }
}

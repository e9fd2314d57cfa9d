//! What was granted on a device and still holds, for whoever looks after it.

use super::Oauth;
use super::grant::Grant;
use crate::access::Administrator;
use crate::kernel::{ClientId, DeviceId, Failure, GrantId, Timestamp, UserId};

/// What a person granted on a device: a sign-in of theirs there, and the tokens that hang off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOnDevice {
    /// Which.
    pub id: GrantId,
    /// Whose sign-in.
    pub user: UserId,
    /// To which application: its id, and what people call it.
    pub client: (ClientId, String),
    /// When nothing can hang off it any more.
    pub expires_at: Timestamp,
}

impl Oauth {
    /// What was granted on this device and still holds: one reading of it. Refused to whoever may not look at sessions.
    pub async fn read_grants_on(
        &self,
        by: Administrator,
        device: DeviceId,
    ) -> Result<Vec<GrantOnDevice>, Failure> {
        let place = self.place(by.realm)?;
        self.sessions.may_read(by, device.to_string())?;
        let grants = self.grants_on(place.realm, device, None).await?;
        let shown = |grant: Grant| {
            let client = self.client(place.realm, &grant.client);
            let name =
                client.map_or_else(|| grant.client.to_string(), |one| one.terms.name.clone());
            GrantOnDevice {
                id: grant.id,
                user: grant.user,
                client: (grant.client, name),
                expires_at: grant.expires_at,
            }
        };
        let holding = grants.into_iter().filter(|grant| self.holds(&place, grant));
        Ok(holding.map(shown).collect())
    }
}

//! A device's standing is another now: what was granted on it is decided anew, as a renewal would be.
//!
//! What would be refused ends at once, with everything that hangs off it, and the event says why; what would be permitted stays,
//! and its next renewal has the lifetime that the standing leaves. Every replica does this, and the first one counts.

use super::grant::{Grant, Place};
use super::revoke_grant::taken_back;
use super::{Oauth, store};
use crate::access;
use crate::events::Changed;
use crate::kernel::{DeviceId, Failure, Fault, GrantId, Granted, RealmId, Timestamp};
use crate::sessions;
use crate::svid::GrantKind;

/// A grant that ends, and why.
struct Refused {
    grant: GrantId,
    device: DeviceId,
    words: String,
    now: Timestamp,
}

impl Oauth {
    /// Decides what hangs off this device anew, and ends what policy refuses now.
    pub async fn redecide_grants(&self, realm: RealmId, device: DeviceId) -> Result<(), Failure> {
        let place = self.place(realm)?;
        let mut after = None;
        loop {
            let grants = self.grants_on(realm, device, after).await?;
            let Some(last) = grants.last().map(|grant| grant.id) else { return Ok(()) };
            for grant in &grants {
                if let Some(words) = self.refusal(&place, grant).await? {
                    let now = self.env.clock.now();
                    let refused = Refused { grant: grant.id, device, words, now };
                    self.end_refused(realm, refused).await?;
                }
            }
            after = Some(last);
        }
    }

    /// A reading of the grants on this device that have not ended, by id, behind this one.
    pub(super) async fn grants_on(
        &self,
        realm: RealmId,
        device: DeviceId,
        after: Option<GrantId>,
    ) -> Result<Vec<Grant>, Failure> {
        let input = (device, (after, self.env.clock.now()));
        let grants: Result<_, Fault> = self
            .env
            .db
            .labelled("react")
            .read(realm, input, |tx, (device, bounds)| {
                Box::pin(store::grants_on(tx, *device, *bounds))
            })
            .await;
        Ok(grants?)
    }

    /// Why policy would refuse a renewal now; nothing if it would not, or if there is nothing left to renew.
    async fn refusal(&self, place: &Place, grant: &Grant) -> Result<Option<String>, Failure> {
        let Some(client) = self.client(place.realm, &grant.client) else { return Ok(None) };
        if !self.holds(place, grant) {
            return Ok(None);
        }
        let user = self.accounts.user(place.realm, grant.user).await?;
        let Some(user) = user.filter(|user| user.is_active()) else { return Ok(None) };
        let ask = self.ask_for_person(place, (&client, grant, &user), GrantKind::RefreshToken)?;
        match self.access.permit(ask).err() {
            // A broken policy refuses each renewal by itself; mended, it should find what it left.
            None | Some(access::Error::Broken { .. }) => Ok(None),
            Some(refused) => Ok(Some(refused.to_string())),
        }
    }

    async fn end_refused(&self, realm: RealmId, refused: Refused) -> Result<(), Failure> {
        let granted = Granted::to_server("RevokeGrant");
        let done: Result<(), sessions::Error> = self
            .events
            .change_in(realm, granted, refused, |tx, refused| {
                Box::pin(async move {
                    let Refused { grant, device, words, now } = refused;
                    let mut changes = Vec::new();
                    if store::end_grant(tx, *grant, *now).await? {
                        let (kind, key, event) = taken_back(tx, *grant, *now).await?;
                        let event = event
                            .about("device", device.to_string())
                            .about("reason", words.as_str());
                        changes.push((kind, key, event));
                    }
                    Ok(Changed { value: (), changes, rights: false })
                })
            })
            .await;
        Ok(done?)
    }
}

//! `weft keys reseal`: everything sealed, sealed again under the newest key-encryption key.

use super::{logs, ports, say};
use crate::kernel::{Failure, Granted, RealmId};
use crate::server::build::Server;
use crate::server::follow::load_all;
use crate::server::settings::Settings;

/// Works beside a running server: each row is changed only if it still holds what was read.
pub(super) async fn reseal(settings: Settings) -> Result<(), Failure> {
    let _logs = logs(&settings)?;
    let server = Server::build_beside(settings, ports()?).await?;
    load_all(&server).await?;
    let granted = Granted::to_server("keys.reseal");
    let mut events = server.events.reseal(RealmId::SYSTEM).await?;
    let (mut authorities, mut upstreams, mut services, mut people) = (0, 0, 0, 0);
    for realm in server.realms.all() {
        authorities += server.authority.reseal(realm.id, &granted).await?;
        upstreams += server.upstreams.reseal(realm.id, &granted).await?;
        services += server.services.reseal(realm.id, &granted).await?;
        events += server.events.reseal(realm.id).await?;
        people += server.accounts.reseal(realm.id).await?;
    }
    say(format_args!(
        "Sealed anew: {authorities} keys of authorities, {upstreams} secrets of upstreams, \
         {services} secrets of posture sources, {people} secrets of people, {events} keys of recorded facts."
    ))?;
    say(
        "Earlier keys can be taken out of `seal.earlier_files` once every replica has restarted with the new one.",
    )
}

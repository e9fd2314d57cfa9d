//! `weft keys reseal`: everything sealed, sealed again under the newest key-encryption key.

use super::{logs, ports, say};
use crate::access::{Administrator, Asker};
use crate::kernel::{Caller, Failure, Listener, Proof, RealmId};
use crate::realms::Realm;
use crate::server::build::Server;
use crate::server::follow::load_all;
use crate::server::settings::Settings;

/// Works beside a running server: each row is changed only if it still holds what was read.
pub(super) async fn reseal(settings: Settings) -> Result<(), Failure> {
    let _logs = logs(&settings)?;
    let server = Server::build_beside(settings, ports()?).await?;
    load_all(&server).await?;
    let mut events = server.events.reseal(RealmId::SYSTEM).await?;
    let mut authorities = 0;
    for realm in server.realms.all() {
        authorities += server.authority.reseal(myself(&realm)).await?;
        events += server.events.reseal(realm.id).await?;
    }
    say(format_args!("Sealed anew: {authorities} keys of authorities, {events} keys of recorded facts."))?;
    say("Earlier keys can be taken out of `seal.earlier_files` once every replica has restarted with the new one.")
}

/// Whoever runs this command has the data directory and the key: the same as a caller at the local socket.
fn myself(realm: &Realm) -> Administrator {
    let proof = Proof::KernelPeer { uid: rustix::process::geteuid().as_raw(), pid: 0 };
    let caller = Caller { realm: realm.id, subject: None, proof, listener: Listener::Local };
    Administrator { realm: realm.id, asker: Asker::of(&caller, &realm.trust_domain) }
}

//! One-time passwords by the machine's clock.

use weft::env::{Clock as _, SystemClock};
use weft::kernel::{RealmId, UserId};
use weft::testkit::until;

use super::home::Home;

/// Gives somebody an authenticator, by a code of the time step before this one, which is good, too: so this one and the next
/// are left to sign in with. Gives its secret.
pub(crate) async fn confirm_totp(home: &Home, realm: RealmId, user: UserId) -> String {
    let accounts = &home.server.server().accounts;
    let made = accounts.enrol_totp(realm, user).await.unwrap();
    let secret = made.secret.expose().clone();
    until("the authenticator is confirmed", async || {
        match accounts.confirm_totp(realm, user, &one_time(&secret, -1)).await {
            Ok(true) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    secret
}

/// The code of a time step, counted from now.
pub(crate) fn one_time(secret: &str, step: i64) -> String {
    let at = SystemClock::new().now().seconds() + 30 * step;
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(at).unwrap()).to_string()
}

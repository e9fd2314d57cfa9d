//! Limits on tries: by what was typed, by whose it is, by address and by network; alike for accounts that do not exist.
//!
//! A try is counted before it is looked at, so that a hundred at once are a hundred, and taken back when it was right. After the
//! tries that are free each waits twice as long as the one before, at most [`WAIT_MAX`]: 96 a day against one account. A try
//! that came too early is not counted: whoever hammers cannot lock the owner out for ever.

pub(super) mod store;

use std::net::IpAddr;

use super::model::{Claimed, Error, User};
use super::{Accounts, Identifier};
use crate::db::Tx;
use crate::kernel::{Fault, Lifetime, RealmId, Timestamp, UserId};

/// One try that was let through, to be taken back if it was right.
#[derive(Debug, Clone)]
pub(super) struct Try {
    keys: Vec<Key>,
    now: Timestamp,
    /// The person has to wait, whichever name was typed: this one is wrong, also where it is right. To say so would say that two
    /// names are one person's.
    pub(super) in_vain: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    digest: [u8; 32],
    free: i64,
    /// Of an account: a right try forgets the wrong ones before it.
    account: bool,
    /// Of a person under all their names: nobody is told of the wait.
    silent: bool,
}

impl Accounts {
    /// Counts a try of what was typed, from this address if it came over a network; `Limited` if it came too early.
    pub(super) async fn count_try(
        &self,
        realm: RealmId,
        (what, typed): (&'static str, &str),
        address: impl Into<Option<IpAddr>>,
    ) -> Result<Try, Error> {
        let keys = vec![self.account_key(realm, what, &folded(typed))];
        self.count_keys(realm, keys, address.into()).await
    }

    /// Counts a try of a password: by what was typed, and by whose it is, for one person has several names. Of a name that is
    /// nobody's there are two counters as well, so that both cost the same.
    pub(super) async fn count_password(
        &self,
        realm: RealmId,
        who: Claimed<'_>,
        address: IpAddr,
    ) -> Result<Try, Error> {
        let typed = folded(who.typed);
        let person = who.user.map_or_else(|| format!("nobody|{typed}"), of_user);
        let person = self.account_key(realm, PERSON, &person);
        let keys = vec![self.account_key(realm, PASSWORD, &typed), Key { silent: true, ..person }];
        self.count_keys(realm, keys, Some(address)).await
    }

    fn account_key(&self, realm: RealmId, kind: &str, value: &str) -> Key {
        let free = i64::from(self.inner.settings.tries_per_account);
        let digest = self.try_key(realm, kind, value);
        Key { digest, free, account: true, silent: false }
    }

    async fn count_keys(
        &self,
        realm: RealmId,
        mut keys: Vec<Key>,
        address: Option<IpAddr>,
    ) -> Result<Try, Error> {
        let settings = &self.inner.settings;
        let key = |kind: &str, value: &str, free: u32| Key {
            digest: self.try_key(realm, kind, value),
            free: i64::from(free),
            account: false,
            silent: false,
        };
        if let Some(address) = address {
            let host = address.to_canonical().to_string();
            keys.push(key("address", &host, settings.tries_per_address));
            keys.push(key("network", &network(address), settings.tries_per_network));
        }
        // Everybody locks in one order: nobody waits for whoever waits for them.
        keys.sort();
        let tried = Try { keys, now: self.inner.env.clock.now(), in_vain: false };
        let db = &self.inner.env.db;
        let in_vain =
            db.write(realm, tried.clone(), |tx, tried| Box::pin(count(tx, tried))).await?;
        Ok(Try { in_vain, ..tried })
    }

    /// Takes a try back that was right: the account's are forgotten, one of the address's and network's too.
    pub(super) async fn was_right(&self, realm: RealmId, tried: Try) -> Result<(), Error> {
        let db = &self.inner.env.db;
        db.write(realm, tried, |tx, tried| {
            Box::pin(async move {
                for key in &tried.keys {
                    if key.account {
                        store::delete(tx, &key.digest).await?;
                    } else {
                        store::take_back(tx, &key.digest).await?;
                    }
                }
                Ok::<_, Error>(())
            })
        })
        .await
    }

    /// Under which a person's tries are counted.
    pub(super) fn tries_of(&self, realm: RealmId, user: &User) -> Vec<[u8; 32]> {
        let id = user.id.to_string();
        let mut typed: Vec<&str> = user.identifiers.iter().map(Identifier::value).collect();
        typed.push(&id);
        typed
            .into_iter()
            .flat_map(|typed| KINDS.map(|kind| self.try_key(realm, kind, &folded(typed))))
            .collect()
    }

    /// A name that nobody can read back: what was typed may be a password in the wrong field.
    fn try_key(&self, realm: RealmId, kind: &str, value: &str) -> [u8; 32] {
        self.inner.ring.pseudonym(format!("try|{realm}|{kind}|{value}").as_bytes())
    }

    /// Removes what nobody has tried for a day; gives how many.
    pub async fn forget_tries(&self, realm: RealmId) -> Result<u64, Fault> {
        let before = self.inner.env.clock.now().minus(FORGOTTEN_AFTER);
        let db = &self.inner.env.db;
        db.write(realm, before, |tx, before| Box::pin(store::delete_before(tx, *before))).await
    }
}

/// What a second factor's tries are counted under, when it is known who it is.
pub(super) fn of_user(user: UserId) -> String {
    user.to_string()
}

/// True where it is in vain.
async fn count(tx: &mut Tx, tried: &Try) -> Result<bool, Error> {
    let forgotten = tried.now.minus(FORGOTTEN_AFTER);
    let (mut wait, mut early) = (Lifetime::ZERO, Vec::new());
    for key in &tried.keys {
        // Counted first, so that the row is locked when it is read; an early try is undone with everything.
        let (count, last_at) = store::count(tx, &key.digest, tried.now, forgotten).await?;
        let before = wait_before(count, key.free);
        if before.is_zero() {
            continue;
        }
        // Two at once: whichever is written first may have been asked a moment later, by another replica's clock too.
        let left = last_at.min(tried.now).plus(before).since(tried.now);
        if !key.silent {
            wait = wait.max(left);
        } else if left > Lifetime::ZERO {
            early.push(key.digest);
        }
    }
    if !wait.is_zero() {
        return Err(Error::Limited { retry_after: wait });
    }
    for key in &tried.keys {
        if early.contains(&key.digest) {
            store::take_back(tx, &key.digest).await?;
        } else {
            store::note(tx, &key.digest, tried.now).await?;
        }
    }
    Ok(!early.is_empty())
}

/// How long this try waits after the one before it.
fn wait_before(tries: i64, free: i64) -> Lifetime {
    let over = tries.saturating_sub(free);
    if over <= 0 {
        return Lifetime::ZERO;
    }
    Lifetime::seconds(1_i64 << over.min(20)).capped_by(WAIT_MAX)
}

/// One spelling; what can be nobody's name is counted as it is.
fn folded(typed: &str) -> String {
    let read = Identifier::typed(typed).map(|identifier| identifier.value().to_owned());
    read.unwrap_or_else(|| typed.chars().take(TYPED_CHARS_MAX).collect())
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// What an account's tries are counted under: one kind of proof does not use up another's.
pub(super) const PASSWORD: &str = "password";
/// The same by the person, where there is one: no name that somebody types is counted with it.
const PERSON: &str = "password of";
/// One-time passwords and recovery codes: six digits are soon guessed, so both share.
pub(super) const SECOND: &str = "second";
/// Requests for mail.
pub(super) const MAIL: &str = "mail";
/// Passkeys, which name their owner only afterwards.
pub(super) const PASSKEY: &str = "passkey";
const KINDS: [&str; 5] = [PASSWORD, PERSON, SECOND, MAIL, PASSKEY];

/// NIST SP 800-63B-4 §3.2.2 asks for at most 100 in a row; with the free ones that is a day.
const WAIT_MAX: Lifetime = Lifetime::minutes(15);
/// Tries are remembered for a day after the last one.
const FORGOTTEN_AFTER: Lifetime = Lifetime::days(1);
/// Of what is nobody's name.
const TYPED_CHARS_MAX: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_free_and_then_each_waits_twice_as_long_up_to_a_bound() {
        let waits: Vec<i64> = (1..=18).map(|tries| wait_before(tries, 5).as_seconds()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
        assert_eq!(wait_before(i64::MAX, 1), WAIT_MAX);
    }

    #[test]
    fn neighbours_share_a_network_and_spellings_of_one_address_are_one() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.7"), of("192.0.2.250"));
        assert_eq!(of("192.0.2.7"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.7"), of("192.0.3.7"));
        assert_eq!(of("2001:db8:1:ffff::1"), of("2001:db8:1::2"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
    }
}

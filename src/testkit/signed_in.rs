//! Crowds of people who are signed in, as their sign-ins left them: to measure a server that has many sessions.

use std::collections::{BTreeMap, BTreeSet};

use crate::accounts::{self, Factors, Handle, Identifier, User, UserState};
use crate::db::{Db, Tx};
use crate::env::{Clock as _, Entropy, SystemClock, SystemEntropy};
use crate::kernel::{
    Assurance, Fault, Lifetime, Method, RealmId, SessionId, SubjectId, Timestamp, UserId,
};
use crate::sessions::{self, Session, SessionCookie};

/// One person, and the browsers that they are signed in with.
#[derive(Debug)]
struct Person {
    user: User,
    sessions: Vec<(Session, [u8; 32])>,
}

/// Stores this many sessions in the first realm, four of each person, by the statements that a sign-in uses but many in one
/// transaction; gives the cookies of `shown` of them, chosen by chance. They began in the last twenty days.
pub async fn store_sessions(db: &Db, count: usize, shown: usize) -> Result<Vec<String>, Fault> {
    let entropy = SystemEntropy::default();
    let made = (0..count).map(|_| SessionCookie::make(&entropy));
    let mut cookies = made.collect::<Result<Vec<_>, Fault>>()?;
    let texts = cookies.iter().take(shown).map(SessionCookie::expose).collect();
    // Rows that come in the order of an index fill it once, where chance would write each of its pages again and again.
    cookies.sort_by_cached_key(SessionCookie::digest);
    let now = SystemClock::new().now();
    let people = count.div_ceil(BROWSERS).max(1);
    let step = Lifetime::micros(DAYS.as_micros() / i64::try_from(people).map_err(Fault::bug)?);
    let mut at = now.minus(DAYS);
    for crowd in cookies.chunks(BROWSERS * PEOPLE_AT_ONCE) {
        let mut people = Vec::with_capacity(PEOPLE_AT_ONCE);
        for cookies in crowd.chunks(BROWSERS) {
            people.push(person(&entropy, cookies, at)?);
            at = at.plus(step);
        }
        db.write(RealmId::FIRST, people, |tx, people| Box::pin(store(tx, people))).await?;
    }
    Ok(texts)
}

async fn store(tx: &mut Tx, people: &[Person]) -> Result<(), Fault> {
    for Person { user, sessions } in people {
        accounts::store::insert(tx, user).await?;
        for identifier in &user.identifiers {
            accounts::store::insert_identifier(tx, user.id, identifier).await?;
        }
        for (session, digest) in sessions {
            sessions::store::insert(tx, session, digest).await?;
        }
    }
    Ok(())
}

fn person(
    entropy: &(dyn Entropy + 'static),
    cookies: &[SessionCookie],
    at: Timestamp,
) -> Result<Person, Fault> {
    let id = UserId::new(entropy.uuid(at)?);
    let email = format!("{}@example.test", id.uuid().simple());
    let user = User {
        id,
        number: SubjectId::new(entropy.uuid(at)?),
        handle: Handle::of_id(id),
        state: UserState::Active,
        language: None,
        identifiers: vec![Identifier::email(&email).map_err(Fault::bug)?],
        attributes: BTreeMap::new(),
        groups: Vec::new(),
        factors: Factors::default(),
        passkey_declined_at: None,
        created_at: at,
        updated_at: at,
        revision: 1,
    };
    let sessions = cookies.iter().map(|cookie| Ok((session(entropy, &user)?, cookie.digest())));
    let sessions = sessions.collect::<Result<_, Fault>>()?;
    Ok(Person { user, sessions })
}

fn session(entropy: &(dyn Entropy + 'static), user: &User) -> Result<Session, Fault> {
    let at = user.created_at;
    let ends = at.plus(sessions::Settings::default().overall(Assurance::Aal1));
    Ok(Session {
        id: SessionId::new(entropy.uuid(at)?),
        realm: RealmId::FIRST,
        user: user.id,
        number: user.number,
        assurance: Assurance::Aal1,
        methods: BTreeSet::from([Method::Password]),
        upstream: None,
        device: None,
        address: "2001:db8:85a3:8d3:1319:8a2e:370:7348".to_owned(),
        agent: AGENT.to_owned(),
        created_at: at,
        signed_in_at: at,
        used_at: at,
        idle_at: ends,
        expires_at: ends,
    })
}

/// A phone, a computer at work, one at home, and the one that was forgotten.
const BROWSERS: usize = 4;
/// One transaction's worth.
const PEOPLE_AT_ONCE: usize = 500;
/// A session of one factor lives for thirty: none of these has ended.
const DAYS: Lifetime = Lifetime::days(20);
/// As long as browsers say it.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/129.0.0.0 Safari/537.36";

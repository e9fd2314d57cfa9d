//! Sessions, their clients, and revocations in the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::{Row, Tx, Value};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{
    Assurance, ClientId, DeviceId, Fault, Method, SessionId, SubjectId, Timestamp, UpstreamId,
    UserId,
};

use super::model::Session;

/// A row of `revocation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revocation {
    pub(super) what: String,
    pub(super) id: String,
    pub(super) not_before: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Inserts a session.
pub(crate) async fn insert(tx: &mut Tx, session: &Session, digest: &[u8]) -> Result<(), Fault> {
    let (id, user) = (session.id.to_string(), session.user.to_string());
    let (number, methods) = (session.number.to_string(), write_methods(&session.methods));
    let device = session.device.map(|device| device.to_string());
    let params = [
        Value::from(&id),
        Value::from(digest),
        Value::from(&user),
        Value::from(&number),
        Value::from(level(session.assurance)),
        Value::from(&methods),
        Value::from(session.upstream.as_ref().map(UpstreamId::as_str)),
        Value::from(&session.address),
        Value::from(&session.agent),
        Value::from(session.created_at),
        Value::from(session.signed_in_at),
        Value::from(session.used_at),
        Value::from(session.idle_at),
        Value::from(session.expires_at),
        Value::from(device.as_deref()),
    ];
    tx.execute(INSERT, &params).await.map(drop)
}

/// Gives a session a new cookie and new evidence; the digest it had, or nothing if there is no such session.
pub(super) async fn renew(
    tx: &mut Tx,
    session: &Session,
    digest: &[u8],
) -> Result<Option<Vec<u8>>, Fault> {
    let (id, methods) = (session.id.to_string(), write_methods(&session.methods));
    let Some(row) = tx.row(DIGEST, &[Value::from(&id)]).await? else { return Ok(None) };
    let device = session.device.map(|device| device.to_string());
    let params = [
        Value::from(&id),
        Value::from(digest),
        Value::from(level(session.assurance)),
        Value::from(&methods),
        Value::from(session.upstream.as_ref().map(UpstreamId::as_str)),
        Value::from(&session.address),
        Value::from(&session.agent),
        Value::from(session.signed_in_at),
        Value::from(session.used_at),
        Value::from(session.idle_at),
        Value::from(session.expires_at),
        Value::from(device.as_deref()),
    ];
    let renewed = tx.execute(RENEW, &params).await? == 1;
    Ok(if renewed { Some(row.bytes("digest")?) } else { None })
}

/// The session of this cookie.
pub(super) async fn by_digest(tx: &mut Tx, digest: &[u8]) -> Result<Option<Session>, Fault> {
    one(tx, BY_DIGEST, Value::from(digest)).await
}

/// One session.
pub(super) async fn by_id(tx: &mut Tx, id: SessionId) -> Result<Option<Session>, Fault> {
    let id = id.to_string();
    one(tx, BY_ID, Value::from(&id)).await
}

/// The sessions of a person, newest first.
pub(super) async fn of_user(
    tx: &mut Tx,
    (user, after): (UserId, Option<SessionId>),
    most: i64,
) -> Result<Vec<Session>, Fault> {
    let (realm, user) = (tx.realm(), user.to_string());
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let bounds = [Value::from(&user), Value::from(&after), Value::from(most)];
    let rows = tx.rows(OF_USER, &bounds).await?;
    rows.iter().map(|row| read(realm, row)).collect()
}

/// Some of the sessions on a device that nothing has ended, oldest first, after this one.
pub(super) async fn on_device(
    tx: &mut Tx,
    device: DeviceId,
    (after, now): (Option<SessionId>, Timestamp),
) -> Result<Vec<Session>, Fault> {
    let (realm, device) = (tx.realm(), device.to_string());
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let bounds = [Value::from(&device), now.into(), Value::from(&after), ON_DEVICE_AT_ONCE.into()];
    tx.rows(ON_DEVICE, &bounds).await?.iter().map(|row| read(realm, row)).collect()
}

/// Notes that a session was used.
pub(super) async fn touch(tx: &mut Tx, session: &Session) -> Result<(), Fault> {
    let id = session.id.to_string();
    let params = [Value::from(&id), Value::from(session.used_at), Value::from(session.idle_at)];
    tx.execute(TOUCH, &params).await.map(drop)
}

/// Removes a session; the digest of its cookie, or nothing if it is gone already.
pub(super) async fn delete(tx: &mut Tx, id: SessionId) -> Result<Option<Vec<u8>>, Fault> {
    let id = id.to_string();
    tx.row(DELETE, &[Value::from(&id)]).await?.map(|row| row.bytes("digest")).transpose()
}

/// Removes the sessions of a person.
pub(super) async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, Fault> {
    let user = user.to_string();
    tx.execute(DELETE_OF_USER, &[Value::from(&user)]).await
}

/// Removes some sessions whose end has come.
pub(super) async fn delete_past(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let bounds = [Value::from(now), Value::from(REMOVED_AT_ONCE)];
    let sessions = tx.execute(PAST_SESSIONS, &bounds).await?;
    Ok(sessions.saturating_add(tx.execute(PAST_REVOCATIONS, &bounds).await?))
}

/// Notes that a client got something from a session. Once is enough.
pub(super) async fn note_client(
    tx: &mut Tx,
    session: SessionId,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), Fault> {
    let session = session.to_string();
    let params = [Value::from(&session), Value::from(client.as_str()), Value::from(now)];
    tx.execute(NOTE_CLIENT, &params).await.map(drop)
}

/// The clients that got something from a session.
pub(super) async fn clients_of(tx: &mut Tx, session: SessionId) -> Result<Vec<ClientId>, Fault> {
    let session = session.to_string();
    let rows = tx.rows(CLIENTS_OF, &[Value::from(&session)]).await?;
    rows.iter().map(|row| ClientId::parse(&row.text("client_id")?).map_err(bad)).collect()
}

/// The sessions of a person that have clients, and those.
pub(super) async fn clients_of_user(
    tx: &mut Tx,
    user: UserId,
) -> Result<BTreeMap<SessionId, Vec<ClientId>>, Fault> {
    let user = user.to_string();
    let mut found: BTreeMap<SessionId, Vec<ClientId>> = BTreeMap::new();
    for row in tx.rows(CLIENTS_OF_USER, &[Value::from(&user)]).await? {
        let session = SessionId::parse(&row.text("session_id")?).map_err(bad)?;
        let client = ClientId::parse(&row.text("client_id")?).map_err(bad)?;
        found.entry(session).or_default().push(client);
    }
    // Sorted by the database, it would look through the clients of all sessions there are.
    for clients in found.values_mut() {
        clients.sort();
    }
    Ok(found)
}

/// Takes back what this key (`what/id`) names; what was taken back for longer stays so.
pub(super) async fn revoke_by_key(
    tx: &mut Tx,
    key: &str,
    not_before: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    revoke_unless(tx, key, (not_before, expires_at), Timestamp::FOREVER).await.map(drop)
}

/// The same, unless it was taken back since then already: true if it was not.
pub(super) async fn revoke_unless(
    tx: &mut Tx,
    key: &str,
    (not_before, expires_at): (Timestamp, Timestamp),
    since: Timestamp,
) -> Result<bool, Fault> {
    let (what, id) = key.split_once('/').ok_or_else(|| bad(key))?;
    let params =
        [Value::from(what), Value::from(id), not_before.into(), expires_at.into(), since.into()];
    Ok(tx.execute(REVOKE, &params).await? == 1)
}

/// Every revocation that still concerns something.
pub(super) async fn revocations(tx: &mut Tx) -> Result<Vec<Revocation>, Fault> {
    tx.rows(REVOCATIONS, &[]).await?.iter().map(read_revocation).collect()
}

/// One revocation.
pub(super) async fn revocation(
    tx: &mut Tx,
    what: &str,
    id: &str,
) -> Result<Option<Revocation>, Fault> {
    let row = tx.row(REVOCATION, &[Value::from(what), Value::from(id)]).await?;
    row.as_ref().map(read_revocation).transpose()
}

async fn one(tx: &mut Tx, sql: &'static str, key: Value<'_>) -> Result<Option<Session>, Fault> {
    let realm = tx.realm();
    tx.row(sql, &[key]).await?.map(|row| read(realm, &row)).transpose()
}

fn read(realm: crate::kernel::RealmId, row: &Row) -> Result<Session, Fault> {
    let (upstream, device) = (row.text_or_null("upstream")?, row.text_or_null("device")?);
    Ok(Session {
        id: SessionId::parse(&row.text("id")?).map_err(bad)?,
        realm,
        user: UserId::parse(&row.text("user_id")?).map_err(bad)?,
        number: SubjectId::parse(&row.text("number")?).map_err(bad)?,
        assurance: read_level(row.int("assurance")?)?,
        methods: read_methods(&row.text("methods")?)?,
        upstream: upstream.map(|text| UpstreamId::parse(&text).map_err(bad)).transpose()?,
        device: device.map(|text| DeviceId::parse(&text).map_err(bad)).transpose()?,
        address: row.text("address")?,
        agent: row.text("agent")?,
        created_at: row.time("created_at")?,
        signed_in_at: row.time("signed_in_at")?,
        used_at: row.time("used_at")?,
        idle_at: row.time("idle_at")?,
        expires_at: row.time("expires_at")?,
    })
}

fn read_revocation(row: &Row) -> Result<Revocation, Fault> {
    Ok(Revocation {
        what: row.text("what")?,
        id: row.text("id")?,
        not_before: row.time("not_before")?,
        expires_at: row.time("expires_at")?,
    })
}

fn level(assurance: Assurance) -> i64 {
    match assurance {
        Assurance::Aal1 => 1,
        Assurance::Aal2 => 2,
        Assurance::Aal3 => 3,
    }
}

fn read_level(number: i64) -> Result<Assurance, Fault> {
    let mut all = Assurance::ALL.into_iter();
    all.find(|assurance| level(*assurance) == number).ok_or_else(|| bad(number))
}

fn write_methods(methods: &BTreeSet<Method>) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
}

fn read_methods(text: &str) -> Result<BTreeSet<Method>, Fault> {
    text.split_whitespace().map(|word| Method::parse(word).ok_or_else(|| bad(word))).collect()
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `sessions`", error)
}

const INSERT: &str = "INSERT INTO session (realm, id, digest, user_id, number, assurance, methods, upstream, address, \
     agent, created_at, signed_in_at, used_at, idle_at, expires_at, device) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const DIGEST: &str = "SELECT digest FROM session WHERE realm = $1 AND id = $2";
const RENEW: &str = "UPDATE session SET digest = $3, assurance = $4, methods = $5, upstream = $6, address = $7, \
     agent = $8, signed_in_at = $9, used_at = $10, idle_at = $11, expires_at = $12, device = $13 \
     WHERE realm = $1 AND id = $2";
const BY_DIGEST: &str = "SELECT * FROM session WHERE realm = $1 AND digest = $2";
const BY_ID: &str = "SELECT * FROM session WHERE realm = $1 AND id = $2";
const OF_USER: &str = "SELECT * FROM session WHERE realm = $1 AND user_id = $2 AND ($3 = '' OR id < $3) \
     ORDER BY id DESC LIMIT $4";
const ON_DEVICE: &str = "SELECT * FROM session WHERE realm = $1 AND device = $2 AND expires_at > $3 AND id > $4 \
     ORDER BY id LIMIT $5";
/// Of one device in one read; there may be more.
const ON_DEVICE_AT_ONCE: i64 = 100;
const TOUCH: &str =
    "UPDATE session SET used_at = $3, idle_at = $4 WHERE realm = $1 AND id = $2 AND used_at < $3";
const DELETE: &str = "DELETE FROM session WHERE realm = $1 AND id = $2 RETURNING digest";
const DELETE_OF_USER: &str = "DELETE FROM session WHERE realm = $1 AND user_id = $2";
const PAST_SESSIONS: &str = "DELETE FROM session WHERE realm = $1 AND id IN \
     (SELECT id FROM session WHERE realm = $1 AND expires_at <= $2 LIMIT $3)";
const NOTE_CLIENT: &str = "INSERT INTO session_client (realm, session_id, client_id, first_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (realm, session_id, client_id) DO NOTHING";
const CLIENTS_OF: &str = "SELECT client_id FROM session_client WHERE realm = $1 AND session_id = $2 \
     ORDER BY client_id";
const CLIENTS_OF_USER: &str = "SELECT c.session_id, c.client_id FROM session s JOIN session_client c \
     ON c.realm = s.realm AND c.session_id = s.id WHERE s.realm = $1 AND s.user_id = $2";
const REVOKE: &str = "INSERT INTO revocation (realm, what, id, not_before, expires_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (realm, what, id) DO UPDATE SET \
     not_before = CASE WHEN excluded.not_before > revocation.not_before THEN excluded.not_before \
     ELSE revocation.not_before END, \
     expires_at = CASE WHEN excluded.expires_at > revocation.expires_at THEN excluded.expires_at \
     ELSE revocation.expires_at END WHERE revocation.realm = $1 AND revocation.not_before < $6";
const REVOCATIONS: &str = "SELECT * FROM revocation WHERE realm = $1";
const REVOCATION: &str = "SELECT * FROM revocation WHERE realm = $1 AND what = $2 AND id = $3";
const PAST_REVOCATIONS: &str = "DELETE FROM revocation WHERE realm = $1 AND (what, id) IN \
     (SELECT what, id FROM revocation WHERE realm = $1 AND expires_at <= $2 LIMIT $3)";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    DIGEST,
    RENEW,
    BY_DIGEST,
    BY_ID,
    OF_USER,
    ON_DEVICE,
    TOUCH,
    DELETE,
    DELETE_OF_USER,
    PAST_SESSIONS,
    NOTE_CLIENT,
    CLIENTS_OF,
    CLIENTS_OF_USER,
    REVOKE,
    REVOCATIONS,
    REVOCATION,
    PAST_REVOCATIONS,
];

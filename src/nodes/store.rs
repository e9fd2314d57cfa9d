//! Agents and join tokens in the database.

use crate::db::{Row, Tx, Value};
use crate::kernel::{DeviceId, Fault, JoinTokenId, Selector, SpiffeId, SubjectId, Timestamp};

use super::model::{Agent, CurrentSvid, JoinToken};

/// Inserts or replaces an agent after an attestation; false if it is banned, and nothing was done.
pub(super) async fn put_agent(tx: &mut Tx, agent: &Agent) -> Result<bool, Fault> {
    let selectors = write_selectors(&agent.selectors);
    let number = agent.number.to_string();
    let params = [
        Value::from(agent.id.as_str()),
        Value::from(&number),
        Value::from(agent.attestation_type),
        Value::from(&selectors),
        Value::from(agent.alias.as_ref().map(SpiffeId::as_str)),
        Value::from(&agent.current.serial),
        Value::from(&agent.current.previous),
        Value::from(agent.current.issued_at),
        Value::from(agent.current.expires),
        Value::from(agent.not_before),
        Value::from(agent.banned),
        Value::from(agent.can_reattest),
        Value::from(agent.attested_at),
        Value::from(agent.evidence_expires),
        Value::from(&agent.version),
    ];
    Ok(tx.execute(PUT_AGENT, &params).await? == 1)
}

/// One agent by its SPIFFE ID.
pub(super) async fn agent(tx: &mut Tx, id: &str) -> Result<Option<Agent>, Fault> {
    tx.row(AGENT, &[Value::from(id)]).await?.map(|row| read_agent(&row)).transpose()
}

/// Every agent of the realm.
pub(super) async fn agents(tx: &mut Tx) -> Result<Vec<Agent>, Fault> {
    tx.rows(AGENTS, &[]).await?.iter().map(read_agent).collect()
}

/// Makes this SVID the current one, unless a newer one is.
pub(super) async fn activate(
    tx: &mut Tx,
    id: &SpiffeId,
    svid: &CurrentSvid,
) -> Result<bool, Fault> {
    let params = [
        Value::from(id.as_str()),
        Value::from(&svid.serial),
        Value::from(svid.issued_at),
        Value::from(svid.expires),
    ];
    Ok(tx.execute(ACTIVATE, &params).await? == 1)
}

/// Bans an agent; false if it is banned already. `not_before` ends what was issued before.
pub(super) async fn ban(tx: &mut Tx, id: &SpiffeId, not_before: Timestamp) -> Result<bool, Fault> {
    Ok(tx.execute(BAN, &[Value::from(id.as_str()), Value::from(not_before)]).await? == 1)
}

/// Removes an agent.
pub(super) async fn evict(tx: &mut Tx, id: &SpiffeId) -> Result<bool, Fault> {
    Ok(tx.execute(EVICT, &[Value::from(id.as_str())]).await? == 1)
}

/// Notes the version that an agent reports; false if it is known already.
pub(super) async fn set_version(tx: &mut Tx, id: &SpiffeId, version: &str) -> Result<bool, Fault> {
    Ok(tx.execute(SET_VERSION, &[Value::from(id.as_str()), Value::from(version)]).await? == 1)
}

/// Notes the device that an agent's node runs on.
pub(super) async fn set_device(tx: &mut Tx, id: &SpiffeId, device: DeviceId) -> Result<(), Fault> {
    let device = device.to_string();
    tx.execute(SET_DEVICE, &[Value::from(id.as_str()), Value::from(&device)]).await.map(drop)
}

/// Inserts a join token; the unique key `join_token(realm, id)` decides races.
pub(super) async fn insert_token(
    tx: &mut Tx,
    token: &JoinToken,
    digest: &[u8],
) -> Result<(), Fault> {
    let id = token.id.to_string();
    let selectors = write_selectors(&token.selectors);
    let params = [
        Value::from(&id),
        Value::from(digest),
        Value::from(token.uses_max),
        Value::from(&selectors),
        Value::from(token.alias.as_ref().map(SpiffeId::as_str)),
        Value::from(token.created_at),
        Value::from(token.expires),
    ];
    tx.execute(INSERT_TOKEN, &params).await.map(drop)
}

/// One join token.
pub(super) async fn token(tx: &mut Tx, id: JoinTokenId) -> Result<Option<JoinToken>, Fault> {
    let id = id.to_string();
    tx.row(TOKEN, &[Value::from(&id)]).await?.map(|row| read_token(&row)).transpose()
}

/// A page of join tokens, by id, after this id.
pub(super) async fn tokens(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<JoinToken>, Fault> {
    tx.rows(TOKENS, &[Value::from(after), Value::from(limit)])
        .await?
        .iter()
        .map(read_token)
        .collect()
}

/// Takes a join token back.
pub(super) async fn revoke_token(tx: &mut Tx, id: JoinTokenId) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(REVOKE_TOKEN, &[Value::from(&id)]).await? == 1)
}

/// Uses a token up by one and says which use this is. The conditional update is its only reader on this path: of two
/// agents that race for the last use, one gets a row and the other none.
pub(super) async fn use_token(
    tx: &mut Tx,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<JoinToken>, Fault> {
    tx.row(USE_TOKEN, &[Value::from(digest), Value::from(now)])
        .await?
        .map(|row| read_token(&row))
        .transpose()
}

/// Remembers which key used a token, so that a lost answer can be asked for again.
pub(super) async fn note_use(
    tx: &mut Tx,
    token: JoinTokenId,
    key_digest: &[u8],
    ordinal: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    let token = token.to_string();
    let params =
        [Value::from(&token), Value::from(key_digest), Value::from(ordinal), Value::from(now)];
    tx.execute(NOTE_USE, &params).await.map(drop)
}

/// The earlier use of this token by this key, if it is recent: the token, and which use it was.
pub(super) async fn earlier_use(
    tx: &mut Tx,
    digest: &[u8],
    key_digest: &[u8],
    since: Timestamp,
) -> Result<Option<(JoinToken, i64)>, Fault> {
    let params = [Value::from(digest), Value::from(key_digest), Value::from(since)];
    match tx.row(EARLIER_USE, &params).await? {
        Some(row) => Ok(Some((read_token(&row)?, row.int("ordinal")?))),
        None => Ok(None),
    }
}

/// Forgets a use of a token: whoever it let in does not come back by it.
pub(super) async fn forget_use(tx: &mut Tx, token: JoinTokenId, ordinal: i64) -> Result<(), Fault> {
    let token = token.to_string();
    tx.execute(FORGET_USE, &[Value::from(&token), Value::from(ordinal)]).await.map(drop)
}

fn read_agent(row: &Row) -> Result<Agent, Fault> {
    Ok(Agent {
        number: SubjectId::parse(&row.text("number")?).map_err(bad)?,
        id: SpiffeId::parse(&row.text("id")?).map_err(bad)?,
        attestation_type: super::attestors::known_type(&row.text("attestation_type")?),
        selectors: read_selectors(&row.text("selectors")?)?,
        alias: read_id(row.text_or_null("alias")?)?,
        current: CurrentSvid {
            serial: row.text("serial")?,
            previous: row.text("previous_serial")?,
            issued_at: row.time("issued_at")?,
            expires: row.time("expires_at")?,
        },
        not_before: row.time("not_before")?,
        banned: row.flag("banned")?,
        can_reattest: row.flag("can_reattest")?,
        attested_at: row.time("attested_at")?,
        evidence_expires: row.time("evidence_expires")?,
        version: row.text("version")?,
        device: row
            .text_or_null("device")?
            .map(|text| DeviceId::parse(&text).map_err(bad))
            .transpose()?,
    })
}

fn read_token(row: &Row) -> Result<JoinToken, Fault> {
    Ok(JoinToken {
        id: JoinTokenId::parse(&row.text("id")?).map_err(bad)?,
        uses_max: row.int("uses_max")?,
        uses: row.int("uses")?,
        selectors: read_selectors(&row.text("selectors")?)?,
        alias: read_id(row.text_or_null("alias")?)?,
        created_at: row.time("created_at")?,
        expires: row.time("expires_at")?,
        revoked: row.flag("revoked")?,
    })
}

fn read_id(text: Option<String>) -> Result<Option<SpiffeId>, Fault> {
    text.map(|text| SpiffeId::parse(&text).map_err(bad)).transpose()
}

fn write_selectors(selectors: &[Selector]) -> String {
    let texts: Vec<String> = selectors.iter().map(ToString::to_string).collect();
    serde_json::Value::from(texts).to_string()
}

fn read_selectors(text: &str) -> Result<Vec<Selector>, Fault> {
    let texts: Vec<String> = serde_json::from_str(text).map_err(bad)?;
    texts.iter().map(|text| Selector::parse(text).map_err(bad)).collect()
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `nodes`", error)
}

const PUT_AGENT: &str = "INSERT INTO agent (realm, id, number, attestation_type, selectors, alias, serial, \
     previous_serial, issued_at, expires_at, not_before, banned, can_reattest, attested_at, evidence_expires, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
     ON CONFLICT (realm, id) DO UPDATE SET attestation_type = excluded.attestation_type, \
     selectors = excluded.selectors, alias = excluded.alias, serial = excluded.serial, \
     previous_serial = excluded.previous_serial, issued_at = excluded.issued_at, expires_at = excluded.expires_at, \
     can_reattest = excluded.can_reattest, attested_at = excluded.attested_at, \
     evidence_expires = excluded.evidence_expires WHERE agent.realm = $1 AND agent.banned = 0";
const AGENT: &str = "SELECT * FROM agent WHERE realm = $1 AND id = $2";
const AGENTS: &str = "SELECT * FROM agent WHERE realm = $1";
const ACTIVATE: &str = "UPDATE agent SET previous_serial = serial, serial = $3, issued_at = $4, expires_at = $5 \
     WHERE realm = $1 AND id = $2 AND serial <> $3 AND previous_serial <> $3 AND issued_at <= $4";
const BAN: &str =
    "UPDATE agent SET banned = 1, not_before = $3 WHERE realm = $1 AND id = $2 AND banned = 0";
const EVICT: &str = "DELETE FROM agent WHERE realm = $1 AND id = $2";
const SET_VERSION: &str =
    "UPDATE agent SET version = $3 WHERE realm = $1 AND id = $2 AND version <> $3";
const SET_DEVICE: &str = "UPDATE agent SET device = $3 WHERE realm = $1 AND id = $2";
const INSERT_TOKEN: &str = "INSERT INTO join_token (realm, id, digest, uses_max, uses, selectors, alias, created_at, \
     expires_at, revoked) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, 0)";
const TOKEN: &str = "SELECT * FROM join_token WHERE realm = $1 AND id = $2";
const TOKENS: &str = "SELECT * FROM join_token WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3";
const REVOKE_TOKEN: &str =
    "UPDATE join_token SET revoked = 1 WHERE realm = $1 AND id = $2 AND revoked = 0";
const USE_TOKEN: &str = "UPDATE join_token SET uses = uses + 1 \
     WHERE realm = $1 AND digest = $2 AND uses < uses_max AND expires_at > $3 AND revoked = 0 RETURNING *";
const NOTE_USE: &str = "INSERT INTO join_token_use (realm, token, key_digest, ordinal, used_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (realm, token, key_digest) DO UPDATE SET ordinal = excluded.ordinal, \
     used_at = excluded.used_at WHERE join_token_use.realm = $1";
const EARLIER_USE: &str = "SELECT t.*, u.ordinal FROM join_token t JOIN join_token_use u \
     ON u.realm = t.realm AND u.token = t.id \
     WHERE t.realm = $1 AND t.digest = $2 AND u.key_digest = $3 AND u.used_at >= $4 AND t.revoked = 0";
const FORGET_USE: &str =
    "DELETE FROM join_token_use WHERE realm = $1 AND token = $2 AND ordinal = $3";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[
    PUT_AGENT,
    AGENT,
    AGENTS,
    ACTIVATE,
    BAN,
    EVICT,
    SET_VERSION,
    SET_DEVICE,
    INSERT_TOKEN,
    TOKEN,
    TOKENS,
    REVOKE_TOKEN,
    USE_TOKEN,
    NOTE_USE,
    EARLIER_USE,
    FORGET_USE,
];

//! Devices and their tokens in the database.

use serde_json::{Value as Json, json};

use crate::crypto::digest::{from_hex, hex};
use crate::db::{Row, Tx, Value};
use crate::kernel::{
    DeviceId, DeviceTokenId, EvidenceSource, Fault, SpiffeId, Strength, SubjectId, Timestamp,
    UserId,
};

use super::model::{Class, Device, DeviceSvid, DeviceToken, Grant, KnownBy, State};

/// Inserts or replaces a device, whole. The caller has read the row in the same transaction.
pub(super) async fn put_device(tx: &mut Tx, device: &Device) -> Result<(), Fault> {
    let (id, number) = (device.id.to_string(), device.number.to_string());
    let owner = device.owner.map(|owner| owner.to_string());
    // Columns of one schema with what was there before: a device without an SVID has an empty one.
    let none = || DeviceSvid {
        serial: String::new(),
        key_digest: [0; 32],
        issued_at: device.created_at,
        expires: device.created_at,
    };
    let current = device.current.clone().unwrap_or_else(none);
    let (evidence, next) = (write_evidence(&device.evidence), device.next.as_ref().map(write_svid));
    let params = [
        Value::from(&id),
        Value::from(&number),
        Value::from(device.spiffe_id.as_str()),
        Value::from(&device.name),
        Value::from(&device.platform),
        Value::from(device.class.as_str()),
        Value::from(device.profile.as_deref()),
        Value::from(owner.as_deref()),
        Value::from(device.state.as_str()),
        Value::from(device.state.reason()),
        Value::from(&current.serial),
        Value::from(current.key_digest.as_slice()),
        Value::from(current.issued_at),
        Value::from(current.expires),
        Value::from(&device.previous),
        Value::from(next.as_deref()),
        Value::from(&evidence),
        Value::from(device.evidence_expires),
        Value::from(device.created_at),
        Value::from(device.revision),
        Value::from(device.asked_key.as_ref().map(<[u8; 32]>::as_slice)),
    ];
    tx.execute(PUT_DEVICE, &params).await.map(drop)
}

/// One device.
pub(super) async fn device(tx: &mut Tx, id: DeviceId) -> Result<Option<Device>, Fault> {
    let id = id.to_string();
    tx.row(DEVICE, &[Value::from(&id)]).await?.map(|row| read_device(&row)).transpose()
}

/// Every device of the realm.
pub(super) async fn devices(tx: &mut Tx) -> Result<Vec<Device>, Fault> {
    tx.rows(DEVICES, &[]).await?.iter().map(read_device).collect()
}

/// The devices of a person.
pub(super) async fn of_owner(tx: &mut Tx, owner: UserId) -> Result<Vec<Device>, Fault> {
    let owner = owner.to_string();
    tx.rows(OF_OWNER, &[Value::from(&owner)]).await?.iter().map(read_device).collect()
}

/// Takes a person off every device and token that was theirs.
pub(super) async fn disown(tx: &mut Tx, owner: UserId) -> Result<(), Fault> {
    let owner = owner.to_string();
    tx.execute(DISOWN_DEVICES, &[Value::from(&owner)]).await?;
    tx.execute(DISOWN_TOKENS, &[Value::from(&owner)]).await.map(drop)
}

/// Inserts a token; the unique key `device_token(realm, id)` decides races.
pub(super) async fn insert_token(
    tx: &mut Tx,
    token: &DeviceToken,
    digest: &[u8],
) -> Result<(), Fault> {
    let id = token.id.to_string();
    let owner = token.grant.owner.map(|owner| owner.to_string());
    let device = token.grant.device.map(|device| device.to_string());
    let params = [
        Value::from(&id),
        Value::from(digest),
        Value::from(token.uses_max),
        Value::from(token.grant.class.as_str()),
        Value::from(token.grant.profile.as_deref()),
        Value::from(owner.as_deref()),
        Value::from(token.created_at),
        Value::from(token.expires),
        Value::from(device.as_deref()),
    ];
    tx.execute(INSERT_TOKEN, &params).await.map(drop)
}

/// One token.
pub(super) async fn token(tx: &mut Tx, id: DeviceTokenId) -> Result<Option<DeviceToken>, Fault> {
    let id = id.to_string();
    tx.row(TOKEN, &[Value::from(&id)]).await?.map(|row| read_token(&row)).transpose()
}

/// A page of tokens, by id, after this id.
pub(super) async fn tokens(
    tx: &mut Tx,
    after: &str,
    limit: i64,
) -> Result<Vec<DeviceToken>, Fault> {
    let params = [Value::from(after), Value::from(limit)];
    tx.rows(TOKENS, &params).await?.iter().map(read_token).collect()
}

/// Takes a token back.
pub(super) async fn revoke_token(tx: &mut Tx, id: DeviceTokenId) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(REVOKE_TOKEN, &[Value::from(&id)]).await? == 1)
}

/// A token that may still be used, or come back with, whether or not it is used up.
pub(super) async fn live_token(
    tx: &mut Tx,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<DeviceToken>, Fault> {
    tx.row(LIVE_TOKEN, &[Value::from(digest), Value::from(now)])
        .await?
        .map(|row| read_token(&row))
        .transpose()
}

/// Uses a token up by one. The conditional update is its only reader on this path: of two devices that race for the last
/// use, one gets a row and the other none.
pub(super) async fn use_token(
    tx: &mut Tx,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<DeviceToken>, Fault> {
    tx.row(USE_TOKEN, &[Value::from(digest), Value::from(now)])
        .await?
        .map(|row| read_token(&row))
        .transpose()
}

/// Remembers which key used a token and which device that made, so that a lost answer can be asked for again.
pub(super) async fn note_use(
    tx: &mut Tx,
    token: DeviceTokenId,
    key_digest: &[u8],
    device: DeviceId,
    now: Timestamp,
) -> Result<(), Fault> {
    let (token, device) = (token.to_string(), device.to_string());
    let params =
        [Value::from(&token), Value::from(key_digest), Value::from(&device), Value::from(now)];
    tx.execute(NOTE_USE, &params).await.map(drop)
}

/// The earlier use of this token by this key, if it is recent: the token, and the device it made.
pub(super) async fn earlier_use(
    tx: &mut Tx,
    digest: &[u8],
    key_digest: &[u8],
    since: Timestamp,
) -> Result<Option<(DeviceToken, DeviceId)>, Fault> {
    let params = [Value::from(digest), Value::from(key_digest), Value::from(since)];
    let Some(row) = tx.row(EARLIER_USE, &params).await? else { return Ok(None) };
    Ok(Some((read_token(&row)?, DeviceId::parse(&row.text("used_by")?).map_err(bad)?)))
}

fn read_device(row: &Row) -> Result<Device, Fault> {
    let reason = row.text_or_null("reason")?.unwrap_or_default();
    let state = match row.text("state")?.as_str() {
        "waiting" => State::Waiting,
        "enrolled" => State::Enrolled,
        "locked" => State::Locked { reason },
        "retired" => State::Retired { reason },
        other => return Err(bad(format!("no state `{other}`"))),
    };
    let current = DeviceSvid {
        serial: row.text("serial")?,
        key_digest: digest(&row.bytes("key_digest")?)?,
        issued_at: row.time("issued_at")?,
        expires: row.time("expires_at")?,
    };
    Ok(Device {
        id: DeviceId::parse(&row.text("id")?).map_err(bad)?,
        number: SubjectId::parse(&row.text("number")?).map_err(bad)?,
        spiffe_id: SpiffeId::parse(&row.text("spiffe_id")?).map_err(bad)?,
        name: row.text("name")?,
        platform: row.text("platform")?,
        class: class(row)?,
        profile: row.text_or_null("profile")?,
        owner: owner(row)?,
        state,
        asked_key: row.bytes_or_null("asked_key")?.map(|bytes| digest(&bytes)).transpose()?,
        current: Some(current).filter(|current| !current.serial.is_empty()),
        previous: row.text("previous_serial")?,
        next: row.text_or_null("next_svid")?.map(|text| read_svid(&text)).transpose()?,
        evidence: read_evidence(&row.text("evidence")?)?,
        evidence_expires: row.time("evidence_expires")?,
        created_at: row.time("created_at")?,
        revision: row.int("revision")?,
    })
}

fn read_token(row: &Row) -> Result<DeviceToken, Fault> {
    Ok(DeviceToken {
        id: DeviceTokenId::parse(&row.text("id")?).map_err(bad)?,
        uses_max: row.int("uses_max")?,
        uses: row.int("uses")?,
        grant: Grant {
            class: class(row)?,
            profile: row.text_or_null("profile")?,
            owner: owner(row)?,
            device: for_device(row)?,
        },
        created_at: row.time("created_at")?,
        expires: row.time("expires_at")?,
        revoked: row.flag("revoked")?,
    })
}

fn class(row: &Row) -> Result<Class, Fault> {
    let name = row.text("class")?;
    Class::parse(&name).ok_or_else(|| bad(format!("no class `{name}`")))
}

fn owner(row: &Row) -> Result<Option<UserId>, Fault> {
    row.text_or_null("owner")?.map(|text| UserId::parse(&text).map_err(bad)).transpose()
}

fn for_device(row: &Row) -> Result<Option<DeviceId>, Fault> {
    row.text_or_null("device")?.map(|text| DeviceId::parse(&text).map_err(bad)).transpose()
}

fn digest(bytes: &[u8]) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|_| bad("a key's digest has 32 bytes"))
}

fn write_svid(svid: &DeviceSvid) -> String {
    json!({
        "serial": svid.serial,
        "key": hex(&svid.key_digest),
        "issued_at": svid.issued_at.micros(),
        "expires": svid.expires.micros(),
    })
    .to_string()
}

fn read_svid(text: &str) -> Result<DeviceSvid, Fault> {
    let document: Json = serde_json::from_str(text).map_err(bad)?;
    let key = word(&document, "key").and_then(from_hex).ok_or_else(|| bad("an SVID's key"))?;
    Ok(DeviceSvid {
        serial: word(&document, "serial").ok_or_else(|| bad("an SVID's serial"))?.to_owned(),
        key_digest: digest(&key)?,
        issued_at: time(&document, "issued_at")?,
        expires: time(&document, "expires")?,
    })
}

fn write_evidence(evidence: &[KnownBy]) -> String {
    let one = |known: &KnownBy| {
        json!({
            "source": known.source.as_str(),
            "strength": known.strength.as_str(),
            "first": known.first.micros(),
            "last": known.last.micros(),
        })
    };
    evidence.iter().map(one).collect::<Json>().to_string()
}

fn read_evidence(text: &str) -> Result<Vec<KnownBy>, Fault> {
    let all: Vec<Json> = serde_json::from_str(text).map_err(bad)?;
    let one = |document: &Json| {
        let source = match word(document, "source") {
            Some("enrolment") => EvidenceSource::Enrolment,
            Some("possession") => EvidenceSource::Possession,
            _ => return Err(bad("evidence of a source that devices do not have")),
        };
        let strength = match word(document, "strength") {
            Some("hardware") => Strength::Hardware,
            Some("software") => Strength::Software,
            _ => Strength::Claimed,
        };
        let (first, last) = (time(document, "first")?, time(document, "last")?);
        Ok(KnownBy { source, strength, first, last })
    };
    all.iter().map(one).collect()
}

fn word<'a>(document: &'a Json, name: &str) -> Option<&'a str> {
    document.get(name)?.as_str()
}

fn time(document: &Json, name: &str) -> Result<Timestamp, Fault> {
    let micros = document.get(name).and_then(Json::as_i64).ok_or_else(|| bad("a time"))?;
    Ok(Timestamp::from_micros(micros))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `devices`", error)
}

const PUT_DEVICE: &str = "INSERT INTO device (realm, id, number, spiffe_id, name, platform, class, profile, owner, state, \
     reason, serial, key_digest, issued_at, expires_at, previous_serial, next_svid, evidence, evidence_expires, created_at, \
     revision, asked_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
     $21, $22) \
     ON CONFLICT (realm, id) DO UPDATE SET name = excluded.name, platform = excluded.platform, owner = excluded.owner, \
     state = excluded.state, reason = excluded.reason, serial = excluded.serial, key_digest = excluded.key_digest, \
     issued_at = excluded.issued_at, expires_at = excluded.expires_at, previous_serial = excluded.previous_serial, \
     next_svid = excluded.next_svid, evidence = excluded.evidence, evidence_expires = excluded.evidence_expires, \
     revision = excluded.revision, asked_key = excluded.asked_key WHERE device.realm = $1";
const DEVICE: &str = "SELECT * FROM device WHERE realm = $1 AND id = $2";
const DEVICES: &str = "SELECT * FROM device WHERE realm = $1";
const OF_OWNER: &str = "SELECT * FROM device WHERE realm = $1 AND owner = $2";
const DISOWN_DEVICES: &str =
    "UPDATE device SET owner = NULL, name = id WHERE realm = $1 AND owner = $2";
const DISOWN_TOKENS: &str = "UPDATE device_token SET owner = NULL WHERE realm = $1 AND owner = $2";
const INSERT_TOKEN: &str = "INSERT INTO device_token (realm, id, digest, uses_max, uses, class, profile, owner, created_at, \
     expires_at, device, revoked) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, 0)";
const TOKEN: &str = "SELECT * FROM device_token WHERE realm = $1 AND id = $2";
const TOKENS: &str = "SELECT * FROM device_token WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3";
const REVOKE_TOKEN: &str =
    "UPDATE device_token SET revoked = 1 WHERE realm = $1 AND id = $2 AND revoked = 0";
const USE_TOKEN: &str = "UPDATE device_token SET uses = uses + 1 \
     WHERE realm = $1 AND digest = $2 AND uses < uses_max AND expires_at > $3 AND revoked = 0 RETURNING *";
const LIVE_TOKEN: &str = "SELECT * FROM device_token WHERE realm = $1 AND digest = $2 AND expires_at > $3 AND revoked = 0";
const NOTE_USE: &str = "INSERT INTO device_token_use (realm, token, key_digest, device, used_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (realm, token, key_digest) DO UPDATE SET device = excluded.device, \
     used_at = excluded.used_at WHERE device_token_use.realm = $1";
const EARLIER_USE: &str = "SELECT t.*, u.device AS used_by FROM device_token t JOIN device_token_use u \
     ON u.realm = t.realm AND u.token = t.id \
     WHERE t.realm = $1 AND t.digest = $2 AND u.key_digest = $3 AND u.used_at >= $4 AND t.revoked = 0";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[
    PUT_DEVICE,
    DEVICE,
    DEVICES,
    OF_OWNER,
    DISOWN_DEVICES,
    DISOWN_TOKENS,
    INSERT_TOKEN,
    TOKEN,
    TOKENS,
    REVOKE_TOKEN,
    USE_TOKEN,
    LIVE_TOKEN,
    NOTE_USE,
    EARLIER_USE,
];

//! Clients, requests on their way, and grants at rest.

use super::client::Client;
use super::client_document;
use super::grant::{CodeTerms, Grant, OnDevice};
use crate::db::{Row, Tx, Value};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{
    AuthorizationRequestId, ClientId, DeviceId, Fault, GrantId, SessionId, SubjectId, Timestamp,
    UserId,
};

/// Every client of the realm.
pub(super) async fn clients(tx: &mut Tx) -> Result<Vec<Client>, Fault> {
    tx.rows(CLIENTS, &[]).await?.iter().map(read_client).collect()
}

/// One client.
pub(super) async fn client(tx: &mut Tx, id: &str) -> Result<Option<Client>, Fault> {
    tx.row(CLIENT, &[id.into()]).await?.as_ref().map(read_client).transpose()
}

pub(super) async fn count_clients(tx: &mut Tx) -> Result<i64, Fault> {
    tx.row(COUNT_CLIENTS, &[]).await?.map_or(Ok(0), |row| row.int("n"))
}

/// False if the id is taken.
pub(super) async fn insert_client(tx: &mut Tx, client: &Client) -> Result<bool, Fault> {
    let (number, document) = (client.number.to_string(), client_document::print(&client.terms));
    let params = [
        client.id.as_str().into(),
        Value::from(&number),
        Value::from(&document),
        bytes(client.secret.as_ref()),
        bytes(client.next_secret.as_ref()),
        client.created_at.into(),
    ];
    Ok(tx.execute(INSERT_CLIENT, &params).await? == 1)
}

/// False if it is at another revision than `before`, or not there.
pub(super) async fn update_client(
    tx: &mut Tx,
    client: &Client,
    before: i64,
) -> Result<bool, Fault> {
    let document = client_document::print(&client.terms);
    let params = [
        client.id.as_str().into(),
        Value::from(&document),
        bytes(client.secret.as_ref()),
        bytes(client.next_secret.as_ref()),
        client.updated_at.into(),
        client.revision.into(),
        before.into(),
    ];
    Ok(tx.execute(UPDATE_CLIENT, &params).await? == 1)
}

/// False if it is at another revision than `before`, or not there.
pub(super) async fn delete_client(tx: &mut Tx, id: &ClientId, before: i64) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE_CLIENT, &[id.as_str().into(), before.into()]).await? == 1)
}

// --- requests on their way

/// Keeps a request; without a browser it belongs to the first that comes for it.
pub(super) async fn insert_request(tx: &mut Tx, kept: &KeptRow) -> Result<(), Fault> {
    let id = kept.id.to_string();
    let params = [
        Value::from(&id),
        Value::from(kept.binding.as_slice()),
        Value::from(&kept.document),
        kept.created_at.into(),
        kept.expires_at.into(),
    ];
    tx.execute(INSERT_REQUEST, &params).await.map(drop)
}

/// The request of this id, for the browser it belongs to; one that belongs to none yet belongs to this one from now on.
pub(super) async fn take_request(
    tx: &mut Tx,
    id: AuthorizationRequestId,
    (binding, now): (&[u8; 32], Timestamp),
) -> Result<Option<(String, Timestamp)>, Fault> {
    let (text, nobody) = (id.to_string(), []);
    let params =
        [Value::from(&text), Value::from(binding.as_slice()), now.into(), Value::from(&nobody[..])];
    let row = tx.row(TAKE_REQUEST, &params).await?;
    row.map(|row| Ok((row.text("document")?, row.time("created_at")?))).transpose()
}

/// Says what has happened to a request meanwhile.
pub(super) async fn update_request(
    tx: &mut Tx,
    id: AuthorizationRequestId,
    document: &str,
) -> Result<(), Fault> {
    let text = id.to_string();
    tx.execute(UPDATE_REQUEST, &[Value::from(&text), document.into()]).await.map(drop)
}

/// Forgets a request that was answered.
pub(super) async fn delete_request(tx: &mut Tx, id: AuthorizationRequestId) -> Result<bool, Fault> {
    let text = id.to_string();
    Ok(tx.execute(DELETE_REQUEST, &[Value::from(&text)]).await? == 1)
}

/// A request as it is kept.
#[derive(Debug, Clone)]
pub(super) struct KeptRow {
    pub(super) id: AuthorizationRequestId,
    /// The digest of the browser's cookie, or nothing.
    pub(super) binding: Vec<u8>,
    pub(super) document: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

// --- grants, codes, families

pub(super) async fn insert_grant(tx: &mut Tx, grant: &Grant) -> Result<(), Fault> {
    let (id, user, session) =
        (grant.id.to_string(), grant.user.to_string(), grant.session.to_string());
    let (document, device) = (grant.document(), grant.device.map(|device| device.id.to_string()));
    let key = i64::from(grant.device.is_some_and(|device| device.key));
    let params = [
        Value::from(&id),
        grant.client.as_str().into(),
        Value::from(&user),
        Value::from(&session),
        Value::from(&document),
        Value::from(device.as_deref()),
        grant.created_at.into(),
        grant.expires_at.into(),
        key.into(),
    ];
    tx.execute(INSERT_GRANT, &params).await.map(drop)
}

/// Binds a grant to the key of a device.
pub(super) async fn bind_grant(tx: &mut Tx, id: GrantId, device: DeviceId) -> Result<(), Fault> {
    let (id, device) = (id.to_string(), device.to_string());
    tx.execute(BIND_GRANT, &[Value::from(&id), Value::from(&device)]).await.map(drop)
}

/// Ends a grant; false if its end had come before. Whoever ends it second finds an end that is past by every
/// replica's clock.
pub(super) async fn end_grant(tx: &mut Tx, id: GrantId, now: Timestamp) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(END_GRANT, &[Value::from(&id), now.into()]).await? == 1)
}

/// What stands of the grants on a device, oldest first, after this one.
pub(super) async fn grants_on(
    tx: &mut Tx,
    device: DeviceId,
    (after, now): (Option<GrantId>, Timestamp),
) -> Result<Vec<Grant>, Fault> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    let device = device.to_string();
    let params = [Value::from(&device), now.into(), Value::from(&after), GRANTS_AT_ONCE.into()];
    tx.rows(GRANTS_ON, &params).await?.iter().map(read_grant).collect()
}

pub(super) async fn grant(tx: &mut Tx, id: GrantId) -> Result<Option<Grant>, Fault> {
    let id = id.to_string();
    tx.row(GRANT, &[Value::from(&id)]).await?.as_ref().map(read_grant).transpose()
}

/// What a person has granted and what still stands.
pub(super) async fn grants_of(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Grant>, Fault> {
    let user = user.to_string();
    tx.rows(GRANTS_OF, &[Value::from(&user), now.into()]).await?.iter().map(read_grant).collect()
}

/// The same, and when each was last refreshed.
pub(super) async fn grants_and_use(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<(Grant, Option<Timestamp>)>, Fault> {
    let user = user.to_string();
    let rows = tx.rows(GRANTS_AND_USE, &[Value::from(&user), now.into()]).await?;
    rows.iter().map(|row| Ok((read_grant(row)?, row.time_or_null("rotated_at")?))).collect()
}

pub(super) async fn insert_code(
    tx: &mut Tx,
    (digest, grant): (&[u8; 32], GrantId),
    terms: &CodeTerms,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    let (grant, document) = (grant.to_string(), terms.document());
    let params = [
        Value::from(digest.as_slice()),
        Value::from(&grant),
        Value::from(&document),
        expires_at.into(),
    ];
    tx.execute(INSERT_CODE, &params).await.map(drop)
}

/// Uses a code up. Of two that show it at once, one gets the row.
pub(super) async fn use_code(
    tx: &mut Tx,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(GrantId, CodeTerms)>, Fault> {
    let row = tx.row(USE_CODE, &[Value::from(digest.as_slice()), now.into()]).await?;
    row.map(|row| {
        let grant = GrantId::parse(&row.text("grant_id")?).map_err(bad)?;
        Ok((grant, CodeTerms::read(&row.text("document")?)?))
    })
    .transpose()
}

/// The grant of a code that was used.
pub(super) async fn used_code(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<GrantId>, Fault> {
    let row = tx.row(USED_CODE, &[Value::from(digest.as_slice())]).await?;
    row.map(|row| GrantId::parse(&row.text("grant_id")?).map_err(bad)).transpose()
}

/// The refresh token of a family that counts now.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) digest: [u8; 32],
    /// What the one before it was shown with, if the client bound its retries.
    pub(super) attempt: Option<[u8; 32]>,
    pub(super) generation: u32,
    pub(super) rotated_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

pub(super) async fn insert_family(
    tx: &mut Tx,
    grant: GrantId,
    digest: &[u8; 32],
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    let grant = grant.to_string();
    let params =
        [Value::from(&grant), Value::from(digest.as_slice()), now.into(), expires_at.into()];
    tx.execute(INSERT_FAMILY, &params).await.map(drop)
}

/// A family with its grant.
pub(super) async fn family(tx: &mut Tx, grant: GrantId) -> Result<Option<(Family, Grant)>, Fault> {
    let id = grant.to_string();
    let Some(row) = tx.row(FAMILY, &[Value::from(&id)]).await? else { return Ok(None) };
    let generation = u32::try_from(row.int("generation")?).map_err(bad)?;
    let digest = digest(Some(row.bytes("digest")?))?.ok_or_else(|| bad("no digest"))?;
    let attempt = self::digest(row.bytes_or_null("previous")?)?;
    let rotated_at = row.time("rotated_at")?;
    let expires_at = row.time("family_expires_at")?;
    let family = Family { digest, attempt, generation, rotated_at, expires_at };
    Ok(Some((family, read_grant(&row)?)))
}

/// Moves a family on, if the token shown is the one that counts.
pub(super) async fn rotate_family(
    tx: &mut Tx,
    grant: GrantId,
    (shown, next): (&[u8; 32], &[u8; 32]),
    (attempt, now): (Option<[u8; 32]>, Timestamp),
) -> Result<bool, Fault> {
    let grant = grant.to_string();
    let params = [
        Value::from(&grant),
        Value::from(shown.as_slice()),
        Value::from(next.as_slice()),
        now.into(),
        bytes(attempt.as_ref()),
    ];
    Ok(tx.execute(ROTATE_FAMILY, &params).await? == 1)
}

pub(super) async fn delete_family(tx: &mut Tx, grant: GrantId) -> Result<(), Fault> {
    let grant = grant.to_string();
    tx.execute(DELETE_FAMILY, &[Value::from(&grant)]).await.map(drop)
}

fn read_grant(row: &Row) -> Result<Grant, Fault> {
    let names = (
        GrantId::parse(&row.text("id")?).map_err(bad)?,
        ClientId::parse(&row.text("client_id")?).map_err(bad)?,
        UserId::parse(&row.text("user_id")?).map_err(bad)?,
        SessionId::parse(&row.text("session_id")?).map_err(bad)?,
    );
    let times = (row.time("created_at")?, row.time("expires_at")?);
    let (device, key) = (row.text_or_null("device")?, row.int("device_key")? != 0);
    let device = device.map(|text| DeviceId::parse(&text).map_err(bad)).transpose()?;
    let device = device.map(|id| OnDevice { id, key });
    Grant::of_row(names, (&row.text("document")?, device), times)
}

// --- consents

/// The scopes that a person has agreed to, by resource.
pub(super) async fn consents(
    tx: &mut Tx,
    user: UserId,
    client: &ClientId,
) -> Result<Vec<(String, String)>, Fault> {
    let user = user.to_string();
    let rows = tx.rows(CONSENTS, &[Value::from(&user), client.as_str().into()]).await?;
    rows.iter().map(|row| Ok((row.text("resource")?, row.text("scopes")?))).collect()
}

/// What a person agreed to.
pub(super) struct Consent {
    pub(super) client: ClientId,
    pub(super) resource: String,
    pub(super) scopes: String,
    pub(super) given_at: Timestamp,
}

/// All that a person has agreed to.
pub(super) async fn consents_of(tx: &mut Tx, user: UserId) -> Result<Vec<Consent>, Fault> {
    let rows = tx.rows(CONSENTS_OF, &[Value::from(&user.to_string())]).await?;
    let read = |row: &Row| {
        Ok(Consent {
            client: ClientId::parse(&row.text("client_id")?).map_err(bad)?,
            resource: row.text("resource")?,
            scopes: row.text("scopes")?,
            given_at: row.time("given_at")?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn put_consent(
    tx: &mut Tx,
    (user, client): (UserId, &ClientId),
    (resource, scopes): (&str, &str),
    now: Timestamp,
) -> Result<(), Fault> {
    let user = user.to_string();
    let params =
        [Value::from(&user), client.as_str().into(), resource.into(), scopes.into(), now.into()];
    tx.execute(PUT_CONSENT, &params).await.map(drop)
}

/// Takes back what a person agreed to.
pub(super) async fn delete_consents(
    tx: &mut Tx,
    user: UserId,
    client: &ClientId,
) -> Result<(), Fault> {
    let user = user.to_string();
    tx.execute(DELETE_CONSENTS, &[Value::from(&user), client.as_str().into()]).await.map(drop)
}

/// Removes what is past: requests, codes, families and grants. At most so many of each in one go.
pub(super) async fn delete_past(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let mut gone = 0_u64;
    for statement in [PAST_REQUESTS, PAST_CODES, PAST_FAMILIES, PAST_GRANTS] {
        gone = gone
            .saturating_add(tx.execute(statement, &[now.into(), REMOVED_AT_ONCE.into()]).await?);
    }
    Ok(gone)
}

/// Removes what a person was granted and agreed to.
pub(super) async fn erase(tx: &mut Tx, user: UserId) -> Result<(), Fault> {
    let user = user.to_string();
    for statement in [ERASE_FAMILIES, ERASE_CODES, ERASE_GRANTS, ERASE_CONSENTS] {
        tx.execute(statement, &[Value::from(&user)]).await?;
    }
    Ok(())
}

fn read_client(row: &Row) -> Result<Client, Fault> {
    Ok(Client {
        id: ClientId::parse(&row.text("id")?).map_err(bad)?,
        number: SubjectId::parse(&row.text("number")?).map_err(bad)?,
        terms: client_document::read(&row.text("document")?)?,
        secret: digest(row.bytes_or_null("secret")?)?,
        next_secret: digest(row.bytes_or_null("next_secret")?)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.int("revision")?,
    })
}

fn digest(bytes: Option<Vec<u8>>) -> Result<Option<[u8; 32]>, Fault> {
    bytes.map(|bytes| bytes.try_into().map_err(|_| bad("a digest of another length"))).transpose()
}

fn bytes(digest: Option<&[u8; 32]>) -> Value<'_> {
    Value::Bytes(digest.map(<[u8; 32]>::as_slice))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `oauth`", error)
}

const CLIENTS: &str = "SELECT * FROM client WHERE realm = $1";
const CLIENT: &str = "SELECT * FROM client WHERE realm = $1 AND id = $2";
const COUNT_CLIENTS: &str = "SELECT COUNT(*) AS n FROM client WHERE realm = $1";
const INSERT_CLIENT: &str = "INSERT INTO client (realm, id, number, document, secret, next_secret, created_at, \
    updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (realm, id) DO NOTHING";
const UPDATE_CLIENT: &str = "UPDATE client SET document = $3, secret = $4, next_secret = $5, updated_at = $6, \
    revision = $7 WHERE realm = $1 AND id = $2 AND revision = $8";
const DELETE_CLIENT: &str = "DELETE FROM client WHERE realm = $1 AND id = $2 AND revision = $3";

const INSERT_REQUEST: &str = "INSERT INTO authorization_request (realm, id, binding, document, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const TAKE_REQUEST: &str = "UPDATE authorization_request SET binding = $3 WHERE realm = $1 AND id = $2 \
    AND (binding = $3 OR binding = $5) AND expires_at > $4 RETURNING document, created_at";
const UPDATE_REQUEST: &str =
    "UPDATE authorization_request SET document = $3 WHERE realm = $1 AND id = $2";
const DELETE_REQUEST: &str = "DELETE FROM authorization_request WHERE realm = $1 AND id = $2";
const INSERT_GRANT: &str = "INSERT INTO oauth_grant (realm, id, client_id, user_id, session_id, document, device, \
    created_at, expires_at, device_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const BIND_GRANT: &str =
    "UPDATE oauth_grant SET device = $3, device_key = 1 WHERE realm = $1 AND id = $2";
const END_GRANT: &str =
    "UPDATE oauth_grant SET expires_at = 0 WHERE realm = $1 AND id = $2 AND expires_at > $3";
/// Of one device in one read; there may be more.
pub(super) const GRANTS_AT_ONCE: i64 = 100;
const GRANTS_ON: &str = "SELECT * FROM oauth_grant WHERE realm = $1 AND device = $2 AND expires_at > $3 AND id > $4 \
    ORDER BY id LIMIT $5";
const GRANT: &str = "SELECT * FROM oauth_grant WHERE realm = $1 AND id = $2";
const GRANTS_OF: &str = "SELECT * FROM oauth_grant WHERE realm = $1 AND user_id = $2 AND expires_at > $3 \
    ORDER BY created_at DESC LIMIT 500";
const GRANTS_AND_USE: &str = "SELECT g.id, g.client_id, g.user_id, g.session_id, g.document, g.device, g.device_key, g.created_at, \
    g.expires_at, r.rotated_at FROM oauth_grant g \
    LEFT JOIN refresh_token r ON r.realm = $1 AND r.grant_id = g.id \
    WHERE g.realm = $1 AND g.user_id = $2 AND g.expires_at > $3 ORDER BY g.created_at DESC LIMIT 500";
const INSERT_CODE: &str = "INSERT INTO authorization_code (realm, digest, grant_id, document, expires_at, used_at) \
    VALUES ($1, $2, $3, $4, $5, NULL)";
const USE_CODE: &str = "UPDATE authorization_code SET used_at = $3 WHERE realm = $1 AND digest = $2 \
    AND used_at IS NULL AND expires_at > $3 RETURNING grant_id, document";
const USED_CODE: &str = "SELECT grant_id FROM authorization_code WHERE realm = $1 AND digest = $2 AND used_at IS NOT NULL";
const INSERT_FAMILY: &str = "INSERT INTO refresh_token (realm, grant_id, digest, previous, rotated_at, generation, expires_at) \
    VALUES ($1, $2, $3, NULL, $4, 0, $5)";
const FAMILY: &str = "SELECT g.*, r.digest, r.previous, r.generation, r.rotated_at, r.expires_at AS family_expires_at \
    FROM refresh_token r JOIN oauth_grant g ON g.realm = r.realm AND g.id = r.grant_id \
    WHERE r.realm = $1 AND r.grant_id = $2";
const ROTATE_FAMILY: &str = "UPDATE refresh_token SET previous = $6, digest = $4, rotated_at = $5, \
    generation = generation + 1 WHERE realm = $1 AND grant_id = $2 AND digest = $3";
const DELETE_FAMILY: &str = "DELETE FROM refresh_token WHERE realm = $1 AND grant_id = $2";
const CONSENTS: &str =
    "SELECT resource, scopes FROM consent WHERE realm = $1 AND user_id = $2 AND client_id = $3";
const CONSENTS_OF: &str = "SELECT client_id, resource, scopes, given_at FROM consent \
    WHERE realm = $1 AND user_id = $2 ORDER BY given_at LIMIT 500";
const PUT_CONSENT: &str = "INSERT INTO consent (realm, user_id, client_id, resource, scopes, given_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (realm, user_id, client_id, resource) \
    DO UPDATE SET scopes = excluded.scopes, given_at = excluded.given_at";
const DELETE_CONSENTS: &str =
    "DELETE FROM consent WHERE realm = $1 AND user_id = $2 AND client_id = $3";
const PAST_REQUESTS: &str = "DELETE FROM authorization_request WHERE realm = $1 AND id IN \
    (SELECT id FROM authorization_request WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const PAST_CODES: &str = "DELETE FROM authorization_code WHERE realm = $1 AND digest IN \
    (SELECT digest FROM authorization_code WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const PAST_FAMILIES: &str = "DELETE FROM refresh_token WHERE realm = $1 AND grant_id IN \
    (SELECT grant_id FROM refresh_token WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const PAST_GRANTS: &str = "DELETE FROM oauth_grant WHERE realm = $1 AND id IN \
    (SELECT id FROM oauth_grant WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const ERASE_FAMILIES: &str = "DELETE FROM refresh_token WHERE realm = $1 AND grant_id IN \
    (SELECT id FROM oauth_grant WHERE realm = $1 AND user_id = $2)";
const ERASE_CODES: &str = "DELETE FROM authorization_code WHERE realm = $1 AND grant_id IN \
    (SELECT id FROM oauth_grant WHERE realm = $1 AND user_id = $2)";
const ERASE_GRANTS: &str = "DELETE FROM oauth_grant WHERE realm = $1 AND user_id = $2";
const ERASE_CONSENTS: &str = "DELETE FROM consent WHERE realm = $1 AND user_id = $2";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[
    CLIENTS,
    CLIENT,
    COUNT_CLIENTS,
    INSERT_CLIENT,
    UPDATE_CLIENT,
    DELETE_CLIENT,
    INSERT_REQUEST,
    TAKE_REQUEST,
    UPDATE_REQUEST,
    DELETE_REQUEST,
    INSERT_GRANT,
    BIND_GRANT,
    END_GRANT,
    GRANTS_ON,
    GRANT,
    GRANTS_OF,
    GRANTS_AND_USE,
    INSERT_CODE,
    USE_CODE,
    USED_CODE,
    INSERT_FAMILY,
    FAMILY,
    ROTATE_FAMILY,
    DELETE_FAMILY,
    CONSENTS,
    CONSENTS_OF,
    PUT_CONSENT,
    DELETE_CONSENTS,
    PAST_REQUESTS,
    PAST_CODES,
    PAST_FAMILIES,
    PAST_GRANTS,
    ERASE_FAMILIES,
    ERASE_CODES,
    ERASE_GRANTS,
    ERASE_CONSENTS,
];

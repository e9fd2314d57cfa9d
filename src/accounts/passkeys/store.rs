//! Passkeys at rest.

use crate::accounts::model::Passkey;
use crate::accounts::store::user_id;
use crate::db::{Row, Tx};
use crate::kernel::{Fault, PasskeyId, Timestamp, UserId};

/// One passkey with its public key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: PasskeyId,
    pub(crate) user: UserId,
    pub(crate) credential: Vec<u8>,
    pub(crate) name: String,
    pub(crate) aaguid: Option<String>,
    pub(crate) synced: bool,
    pub(crate) document: String,
    pub(crate) created_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

/// One use of a passkey, to be written back.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) id: PasskeyId,
    /// The document that the use was checked against.
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) synced: bool,
    pub(crate) now: Timestamp,
}

impl Key {
    /// As its owner sees it.
    pub(crate) fn shown(&self) -> Passkey {
        Passkey {
            id: self.id,
            name: self.name.clone(),
            aaguid: self.aaguid.clone(),
            synced: self.synced,
            created_at: self.created_at,
            used_at: self.used_at,
        }
    }
}

/// False if somebody has this credential.
pub(crate) async fn insert(tx: &mut Tx, key: &Key) -> Result<bool, Fault> {
    let id_text = key.id.to_string();
    let whose = key.user.to_string();
    let params = [
        (&id_text).into(),
        (&whose).into(),
        (&key.credential).into(),
        (&key.name).into(),
        key.aaguid.as_deref().into(),
        key.synced.into(),
        (&key.document).into(),
        key.created_at.into(),
    ];
    Ok(tx.execute(INSERT, &params).await? == 1)
}

pub(crate) async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<Passkey>, Fault> {
    let rows = tx.rows(OF_USER, &[(&user.to_string()).into()]).await?;
    rows.iter().map(|row| key_of(row).map(|key| key.shown())).collect()
}

pub(crate) async fn credentials(tx: &mut Tx, user: UserId) -> Result<Vec<Vec<u8>>, Fault> {
    let rows = tx.rows(OF_USER, &[(&user.to_string()).into()]).await?;
    rows.iter().map(|row| row.bytes("credential_id")).collect()
}

/// The passkey of this credential, of an active person.
pub(crate) async fn by_credential(tx: &mut Tx, credential: &[u8]) -> Result<Option<Key>, Fault> {
    tx.row(BY_CREDENTIAL, &[credential.into()]).await?.as_ref().map(key_of).transpose()
}

/// False if the key was used or removed meanwhile.
pub(crate) async fn note_use(tx: &mut Tx, used: &Use) -> Result<bool, Fault> {
    let id_text = used.id.to_string();
    let params = [
        (&id_text).into(),
        (&used.old).into(),
        (&used.new).into(),
        used.synced.into(),
        used.now.into(),
    ];
    Ok(tx.execute(NOTE_USE, &params).await? == 1)
}

pub(crate) async fn rename(
    tx: &mut Tx,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let id_text = id.to_string();
    let params = [(&whose).into(), (&id_text).into(), name.into()];
    Ok(tx.execute(RENAME, &params).await? == 1)
}

pub(crate) async fn delete(tx: &mut Tx, user: UserId, id: PasskeyId) -> Result<bool, Fault> {
    let whose = user.to_string();
    let id_text = id.to_string();
    let params = [(&whose).into(), (&id_text).into()];
    Ok(tx.execute(DELETE, &params).await? == 1)
}

pub(crate) async fn delete_all(tx: &mut Tx, user: UserId) -> Result<(), Fault> {
    tx.execute(DELETE_ALL, &[(&user.to_string()).into()]).await.map(|_| ())
}

fn key_of(row: &Row) -> Result<Key, Fault> {
    let id = PasskeyId::parse(&row.text("id")?);
    Ok(Key {
        id: id.map_err(|error| Fault::malformed("passkey row", error))?,
        user: user_id(row, "user_id")?,
        credential: row.bytes("credential_id")?,
        name: row.text("name")?,
        aaguid: row.text_or_null("aaguid")?,
        synced: row.flag("synced")?,
        document: row.text("document")?,
        created_at: row.time("created_at")?,
        used_at: row.time_or_null("used_at")?,
    })
}

const INSERT: &str = "INSERT INTO user_passkey \
    (realm, id, user_id, credential_id, name, aaguid, synced, document, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (realm, credential_id) DO NOTHING";
const OF_USER: &str = "SELECT id, user_id, credential_id, name, aaguid, synced, document, created_at, \
    used_at FROM user_passkey WHERE realm = $1 AND user_id = $2 ORDER BY created_at, id";
const BY_CREDENTIAL: &str = "SELECT k.id, k.user_id, k.credential_id, k.name, k.aaguid, k.synced, \
    k.document, k.created_at, k.used_at FROM user_passkey k \
    JOIN user_account u ON u.realm = k.realm AND u.id = k.user_id \
    WHERE k.realm = $1 AND k.credential_id = $2 AND u.state = 'active'";
const NOTE_USE: &str = "UPDATE user_passkey SET document = $4, synced = $5, used_at = $6 \
    WHERE realm = $1 AND id = $2 AND document = $3";
const RENAME: &str =
    "UPDATE user_passkey SET name = $4 WHERE realm = $1 AND user_id = $2 AND id = $3";
const DELETE: &str = "DELETE FROM user_passkey WHERE realm = $1 AND user_id = $2 AND id = $3";
const DELETE_ALL: &str = "DELETE FROM user_passkey WHERE realm = $1 AND user_id = $2";

/// Every statement on passkeys.
pub(crate) const STATEMENTS: &[&str] =
    &[INSERT, OF_USER, BY_CREDENTIAL, NOTE_USE, RENAME, DELETE, DELETE_ALL];

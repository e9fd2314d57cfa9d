//! People and groups at rest.

use super::attributes::AttributeName;
use super::identifiers::Identifier;
use super::model::{Attribute, Factors, Group, Handle, Proof, ProofKind, User, UserState};
use crate::db::{Row, Tx};
use crate::kernel::{Fault, SubjectId, Timestamp, UserId};

/// What a write on a person needs to know, from the row that it has just locked.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: UserId,
    pub(super) number: SubjectId,
    pub(super) handle: Handle,
    pub(super) state: UserState,
    pub(super) revision: i64,
}

/// Notes that a person changes now: locks the row, and says who it is. Nothing: there is none.
pub(super) async fn touch(tx: &mut Tx, id: UserId, now: Timestamp) -> Result<Option<Head>, Fault> {
    let row = tx.row(TOUCH, &[(&id.to_string()).into(), now.into()]).await?;
    row.as_ref().map(head_of).transpose()
}

pub(crate) async fn insert(tx: &mut Tx, user: &User) -> Result<(), Fault> {
    let id_text = user.id.to_string();
    let number_text = user.number.to_string();
    let params = [
        (&id_text).into(),
        (&number_text).into(),
        user.handle.as_str().into(),
        user.state.as_str().into(),
        user.language.as_deref().into(),
        user.created_at.into(),
    ];
    tx.execute(INSERT, &params).await.map(|_| ())
}

pub(super) async fn set_state(tx: &mut Tx, id: UserId, state: UserState) -> Result<(), Fault> {
    tx.execute(SET_STATE, &[(&id.to_string()).into(), state.as_str().into()]).await.map(|_| ())
}

pub(super) async fn set_language(
    tx: &mut Tx,
    id: UserId,
    language: Option<&str>,
) -> Result<(), Fault> {
    tx.execute(SET_LANGUAGE, &[(&id.to_string()).into(), language.into()]).await.map(|_| ())
}

/// Since when they are offered no passkey; none: they are.
pub(super) async fn set_passkey_declined(
    tx: &mut Tx,
    id: UserId,
    since: Option<Timestamp>,
) -> Result<(), Fault> {
    tx.execute(SET_PASSKEY_DECLINED, &[(&id.to_string()).into(), since.into()]).await.map(|_| ())
}

/// The rows that refer to it go with it.
pub(super) async fn delete(tx: &mut Tx, id: UserId) -> Result<(), Fault> {
    tx.execute(DELETE, &[(&id.to_string()).into()]).await.map(|_| ())
}

/// Everything of one person. Whoever is not there costs the same statements.
pub(super) async fn load(tx: &mut Tx, id: UserId) -> Result<Option<User>, Fault> {
    let text = id.to_string();
    let row = tx.row(USER, &[(&text).into()]).await?;
    let identifiers = tx.rows(IDENTIFIERS, &[(&text).into()]).await?;
    let attributes = tx.rows(ATTRIBUTES, &[(&text).into()]).await?;
    let groups = tx.rows(GROUPS_OF, &[(&text).into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let Head { id, number, handle, state, revision } = head_of(&row)?;
    let identifiers = identifiers.iter().map(identifier_of).collect::<Result<_, _>>()?;
    let attributes = attributes.iter().map(attribute_of).collect::<Result<_, _>>()?;
    let groups = groups.iter().map(|row| row.text("group_id")).collect::<Result<_, _>>()?;
    Ok(Some(User {
        id,
        number,
        handle,
        state,
        language: row.text_or_null("language")?,
        identifiers,
        attributes,
        groups,
        factors: factors_of(&row)?,
        passkey_declined_at: row.time_or_null("passkey_declined_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision,
    }))
}

/// Whose identifier this is.
pub(super) async fn holder_of(
    tx: &mut Tx,
    identifier: &Identifier,
) -> Result<Option<UserId>, Fault> {
    let row = tx.row(HOLDER, &[identifier.kind().into(), identifier.value().into()]).await?;
    row.map(|row| user_id(&row, "user_id")).transpose()
}

/// Whose handle it is.
pub(super) async fn of_handle(tx: &mut Tx, handle: &Handle) -> Result<Option<UserId>, Fault> {
    let row = tx.row(OF_HANDLE, &[handle.as_str().into()]).await?;
    row.map(|row| user_id(&row, "id")).transpose()
}

/// False if somebody has it. Their own again is no error.
pub(crate) async fn insert_identifier(
    tx: &mut Tx,
    user: UserId,
    identifier: &Identifier,
) -> Result<bool, Fault> {
    let text = user.to_string();
    let params = [identifier.kind().into(), identifier.value().into(), (&text).into()];
    if tx.execute(INSERT_IDENTIFIER, &params).await? == 1 {
        return Ok(true);
    }
    Ok(holder_of(tx, identifier).await? == Some(user))
}

/// Removes the person's identifier of this kind and value; of any value, if none is said.
pub(super) async fn delete_identifier(
    tx: &mut Tx,
    user: UserId,
    kind: &str,
    value: Option<&str>,
) -> Result<(), Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), kind.into(), value.unwrap_or_default().into()];
    tx.execute(DELETE_IDENTIFIER, &params).await.map(|_| ())
}

pub(super) async fn put_attribute(
    tx: &mut Tx,
    user: UserId,
    name: AttributeName,
    attribute: &Attribute,
) -> Result<(), Fault> {
    let proof = attribute.proof.as_ref();
    let whose = user.to_string();
    let params = [
        (&whose).into(),
        name.as_str().into(),
        (&attribute.value).into(),
        proof.map(|proof| proof.how.as_str()).into(),
        proof.map(|proof| proof.by.as_str()).into(),
        proof.map(|proof| proof.at).into(),
    ];
    tx.execute(PUT_ATTRIBUTE, &params).await.map(|_| ())
}

pub(super) async fn delete_attribute(
    tx: &mut Tx,
    user: UserId,
    name: AttributeName,
) -> Result<(), Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), name.as_str().into()];
    tx.execute(DELETE_ATTRIBUTE, &params).await.map(|_| ())
}

/// What a listing looks for; empty text looks for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) after: String,
    pub(super) state: String,
    pub(super) group: String,
    pub(super) identifier: String,
    pub(super) handle: String,
    pub(super) limit: i64,
}

/// The first ids after a position.
pub(super) async fn list(tx: &mut Tx, wanted: &Wanted) -> Result<Vec<UserId>, Fault> {
    let params = [
        (&wanted.after).into(),
        (&wanted.state).into(),
        (&wanted.group).into(),
        (&wanted.identifier).into(),
        (&wanted.handle).into(),
        wanted.limit.into(),
    ];
    tx.rows(LIST, &params).await?.iter().map(|row| user_id(row, "id")).collect()
}

pub(super) async fn groups(tx: &mut Tx) -> Result<Vec<Group>, Fault> {
    tx.rows(GROUPS, &[]).await?.iter().map(group_of).collect()
}

pub(super) async fn group(tx: &mut Tx, id: &str) -> Result<Option<Group>, Fault> {
    tx.row(GROUP, &[id.into()]).await?.as_ref().map(group_of).transpose()
}

/// False if there is one of this name.
pub(super) async fn insert_group(tx: &mut Tx, group: &Group) -> Result<bool, Fault> {
    let params = [(&group.id).into(), (&group.description).into(), group.created_at.into()];
    Ok(tx.execute(INSERT_GROUP, &params).await? == 1)
}

pub(super) async fn describe_group(tx: &mut Tx, id: &str, text: &str) -> Result<bool, Fault> {
    Ok(tx.execute(DESCRIBE_GROUP, &[id.into(), text.into()]).await? == 1)
}

pub(super) async fn delete_group(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE_GROUP, &[id.into()]).await? == 1)
}

/// The members of a group, after a position.
pub(super) async fn members(
    tx: &mut Tx,
    group: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<UserId>, Fault> {
    let rows = tx.rows(MEMBERS, &[group.into(), after.into(), limit.into()]).await?;
    rows.iter().map(|row| user_id(row, "user_id")).collect()
}

/// False if they are in it already.
pub(super) async fn add_member(
    tx: &mut Tx,
    group: &str,
    user: UserId,
    source: &str,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [group.into(), (&whose).into(), source.into()];
    Ok(tx.execute(ADD_MEMBER, &params).await? == 1)
}

/// False if they were not in it.
pub(super) async fn remove_member(tx: &mut Tx, group: &str, user: UserId) -> Result<bool, Fault> {
    Ok(tx.execute(REMOVE_MEMBER, &[group.into(), (&user.to_string()).into()]).await? == 1)
}

/// A person's groups, each with who put them there.
pub(super) async fn memberships(tx: &mut Tx, user: UserId) -> Result<Vec<(String, String)>, Fault> {
    let rows = tx.rows(GROUPS_OF, &[(&user.to_string()).into()]).await?;
    rows.iter().map(|row| Ok((row.text("group_id")?, row.text("source")?))).collect()
}

/// Whose number this is.
pub(super) async fn numbered(tx: &mut Tx, number: SubjectId) -> Result<Option<UserId>, Fault> {
    let number = number.to_string();
    let row = tx.row(NUMBERED, &[(&number).into()]).await?;
    row.map(|row| user_id(&row, "id")).transpose()
}

pub(super) fn user_id(row: &Row, column: &str) -> Result<UserId, Fault> {
    UserId::parse(&row.text(column)?).map_err(|error| Fault::malformed("account row", error))
}

fn head_of(row: &Row) -> Result<Head, Fault> {
    let bad = |what: &str| Fault::malformed("account row", what);
    Ok(Head {
        id: user_id(row, "id")?,
        number: SubjectId::parse(&row.text("number")?).map_err(|_| bad("number"))?,
        handle: Handle::parse(&row.text("handle")?).map_err(|_| bad("handle"))?,
        state: UserState::parse(&row.text("state")?).ok_or_else(|| bad("state"))?,
        revision: row.int("revision")?,
    })
}

fn factors_of(row: &Row) -> Result<Factors, Fault> {
    let count = |column| row.int(column).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Ok(Factors {
        password: count("passwords")? > 0,
        totp: count("totps")? > 0,
        recovery_codes: count("codes")?,
        passkeys: count("passkeys")?,
        hardware_passkeys: count("hardware")?,
        external: count("links")?,
    })
}

fn identifier_of(row: &Row) -> Result<Identifier, Fault> {
    let kind = row.text("kind")?;
    Identifier::stored(&kind, row.text("value")?)
        .ok_or_else(|| Fault::malformed("identifier row", kind))
}

fn attribute_of(row: &Row) -> Result<(AttributeName, Attribute), Fault> {
    let bad = |what: &str| Fault::malformed("attribute row", what);
    let name = AttributeName::parse(&row.text("name")?).ok_or_else(|| bad("name"))?;
    let proof = match row.text_or_null("proof")? {
        None => None,
        Some(how) => Some(Proof {
            how: ProofKind::parse(&how).ok_or_else(|| bad("proof"))?,
            by: row.text_or_null("proof_by")?.unwrap_or_default(),
            at: row.time("proof_at")?,
        }),
    };
    Ok((name, Attribute { value: row.text("value")?, proof }))
}

fn group_of(row: &Row) -> Result<Group, Fault> {
    Ok(Group {
        id: row.text("id")?,
        description: row.text("description")?,
        created_at: row.time("created_at")?,
    })
}

const TOUCH: &str = "UPDATE user_account SET updated_at = $3, revision = revision + 1 \
    WHERE realm = $1 AND id = $2 RETURNING id, number, handle, state, revision";
const INSERT: &str = "INSERT INTO user_account \
    (realm, id, number, handle, state, language, created_at, updated_at, revision) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1)";
const SET_STATE: &str = "UPDATE user_account SET state = $3 WHERE realm = $1 AND id = $2";
const SET_LANGUAGE: &str = "UPDATE user_account SET language = $3 WHERE realm = $1 AND id = $2";
const SET_PASSKEY_DECLINED: &str =
    "UPDATE user_account SET passkey_declined_at = $3 WHERE realm = $1 AND id = $2";
const NUMBERED: &str = "SELECT id FROM user_account WHERE realm = $1 AND number = $2";
const DELETE: &str = "DELETE FROM user_account WHERE realm = $1 AND id = $2";
const USER: &str = "SELECT u.id, u.number, u.handle, u.state, u.language, u.created_at, u.updated_at, \
    u.revision, u.passkey_declined_at, \
    (SELECT COUNT(*) FROM user_password f WHERE f.realm = u.realm AND f.user_id = u.id) AS passwords, \
    (SELECT COUNT(*) FROM user_totp f WHERE f.realm = u.realm AND f.user_id = u.id \
        AND f.secret IS NOT NULL) AS totps, \
    (SELECT COUNT(*) FROM user_recovery_code f WHERE f.realm = u.realm AND f.user_id = u.id \
        AND f.used_at IS NULL) AS codes, \
    (SELECT COUNT(*) FROM user_passkey f WHERE f.realm = u.realm AND f.user_id = u.id) AS passkeys, \
    (SELECT COUNT(*) FROM user_passkey f WHERE f.realm = u.realm AND f.user_id = u.id \
        AND f.synced = 0) AS hardware, \
    (SELECT COUNT(*) FROM external_identity f WHERE f.realm = u.realm AND f.user_id = u.id) AS links \
    FROM user_account u WHERE u.realm = $1 AND u.id = $2";
const IDENTIFIERS: &str = "SELECT kind, value FROM user_identifier \
    WHERE realm = $1 AND user_id = $2 ORDER BY kind, value";
const ATTRIBUTES: &str = "SELECT name, value, proof, proof_by, proof_at FROM user_attribute \
    WHERE realm = $1 AND user_id = $2 ORDER BY name";
const GROUPS_OF: &str = "SELECT group_id, source FROM user_group_member \
    WHERE realm = $1 AND user_id = $2 ORDER BY group_id";
const HOLDER: &str =
    "SELECT user_id FROM user_identifier WHERE realm = $1 AND kind = $2 AND value = $3";
const OF_HANDLE: &str = "SELECT id FROM user_account WHERE realm = $1 AND handle = $2";
const INSERT_IDENTIFIER: &str = "INSERT INTO user_identifier (realm, kind, value, user_id) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (realm, kind, value) DO NOTHING";
const DELETE_IDENTIFIER: &str = "DELETE FROM user_identifier \
    WHERE realm = $1 AND user_id = $2 AND kind = $3 AND ($4 = '' OR value = $4)";
const PUT_ATTRIBUTE: &str = "INSERT INTO user_attribute \
    (realm, user_id, name, value, proof, proof_by, proof_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (realm, user_id, name) DO UPDATE \
    SET value = $4, proof = $5, proof_by = $6, proof_at = $7";
const DELETE_ATTRIBUTE: &str =
    "DELETE FROM user_attribute WHERE realm = $1 AND user_id = $2 AND name = $3";
const LIST: &str = "SELECT u.id FROM user_account u WHERE u.realm = $1 AND u.id > $2 \
    AND ($3 = '' OR u.state = $3) \
    AND ($4 = '' OR EXISTS (SELECT 1 FROM user_group_member m \
        WHERE m.realm = u.realm AND m.user_id = u.id AND m.group_id = $4)) \
    AND ($5 = '' OR EXISTS (SELECT 1 FROM user_identifier i \
        WHERE i.realm = u.realm AND i.user_id = u.id AND i.value = $5)) \
    AND ($6 = '' OR u.handle = $6) ORDER BY u.id LIMIT $7";
const GROUPS: &str =
    "SELECT id, description, created_at FROM user_group WHERE realm = $1 ORDER BY id";
const GROUP: &str =
    "SELECT id, description, created_at FROM user_group WHERE realm = $1 AND id = $2";
const INSERT_GROUP: &str = "INSERT INTO user_group (realm, id, description, created_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (realm, id) DO NOTHING";
const DESCRIBE_GROUP: &str = "UPDATE user_group SET description = $3 WHERE realm = $1 AND id = $2";
const DELETE_GROUP: &str = "DELETE FROM user_group WHERE realm = $1 AND id = $2";
const MEMBERS: &str = "SELECT user_id FROM user_group_member \
    WHERE realm = $1 AND group_id = $2 AND user_id > $3 ORDER BY user_id LIMIT $4";
const ADD_MEMBER: &str = "INSERT INTO user_group_member (realm, group_id, user_id, source) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (realm, group_id, user_id) DO NOTHING";
const REMOVE_MEMBER: &str = "DELETE FROM user_group_member \
    WHERE realm = $1 AND group_id = $2 AND user_id = $3";

/// Every statement on people and groups.
pub(crate) const STATEMENTS: &[&str] = &[
    TOUCH,
    OF_HANDLE,
    INSERT,
    SET_STATE,
    SET_LANGUAGE,
    SET_PASSKEY_DECLINED,
    NUMBERED,
    DELETE,
    USER,
    IDENTIFIERS,
    ATTRIBUTES,
    GROUPS_OF,
    HOLDER,
    INSERT_IDENTIFIER,
    DELETE_IDENTIFIER,
    PUT_ATTRIBUTE,
    DELETE_ATTRIBUTE,
    LIST,
    GROUPS,
    GROUP,
    INSERT_GROUP,
    DESCRIBE_GROUP,
    DELETE_GROUP,
    MEMBERS,
    ADD_MEMBER,
    REMOVE_MEMBER,
];

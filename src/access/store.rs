//! Role bindings and policies at rest. Both are class 1: whole in memory, following the change log.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::Name;
use super::roles::{Given, Holder, Right, Role, RoleBinding};
use crate::db::{Row, Tx};
use crate::kernel::{Fault, SpiffeId, Timestamp};

pub(super) async fn bindings(tx: &mut Tx) -> Result<Vec<Arc<RoleBinding>>, Fault> {
    let rows = tx.rows(ALL_BINDINGS, &[]).await?;
    rows.iter().map(|row| binding_of(row).map(Arc::new)).collect()
}

pub(super) async fn binding(tx: &mut Tx, name: &Name) -> Result<Option<RoleBinding>, Fault> {
    tx.row(ONE_BINDING, &[name.as_str().into()]).await?.as_ref().map(binding_of).transpose()
}

/// False if the name is taken.
pub(super) async fn insert_binding(
    tx: &mut Tx,
    binding: &RoleBinding,
    now: Timestamp,
) -> Result<bool, Fault> {
    let holder = binding.holder.to_string();
    let (path, rights) = match &binding.given {
        Given::Registrar { path, rights } => {
            let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
            (Some(path.as_str()), Some(names.join(" ")))
        }
        _ => (None, None),
    };
    let params = [
        binding.name.as_str().into(),
        (&holder).into(),
        binding.given.role().as_str().into(),
        path.into(),
        rights.as_deref().into(),
        now.into(),
    ];
    Ok(tx.execute(INSERT_BINDING, &params).await? == 1)
}

pub(super) async fn delete_binding(tx: &mut Tx, name: &Name) -> Result<Option<RoleBinding>, Fault> {
    tx.row(DELETE_BINDING, &[name.as_str().into()]).await?.as_ref().map(binding_of).transpose()
}

/// The names of the bindings that this holder had.
pub(super) async fn delete_bindings_of(tx: &mut Tx, holder: &Holder) -> Result<Vec<String>, Fault> {
    let rows = tx.rows(DELETE_BINDINGS_OF, &[(&holder.to_string()).into()]).await?;
    rows.iter().map(|row| row.text("name")).collect()
}

pub(super) async fn count_bindings(tx: &mut Tx) -> Result<i64, Fault> {
    tx.row(COUNT_BINDINGS, &[]).await?.map_or(Ok(0), |row| row.int("n"))
}

pub(super) async fn policies(tx: &mut Tx) -> Result<Vec<(String, Arc<str>)>, Fault> {
    let rows = tx.rows(ALL_POLICIES, &[]).await?;
    rows.iter().map(|row| Ok((row.text("name")?, Arc::from(row.text("body")?)))).collect()
}

pub(super) async fn policy(tx: &mut Tx, name: &Name) -> Result<Option<Arc<str>>, Fault> {
    let row = tx.row(ONE_POLICY, &[name.as_str().into()]).await?;
    row.map(|row| Ok(Arc::from(row.text("body")?))).transpose()
}

pub(super) async fn put_policy(
    tx: &mut Tx,
    name: &Name,
    text: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(PUT_POLICY, &[name.as_str().into(), text.into(), now.into()]).await.map(|_| ())
}

/// False if there was none.
pub(super) async fn delete_policy(tx: &mut Tx, name: &Name) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE_POLICY, &[name.as_str().into()]).await? == 1)
}

pub(super) async fn count_policies(tx: &mut Tx) -> Result<i64, Fault> {
    tx.row(COUNT_POLICIES, &[]).await?.map_or(Ok(0), |row| row.int("n"))
}

fn binding_of(row: &Row) -> Result<RoleBinding, Fault> {
    let bad = |what: &str| Fault::malformed("role binding", what);
    let name = Name::parse(&row.text("name")?).map_err(|error| bad(&error.to_string()))?;
    let holder = Holder::parse(&row.text("holder")?).ok_or_else(|| bad("holder"))?;
    let role = row.text("role")?;
    let role = Role::ALL.into_iter().find(|known| known.as_str() == role);
    let given = match role.ok_or_else(|| bad("role"))? {
        Role::Viewer => Given::Viewer,
        Role::Operator => Given::Operator,
        Role::Auditor => Given::Auditor,
        Role::Admin => Given::Admin,
        Role::Registrar => {
            let path = row.text_or_null("path")?.ok_or_else(|| bad("no path"))?;
            let path = SpiffeId::parse(&path).map_err(|error| bad(&error.to_string()))?;
            let rights = row.text_or_null("rights")?.unwrap_or_default();
            let rights = rights.split_whitespace().map(Right::parse);
            let rights: Option<BTreeSet<Right>> = rights.collect();
            Given::Registrar { path, rights: rights.ok_or_else(|| bad("rights"))? }
        }
    };
    Ok(RoleBinding { name, holder, given })
}

const ALL_BINDINGS: &str =
    "SELECT name, holder, role, path, rights FROM role_binding WHERE realm = $1 ORDER BY name";
const ONE_BINDING: &str =
    "SELECT name, holder, role, path, rights FROM role_binding WHERE realm = $1 AND name = $2";
const INSERT_BINDING: &str = "INSERT INTO role_binding \
    (realm, name, holder, role, path, rights, created) VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (realm, name) DO NOTHING";
const DELETE_BINDING: &str = "DELETE FROM role_binding WHERE realm = $1 AND name = $2 \
    RETURNING name, holder, role, path, rights";
const DELETE_BINDINGS_OF: &str =
    "DELETE FROM role_binding WHERE realm = $1 AND holder = $2 RETURNING name";
const COUNT_BINDINGS: &str = "SELECT COUNT(*) AS n FROM role_binding WHERE realm = $1";
const ALL_POLICIES: &str = "SELECT name, body FROM policy WHERE realm = $1 ORDER BY name";
const ONE_POLICY: &str = "SELECT body FROM policy WHERE realm = $1 AND name = $2";
const PUT_POLICY: &str = "INSERT INTO policy (realm, name, body, updated) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (realm, name) DO UPDATE SET body = $3, updated = $4";
const DELETE_POLICY: &str = "DELETE FROM policy WHERE realm = $1 AND name = $2";
const COUNT_POLICIES: &str = "SELECT COUNT(*) AS n FROM policy WHERE realm = $1";

/// Every statement of this slice, for the test that prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] = &[
    ALL_BINDINGS,
    ONE_BINDING,
    INSERT_BINDING,
    DELETE_BINDING,
    DELETE_BINDINGS_OF,
    COUNT_BINDINGS,
    ALL_POLICIES,
    ONE_POLICY,
    PUT_POLICY,
    DELETE_POLICY,
    COUNT_POLICIES,
];

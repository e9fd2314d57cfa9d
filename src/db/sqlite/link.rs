//! A SQLite connection that speaks in values and rows.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::super::fault::{Met, from_sqlite};
use super::super::text;
use super::super::value::Cell;
use super::super::{Row, Value};
use crate::kernel::{Fault, RealmId};

/// Statements kept prepared on each connection: more than the slices have.
const PREPARED_MAX: usize = 512;

/// A connection, and what is known of each statement's text.
#[derive(Debug)]
pub(in crate::db) struct Link {
    connection: Connection,
    plans: HashMap<(usize, usize), Arc<Plan>>,
}

/// What is read from a statement's text once. SQLite takes `$n` for a name, numbers the names as they appear, and looks a
/// name up by comparing with each; `order` saves that.
#[derive(Debug)]
struct Plan {
    /// The number `n` of each parameter, in SQLite's order.
    order: Vec<usize>,
    /// How many parameters there are, the realm included.
    parameters: usize,
    columns: Arc<[Box<str>]>,
    writes: bool,
}

impl Link {
    /// Around an open connection.
    pub(super) fn new(connection: Connection) -> Result<Self, Met> {
        connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
        // Otherwise SQLite plans some statements anew, with the values at hand, each time they run: a seventh of what the
        // writer does for an attestation.
        let stable = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        stable.map_err(|error| from_sqlite(&error))?;
        Ok(Self { connection, plans: HashMap::new() })
    }

    /// Runs statements that take no parameters.
    pub(super) fn batch(&self, sql: &'static str) -> Result<(), Met> {
        self.connection.execute_batch(sql).map_err(|error| from_sqlite(&error))
    }

    /// Runs one statement of the transaction's frame.
    pub(super) fn control(&self, sql: &'static str) -> Result<(), Met> {
        let mut statement =
            self.connection.prepare_cached(sql).map_err(|error| from_sqlite(&error))?;
        statement.raw_execute().map(drop).map_err(|error| from_sqlite(&error))
    }

    /// Ends the transaction, if there still is one.
    pub(super) fn rollback(&self) {
        if !self.ended() {
            // SQLite may have ended it itself meanwhile; then there is nothing to end.
            let _ended = self.control("ROLLBACK");
        }
    }

    /// True if no transaction is open: SQLite ends one by itself on a full disk and the like.
    pub(super) fn ended(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Rows of a statement without a realm.
    pub(super) fn rows_bare(&mut self, sql: &'static str) -> Result<Vec<Row>, Met> {
        self.rows(sql, RealmId::SYSTEM, &[])
    }

    /// Runs a statement to its end; gives the number of rows it touched.
    pub(in crate::db) fn execute(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<u64, Met> {
        let writes = self.plan(sql)?.writes;
        let mut rows = 0_u64;
        self.each(sql, realm, params, |_| {
            rows = rows.saturating_add(1);
            true
        })?;
        Ok(if writes { self.connection.changes() } else { rows })
    }

    /// The first row. A statement that writes is still run to its end.
    pub(in crate::db) fn row(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<Option<Row>, Met> {
        let mut first = None;
        let writes = self.plan(sql)?.writes;
        self.each(sql, realm, params, |row| {
            first.get_or_insert(row);
            writes
        })?;
        Ok(first)
    }

    /// All rows.
    pub(in crate::db) fn rows(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, Met> {
        let mut rows = Vec::new();
        self.each(sql, realm, params, |row| {
            rows.push(row);
            true
        })?;
        Ok(rows)
    }

    /// Has SQLite read the statement.
    pub(in crate::db) fn prepare(&mut self, sql: &'static str) -> Result<(), Met> {
        self.plan(sql).map(drop)
    }

    /// Gives each row to `take` until it has enough.
    fn each(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
        mut take: impl FnMut(Row) -> bool,
    ) -> Result<(), Met> {
        let plan = self.plan(sql)?;
        text::check(sql, plan.parameters, params.len())?;
        let met = |error: rusqlite::Error| from_sqlite(&error);
        let mut statement = self.connection.prepare_cached(sql).map_err(met)?;
        bind(&mut statement, &plan, realm, params).map_err(met)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(met)? {
            let mut cells = Vec::with_capacity(plan.columns.len());
            for at in 0..plan.columns.len() {
                cells.push(row.get_ref(at).map_err(met).and_then(cell)?);
            }
            if !take(Row::new(Arc::clone(&plan.columns), cells)) {
                break;
            }
        }
        Ok(())
    }

    fn plan(&mut self, sql: &'static str) -> Result<Arc<Plan>, Met> {
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(plan) = self.plans.get(&key) {
            return Ok(Arc::clone(plan));
        }
        let parameters = text::parameters(sql)?;
        let statement = self.connection.prepare_cached(sql).map_err(|error| from_sqlite(&error))?;
        let order = (1..=statement.parameter_count())
            .map(|at| {
                let name = statement.parameter_name(at).and_then(|name| name.strip_prefix('$'));
                name.and_then(|digits| digits.parse().ok())
                    .ok_or_else(|| Fault::bug(format!("parameters are written `$n`: {sql}")))
            })
            .collect::<Result<_, _>>()?;
        let columns = statement.column_names().map(Box::from).collect();
        let plan = Arc::new(Plan { order, parameters, columns, writes: !statement.readonly() });
        drop(statement);
        self.plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}

fn bind(
    statement: &mut CachedStatement<'_>,
    plan: &Plan,
    realm: RealmId,
    params: &[Value<'_>],
) -> rusqlite::Result<()> {
    for (at, n) in plan.order.iter().enumerate() {
        let value = match n.checked_sub(2) {
            None => Value::Int(Some(realm.0)),
            Some(index) => params.get(index).copied().unwrap_or(Value::Int(None)),
        };
        statement.raw_bind_parameter(at + 1, Bound(value))?;
    }
    Ok(())
}

struct Bound<'a>(Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Value::Int(Some(number)) => ValueRef::Integer(number),
            Value::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Value::Text(None) | Value::Int(None) | Value::Bytes(None) => ValueRef::Null,
        }))
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell, Met> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Int(number)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cell::Text(text.to_owned())),
            Err(error) => Err(Fault::malformed("row", error).into()),
        },
        ValueRef::Blob(bytes) => Ok(Cell::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => Err(Fault::bug("a statement answers with a REAL").into()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_its_parameters_are() {
        let connection = Connection::open_in_memory().unwrap();
        let mut link = Link::new(connection).unwrap_or_else(|met| panic!("{}", met.fault));
        link.batch("CREATE TABLE t (realm INTEGER, a TEXT, b INTEGER)").ok().unwrap();
        let sql = "SELECT a FROM t WHERE realm = $1 AND b = $2 LIMIT $3";
        for n in 1..=5 {
            link.rows(sql, RealmId(1), &[Value::from(n), Value::from(n)]).ok().unwrap();
        }
        let statement = link.connection.prepare_cached(sql).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}

//! A PostgreSQL connection that speaks in values and rows.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnection, PgRow, PgValueRef};
use sqlx::{
    Arguments, Column, Decode, Executor, Postgres, Row as _, SqlSafeStr, TypeInfo, ValueRef,
};

use super::super::fault::{Met, from_postgres, lost};
use super::super::text;
use super::super::value::Cell;
use super::super::{Row, Value};
use crate::kernel::{Fault, RealmId};

/// The columns of each unique key, by the name of its constraint, written as `Fault::Unique` writes them.
pub(super) type Keys = Arc<HashMap<String, String>>;

/// A connection, and what is known of each statement's text.
#[derive(Debug)]
pub(in crate::db) struct Link {
    connection: PgConnection,
    keys: Keys,
    parameters: HashMap<(usize, usize), usize>,
    /// How long one statement may take before the server counts as away. The network's time is real, also in tests.
    patience: Duration,
}

impl Link {
    /// Around an open connection.
    pub(super) fn new(connection: PgConnection, keys: Keys, patience: Duration) -> Self {
        Self { connection, keys, parameters: HashMap::new(), patience }
    }

    /// From here on, a statement may take so long.
    pub(super) fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Runs statements that take no parameters, in one round trip.
    pub(super) async fn batch(&mut self, sql: &'static str) -> Result<(), Met> {
        let run = sqlx::raw_sql(sql).execute(&mut self.connection);
        within(self.patience, &self.keys, run).await.map(drop)
    }

    /// Runs a statement to its end; gives the number of rows it touched.
    pub(in crate::db) async fn execute(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<u64, Met> {
        let arguments = self.arguments(sql, realm, params)?;
        self.execute_with(sql, arguments).await
    }

    /// The first row; the statement is run to its end.
    pub(in crate::db) async fn row(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<Option<Row>, Met> {
        let rows = self.rows(sql, realm, params).await?;
        Ok(rows.into_iter().next())
    }

    /// All rows.
    pub(in crate::db) async fn rows(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, Met> {
        let arguments = self.arguments(sql, realm, params)?;
        let run = sqlx::query_with::<Postgres, _>(sql, arguments).fetch_all(&mut self.connection);
        let rows = within(self.patience, &self.keys, run).await?;
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let columns: Arc<[Box<str>]> =
            first.columns().iter().map(|column| Box::from(column.name())).collect();
        rows.iter().map(|row| convert(row, &columns).map_err(Met::from)).collect()
    }

    /// Has PostgreSQL read and plan the statement.
    pub(in crate::db) async fn prepare(&mut self, sql: &'static str) -> Result<(), Met> {
        text::parameters(sql)?;
        let run = (&mut self.connection).prepare(sql.into_sql_str());
        within(self.patience, &self.keys, run).await.map(drop)
    }

    /// Runs a statement of `db`'s own, whose parameters are not only values.
    pub(super) async fn execute_with(
        &mut self,
        sql: &'static str,
        arguments: PgArguments,
    ) -> Result<u64, Met> {
        let run = sqlx::query_with::<Postgres, _>(sql, arguments).execute(&mut self.connection);
        within(self.patience, &self.keys, run).await.map(|done| done.rows_affected())
    }

    fn arguments(
        &mut self,
        sql: &'static str,
        realm: RealmId,
        params: &[Value<'_>],
    ) -> Result<PgArguments, Met> {
        let key = (sql.as_ptr().addr(), sql.len());
        let expected = if let Some(count) = self.parameters.get(&key) {
            *count
        } else {
            let count = text::parameters(sql)?;
            self.parameters.insert(key, count);
            count
        };
        text::check(sql, expected, params.len())?;
        let mut arguments = PgArguments::default();
        if expected > 0 {
            add(&mut arguments, Value::from(realm.0))?;
        }
        for value in params {
            add(&mut arguments, *value)?;
        }
        Ok(arguments)
    }
}

/// Adds one typed value.
fn add(arguments: &mut PgArguments, value: Value<'_>) -> Result<(), Met> {
    let added = match value {
        Value::Text(text) => arguments.add(text),
        Value::Int(number) => arguments.add(number),
        Value::Bytes(bytes) => arguments.add(bytes),
    };
    added.map_err(|error| Fault::bug(error).into())
}

/// Waits for the server's answer, but not for ever.
pub(super) async fn within<T>(
    patience: Duration,
    keys: &HashMap<String, String>,
    run: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Met> {
    match tokio::time::timeout(patience, run).await {
        Ok(answer) => answer.map_err(|error| from_postgres(&error, keys)),
        Err(_) => Err(lost(format!("no answer within {} ms", patience.as_millis()))),
    }
}

fn convert(row: &PgRow, columns: &Arc<[Box<str>]>) -> Result<Row, Fault> {
    let cells = (0..columns.len())
        .map(|at| row.try_get_raw(at).map_err(Fault::bug).and_then(cell))
        .collect::<Result<_, _>>()?;
    Ok(Row::new(Arc::clone(columns), cells))
}

fn cell(value: PgValueRef<'_>) -> Result<Cell, Fault> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().name().to_owned();
    let cell = match kind.as_str() {
        "INT8" => <i64 as Decode<'_, Postgres>>::decode(value).map(Cell::Int),
        "INT4" => <i32 as Decode<'_, Postgres>>::decode(value).map(|n| Cell::Int(i64::from(n))),
        "BOOL" => <bool as Decode<'_, Postgres>>::decode(value).map(|n| Cell::Int(i64::from(n))),
        "TEXT" | "VARCHAR" | "NAME" => {
            <String as Decode<'_, Postgres>>::decode(value).map(Cell::Text)
        }
        "BYTEA" => <Vec<u8> as Decode<'_, Postgres>>::decode(value).map(Cell::Bytes),
        other => return Err(Fault::bug(format!("a statement answers with type {other}"))),
    };
    cell.map_err(|error| Fault::malformed("row", error))
}

//! Parameters and rows: text, integers and bytes, each typed and nullable, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernel::{Fault, Timestamp};

/// A parameter. Each null has a type, because PostgreSQL refuses one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// TEXT
    Text(Option<&'a str>),
    /// BIGINT
    Int(Option<i64>),
    /// BLOB, BYTEA
    Bytes(Option<&'a [u8]>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Int(Some(i64::from(flag)))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Int(Some(time.micros()))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Int(time.map(Timestamp::micros))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

/// One row of an answer, read by column name.
#[derive(Debug)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    cells: Vec<Cell>,
    /// Where the column after the one read last stands: columns are mostly read in the order of the table.
    next: AtomicUsize,
}

/// What a column of a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing.
    Null,
    /// BIGINT
    Int(i64),
    /// TEXT
    Text(String),
    /// BLOB, BYTEA
    Bytes(Vec<u8>),
}

impl Row {
    /// A row of these cells, one for each column.
    pub(super) fn new(columns: Arc<[Box<str>]>, cells: Vec<Cell>) -> Self {
        Self { columns, cells, next: AtomicUsize::new(0) }
    }

    fn cell(&self, column: &str) -> Result<&Cell, Fault> {
        let from = self.next.load(Ordering::Relaxed).min(self.columns.len());
        let (before, after) = self.columns.split_at(from);
        let place = |names: &[Box<str>]| names.iter().position(|name| **name == *column);
        let at = place(after).map(|at| at + from).or_else(|| place(before));
        let found = at.and_then(|at| self.cells.get(at).map(|cell| (at, cell)));
        let (at, cell) =
            found.ok_or_else(|| Fault::bug(format!("an answer has no column `{column}`")))?;
        self.next.store(at + 1, Ordering::Relaxed);
        Ok(cell)
    }

    /// A TEXT column.
    pub fn text(&self, column: &str) -> Result<String, Fault> {
        self.text_or_null(column)?.ok_or_else(|| wrong(column, "is null"))
    }

    /// A TEXT column that may be null.
    pub fn text_or_null(&self, column: &str) -> Result<Option<String>, Fault> {
        Ok(self.str_or_null(column)?.map(str::to_owned))
    }

    /// A TEXT column, lent.
    pub fn str(&self, column: &str) -> Result<&str, Fault> {
        self.str_or_null(column)?.ok_or_else(|| wrong(column, "is null"))
    }

    /// A TEXT column that may be null, lent.
    pub fn str_or_null(&self, column: &str) -> Result<Option<&str>, Fault> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Int(_) | Cell::Bytes(_) => Err(wrong(column, "is not text")),
        }
    }

    /// A BIGINT column.
    pub fn int(&self, column: &str) -> Result<i64, Fault> {
        self.int_or_null(column)?.ok_or_else(|| wrong(column, "is null"))
    }

    /// A BIGINT column that may be null.
    pub fn int_or_null(&self, column: &str) -> Result<Option<i64>, Fault> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Int(number) => Ok(Some(*number)),
            Cell::Text(_) | Cell::Bytes(_) => Err(wrong(column, "is not an integer")),
        }
    }

    /// A BIGINT column that holds 0 or 1.
    pub fn flag(&self, column: &str) -> Result<bool, Fault> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(wrong(column, "is neither 0 nor 1")),
        }
    }

    /// A BIGINT column that holds microseconds.
    pub fn time(&self, column: &str) -> Result<Timestamp, Fault> {
        self.int(column).map(Timestamp::from_micros)
    }

    /// A BIGINT column that holds microseconds or null.
    pub fn time_or_null(&self, column: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.int_or_null(column)?.map(Timestamp::from_micros))
    }

    /// A BLOB column.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>, Fault> {
        self.bytes_or_null(column)?.ok_or_else(|| wrong(column, "is null"))
    }

    /// A BLOB column that may be null.
    pub fn bytes_or_null(&self, column: &str) -> Result<Option<Vec<u8>>, Fault> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => Ok(Some(bytes.clone())),
            Cell::Int(_) | Cell::Text(_) => Err(wrong(column, "is not bytes")),
        }
    }
}

fn wrong(column: &str, what: &str) -> Fault {
    Fault::malformed("row", format!("column `{column}` {what}"))
}

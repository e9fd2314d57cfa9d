//! Parameters and rows: text, integers and bytes, each typed and nullable, and nothing else.

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
pub struct Row(());

impl Row {
    /// A TEXT column.
    pub fn text(&self, _column: &str) -> Result<String, Fault> {
        todo!()
    }

    /// A TEXT column that may be null.
    pub fn text_or_null(&self, _column: &str) -> Result<Option<String>, Fault> {
        todo!()
    }

    /// A BIGINT column.
    pub fn int(&self, _column: &str) -> Result<i64, Fault> {
        todo!()
    }

    /// A BIGINT column that may be null.
    pub fn int_or_null(&self, _column: &str) -> Result<Option<i64>, Fault> {
        todo!()
    }

    /// A BIGINT column that holds 0 or 1.
    pub fn flag(&self, _column: &str) -> Result<bool, Fault> {
        todo!()
    }

    /// A BIGINT column that holds microseconds.
    pub fn time(&self, _column: &str) -> Result<Timestamp, Fault> {
        todo!()
    }

    /// A BIGINT column that holds microseconds or null.
    pub fn time_or_null(&self, _column: &str) -> Result<Option<Timestamp>, Fault> {
        todo!()
    }

    /// A BLOB column.
    pub fn bytes(&self, _column: &str) -> Result<Vec<u8>, Fault> {
        todo!()
    }

    /// A BLOB column that may be null.
    pub fn bytes_or_null(&self, _column: &str) -> Result<Option<Vec<u8>>, Fault> {
        todo!()
    }
}

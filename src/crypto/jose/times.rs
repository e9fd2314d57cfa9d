//! The times of a statement that is made for one call: when it was made and when it ends, close together, and now.

use serde_json::{Map, Value};

use crate::kernel::Timestamp;

/// Why a statement is not good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// `iat` or `exp` is missing, or no whole number of seconds.
    #[error("`iat` and `exp` are seconds")]
    Missing,
    /// It would live longer than such statements do.
    #[error("it is good for more than {0} seconds")]
    TooLong(i64),
    /// It has ended, or was made later than a clock can be off.
    #[error("it has ended, or has not begun; is the clock of that machine right?")]
    NotNow,
}

/// Holds if these claims are good now, and for `most` seconds at most. The maker's clock may be ahead by as much.
pub fn is_good_now(
    claims: &Map<String, Value>,
    now: Timestamp,
    most: i64,
) -> Result<(), TimesError> {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (Some(made), Some(ends)) = (time("iat"), time("exp")) else {
        return Err(TimesError::Missing);
    };
    if ends.saturating_sub(made) > most {
        return Err(TimesError::TooLong(most));
    }
    if ends <= now.seconds() || made > now.seconds().saturating_add(most) {
        return Err(TimesError::NotNow);
    }
    Ok(())
}

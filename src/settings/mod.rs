//! The settings loader: file, environment and flags laid over one another, each value checked where it was written.
//!
//! Owns: [`load()`] and its errors, which name file, line, column, key, and what would be right; values with units
//! ([`Span`], [`Size`]); the annotated document made from the types ([`render()`]); [`Current`], which takes a reload whole or not at
//! all; the places things live in by default ([`Places`]).
//! Does not own: any setting. Each slice has its own `settings.rs`: a plain struct with `Default` and `///` docs inside
//! `section!`.
//! Invariants: an unknown key is refused, never ignored; nothing else reads the environment.

mod current;
mod environment;
mod load;
mod render;
mod section;
#[cfg(test)]
mod tests;
mod values;

pub use current::{Current, ReloadError};
pub use environment::{Environment, Places};
pub use load::{Place, Refused, SettingError, Sources, load};
pub use render::render;
pub use section::{
    Change, Field, Misfit, Section, Setting, Shape, check, value_changed, value_shape,
};
pub(crate) use section::{section, value};
pub use values::{Size, Span, Text, Textual};

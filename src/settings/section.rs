//! What the loader and the renderer know of a settings struct, made from the struct itself so that it cannot drift.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that has a place in the settings: a section, or a value. Sections get it from `section!`; a slice's own
/// value types, such as enums, from `value!`.
pub trait Setting: Sized {
    /// Its shape, with this value as the default; nothing if there is none.
    fn shape(default: Option<&Self>) -> Shape;
    /// Notes under `key` what is different in `new`. `live` says whether a change can be taken without a restart.
    fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<Change>);
    /// Notes under `key` what is wrong with values that each fit alone. A value by itself has nothing to note.
    fn misfits(&self, _key: &str, _out: &mut Vec<Misfit>) {}
}

/// What stands at a key.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A value.
    Value {
        /// What holds if nothing is said; nothing for what is not set.
        default: Option<toml::Value>,
        /// Why a value does not fit.
        check: fn(toml::Value) -> Result<(), String>,
    },
    /// More keys.
    Section(Section),
}

/// A section: its doc lines and its keys, in the order of the struct.
#[derive(Debug, Clone)]
pub struct Section {
    /// The struct's doc comment.
    pub about: &'static [&'static str],
    /// Its keys.
    pub fields: Vec<Field>,
    /// True if the whole section may be left out, and means something only when it is there.
    pub optional: bool,
    /// Why the section as a whole does not fit: a key that it needs is missing.
    pub check: fn(toml::Value) -> Result<(), String>,
}

/// One key of a section.
#[derive(Debug, Clone)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The field's doc comment.
    pub about: &'static [&'static str],
    /// True if a change takes effect on reload.
    pub live: bool,
    /// What stands there.
    pub shape: Shape,
}

/// A key that two settings differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The whole key: `log.level`.
    pub key: String,
    /// True if it can be taken without a restart.
    pub live: bool,
}

/// A value that does not fit together with others, or has a rule that its type does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The whole key: `authority.x509_seconds`.
    pub key: String,
    /// What would be right.
    pub words: String,
}

/// The shape of a value.
pub fn value_shape<T: Serialize + DeserializeOwned>(default: Option<&T>) -> Shape {
    Shape::Value {
        default: default.and_then(|value| toml::Value::try_from(value).ok()),
        check: check::<T>,
    }
}

/// Says why a value is no `T`.
pub fn check<T: DeserializeOwned>(value: toml::Value) -> Result<(), String> {
    T::deserialize(value).map(drop).map_err(|error| error.message().to_owned())
}

/// Notes a value that changed.
pub fn value_changed<T: PartialEq>(old: &T, new: &T, key: &str, live: bool, out: &mut Vec<Change>) {
    if old != new {
        out.push(Change { key: key.to_owned(), live });
    }
}

/// Makes types values of settings: they need `Serialize`, `Deserialize` and `PartialEq`. A type that must not be printed
/// implements [`Setting`] by hand, with no default and [`check`].
macro_rules! value {
    ($($kind:ty),* $(,)?) => {$(
        impl $crate::settings::Setting for $kind {
            fn shape(default: Option<&Self>) -> $crate::settings::Shape {
                $crate::settings::value_shape(default)
            }

            fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<$crate::settings::Change>) {
                $crate::settings::value_changed(self, new, key, live, out);
            }
        }
    )*};
}

/// Makes a settings struct a section. The struct is written as any other, with doc comments on everything, then
/// `derive`, then `#[serde(deny_unknown_fields, default)]`; after it, `live { … }` names the keys that a reload changes, and
/// `fits { function }` a function of the section that gives a key and words where its values do not fit.
///
/// ```text
/// section! {
///     /// How the log is written.
///     #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
///     #[serde(deny_unknown_fields, default)]
///     pub struct LogSettings {
///         /// Which events are written.
///         pub level: Level,
///     }
///     live { level }
/// }
/// ```
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $(#[derive($($derive:tt)*)])?
        $(#[serde($($serde:tt)*)])?
        $(#[expect($($expect:tt)*)])?
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $field_vis:vis $field:ident : $kind:ty
            ),* $(,)?
        }
        $(live { $($live:ident),* $(,)? })?
        $(fits { $fits:ident })?
    ) => {
        $(#[doc = $about])*
        $(#[derive($($derive)*)])?
        $(#[serde($($serde)*)])?
        $(#[expect($($expect)*)])?
        $vis struct $name {
            $(
                $(#[doc = $doc])*
                $field_vis $field : $kind
            ),*
        }

        impl $name {
            const LIVE: &'static [&'static str] = &[$($(stringify!($live)),*)?];
        }

        impl $crate::settings::Setting for $name {
            fn shape(default: Option<&Self>) -> $crate::settings::Shape {
                // A name under `live` that is no field does not compile.
                $($(let _ = default.map(|default| &default.$live);)*)?
                $crate::settings::Shape::Section($crate::settings::Section {
                    about: &[$($about),*],
                    optional: false,
                    check: $crate::settings::check::<Self>,
                    fields: vec![$($crate::settings::Field {
                        name: stringify!($field),
                        about: &[$($doc),*],
                        live: Self::LIVE.contains(&stringify!($field)),
                        shape: $crate::settings::Setting::shape(default.map(|default| &default.$field)),
                    }),*],
                })
            }

            fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<$crate::settings::Change>) {
                $({
                    let name = stringify!($field);
                    let key = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
                    let live = live || Self::LIVE.contains(&name);
                    $crate::settings::Setting::changed(&self.$field, &new.$field, &key, live, out);
                })*
            }

            fn misfits(&self, key: &str, out: &mut Vec<$crate::settings::Misfit>) {
                let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
                $($crate::settings::Setting::misfits(&self.$field, &below(stringify!($field)), out);)*
                $(if let Some((name, words)) = self.$fits() {
                    out.push($crate::settings::Misfit { key: below(name), words });
                })?
            }
        }
    };
}

pub(crate) use {section, value};

value!(bool, u8, u16, u32, u64, usize, i32, i64, f64, String, std::path::PathBuf);
value!(std::net::SocketAddr, std::net::IpAddr, super::Span, super::Size);

impl<T: Setting> Setting for Option<T> {
    fn shape(default: Option<&Self>) -> Shape {
        let default = default.and_then(Option::as_ref);
        match T::shape(default) {
            Shape::Section(section) => {
                Shape::Section(Section { optional: default.is_none(), ..section })
            }
            value @ Shape::Value { .. } => value,
        }
    }

    fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<Change>) {
        match (self, new) {
            (Some(old), Some(new)) => old.changed(new, key, live, out),
            (None, None) => {}
            _ => out.push(Change { key: key.to_owned(), live }),
        }
    }

    fn misfits(&self, key: &str, out: &mut Vec<Misfit>) {
        if let Some(value) = self {
            value.misfits(key, out);
        }
    }
}

impl<T: Serialize + DeserializeOwned + PartialEq> Setting for Vec<T> {
    fn shape(default: Option<&Self>) -> Shape {
        value_shape(default)
    }

    fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<Change>) {
        value_changed(self, new, key, live, out);
    }
}

impl<T: Serialize + DeserializeOwned + PartialEq> Setting
    for std::collections::BTreeMap<String, T>
{
    fn shape(default: Option<&Self>) -> Shape {
        value_shape(default)
    }

    fn changed(&self, new: &Self, key: &str, live: bool, out: &mut Vec<Change>) {
        value_changed(self, new, key, live, out);
    }
}

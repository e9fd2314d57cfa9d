//! Loading: the file, then the environment, then flags, each value checked where it was written; all mistakes at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::environment::Environment;
use super::section::{Field, Misfit, Section, Setting, Shape};

/// Where settings come from; later ones win: file, environment, overrides.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file. Named is needed: one that is missing is refused.
    pub file: Option<PathBuf>,
    /// Variables of the form `WEFT_SECTION__KEY`.
    pub environment: Environment,
    /// From the command line: key and value.
    pub overrides: Vec<(String, String)>,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the file; line and column count from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In the environment, in this variable.
    Environment(String),
    /// On the command line.
    Flag,
    /// Nowhere: something is missing.
    Nowhere,
}

/// One mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {}{words}", key_prefix(.key))]
pub struct SettingError {
    /// Where it was written.
    pub place: Place,
    /// The whole key, `server.node.listen`; empty if the file cannot be read at all.
    pub key: String,
    /// What is wrong, and what would be right.
    pub words: String,
}

/// The settings are refused, with every mistake that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Refused(pub Vec<SettingError>);

/// Reads the settings, or says everything that is wrong with them.
pub fn load<T: Setting + Default + DeserializeOwned>(sources: &Sources) -> Result<T, Refused> {
    let Shape::Section(root) = T::shape(Some(&T::default())) else {
        return Err(Refused(vec![unfit("settings are a section".to_owned())]));
    };
    let mut overlay =
        Overlay { root: &root, values: Table::new(), places: BTreeMap::new(), errors: Vec::new() };
    if let Some(path) = &sources.file {
        overlay.file(path);
    }
    for (name, key, text) in sources.environment.settings() {
        overlay.text(&key, text, Place::Environment(name.to_owned()));
    }
    for (key, text) in &sources.overrides {
        overlay.text(key, text, Place::Flag);
    }
    let values = std::mem::take(&mut overlay.values);
    overlay.whole(&root, &values, "");
    if !overlay.errors.is_empty() {
        return Err(Refused(overlay.errors));
    }
    let places = std::mem::take(&mut overlay.places);
    let settings = T::deserialize(Value::Table(values))
        .map_err(|error| Refused(vec![unfit(error.message().to_owned())]))?;
    let mut misfits = Vec::new();
    settings.misfits("", &mut misfits);
    if misfits.is_empty() { Ok(settings) } else { Err(refused(misfits, &places)) }
}

/// Each where its key was written; one that is a default, where its section was.
fn refused(misfits: Vec<Misfit>, places: &BTreeMap<String, Place>) -> Refused {
    let place = |key: &str| {
        let section = || places.get(key.rsplit_once('.')?.0);
        places.get(key).or_else(section).cloned().unwrap_or(Place::Nowhere)
    };
    let error = |Misfit { key, words }| SettingError { place: place(&key), key, words };
    Refused(misfits.into_iter().map(error).collect())
}

/// What was read so far, and what was wrong with it.
struct Overlay<'a> {
    root: &'a Section,
    values: Table,
    /// Where each section was first named, and each value last.
    places: BTreeMap<String, Place>,
    errors: Vec<SettingError>,
}

/// The file being read: its name and text for positions.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Overlay<'_> {
    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let place = Place::File { path: path.to_owned(), line: 1, column: 1 };
                return self.refuse(place, String::new(), format!("cannot be read: {error}"));
            }
        };
        let source = Source { path, text: &text };
        match (DeTable::parse(&text), text.parse::<Table>()) {
            (Ok(spanned), Ok(plain)) => {
                let root = self.root;
                self.values = self.table(&source, root, (spanned.get_ref(), &plain), "");
            }
            (Err(error), _) | (_, Err(error)) => {
                let at = error.span().map_or(0, |span| span.start);
                self.refuse(
                    source.place(at),
                    String::new(),
                    format!("not TOML: {}", error.message()),
                );
            }
        }
    }

    fn table(
        &mut self,
        source: &Source<'_>,
        section: &Section,
        (spanned, plain): (&DeTable<'_>, &Table),
        prefix: &str,
    ) -> Table {
        let mut read = Table::new();
        for (key, value) in spanned {
            let name: &str = key.get_ref();
            let whole = join(prefix, name);
            let Some(field) = field(section, name) else {
                let words = unknown(self.root, section, prefix, name);
                self.refuse(source.place(key.span().start), whole, words);
                continue;
            };
            let Some(raw) = plain.get(name) else { continue };
            if let Some(value) = self.value(source, field, (value, raw), &whole) {
                read.insert(name.to_owned(), value);
            }
        }
        read
    }

    fn value(
        &mut self,
        source: &Source<'_>,
        field: &Field,
        (spanned, raw): (&Spanned<DeValue<'_>>, &Value),
        key: &str,
    ) -> Option<Value> {
        let place = || source.place(spanned.span().start);
        match (&field.shape, spanned.get_ref().as_table(), raw) {
            (Shape::Section(section), Some(inner), Value::Table(plain)) => {
                self.places.insert(key.to_owned(), place());
                Some(Value::Table(self.table(source, section, (inner, plain), key)))
            }
            (Shape::Section(section), ..) => {
                self.refuse(place(), key.to_owned(), is_section(section));
                None
            }
            (Shape::Value { check, .. }, ..) => match check(raw.clone()) {
                Ok(()) => {
                    self.places.insert(key.to_owned(), place());
                    Some(raw.clone())
                }
                Err(words) => {
                    self.refuse(place(), key.to_owned(), words);
                    None
                }
            },
        }
    }

    /// A value that has no TOML around it: read as TOML if that fits, else as the text it is.
    fn text(&mut self, key: &str, text: &str, place: Place) {
        let mut section = self.root;
        let mut prefix = String::new();
        let mut names = key.split('.').peekable();
        while let Some(name) = names.next() {
            let Some(field) = field(section, name) else {
                let words = unknown(self.root, section, &prefix, name);
                return self.refuse(place, key.to_owned(), words);
            };
            prefix = join(&prefix, name);
            match (&field.shape, names.peek()) {
                (Shape::Section(inner), Some(_)) => {
                    self.places.entry(prefix.clone()).or_insert_with(|| place.clone());
                    section = inner;
                }
                (Shape::Section(inner), None) => {
                    return self.refuse(place, key.to_owned(), is_section(inner));
                }
                (Shape::Value { check, .. }, None) => match fitting(text, *check) {
                    Ok(value) => {
                        self.places.insert(key.to_owned(), place);
                        return put(&mut self.values, key, value);
                    }
                    Err(words) => return self.refuse(place, key.to_owned(), words),
                },
                (Shape::Value { .. }, Some(_)) => {
                    let words = format!("`{prefix}` is a value and has no keys below it");
                    return self.refuse(place, key.to_owned(), words);
                }
            }
        }
    }

    /// Optional sections that are there must be there whole.
    fn whole(&mut self, section: &Section, values: &Table, prefix: &str) {
        for field in &section.fields {
            let (Shape::Section(inner), Some(Value::Table(table))) =
                (&field.shape, values.get(field.name))
            else {
                continue;
            };
            let key = join(prefix, field.name);
            let place = self.places.get(&key).cloned().unwrap_or(Place::Nowhere);
            match (inner.check)(Value::Table(table.clone())) {
                Err(words) if inner.optional && self.errors.is_empty() => {
                    self.refuse(place, key, words);
                }
                _ => self.whole(inner, table, &key),
            }
        }
    }

    fn refuse(&mut self, place: Place, key: String, words: String) {
        self.errors.push(SettingError { place, key, words });
    }
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        Place::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
            column: column.saturating_add(1),
        }
    }
}

fn fitting(text: &str, check: fn(Value) -> Result<(), String>) -> Result<Value, String> {
    let as_text = Value::String(text.to_owned());
    let as_toml =
        format!("x = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
    let Some(value) = as_toml else {
        return check(as_text.clone()).map(|()| as_text);
    };
    let refused = match check(value.clone()) {
        Ok(()) => return Ok(value),
        Err(words) => words,
    };
    if check(as_text.clone()).is_ok() { Ok(as_text) } else { Err(refused) }
}

fn put(values: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            values.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = values.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn field<'a>(section: &'a Section, name: &str) -> Option<&'a Field> {
    section.fields.iter().find(|field| field.name == name)
}

fn unknown(root: &Section, section: &Section, prefix: &str, name: &str) -> String {
    let near = section
        .fields
        .iter()
        .map(|field| (distance(field.name, name), field.name))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3).max(2));
    if let Some((_, known)) = near {
        return format!("unknown key; did you mean `{}`?", join(prefix, known));
    }
    let mut elsewhere = Vec::new();
    find(root, name, "", &mut elsewhere);
    match elsewhere.as_slice() {
        [] => {
            let names: Vec<_> =
                section.fields.iter().map(|field| format!("`{}`", field.name)).collect();
            format!("unknown key; known here: {}", names.join(", "))
        }
        found => format!("unknown key here; did you mean `{}`?", found.join("` or `")),
    }
}

fn find(section: &Section, name: &str, prefix: &str, out: &mut Vec<String>) {
    for field in &section.fields {
        let key = join(prefix, field.name);
        if field.name == name {
            out.push(key.clone());
        }
        if let Shape::Section(inner) = &field.shape {
            find(inner, name, &key, out);
        }
    }
}

/// Levenshtein's distance, by rows.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.chars().enumerate() {
        let mut next = vec![above.saturating_add(1)];
        let pairs = row.iter().zip(row.iter().skip(1)).zip(&other);
        for ((&diagonal, &up), &b) in pairs {
            let left = next.last().copied().unwrap_or(0);
            let changed = diagonal.saturating_add(usize::from(a != b));
            next.push(changed.min(up.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn is_section(section: &Section) -> String {
    let names: Vec<_> = section.fields.iter().map(|field| format!("`{}`", field.name)).collect();
    format!("this is a section and takes no value itself; its keys are {}", names.join(", "))
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

fn unfit(words: String) -> SettingError {
    SettingError { place: Place::Nowhere, key: String::new(), words }
}

fn key_prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

fn lines(errors: &[SettingError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
            Self::Nowhere => f.write_str("settings"),
        }
    }
}

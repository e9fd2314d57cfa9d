//! What pages say: Fluent messages, a file for each slice and language, compiled in.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use super::look::Language;

/// Something a text can have in it. Numbers choose the plural.
pub trait Word {
    /// As Fluent takes it.
    fn word(&self) -> FluentValue<'_>;
}

impl Word for str {
    fn word(&self) -> FluentValue<'_> {
        FluentValue::from(self)
    }
}

impl Word for String {
    fn word(&self) -> FluentValue<'_> {
        FluentValue::from(self.as_str())
    }
}

impl Word for usize {
    fn word(&self) -> FluentValue<'_> {
        FluentValue::from(*self)
    }
}

impl Word for i64 {
    fn word(&self) -> FluentValue<'_> {
        FluentValue::from(*self)
    }
}

impl<T: Word + ?Sized> Word for &T {
    fn word(&self) -> FluentValue<'_> {
        (**self).word()
    }
}

/// The text of this name with these values. A name that is nowhere is its own text: a page with a gap is better than none.
pub(super) fn say(
    language: Language,
    key: &str,
    values: &[(&'static str, FluentValue<'_>)],
) -> String {
    let mut arguments = FluentArgs::new();
    for (name, value) in values {
        arguments.set(*name, value.clone());
    }
    formatted(language, key, &arguments)
        .or_else(|| formatted(Language::English, key, &arguments))
        .unwrap_or_else(|| key.to_owned())
}

/// True if there is a text of this name.
pub(super) fn has(key: &str) -> bool {
    bundle(Language::English).has_message(key)
}

fn formatted(language: Language, key: &str, arguments: &FluentArgs<'_>) -> Option<String> {
    let bundle = bundle(language);
    let pattern = bundle.get_message(key)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(arguments), &mut errors);
    Some(text).filter(|_| errors.is_empty()).map(Cow::into_owned)
}

type Texts = FluentBundle<FluentResource>;

fn bundle(language: Language) -> &'static Texts {
    static ENGLISH: LazyLock<Texts> = LazyLock::new(|| read(Language::English));
    static GERMAN: LazyLock<Texts> = LazyLock::new(|| read(Language::German));
    static ARABIC: LazyLock<Texts> = LazyLock::new(|| read(Language::Arabic));
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
        Language::Arabic => &ARABIC,
    }
}

/// Reads what is compiled in. A file with a flaw gives what could be read of it; a test finds the flaw.
fn read(language: Language) -> Texts {
    let tag = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    for file in files(language) {
        let resource = FluentResource::try_new(file.to_owned()).unwrap_or_else(|(read, _)| read);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

const fn files(language: Language) -> [&'static str; 7] {
    match language {
        Language::English => [
            include_str!("../../../translations/en/shell.ftl"),
            include_str!("../../../translations/en/signin.ftl"),
            include_str!("../../../translations/en/oauth.ftl"),
            include_str!("../../../translations/en/account.ftl"),
            include_str!("../../../translations/en/mail.ftl"),
            include_str!("../../../translations/en/devices.ftl"),
            include_str!("../../../translations/en/admin.ftl"),
        ],
        Language::German => [
            include_str!("../../../translations/de/shell.ftl"),
            include_str!("../../../translations/de/signin.ftl"),
            include_str!("../../../translations/de/oauth.ftl"),
            include_str!("../../../translations/de/account.ftl"),
            include_str!("../../../translations/de/mail.ftl"),
            include_str!("../../../translations/de/devices.ftl"),
            include_str!("../../../translations/de/admin.ftl"),
        ],
        Language::Arabic => [
            include_str!("../../../translations/ar/shell.ftl"),
            include_str!("../../../translations/ar/signin.ftl"),
            include_str!("../../../translations/ar/oauth.ftl"),
            include_str!("../../../translations/ar/account.ftl"),
            include_str!("../../../translations/ar/mail.ftl"),
            include_str!("../../../translations/ar/devices.ftl"),
            include_str!("../../../translations/ar/admin.ftl"),
        ],
    }
}

/// The names of a language's texts, and the flaws of its files: for the test that compares them.
#[cfg(test)]
pub(super) fn keys(
    language: Language,
) -> (std::collections::BTreeMap<String, String>, Vec<String>) {
    let (mut keys, mut flaws) = (std::collections::BTreeMap::new(), Vec::new());
    for file in files(language) {
        if let Err((_, errors)) = FluentResource::try_new(file.to_owned()) {
            flaws.extend(errors.iter().map(ToString::to_string));
        }
        let mut last: Option<String> = None;
        for line in file.lines() {
            let head = line
                .split_once(" =")
                .filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()));
            if let Some((key, text)) = head {
                if keys.insert(key.to_owned(), text.to_owned()).is_some() {
                    flaws.push(format!("`{key}` stands twice"));
                }
                last = Some(key.to_owned());
            } else if let Some(text) = last.as_ref().and_then(|key| keys.get_mut(key)) {
                text.push_str(line);
            }
        }
    }
    (keys, flaws)
}

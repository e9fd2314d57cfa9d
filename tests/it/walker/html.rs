//! As much HTML as a person without scripts uses: forms, their fields and buttons, and links.

use std::collections::BTreeMap;

/// A form on a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    id: String,
    /// It shows only where a script makes it show.
    pub(crate) hidden: bool,
    pub(crate) action: String,
    pub(crate) method: String,
    /// Fields with what stands in them; unchecked boxes are left out.
    pub(crate) fields: Vec<(String, String)>,
    /// What the form asks somebody to type.
    pub(crate) asked: Vec<String>,
    /// Buttons with a name, as name and value.
    pub(crate) buttons: Vec<(String, String)>,
}

/// A link: where it leads, and its words.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) words: String,
}

/// The forms of a page, in order.
pub(crate) fn forms(page: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut open: Option<Form> = None;
    // Fields and buttons that say which form they belong to.
    let mut elsewhere = Vec::new();
    for tag in tags(page) {
        match tag.name.as_str() {
            "form" => {
                let get = |name| tag.get(name).unwrap_or_default();
                open = Some(Form {
                    id: get("id"),
                    hidden: tag.get("hidden").is_some(),
                    action: get("action"),
                    method: get("method").to_ascii_lowercase(),
                    ..Form::default()
                });
            }
            "/form" => forms.extend(open.take()),
            "input" | "button" | "textarea" | "select" => match tag.get("form") {
                Some(id) => elsewhere.push((id, tag)),
                None => open.iter_mut().for_each(|form| form.add(&tag)),
            },
            _ => {}
        }
    }
    forms.extend(open);
    for (id, tag) in elsewhere {
        forms.iter_mut().filter(|form| form.id == id).for_each(|form| form.add(&tag));
    }
    forms
}

/// The links of a page, in order.
pub(crate) fn links(page: &str) -> Vec<Link> {
    let words_after = |end: usize| {
        let rest = page.get(end..).unwrap_or_default();
        unescape(rest.split("</a>").next().unwrap_or_default())
    };
    let anchors = tags(page).into_iter().filter(|tag| tag.name == "a");
    anchors
        .filter_map(|tag| Some(Link { href: tag.get("href")?, words: words_after(tag.end) }))
        .collect()
}

impl Form {
    fn add(&mut self, tag: &Tag) {
        let (Some(name), kind) = (tag.get("name"), tag.get("type").unwrap_or_default()) else {
            return;
        };
        let value = tag.get("value").unwrap_or_default();
        match (tag.name.as_str(), kind.as_str()) {
            ("button", "" | "submit") | ("input", "submit") => self.buttons.push((name, value)),
            ("input", "hidden") => self.fields.push((name, value)),
            ("input", "checkbox" | "radio") => {
                if tag.get("checked").is_some() {
                    let value = if value.is_empty() { "on".to_owned() } else { value };
                    self.fields.push((name, value));
                }
            }
            ("button", _) => {}
            // Shown to nobody; password managers read it.
            ("input", _) if tag.get("hidden").is_some() => self.fields.push((name, value)),
            _ => {
                self.asked.push(name.clone());
                self.fields.push((name, value));
            }
        }
    }

    /// Types something into a field.
    pub(crate) fn fill(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|(field, _)| field == name) {
            value.clone_into(&mut field.1);
        }
    }
}

#[derive(Debug)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    end: usize,
}

impl Tag {
    fn get(&self, name: &str) -> Option<String> {
        self.attributes.get(name).cloned()
    }
}

fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = rest(page, at).find('<').map(|n| at + n) {
        if rest(page, start).starts_with("<!--") {
            at = rest(page, start).find("-->").map_or(page.len(), |n| start + n + 3);
            continue;
        }
        let (tag, end) = tag(page, start + 1);
        at = end;
        found.extend(tag);
    }
    found
}

fn tag(page: &str, start: usize) -> (Option<Tag>, usize) {
    let letters: Vec<(usize, char)> =
        rest(page, start).char_indices().map(|(n, c)| (start + n, c)).collect();
    let mut n = 0;
    let mut name = String::new();
    while let Some((_, c)) = letters.get(n).filter(|(_, c)| !c.is_whitespace() && *c != '>') {
        name.push(c.to_ascii_lowercase());
        n += 1;
    }
    let mut attributes = BTreeMap::new();
    loop {
        while letters.get(n).is_some_and(|(_, c)| c.is_whitespace() || *c == '/') {
            n += 1;
        }
        match letters.get(n) {
            None => return (None, page.len()),
            Some((at, '>')) => {
                let usable = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
                let tag = Tag { name, attributes, end: at + 1 };
                return (usable.then_some(tag), at + 1);
            }
            Some(_) => {}
        }
        let mut key = String::new();
        while let Some((_, c)) =
            letters.get(n).filter(|(_, c)| !c.is_whitespace() && !"=>".contains(*c))
        {
            key.push(c.to_ascii_lowercase());
            n += 1;
        }
        let mut value = String::new();
        if letters.get(n).is_some_and(|(_, c)| *c == '=') {
            n += 1;
            let quote = letters.get(n).map(|(_, c)| *c).filter(|c| "'\"".contains(*c));
            n += usize::from(quote.is_some());
            let ends = |c: char| quote.map_or(c.is_whitespace() || c == '>', |quote| c == quote);
            while let Some((_, c)) = letters.get(n).filter(|(_, c)| !ends(*c)) {
                value.push(*c);
                n += 1;
            }
            n += usize::from(quote.is_some());
        }
        attributes.insert(key, unescape(&value));
    }
}

fn rest(page: &str, at: usize) -> &str {
    page.get(at..).unwrap_or_default()
}

/// Characters that are written by name or number.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut pieces = text.split('&');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let read = piece.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        if let Some((c, rest)) = read {
            plain.push(c);
            plain.push_str(rest);
        } else {
            plain.push('&');
            plain.push_str(piece);
        }
    }
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "amp" => Some('&'),
        _ => {
            let number = name.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let code = match hexadecimal {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[test]
fn a_form_is_read_as_a_browser_without_scripts_reads_it() {
    let page = "<!-- <form> --><form id=f action='/a?x=1&amp;y=2&#38;z=&#x33;&copy' method=POST><input type=hidden name=t value=\"1&quot;\">\
        <input name=user><input name=known value=k hidden><input type=checkbox name=c value=v checked><input type=checkbox name=d>\
        <button name=go value=yes>Go</button><button type=button name=no>No</button></form><button form=f name=stay value=no>Stay</button><a href='/out'>Leave</a>";
    let forms = forms(page);
    let form = forms.first().unwrap();
    assert_eq!(
        (forms.len(), form.action.as_str(), form.method.as_str()),
        (1, "/a?x=1&y=2&z=3&copy", "post")
    );
    assert_eq!(form.asked, ["user"]);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        form.fields,
        [pair("t", "1\""), pair("user", ""), pair("known", "k"), pair("c", "v")]
    );
    assert_eq!(form.buttons, [pair("go", "yes"), pair("stay", "no")]);
    let links = links(page);
    assert_eq!(
        links.first().map(|link| (link.href.as_str(), link.words.as_str())),
        Some(("/out", "Leave"))
    );
}

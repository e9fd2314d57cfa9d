//! Which SVG is nothing but shapes: every element and what its attributes say is on a list, or the picture is refused.
//!
//! Not an XML reader: what it does not understand at once it refuses.

/// Says what is wrong with a picture that could run or fetch something.
pub(super) fn check(text: &str) -> Result<(), String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = match text.strip_prefix("<?xml ") {
        Some(rest) => rest.split_once("?>").ok_or("SVG that ends too soon")?.1.trim_start(),
        None => text,
    };
    if !text.starts_with("<svg") && !text.starts_with("<!--") {
        return Err("PNG, WebP or SVG".to_owned());
    }
    let mut rest = text;
    while let Some((_, from)) = rest.split_once('<') {
        rest = if let Some(comment) = from.strip_prefix("!--") {
            comment.split_once("-->").ok_or("SVG that ends too soon")?.1
        } else {
            let (tag, after) = tag(from).ok_or("SVG that ends too soon")?;
            element(tag)?;
            after
        };
    }
    Ok(())
}

/// What stands between `<` and its `>`, which may be in quotes before.
fn tag(from: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in from.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == '>' => {
                return Some((from.get(..at)?, from.get(at.saturating_add(1)..)?));
            }
            None if letter == '<' => return None,
            _ => {}
        }
    }
    None
}

fn element(tag: &str) -> Result<(), String> {
    let closing = tag.strip_prefix('/');
    let tag = closing.unwrap_or(tag).trim_end_matches('/').trim_end();
    let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    if !ELEMENTS.contains(&name) {
        return Err(format!("SVG of shapes alone, without `{}`", shortened(name)));
    }
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("attributes with values")?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|first| matches!(first, '"' | '\''));
        let inside = quote.and_then(|quote| after.get(1..)?.split_once(quote));
        let (value, after) = inside.ok_or("attributes with values in quotes")?;
        attribute(name.trim(), value)?;
        rest = after.trim_start();
    }
    Ok(())
}

fn attribute(name: &str, value: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'_');
    let name = name.to_ascii_lowercase();
    let listens = name.starts_with("on");
    let leads = name.ends_with("href") && !value.starts_with('#');
    let lower = value.to_ascii_lowercase();
    let fetches = lower
        .match_indices("url(")
        .any(|(at, _)| !lower.get(at..).is_some_and(|rest| rest.starts_with("url(#")));
    let hides = lower.contains("&#") || lower.contains('\\') || lower.contains('@');
    if !name.bytes().all(plain) || listens || leads || fetches || hides || lower.contains("script:")
    {
        return Err(format!("SVG that runs and fetches nothing, without `{}`", shortened(&name)));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

/// Shapes, and what they are painted with. Nothing that moves, runs, or shows another document.
const ELEMENTS: [&str; 21] = [
    "svg",
    "g",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "title",
    "desc",
    "metadata",
    "defs",
    "use",
    "symbol",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
];

//! The annotated document: every key with its doc comment and default, made from the types.

use super::section::{Field, Section, Setting, Shape};

/// Writes a TOML document that says what every key means and what holds without it. Values stand behind `#`, so that
/// the document as it is changes nothing: prose behind `# `, settings behind `#` alone.
pub fn render<T: Setting + Default>() -> String {
    let mut out = String::new();
    if let Shape::Section(root) = T::shape(Some(&T::default())) {
        prose(&mut out, root.about);
        body(&mut out, &root, "");
    }
    out
}

fn body(out: &mut String, section: &Section, prefix: &str) {
    // TOML wants the values of a table before its sub-tables.
    let is_section = |field: &&Field| matches!(field.shape, Shape::Section(_));
    for field in section.fields.iter().filter(|field| !is_section(field)) {
        if let Shape::Value { default, .. } = &field.shape {
            out.push('\n');
            prose(out, field.about);
            if field.live {
                out.push_str("# Takes effect on reload.\n");
            }
            match default {
                Some(value) => line(out, &["#", field.name, " = ", &value.to_string()]),
                None => line(out, &["# Not set: ", field.name, " = …"]),
            }
        }
    }
    for field in section.fields.iter().filter(is_section) {
        if let Shape::Section(inner) = &field.shape {
            let key = if prefix.is_empty() {
                field.name.to_owned()
            } else {
                format!("{prefix}.{}", field.name)
            };
            out.push('\n');
            prose(out, if field.about.is_empty() { inner.about } else { field.about });
            if field.live {
                out.push_str("# Takes effect on reload, whole.\n");
            }
            let hidden = if inner.optional { "#" } else { "" };
            line(out, &[hidden, "[", &key, "]"]);
            body(out, inner, &key);
        }
    }
}

fn prose(out: &mut String, lines: &[&str]) {
    for line in lines {
        out.push_str(format!("#{line}").trim_end());
        out.push('\n');
    }
}

fn line(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
    out.push('\n');
}

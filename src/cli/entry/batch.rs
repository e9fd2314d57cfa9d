//! Many entries at once: created from a file, or deleted by their ids; each is done or refused by itself.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::{Error, sentence};
use super::super::input;
use super::super::session::Session;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::wire::api::{BatchAnswer, BatchItem, BatchRequest, BatchResult, EntryInput};

/// Makes the entries in a file.
pub(super) async fn from_file(file: &Path, session: &mut Session<'_>) -> Result<(), Error> {
    let text = input::text(file)?;
    let items = parse(&text).map_err(|why| Error::local(format!("`{}`: {why}", file.display())))?;
    send(items, session).await
}

/// Removes entries.
pub(super) async fn delete(ids: Vec<String>, session: &mut Session<'_>) -> Result<(), Error> {
    if let [one] = ids.as_slice() {
        session.api.delete(&["entries", one]).await?;
        return session.done("deleted", one);
    }
    let items = ids.into_iter().map(|id| BatchItem::Delete { id, revision: None }).collect();
    send(items, session).await
}

async fn send(items: Vec<BatchItem>, session: &mut Session<'_>) -> Result<(), Error> {
    let (mut results, of) = (Vec::new(), items.len());
    for chunk in items.chunks(BATCH_ITEMS_MAX) {
        let request = BatchRequest { items: chunk.to_vec() };
        let answer: BatchAnswer = session.api.post(&["entries", "batch"], &request).await?;
        if answer.results.len() != chunk.len() {
            return Err(Error::local("the server answered for another number of entries"));
        }
        if !session.print.is_json() {
            for (item, result) in chunk.iter().zip(&answer.results) {
                tell(item, result, session)?;
            }
        }
        results.extend(answer.results);
    }
    if session.print.is_json() {
        session.print.json(&results)?;
    }
    let failed = results.iter().filter(|result| result.status >= 400).count();
    if failed == 0 { Ok(()) } else { Err(Error::Some { failed, of }) }
}

fn tell(item: &BatchItem, result: &BatchResult, session: &mut Session<'_>) -> Result<(), Error> {
    let name = match item {
        BatchItem::Create { entry } => entry.id.as_ref().unwrap_or(&entry.spiffe_id),
        BatchItem::Update { id, .. } | BatchItem::Delete { id, .. } => id,
    };
    match (&result.problem, &result.entry, item) {
        (Some(problem), _, _) => session.print.warn(&format!("{name}: {}\n", sentence(problem))),
        (None, Some(entry), BatchItem::Create { .. }) => {
            session.print.line(&format!("{}: created, {}", entry.id, entry.spiffe_id))
        }
        (None, _, BatchItem::Create { .. }) => session.print.line(&format!("{name}: created")),
        (None, _, BatchItem::Update { .. }) => session.print.line(&format!("{name}: updated")),
        (None, _, BatchItem::Delete { .. }) => session.print.line(&format!("{name}: deleted")),
    }
}

/// One entry, a list of them, a document with `entries` or `items`, or one entry a line. An item with `op` is a change of
/// a batch as the API has it.
fn parse(text: &str) -> Result<Vec<BatchItem>, String> {
    let whole: Result<Value, _> = serde_json::from_str(text);
    let values: Vec<(usize, Value)> = match whole {
        Ok(Value::Array(items)) => items.into_iter().enumerate().collect(),
        Ok(Value::Object(mut document)) => {
            let list = document.remove("entries").or_else(|| document.remove("items"));
            match list {
                Some(Value::Array(items)) => items.into_iter().enumerate().collect(),
                Some(_) => return Err("`entries` is a list".to_owned()),
                None => vec![(0, Value::Object(document))],
            }
        }
        Ok(_) => return Err("a JSON document with entries is needed".to_owned()),
        Err(error) => lines(text).ok_or_else(|| format!("not JSON: {error}"))?,
    };
    if values.is_empty() {
        return Err("there are no entries in it".to_owned());
    }
    values.into_iter().map(|(at, value)| item(at, value)).collect()
}

fn lines(text: &str) -> Option<Vec<(usize, Value)>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| Some((at, serde_json::from_str(line).ok()?))).collect()
}

fn item(at: usize, value: Value) -> Result<BatchItem, String> {
    if value.get("op").is_some() {
        return read(at, value);
    }
    let entry: EntryInput = read(at, value)?;
    Ok(BatchItem::Create { entry })
}

fn read<T: DeserializeOwned>(at: usize, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("entry {}: {error}", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        r#"{"spiffe_id":"spiffe://a/b","parent_id":"spiffe://a/c","selectors":["unix:uid:1"]}"#;

    #[test]
    fn a_file_may_have_one_entry_a_list_a_document_or_one_a_line() {
        let table = [
            (ONE.to_owned(), 1),
            (format!("[{ONE},{ONE}]"), 2),
            (format!("{{\"entries\":[{ONE},{ONE},{ONE}]}}"), 3),
            (format!("{{\"items\":[{ONE}]}}"), 1),
            (format!("{ONE}\n\n{ONE}\n"), 2),
            (r#"{"op":"delete","id":"web-1"}"#.to_owned(), 1),
        ];
        for (text, count) in table {
            assert_eq!(parse(&text).map(|items| items.len()), Ok(count), "{text}");
        }
    }

    #[test]
    fn a_mistake_names_its_entry() {
        let typing = ONE.replace("selectors", "selectrs");
        let refused = parse(&format!("{ONE}\n{typing}")).expect_err("unknown member");
        assert!(refused.starts_with("entry 2: unknown field `selectrs`"), "{refused}");
        for bad in ["", "7", "{", "[]", r#"{"entries":7}"#] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

//! Cursor paging: where a page begins, where it ends, and the opaque text that says where the next one begins.
//!
//! A cursor is the position in JSON under base64url. It carries no right and selects nothing by itself: whoever edits
//! one only reads their own listing from another place, so it needs no signature. The documents are `wire::api`'s.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::crypto::digest::{base64url, from_base64url};
use crate::kernel::Fault;
use crate::kernel::limits::PAGE_ITEMS_MAX;
use crate::wire::api::Page;

/// How many items a listing wants, and after which position.
pub fn cursor<P: DeserializeOwned>(
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<(usize, Option<P>), Problem> {
    let limit = limit.unwrap_or(PAGE_ITEMS_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        let words = format!("`limit` is 1 to {PAGE_ITEMS_MAX}, and not {limit}");
        return Err(Problem::invalid("request.limit", words));
    }
    Ok((limit, cursor.map(decode).transpose()?))
}

/// The page of the first `limit` of these items. Fetch one more than `limit`: it tells that there is a next page.
pub fn page_of<T, P: Serialize, U>(
    mut items: Vec<T>,
    limit: usize,
    position: impl Fn(&T) -> P,
    form: impl FnMut(T) -> U,
) -> Result<Page<U>, Fault> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = match items.last() {
        Some(last) if more => Some(encode(&position(last))?),
        _ => None,
    };
    Ok(Page { items: items.into_iter().map(form).collect(), next_cursor })
}

/// A page as the slice has cut it, with the position where the next one begins.
pub fn page_then<T, P: Serialize, U>(
    items: Vec<T>,
    next: Option<&P>,
    form: impl FnMut(T) -> U,
) -> Result<Page<U>, Fault> {
    let next_cursor = next.map(encode).transpose()?;
    Ok(Page { items: items.into_iter().map(form).collect(), next_cursor })
}

fn encode<P: Serialize>(position: &P) -> Result<String, Fault> {
    serde_json::to_vec(position).map(|json| base64url(&json)).map_err(Fault::bug)
}

fn decode<P: DeserializeOwned>(text: &str) -> Result<P, Problem> {
    Some(text)
        .filter(|text| text.len() <= CURSOR_BYTES_MAX)
        .and_then(from_base64url)
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| {
            let words =
                "this is not a cursor of this listing: pass on `next_cursor` as it was given";
            Problem::invalid("request.cursor", words)
        })
}

const PAGE_ITEMS_DEFAULT: usize = 100;
/// A position is a few ids; the longest is a SPIFFE ID.
const CURSOR_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<i64> = (1..=5).collect();
        let mut next: Option<String> = None;
        let mut seen = Vec::new();
        for _page in 0..3 {
            let (limit, after) = cursor::<i64>(Some(2), next.as_deref()).expect("well formed");
            let rows = all
                .iter()
                .copied()
                .filter(|n| after.is_none_or(|a| *n > a))
                .take(limit + 1)
                .collect();
            let page = page_of(rows, limit, |n| *n, |n| n).expect("numbers serialize");
            seen.extend(page.items);
            next = page.next_cursor;
        }
        assert_eq!((seen, next), (all, None));
    }

    #[test]
    fn a_page_of_nothing_or_of_too_much_is_refused() {
        for limit in [0, PAGE_ITEMS_MAX + 1] {
            assert!(cursor::<i64>(Some(limit), None).is_err(), "{limit}");
        }
        assert_eq!(cursor::<i64>(None, None).expect("well formed"), (100, None));
    }

    #[test]
    fn an_edited_or_foreign_cursor_is_refused() {
        for text in ["", "!", "aaaa", &"a".repeat(10_000), &base64url(b"{\"a\":1}")] {
            assert!(cursor::<i64>(None, Some(text)).is_err(), "{text}");
        }
    }
}

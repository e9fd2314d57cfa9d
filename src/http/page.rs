//! Cursor paging: a page, and an opaque text that says where the next begins.
//!
//! A cursor is the position in JSON under base64url. It carries no right and selects nothing by itself: whoever edits
//! one only reads their own listing from another place, so it needs no signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::kernel::Fault;
use crate::kernel::limits::PAGE_ITEMS_MAX;

/// The paging part of a listing's query.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items on the page, 1 to 500; 100 if not said.
    pub limit: Option<usize>,
    /// Where to begin: `next` of the page before.
    pub cursor: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PageQuery {
    /// How many items, and after which position.
    pub fn parse<P: DeserializeOwned>(&self) -> Result<(usize, Option<P>), Problem> {
        let limit = self.limit.unwrap_or(PAGE_ITEMS_DEFAULT);
        if limit == 0 || limit > PAGE_ITEMS_MAX {
            let words = format!("`limit` is 1 to {PAGE_ITEMS_MAX}, and not {limit}");
            return Err(Problem::invalid("request.limit", words));
        }
        let after = self.cursor.as_deref().map(decode).transpose()?;
        Ok((limit, after))
    }
}

impl<T> Page<T> {
    /// The page of the first `limit` of these items. Fetch one more than `limit`: it tells that there is a next page.
    pub fn cut<P: Serialize>(
        mut items: Vec<T>,
        limit: usize,
        position: impl Fn(&T) -> P,
    ) -> Result<Self, Fault> {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = match items.last() {
            Some(last) if more => Some(encode(&position(last))?),
            _ => None,
        };
        Ok(Self { items, next })
    }

    /// The same page with each item in another form.
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(form).collect(), next: self.next }
    }
}

fn encode<P: Serialize>(position: &P) -> Result<String, Fault> {
    serde_json::to_vec(position).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(Fault::bug)
}

fn decode<P: DeserializeOwned>(text: &str) -> Result<P, Problem> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .filter(|json| json.len() <= CURSOR_BYTES_MAX)
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| {
            Problem::invalid(
                "request.cursor",
                "this is not a cursor of this listing: pass on `next` as it was given",
            )
        })
}

const PAGE_ITEMS_DEFAULT: usize = 100;
/// A position is a few ids; the longest is a SPIFFE ID.
const CURSOR_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: Option<usize>, cursor: Option<&str>) -> PageQuery {
        PageQuery { limit, cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<i64> = (1..=5).collect();
        let mut cursor = None;
        let mut seen = Vec::new();
        for _page in 0..3 {
            let query = PageQuery { limit: Some(2), cursor: cursor.take() };
            let (limit, after) = query.parse::<i64>().expect("well formed");
            let rows = all
                .iter()
                .copied()
                .filter(|n| after.is_none_or(|a| *n > a))
                .take(limit + 1)
                .collect();
            let page = Page::cut(rows, limit, |n| *n).expect("numbers serialize");
            seen.extend(page.items);
            cursor = page.next;
        }
        assert_eq!((seen, cursor), (all, None));
    }

    #[test]
    fn a_page_of_nothing_or_of_too_much_is_refused() {
        for limit in [0, PAGE_ITEMS_MAX + 1] {
            assert!(query(Some(limit), None).parse::<i64>().is_err(), "{limit}");
        }
        assert_eq!(query(None, None).parse::<i64>().expect("well formed"), (100, None));
    }

    #[test]
    fn an_edited_or_foreign_cursor_is_refused() {
        let of_text = encode(&"a").expect("text serializes");
        for bad in ["", "!", "e30", of_text.as_str()] {
            assert!(query(None, Some(bad)).parse::<i64>().is_err(), "{bad}");
        }
    }
}

//! The admin API as calls: documents in, documents out, refusals as errors.

use http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    IF_NONE_MATCH,
};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::transport::{Answer, Ask, Transport};
use crate::wire::api::{Page, Problem, REALM_HEADER};

/// The API of one server, about one realm.
#[derive(Debug)]
pub(super) struct Api {
    transport: Transport,
    realm: Option<HeaderValue>,
}

/// What must hold before a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum When<'a> {
    /// Nothing.
    Always,
    /// There is nothing of that name yet.
    New,
    /// It is still what this tag names.
    Is(&'a str),
}

impl Api {
    pub(super) fn new(transport: Transport, realm: Option<&str>) -> Result<Self, Error> {
        let value = |name: &str| {
            HeaderValue::from_str(name)
                .map_err(|_| Error::usage(format!("`{name}` is no name of a realm")))
        };
        Ok(Self { transport, realm: realm.map(value).transpose()? })
    }

    /// `GET`, as a document.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Error> {
        document(&self.fetch(path).await?)
    }

    /// `GET`, as a document and its entity tag.
    pub(super) async fn get_tagged<T: DeserializeOwned>(
        &self,
        path: &[&str],
    ) -> Result<(T, String), Error> {
        let answer = self.fetch(path).await?;
        let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or("*");
        Ok((document(&answer)?, tag.to_owned()))
    }

    /// `GET`, as it came.
    pub(super) async fn get_bytes(&self, path: &[&str]) -> Result<Vec<u8>, Error> {
        Ok(self.fetch(path).await?.body.to_vec())
    }

    /// One page of a listing.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Page<T>, Error> {
        document(&self.call(Ask { path, query, ..Ask::default() }).await?)
    }

    /// Every page of a listing, one after the other, up to this many items.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        most: Option<usize>,
    ) -> Result<Vec<T>, Error> {
        let most = most.unwrap_or(usize::MAX);
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            let left = most.saturating_sub(items.len());
            query.push(("limit", left.clamp(1, PAGE_ITEMS).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.page(path, &query).await?;
            items.extend(page.items);
            items.truncate(most);
            match page.next_cursor {
                Some(next) if items.len() < most => cursor = Some(next),
                _ => return Ok(items),
            }
        }
    }

    /// `POST` of a document.
    pub(super) async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<T, Error> {
        let body = json(body)?;
        let body = Some(body);
        document(&self.call(Ask { method: Method::POST, path, body, ..Ask::default() }).await?)
    }

    /// `POST`; nothing where there is no document to answer with.
    pub(super) async fn post_or_nothing<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<Option<T>, Error> {
        let body = Some(json(body)?);
        let answer = self.call(Ask { method: Method::POST, path, body, ..Ask::default() }).await?;
        if answer.status == StatusCode::NO_CONTENT { Ok(None) } else { document(&answer).map(Some) }
    }

    /// `POST` of a document that is packed (RFC 1952).
    pub(super) async fn post_packed<T: DeserializeOwned>(
        &self,
        path: &[&str],
        packed: Vec<u8>,
    ) -> Result<T, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let ask = Ask { method: Method::POST, path, headers, body: Some(packed), ..Ask::default() };
        document(&self.call(ask).await?)
    }

    /// `POST` that says all in its path.
    pub(super) async fn act<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Error> {
        document(&self.call(Ask { method: Method::POST, path, ..Ask::default() }).await?)
    }

    /// `POST` that says all in its path and is answered with nothing.
    pub(super) async fn act_only(&self, path: &[&str]) -> Result<(), Error> {
        self.call(Ask { method: Method::POST, path, ..Ask::default() }).await.map(|_| ())
    }

    /// `PUT` of a document.
    pub(super) async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
        when: When<'_>,
    ) -> Result<T, Error> {
        self.put_bytes(path, json(body)?, when).await
    }

    /// `PUT` of a document that is JSON already.
    pub(super) async fn put_bytes<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: Vec<u8>,
        when: When<'_>,
    ) -> Result<T, Error> {
        let mut headers = HeaderMap::new();
        match when {
            When::Always => {}
            When::New => {
                headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            }
            When::Is(tag) => {
                let tag = HeaderValue::from_str(tag)
                    .map_err(|_| Error::local("the server's entity tag is no header"))?;
                headers.insert(IF_MATCH, tag);
            }
        }
        let ask = Ask { method: Method::PUT, path, headers, body: Some(body), ..Ask::default() };
        document(&self.call(ask).await?)
    }

    /// `PATCH` with a document.
    pub(super) async fn patch<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<T, Error> {
        let body = Some(json(body)?);
        document(&self.call(Ask { method: Method::PATCH, path, body, ..Ask::default() }).await?)
    }

    /// `PUT` that says all in its path.
    pub(super) async fn put_nothing(&self, path: &[&str]) -> Result<(), Error> {
        self.call(Ask { method: Method::PUT, path, ..Ask::default() }).await.map(|_| ())
    }

    /// True if the server is reached through its local socket.
    pub(super) fn is_local(&self) -> bool {
        self.transport.is_local()
    }

    /// `DELETE`.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Error> {
        self.call(Ask { method: Method::DELETE, path, ..Ask::default() }).await.map(|_| ())
    }

    /// `DELETE` of everything that this query finds.
    pub(super) async fn delete_where(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<(), Error> {
        self.call(Ask { method: Method::DELETE, path, query, ..Ask::default() }).await.map(|_| ())
    }

    async fn fetch(&self, path: &[&str]) -> Result<Answer, Error> {
        self.call(Ask { path, ..Ask::default() }).await
    }

    async fn call(&self, mut ask: Ask<'_>) -> Result<Answer, Error> {
        if let Some(realm) = &self.realm {
            ask.headers.insert(HeaderName::from_static(REALM_HEADER), realm.clone());
        }
        if ask.body.is_some() {
            ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let answer = self.transport.send(ask).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
    }
}

fn json<B: Serialize + ?Sized>(body: &B) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body)
        .map_err(|error| Error::local(format!("the request is no document: {error}")))
}

fn document<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Local {
        what: format!("the server's answer is not understood: {error}"),
        next:
            "It may be of another release than this command line (`weft --version`, `weft status`)."
                .to_owned(),
    })
}

/// A refusal as a problem, also where something on the way answered in another form.
fn refusal(answer: &Answer) -> Error {
    let problem = serde_json::from_slice::<Problem>(&answer.body);
    Error::Refused(Box::new(problem.unwrap_or_else(|_| unknown(answer.status))))
}

fn unknown(status: StatusCode) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: format!("the answer was `{status}`, and not in the form of this API"),
        status: status.as_u16(),
        detail: "is this address a Weft server's?".to_owned(),
        code: String::new(),
        request_id: None,
    }
}

/// The most a page holds: fewer round trips.
const PAGE_ITEMS: usize = 500;

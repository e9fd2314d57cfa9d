//! The admin API over a server's local socket, as a client that loses answers sees it.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use weft::wire::api;

/// What became of a change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 201: it is done, and must stay done.
    Acknowledged,
    /// 503, or nobody was there to ask: nothing was done.
    Refused,
    /// No answer came, or one that says that nobody knows.
    InDoubt,
    /// An answer that should not have come.
    Wrong(String),
}

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct Admin(reqwest::Client);

impl Admin {
    /// Over this socket; nothing is dialled yet.
    pub(super) fn at(socket: &Path) -> Self {
        weft::crypto::tls::install_provider();
        let builder = reqwest::Client::builder().unix_socket(socket).timeout(ANSWER_WITHIN);
        Self(builder.build().unwrap())
    }

    /// Asks for an entry under an id that must be free.
    pub(super) async fn create(&self, id: &str) -> Outcome {
        match self.send(Method::PUT, &format!("entries/{id}"), Some(entry(id))).await {
            Err(error) => unanswered(&error),
            Ok((status, body)) => outcome(status, &body),
        }
    }

    /// Asks for entries in one call.
    pub(super) async fn create_batch(&self, ids: &[String]) -> Vec<Outcome> {
        let item = |id: &String| {
            let mut entry = entry(id);
            entry["id"] = json!(id);
            json!({ "op": "create", "entry": entry })
        };
        let body = json!({ "items": ids.iter().map(item).collect::<Vec<_>>() });
        let one = match self.send(Method::POST, "entries/batch", Some(body)).await {
            Err(error) => unanswered(&error),
            Ok((200, body)) => {
                return body["results"].as_array().unwrap().iter().map(of_item).collect();
            }
            Ok((status, body)) => outcome(status, &body),
        };
        vec![one; ids.len()]
    }

    /// Asks to score by this document from now on; the number of what counts then.
    pub(super) async fn set_model(&self, document: &str) -> Result<i64, Outcome> {
        let ask = json!({ "document": document });
        match self.ask(Method::PUT, "posture-models/active", Some(ask), None).await {
            Err(error) => Err(unanswered(&error)),
            Ok((200, body)) => Ok(body["number"].as_i64().unwrap()),
            Ok((status, body)) => Err(outcome(status, &body)),
        }
    }

    /// Contains a subject.
    pub(super) async fn contain(&self, subject: &str) -> Outcome {
        let wish = json!({ "subject": subject, "reason": "a suspicion" });
        match self.ask(Method::POST, "containments", Some(wish), None).await {
            Err(error) => unanswered(&error),
            Ok((status, body)) => outcome(status, &body),
        }
    }

    /// Releases it.
    pub(super) async fn release(&self, subject: &str) -> Outcome {
        let path = format!("containments?subject={subject}");
        match self.ask(Method::DELETE, &path, None, None).await {
            Err(error) => unanswered(&error),
            Ok((204, _)) => Outcome::Acknowledged,
            Ok((status, body)) => outcome(status, &body),
        }
    }

    /// Whether the entry of this id is there, as far as this server knows.
    pub(super) async fn has(&self, id: &str) -> bool {
        match self.send(Method::GET, &format!("entries/{id}"), None).await {
            Ok((200, _)) => true,
            Ok((404, _)) => false,
            other => panic!("entry {id}: {other:?}"),
        }
    }

    /// Makes something, and gives the document that came back.
    pub(super) async fn make<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Value,
    ) -> Result<T, String> {
        match self
            .send(Method::POST, path, Some(body))
            .await
            .map_err(|error| format!("{error:?}"))?
        {
            (200..=201, body) => serde_json::from_value(body).map_err(|error| error.to_string()),
            (status, body) => Err(format!("{status} {body}")),
        }
    }

    /// Everything of a listing, page by page.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let and = if path.contains('?') { '&' } else { '?' };
            let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = self.send(Method::GET, &format!("{path}{and}limit=500{after}"), None).await;
            let page = page.map_err(|error| format!("{error:?}"))?;
            let (200, body) = page else { return Err(format!("{path}: {page:?}")) };
            let page: api::Page<T> =
                serde_json::from_value(body).map_err(|error| error.to_string())?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(items),
            }
        }
    }

    /// Status and document, or why no answer came.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), reqwest::Error> {
        let new = (method == Method::PUT).then_some("*");
        self.ask(method, path, body, new).await
    }

    /// The same, only where nothing is there yet if `new` says so.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        new: Option<&str>,
    ) -> Result<(u16, Value), reqwest::Error> {
        let mut request = self.0.request(method, format!("http://localhost/api/v1/{path}"));
        if let Some(new) = new {
            request = request.header("if-none-match", new);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

fn entry(id: &str) -> Value {
    json!({
        "spiffe_id": format!("spiffe://weft.test/of/{id}"),
        "parent_id": "spiffe://weft.test/nowhere",
        "selectors": ["unix:uid:1"],
    })
}

/// A request for which there was no connection was never sent; any other may have arrived.
fn unanswered(error: &reqwest::Error) -> Outcome {
    if error.is_connect() { Outcome::Refused } else { Outcome::InDoubt }
}

fn of_item(item: &Value) -> Outcome {
    let status = u16::try_from(item["status"].as_u64().unwrap()).unwrap();
    outcome(status, &item["problem"])
}

/// `storage.away` is a promise: nothing was done. What else comes with 503 leaves it open.
fn outcome(status: u16, document: &Value) -> Outcome {
    match (status, document["code"].as_str()) {
        (201, _) => Outcome::Acknowledged,
        (503, Some("storage.away")) => Outcome::Refused,
        (503, _) => Outcome::InDoubt,
        _ => Outcome::Wrong(format!("{status} {document}")),
    }
}

/// Longer than the server lets a request take.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

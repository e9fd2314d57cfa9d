//! The public door: connections to it, and requests as programs and browsers send them.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::Outcome;

/// Connections to the public door, which take turns.
pub(crate) struct Public {
    home: String,
    clients: Vec<Client>,
    turn: AtomicUsize,
}

impl Public {
    /// So many connections, none of them made yet.
    pub(crate) fn new(home: &str, connections: usize) -> Outcome<Self> {
        // A client keeps one HTTP/2 connection to a server. There is no other server to be told from this one.
        let client = || {
            Client::builder()
                .tls_danger_accept_invalid_certs(true)
                .http2_prior_knowledge()
                .redirect(Policy::none())
                .no_proxy()
                .build()
        };
        let clients = (0..connections).map(|_| client()).collect::<Result<_, _>>()?;
        Ok(Self { home: home.to_owned(), clients, turn: AtomicUsize::new(0) })
    }

    /// A request to this path.
    pub(crate) fn request(&self, method: Method, path: &str) -> Outcome<RequestBuilder> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let client = self.clients.get(turn % self.clients.len().max(1)).ok_or("no connection")?;
        Ok(client.request(method, format!("{}{path}", self.home)))
    }

    /// Sends a form to this path; gives the document that answers it.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Outcome<Value> {
        let answer = self.form(path, fields)?.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status}: {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// The same, not sent yet.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Outcome<RequestBuilder> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let request = self.request(Method::POST, path)?;
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.body(form.extend_pairs(fields).finish()))
    }
}

/// A member of a document that is a text.
pub(crate) fn text(document: &Value, member: &str) -> Outcome<String> {
    let text = document.get(member).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("no `{member}` in {document}").into())
}

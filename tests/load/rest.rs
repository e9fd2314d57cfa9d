//! The admin API over the server's local socket, as the command line speaks it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::Outcome;
use super::process::Process;

/// A client of one server.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    client: reqwest::Client,
}

impl Rest {
    /// Of the server with this data directory.
    pub(crate) fn of(data: &Path) -> Outcome<Self> {
        let client = reqwest::Client::builder().unix_socket(data.join("admin.sock")).build()?;
        Ok(Self { client })
    }

    /// A join token for so many agents: its secret, and the join string.
    pub(crate) async fn token(&self, uses: usize) -> Outcome<(String, String)> {
        let answer = self.post("join-tokens", &json!({ "uses_max": uses })).await?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str).map(str::to_owned);
        let secret = text("secret").ok_or("a join token without a secret")?;
        Ok((secret, text("join").ok_or("a join token without a join string")?))
    }

    /// The SPIFFE ID of the one agent there is, as soon as there is one.
    pub(crate) async fn only_agent(&self, process: &mut Process) -> Outcome<String> {
        for _ in 0..1_000 {
            process.check()?;
            let answer = self.client.get(url("agents")).send().await?.error_for_status()?;
            let answer: Value = answer.json().await?;
            if let Some(id) = answer.pointer("/items/0/spiffe_id").and_then(Value::as_str) {
                return Ok(id.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("the agent did not join".into())
    }

    /// Makes an entry with this id.
    pub(crate) async fn create(&self, entry: &Value) -> Outcome<()> {
        self.post("entries", entry).await.map(drop)
    }

    /// Removes an entry.
    pub(crate) async fn delete(&self, id: &str) -> Outcome<()> {
        let answer = self.client.delete(url(&format!("entries/{id}"))).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// Makes many entries in one call; `body` is a whole batch. Fails unless every one of them was made.
    pub(crate) async fn batch(&self, body: bytes::Bytes, size: usize) -> Outcome<()> {
        let request =
            self.client.post(url("entries/batch")).header("content-type", "application/json");
        let answer: Value = request.body(body).send().await?.error_for_status()?.json().await?;
        let results =
            answer.get("results").and_then(Value::as_array).ok_or("a batch without results")?;
        let made = |one: &&Value| one.get("status").and_then(Value::as_u64) == Some(201);
        if results.iter().filter(made).count() == size {
            return Ok(());
        }
        Err(format!("a batch was not made as a whole: {:?}", results.iter().find(|one| !made(one)))
            .into())
    }

    /// Entries that the server has.
    pub(crate) async fn count(&self) -> Outcome<u64> {
        let answer = self.client.get(url("status")).send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        let entries = answer.pointer("/counts/entries").and_then(Value::as_u64);
        entries.ok_or_else(|| format!("a status without a count of entries: {answer}").into())
    }

    async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        let answer = self.client.post(url(path)).json(body).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status}: {body}").into());
        }
        Ok(serde_json::from_str(&body)?)
    }
}

fn url(path: &str) -> String {
    format!("http://localhost/api/v1/{path}")
}

/// An entry as the API takes it.
pub(crate) fn entry(id: &str, spiffe_id: &str, parent: &str, selectors: &[&str]) -> Value {
    json!({ "id": id, "spiffe_id": spiffe_id, "parent_id": parent, "selectors": selectors })
}

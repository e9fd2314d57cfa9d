//! What an osquery is told to look at: the document that is shipped, and the same queries asked at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kernel::{Fault, Timestamp};

/// The shipped document, read once.
#[derive(Debug)]
pub(super) struct Schedule {
    /// The answer to a question for the configuration, ready to send.
    config: String,
    /// The queries by name.
    queries: BTreeMap<String, String>,
}

impl Schedule {
    pub(super) fn shipped() -> Result<Self, Fault> {
        let mut document: Value = serde_json::from_str(SHIPPED).map_err(Fault::bug)?;
        let scheduled = document.get("schedule").and_then(Value::as_object);
        let query = |(name, one): (&String, &Value)| {
            Some((name.clone(), one.get("query")?.as_str()?.to_owned()))
        };
        let queries = scheduled.into_iter().flatten().filter_map(query).collect();
        if let Some(members) = document.as_object_mut() {
            members.insert("node_invalid".to_owned(), json!(false));
        }
        Ok(Self { config: document.to_string(), queries })
    }

    /// The whole configuration of an osquery, as JSON.
    pub(super) fn config(&self) -> String {
        self.config.clone()
    }

    /// Every query by an id that says when it was asked: what comes back is as old as the question, at the most.
    pub(super) fn asked(&self, now: Timestamp) -> BTreeMap<String, &str> {
        let id = |name: &str| format!("{name}:{}", now.seconds());
        self.queries.iter().map(|(name, query)| (id(name), query.as_str())).collect()
    }

    /// The names of the queries.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }
}

/// The name of a query and when it was asked, from its id.
pub(super) fn asked_at(id: &str) -> Option<(&str, Timestamp)> {
    let (name, seconds) = id.rsplit_once(':')?;
    Some((name, Timestamp::from_seconds(seconds.parse().ok().filter(|at| *at >= 0)?)))
}

/// `config/posture/osquery.json`, as it was when the program was built.
const SHIPPED: &str = include_str!("../../config/posture/osquery.json");

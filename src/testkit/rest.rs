//! The admin API of one slice in the process: requests as a client sends them, without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use http::header::{CONTENT_TYPE, ETAG};
use http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use super::database::must;
use crate::access::Administrator;

/// Routes, asked by one caller.
#[derive(Debug, Clone)]
pub struct Rest {
    routes: Router,
    by: Administrator,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The entity tag, as it is sent back in a condition.
    pub tag: Option<String>,
    /// The document; null where there is none.
    pub body: Value,
}

impl Rest {
    /// These routes, as this caller asks them.
    pub fn new(routes: OpenApiRouter, by: Administrator) -> Self {
        let (routes, _) = routes.split_for_parts();
        Self { routes, by }
    }

    /// The same routes, asked by somebody else.
    #[must_use]
    pub fn asked_by(&self, by: Administrator) -> Self {
        Self { by, ..self.clone() }
    }

    /// Reads; `path` is below `/api/v1/`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a document.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// Puts a document, on this condition.
    pub async fn put(&self, path: &str, condition: (&str, &str), body: Value) -> Answer {
        self.send(Method::PUT, path, &[condition], Some(body)).await
    }

    /// Removes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(document) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(document.to_string())
            }
            None => Body::empty(),
        };
        let routes = self.routes.clone().layer(Extension(self.by.clone()));
        let answer = match routes.oneshot(must(request.body(body), "a request")).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        let bytes = must(to_bytes(answer.into_body(), usize::MAX).await, "a body");
        // A refusal by the router itself has no document.
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, tag, body }
    }
}

impl Answer {
    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body.get("code").and_then(Value::as_str).unwrap_or_default())
    }

    /// The words of a refusal.
    pub fn words(&self) -> &str {
        self.body.get("detail").and_then(Value::as_str).unwrap_or_default()
    }

    /// This member of each item of a listing.
    pub fn each(&self, member: &str) -> Vec<Value> {
        let items = self.body.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().map(|item| item.get(member).cloned().unwrap_or_default()).collect()
    }

    /// The cursor of the next page.
    pub fn next(&self) -> Option<&str> {
        self.body.get("next_cursor").and_then(Value::as_str)
    }
}

//! An application without a person: tokens for itself, and what tokens are worth.

use std::cell::{Cell, RefCell};

use reqwest::Method;
use serde_json::Value;

use crate::Outcome;
use crate::operation::Call;
use crate::public::{Public, text};
use crate::server::Server;

/// A client of the profile `machine`.
pub(crate) struct Application {
    public: Public,
    secret: String,
    seen: RefCell<String>,
    keeps: Cell<bool>,
    kept: RefCell<Vec<String>>,
}

impl Application {
    /// Registers it, and makes its connections.
    pub(crate) async fn register(server: &Server) -> Outcome<Self> {
        let made = server.ask(&["client", "create", ID, "--profile", "machine"], "")?;
        let public = Public::new(&server.public, CONNECTIONS)?;
        let secret = text(&made, "client_secret")?;
        let (keeps, kept) = (Cell::new(false), RefCell::default());
        let application = Self { public, secret, seen: RefCell::default(), keeps, kept };
        for _ in 0..CONNECTIONS {
            application.make(Call::Options).await?;
        }
        Ok(application)
    }

    /// Takes a token for `Call::SeenToken`, and has it seen: it lives for minutes, and all rounds take longer.
    pub(crate) async fn see_token(&self) -> Outcome<()> {
        let token = self.token().await?;
        self.introspect(&token).await?;
        self.seen.replace(token);
        Ok(())
    }

    /// From now on tokens are kept for `Call::NewToken`, or no longer.
    pub(crate) fn keep_tokens(&self, keeps: bool) {
        self.keeps.set(keeps);
    }

    /// Makes one call, and fails unless the answer is what was asked for.
    pub(crate) async fn make(&self, call: Call) -> Outcome<()> {
        match call {
            Call::Options => {
                let answer = self.public.request(Method::OPTIONS, "/token")?.send().await?;
                if answer.status() == 204 {
                    Ok(())
                } else {
                    Err(format!("no empty answer: {}", answer.status()).into())
                }
            }
            Call::SeenToken => {
                let token = self.seen.borrow().clone();
                self.introspect(&token).await
            }
            Call::NewToken => {
                let token = self.kept.borrow_mut().pop().ok_or("no token is left")?;
                self.introspect(&token).await
            }
            _ => {
                let token = self.token().await?;
                if self.keeps.get() {
                    self.kept.borrow_mut().push(token);
                }
                Ok(())
            }
        }
    }

    async fn token(&self) -> Outcome<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", ID),
            ("client_secret", &self.secret),
        ];
        text(&self.public.post("/token", &form).await?, "access_token")
    }

    async fn introspect(&self, token: &str) -> Outcome<()> {
        let form = [("token", token), ("client_id", ID), ("client_secret", &self.secret)];
        let answer = self.public.post("/introspect", &form).await?;
        if answer.get("active") == Some(&Value::Bool(true)) {
            Ok(())
        } else {
            Err("a token that is worth nothing".into())
        }
    }
}

/// Its `client_id`.
const ID: &str = "machine";
/// As many as an agent has here.
const CONNECTIONS: usize = 4;

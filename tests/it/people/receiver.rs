//! Where logout tokens arrive (OpenID Connect Back-Channel Logout 1.0 §2.5): an application's endpoint, over plain HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use tokio::sync::Notify;
use weft::outbound::PrivateHost;
use weft::settings::Text;
use weft::testkit::FakeUpstream;

/// One arrival: the client it was sent to, and the form.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) client: String,
    pub(crate) form: Vec<(String, String)>,
}

/// The endpoint.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    arrived: Mutex<Vec<Arrival>>,
    notify: Notify,
}

impl Receiver {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Arc::new(Self { address, arrived: Mutex::default(), notify: Notify::new() });
        let routes = Router::new().route("/{client}", post(take)).with_state(Arc::clone(&receiver));
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime of the test")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        receiver
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What lets a server call it.
    pub(crate) fn allowed(&self) -> Text<PrivateHost> {
        FakeUpstream::allowed(&self.address.to_string())
    }

    /// Waits until a logout token with this session id came.
    pub(crate) async fn with_sid(&self, sid: &str) -> Result<Arrival, String> {
        let wait = async {
            loop {
                let notified = self.notify.notified();
                if let Some(found) = self.find(sid) {
                    return found;
                }
                notified.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .map_err(|_| "no logout token came within 20 s".to_owned())
    }

    fn find(&self, sid: &str) -> Option<Arrival> {
        let arrived = self.arrived.lock().unwrap();
        let of = |arrival: &&Arrival| {
            let token = arrival.form.iter().find(|(name, _)| name == "logout_token");
            token
                .map(|(_, token)| super::home::claims(token))
                .is_some_and(|claims| claims["sid"] == sid)
        };
        arrived.iter().find(of).cloned()
    }
}

async fn take(State(receiver): State<Arc<Receiver>>, Path(client): Path<String>, body: String) {
    let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    receiver.arrived.lock().unwrap().push(Arrival { client, form });
    receiver.notify.notify_waiters();
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

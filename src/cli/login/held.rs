//! A sign-in in our hands: locked, with tokens that are renewed when they must be.

use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::error::Error;
use super::kept::{Kept, Lock, Place};
use super::provider::{CLIENT, Provider, Tokens, Trouble};
use crate::crypto::digest::base64url;
use crate::env::{Clock, Entropy, SystemEntropy};
use crate::kernel::{Lifetime, Secret, Timestamp};
use crate::wire::api::{PersonDevice, PersonDeviceAsk, PersonJwtAsk, PersonJwtSvid, Time};

/// A sign-in, and nobody else uses it meanwhile.
#[derive(Debug)]
pub(super) struct Held {
    place: Place,
    lock: Lock,
    pub(super) kept: Kept,
    provider: Provider,
    clock: Arc<dyn Clock>,
}

/// Who is signed in.
#[derive(Debug, Serialize)]
pub(super) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) spiffe_id: Option<String>,
    pub(super) session_expires_at: Option<Time>,
    /// The directory of the device that the sign-in is bound to.
    pub(super) device: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Userinfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
}

impl Held {
    /// The sign-in that is kept here.
    pub(super) fn open(place: &Place, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let nobody = || Error::Local {
            what: "nobody is signed in on this machine".to_owned(),
            next: "`weft login --server https://…` signs you in.".to_owned(),
        };
        if !place.is_there() {
            return Err(nobody());
        }
        let lock = place.lock()?;
        let kept = place.read(&lock)?.ok_or_else(nobody)?;
        let provider = kept.open.provider()?;
        Ok(Self { place: place.clone(), lock, kept, provider, clock })
    }

    /// A sign-in of just now, in the place of any other.
    pub(super) fn begin(place: &Place, kept: Kept, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let lock = place.lock()?;
        place.remove(&lock)?;
        place.write(&lock, &kept)?;
        let provider = kept.open.provider()?;
        Ok(Self { place: place.clone(), lock, kept, provider, clock })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn issuer(&self) -> &str {
        &self.kept.open.issuer
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Who this is, as the server says now. Fails where the sign-in has ended.
    pub(super) async fn person(&mut self) -> Result<Person, Error> {
        let found: Userinfo = self.ask(&Ask::<()>::Userinfo).await?;
        let open = &self.kept.open;
        Ok(Person {
            issuer: open.issuer.clone(),
            subject: found.sub,
            name: found.name.or(found.preferred_username),
            email: found.email,
            spiffe_id: open.spiffe_id.clone(),
            session_expires_at: open.session_expires_at,
            device: open.device.clone(),
        })
    }

    /// A JWT-SVID for these.
    pub(super) async fn jwt_svid(
        &mut self,
        audience: Vec<String>,
        lifetime_seconds: Option<i64>,
    ) -> Result<PersonJwtSvid, Error> {
        let ask = PersonJwtAsk { audience, lifetime_seconds };
        self.post("/user/jwt-svid", &ask).await
    }

    /// Asks for something below the issuer.
    pub(super) async fn post<I: Serialize + Sync, T: DeserializeOwned>(
        &mut self,
        path: &str,
        input: &I,
    ) -> Result<T, Error> {
        self.ask(&Ask::Post(path, input)).await
    }

    /// Notes what an SVID said of the sign-in.
    pub(super) fn learn(&mut self, spiffe_id: &str, session_ends: Time) -> Result<(), Error> {
        let open = &mut self.kept.open;
        open.spiffe_id = Some(spiffe_id.to_owned());
        open.session_expires_at = Some(session_ends);
        self.place.write(&self.lock, &self.kept)
    }

    /// Has the server void it.
    pub(super) async fn revoke(&mut self) -> Result<(), Error> {
        let (endpoint, token) = (&self.kept.open.revocation_endpoint, &self.kept.refresh_token);
        let told = self.provider.revoke(endpoint, token.expose()).await;
        told.map_err(|trouble| self.provider.error(trouble))
    }

    /// Removes everything of it here.
    pub(super) fn remove(self) -> Result<(), Error> {
        self.place.remove(&self.lock)
    }

    /// The device of this request: enrolled, or waiting. `Trouble` says where another sign-in would help.
    pub(super) async fn bring(&mut self, ask: &PersonDeviceAsk) -> Result<PersonDevice, Trouble> {
        self.tried(&Ask::Post("/user/devices", ask)).await
    }

    async fn ask<I: Serialize + Sync, T: DeserializeOwned>(
        &mut self,
        ask: &Ask<'_, I>,
    ) -> Result<T, Error> {
        self.tried(ask).await.map_err(|trouble| self.provider.error(trouble))
    }

    /// As a command tells it.
    pub(super) fn error(&self, trouble: Trouble) -> Error {
        self.provider.error(trouble)
    }

    /// With the access token, or the next one where this one is not taken any more.
    async fn tried<I: Serialize + Sync, T: DeserializeOwned>(
        &mut self,
        ask: &Ask<'_, I>,
    ) -> Result<T, Trouble> {
        let ends = self.kept.open.access_expires_at.0;
        let fresh = ends <= self.now().plus(SOON);
        if fresh {
            self.renew().await?;
        }
        match self.send(ask).await {
            Err(Trouble::Ended) if !fresh => {
                self.renew().await?;
                self.send(ask).await
            }
            answer => answer,
        }
    }

    async fn send<I: Serialize + Sync, T: DeserializeOwned>(
        &self,
        ask: &Ask<'_, I>,
    ) -> Result<T, Trouble> {
        let token = self.kept.access_token.expose();
        match ask {
            Ask::Userinfo => self.provider.get(&self.kept.open.userinfo_endpoint, token).await,
            Ask::Post(path, input) => self.provider.post(path, token, input).await,
        }
    }

    /// Shows the refresh token, and keeps what comes before anything else is done. What it is shown with is on disk first: an
    /// answer that was lost, to the network or to a crash of ours, is asked for again, and is the same.
    async fn renew(&mut self) -> Result<(), Trouble> {
        if self.kept.attempt.is_none() {
            let entropy: &(dyn Entropy + 'static) = &SystemEntropy::default();
            let attempt = entropy.token();
            let none = |fault| Trouble::Other(Error::local(format!("no chance: {fault}")));
            let attempt = attempt.map_err(none)?;
            self.kept.attempt = Some(Secret::new(base64url(attempt.expose())));
            self.place.write(&self.lock, &self.kept).map_err(Trouble::Other)?;
        }
        let tokens = match self.rotate().await {
            Err(Trouble::Away(_)) => self.rotate().await,
            other => other,
        };
        self.kept.take(tokens?, self.now());
        self.place.write(&self.lock, &self.kept).map_err(Trouble::Other)
    }

    async fn rotate(&self) -> Result<Tokens, Trouble> {
        let attempt = self.kept.attempt.as_ref().map(|attempt| attempt.expose().as_str());
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT),
            ("refresh_token", self.kept.refresh_token.expose()),
            ("attempt", attempt.unwrap_or_default()),
        ];
        self.provider.tokens(&self.kept.open.token_endpoint, &fields).await
    }
}

/// What is asked with an access token.
enum Ask<'a, I> {
    Userinfo,
    Post(&'a str, &'a I),
}

impl Kept {
    fn take(&mut self, tokens: Tokens, now: Timestamp) {
        self.open.access_expires_at = Time(now.plus(Lifetime::seconds(tokens.lifetime)));
        self.access_token = tokens.access_token;
        self.refresh_token = tokens.refresh_token;
        self.attempt = None;
    }
}

impl Person {
    /// As one says it.
    pub(super) fn words(&self) -> String {
        match (&self.name, &self.email) {
            (Some(name), Some(email)) => format!("{name} ({email})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => self.subject.clone(),
        }
    }
}

/// A token that ends while a request is on its way helps nobody.
const SOON: Lifetime = Lifetime::seconds(15);

//! Clients, for administrators: make, look, change, another secret, remove.

use super::check_client::{Draft, check};
use super::client::{AuthMethod, Client, SharedClient, Terms};
use super::model::{
    CLIENT, CLIENT_CREATED, CLIENT_DELETED, CLIENT_SECRET_ROTATED, CLIENT_UPDATED, CreateClient,
    DeleteClient, Error, ReadClient, RotateClientSecret, UpdateClient,
};
use super::{Oauth, client_document, store};
use crate::access::{Administrator, Asker};
use crate::crypto::digest::{base64url, sha256};
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{ClientId, RealmId, Secret, SubjectId};

use std::sync::Arc;

/// A client with a secret that was made just now, and is in clear only here.
#[derive(Debug)]
pub struct WithSecret {
    /// The client.
    pub client: Client,
    /// Its secret; nothing for a client without authentication.
    pub secret: Option<Secret<String>>,
}

/// What is written, and by whom.
#[derive(Debug)]
struct Input {
    realm: RealmId,
    asker: Asker,
    client: Client,
    /// Only if the row is still there.
    before: i64,
}

impl Oauth {
    /// Makes a client. Fails with `Invalid`, `Exists`, `TooMany` or `Access`.
    pub async fn create_client(
        &self,
        by: Administrator,
        id: Option<ClientId>,
        draft: Draft,
    ) -> Result<WithSecret, Error> {
        let realm = by.realm;
        let asker = by.asker.clone();
        let permit = self.access.permit(CreateClient { by, client: id.clone() })?;
        let terms = check(draft)?;
        let now = self.env.clock.now();
        let uuid = self.env.entropy.uuid(now)?;
        let id = match id {
            Some(id) => id,
            None => ClientId::parse(&format!("cli_{}", uuid.simple()))
                .map_err(|error| Error::invalid("id", error.to_string()))?,
        };
        let secret = self.new_secret(&terms)?;
        let client = Client {
            id,
            number: SubjectId::new(uuid),
            secret: secret.as_ref().map(digest),
            next_secret: None,
            terms,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let input = Input { realm, asker, client: client.clone(), before: 0 };
        let (_, granted) = permit.spend();
        self.events
            .change_in(realm, granted, input, |tx, input| Box::pin(insert(tx, input)))
            .await?;
        Ok(WithSecret { client, secret })
    }

    /// Every client of the realm, by id, for an administrator.
    pub fn read_clients(&self, by: Administrator) -> Result<Vec<SharedClient>, Error> {
        let realm = by.realm;
        self.access.permit(ReadClient { by, client: None })?.spend();
        Ok(self.clients.all(realm))
    }

    /// One client, for an administrator.
    pub fn read_client(&self, by: Administrator, id: &ClientId) -> Result<SharedClient, Error> {
        let realm = by.realm;
        self.access.permit(ReadClient { by, client: Some(id.clone()) })?.spend();
        self.known_client(realm, id).ok_or_else(|| Error::NotFound(id.clone()))
    }

    /// Replaces what is said of a client, if it is still at `revision`. A client that had no secret and needs one gets it
    /// by [`Oauth::rotate_secret`].
    pub async fn update_client(
        &self,
        by: Administrator,
        id: &ClientId,
        (revision, draft): (Option<i64>, Draft),
    ) -> Result<Client, Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let permit = self.access.permit(UpdateClient { by, client: Some(id.clone()) })?;
        let terms = check(draft)?;
        let known = self.known(realm, id, revision)?;
        let keeps = terms.auth_method != AuthMethod::None;
        let client = Client {
            secret: known.secret.filter(|_| keeps),
            next_secret: known.next_secret.filter(|_| keeps),
            terms,
            ..self.next(&known)
        };
        let input = Input { realm, asker, client: client.clone(), before: known.revision };
        let (_, granted) = permit.spend();
        self.events
            .change_in(realm, granted, input, |tx, input| {
                Box::pin(update(tx, input, CLIENT_UPDATED))
            })
            .await?;
        Ok(client)
    }

    /// Gives a client another secret. The one before it counts until the next rotation, unless `keep` is false: then only
    /// the new one does.
    pub async fn rotate_secret(
        &self,
        by: Administrator,
        id: &ClientId,
        keep: bool,
    ) -> Result<WithSecret, Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let permit = self.access.permit(RotateClientSecret { by, client: Some(id.clone()) })?;
        let known = self.known(realm, id, None)?;
        let secret = self.new_secret(&known.terms)?.ok_or_else(|| Error::NoSecret(id.clone()))?;
        let fresh = Some(digest(&secret));
        let newest = known.next_secret.or(known.secret).filter(|_| keep);
        let client = match newest {
            Some(newest) => {
                Client { secret: Some(newest), next_secret: fresh, ..self.next(&known) }
            }
            None => Client { secret: fresh, next_secret: None, ..self.next(&known) },
        };
        let input = Input { realm, asker, client: client.clone(), before: known.revision };
        let (_, granted) = permit.spend();
        self.events
            .change_in(realm, granted, input, |tx, input| {
                Box::pin(update(tx, input, CLIENT_SECRET_ROTATED))
            })
            .await?;
        Ok(WithSecret { client, secret: Some(secret) })
    }

    /// Removes a client. What it holds already is void at once: a token of a client that is not there counts for nothing.
    pub async fn delete_client(
        &self,
        by: Administrator,
        id: &ClientId,
        revision: Option<i64>,
    ) -> Result<(), Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let permit = self.access.permit(DeleteClient { by, client: Some(id.clone()) })?;
        let known = self.known(realm, id, revision)?;
        let client = Client::clone(&known);
        let input = Input { realm, asker, client, before: known.revision };
        let (_, granted) = permit.spend();
        self.events.change_in(realm, granted, input, |tx, input| Box::pin(delete(tx, input))).await
    }

    fn known(
        &self,
        realm: RealmId,
        id: &ClientId,
        revision: Option<i64>,
    ) -> Result<SharedClient, Error> {
        let known = self.clients.get(realm, id).ok_or_else(|| Error::NotFound(id.clone()))?;
        match revision {
            Some(wanted) if wanted != known.revision => Err(outdated(&known)),
            _ => Ok(known),
        }
    }

    fn next(&self, known: &Arc<Client>) -> Client {
        let now = self.env.clock.now();
        Client {
            updated_at: now,
            revision: known.revision.saturating_add(1),
            ..Client::clone(known)
        }
    }

    /// 256 random bits: no list of digests leads back to it.
    fn new_secret(&self, terms: &Terms) -> Result<Option<Secret<String>>, Error> {
        if terms.auth_method == AuthMethod::None {
            return Ok(None);
        }
        let random = self.env.entropy.token()?;
        Ok(Some(Secret::new(base64url(random.expose()))))
    }
}

async fn insert(tx: &mut Tx, input: &Input) -> Result<Changed<()>, Error> {
    if store::count_clients(tx).await? >= CLIENTS_MAX {
        return Err(Error::TooMany { most: CLIENTS_MAX });
    }
    if !store::insert_client(tx, &input.client).await? {
        return Err(Error::Exists(input.client.id.clone()));
    }
    Ok(changed(input, CLIENT_CREATED))
}

async fn update(tx: &mut Tx, input: &Input, kind: &'static str) -> Result<Changed<()>, Error> {
    if store::update_client(tx, &input.client, input.before).await? {
        return Ok(changed(input, kind));
    }
    Err(raced(tx, input).await?)
}

async fn delete(tx: &mut Tx, input: &Input) -> Result<Changed<()>, Error> {
    if store::delete_client(tx, &input.client.id, input.before).await? {
        return Ok(changed(input, CLIENT_DELETED));
    }
    Err(raced(tx, input).await?)
}

/// Somebody was faster than this: what is there now.
async fn raced(tx: &mut Tx, input: &Input) -> Result<Error, Error> {
    let id = &input.client.id;
    Ok(match store::client(tx, id.as_str()).await? {
        Some(row) => outdated(&row),
        None => Error::NotFound(id.clone()),
    })
}

fn outdated(client: &Client) -> Error {
    Error::Outdated { id: client.id.clone(), current: client.revision }
}

fn changed(input: &Input, kind: &'static str) -> Changed<()> {
    let Client { id, number, terms, .. } = &input.client;
    let event = Event::new(input.realm, kind).subject(*number).about("client", id.as_str());
    let event = match kind {
        CLIENT_CREATED | CLIENT_UPDATED => event.about("terms", client_document::print(terms)),
        _ => event,
    };
    let changes = vec![(CLIENT, id.to_string(), input.asker.sign(event))];
    Changed { value: (), changes, rights: false }
}

fn digest(secret: &Secret<String>) -> [u8; 32] {
    sha256(secret.expose().as_bytes())
}

/// Each is in memory on every replica, about a kibibyte.
const CLIENTS_MAX: i64 = 10_000;

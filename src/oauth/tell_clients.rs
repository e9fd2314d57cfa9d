//! Clients hear that a session ended (OpenID Connect Back-Channel Logout §2): a delivery for each, written in the transaction
//! that ends the session, signed when it is sent.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, header};
use serde_json::{Map, Value, json};

use super::grant::Place;
use super::{Oauth, model};
use crate::access;
use crate::accounts::Handle;
use crate::db::Tx;
use crate::jobs::deliveries::{Delivery, DeliveryHandler, NotDelivered, post};
use crate::kernel::{
    ClientId, Evidence, EvidenceSource, Failure, Fault, GrantId, Lifetime, RealmId, SessionId,
    Situation, SpiffeId, Strength, Subject, SubjectId, SubjectKind, UserId,
};
use crate::outbound;
use crate::sessions::{Ended, WhenEnded};
use crate::svid::{GrantKind, IssueTokens, TokenDraft, TokenKind};

/// Writes the deliveries.
#[derive(Debug, Clone)]
pub struct TellClients(pub Oauth);

/// Sends them.
#[derive(Debug, Clone)]
pub struct SendLogoutToken(pub Oauth);

/// What a delivery carries: opaque ids alone, and all that the token says, for its person may be gone when it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Notice {
    client: ClientId,
    session: SessionId,
    user: UserId,
    /// The person's number in events. Nothing in a notice that an earlier release wrote.
    number: Option<SubjectId>,
}

impl WhenEnded for TellClients {
    fn ended<'t>(&'t self, tx: &'t mut Tx, ended: &'t [Ended]) -> BoxFuture<'t, Result<(), Fault>> {
        Box::pin(async move {
            for end in ended {
                for client in &end.clients {
                    self.tell(tx, end, client).await?;
                }
            }
            self.0.told.nudge();
            Ok(())
        })
    }
}

impl TellClients {
    async fn tell(&self, tx: &mut Tx, end: &Ended, client: &ClientId) -> Result<(), Fault> {
        let known = self.0.client(tx.realm(), client);
        if known.is_none_or(|known| known.terms.backchannel_logout_uri.is_none()) {
            return Ok(());
        }
        let (client_id, number) = (client.clone(), Some(end.number));
        let notice = Notice { client: client_id, session: end.session, user: end.user, number };
        // One for each session and client: a body that runs again writes the same.
        let id = format!("{KIND}/{}/{client}", end.session);
        let delivery = Delivery { id, kind: KIND.into(), body: notice.print() };
        post(tx, &delivery, end.at).await
    }
}

impl SendLogoutToken {
    /// The client that a delivery is for, if it is one of a logout.
    pub fn client_of(delivery: &Delivery) -> Option<ClientId> {
        (delivery.kind == KIND).then(|| Notice::read(&delivery.body))?.map(|notice| notice.client)
    }
}

impl DeliveryHandler for SendLogoutToken {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// The host that is told, or nothing for a client that is gone.
    fn destination(&self, realm: RealmId, delivery: &Delivery) -> String {
        let client = Self::client_of(delivery).and_then(|id| self.0.client(realm, &id));
        let uri = client.and_then(|client| client.terms.backchannel_logout_uri.clone());
        let host = uri.and_then(|uri| uri.parse::<http::Uri>().ok()?.authority().cloned());
        host.map(|host| host.to_string()).unwrap_or_default()
    }

    fn deliver<'a>(
        &'a self,
        realm: RealmId,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), NotDelivered>> {
        Box::pin(async move {
            let ever = |words: &str| NotDelivered::Ever(words.to_owned());
            let notice =
                Notice::read(&delivery.body).ok_or_else(|| ever("the notice is damaged"))?;
            let client = self.0.client(realm, &notice.client);
            let client = client.ok_or_else(|| ever("the client is gone"))?;
            let uri = client.terms.backchannel_logout_uri.clone();
            let uri = uri.ok_or_else(|| ever("the client has no address for it any more"))?;
            let yet = |failure: Failure| NotDelivered::Yet(failure.to_string());
            let token = self.0.logout_token(realm, &client, &notice).await.map_err(yet)?;
            let token = token.ok_or_else(|| ever("the person is gone"))?;
            self.0.send_logout_token(&uri, &token).await
        })
    }
}

impl Oauth {
    /// Signed when it is sent: it lives two minutes (§2.4), and a client may be away for longer.
    async fn logout_token(
        &self,
        realm: RealmId,
        client: &super::Client,
        notice: &Notice,
    ) -> Result<Option<String>, Failure> {
        let now = self.env.clock.now();
        let place = self.place(realm)?;
        let Some(subject) = self.subject_of(&place, notice).await? else { return Ok(None) };
        let evidence = Evidence {
            subject,
            source: EvidenceSource::Session,
            strength: Strength::Software,
            at: now,
            expires: now.plus(LOGOUT_TOKEN_LIFE),
            device: None,
            situation: Situation::default(),
        };
        let standing = self.posture.standing(&evidence);
        let mut claims = Map::new();
        claims.insert("sid".to_owned(), notice.session.to_string().into());
        claims.insert("events".to_owned(), json!({ EVENT: {} }));
        let permit: Result<_, access::Error> = self.access.permit(IssueTokens {
            realm,
            evidence,
            standing,
            subject: notice.user.to_string(),
            client: client.id.clone(),
            grant: GrantId::new(self.env.entropy.uuid(now)?),
            kind: GrantKind::Logout,
            administration: false,
            scopes: Vec::new(),
            tokens: vec![TokenDraft {
                kind: TokenKind::Logout,
                algorithm: client.terms.id_token_algorithm,
                audience: vec![client.id.to_string()],
                lifetime: LOGOUT_TOKEN_LIFE,
                claims,
            }],
        });
        let signed = self.svid.sign_tokens(permit?, now)?;
        let tokens = self.events.record(signed).await?;
        Ok(tokens.get(TokenKind::Logout).map(|token| token.text.expose().clone()))
    }

    /// Whose session ended. Of somebody who is gone the ids are left, and they go by the name that is made of theirs: no handle
    /// of somebody erased waits in a notice.
    async fn subject_of(&self, place: &Place, notice: &Notice) -> Result<Option<Subject>, Failure> {
        let known = self.accounts.user(place.realm, notice.user).await?;
        let (number, handle) = match known {
            Some(user) => (user.number, user.handle.clone()),
            None => match notice.number {
                Some(number) => (number, Handle::of_id(notice.user)),
                None => return Ok(None),
            },
        };
        let id = format!("spiffe://{}/user/{handle}", place.trust_domain);
        let id = SpiffeId::parse(&id).map_err(Fault::bug)?;
        Ok(Some(Subject { kind: SubjectKind::User, id, number }))
    }

    async fn send_logout_token(&self, uri: &str, token: &str) -> Result<(), NotDelivered> {
        let yet = |error: &dyn std::fmt::Display| NotDelivered::Yet(error.to_string());
        let body = format!("logout_token={token}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .map_err(|error| NotDelivered::Ever(error.to_string()))?;
        let world = self.world().map_err(|fault| yet(&fault))?;
        let answer = world.send(request).await.map_err(|error| yet(&error))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            // §2.8: the client says that the request was wrong, and the next one would be the same.
            400 => Err(NotDelivered::Ever("the client refused it: 400".to_owned())),
            status => Err(NotDelivered::Yet(format!("the client answered {status}"))),
        }
    }

    fn world(&self) -> Result<&outbound::Client, Fault> {
        if let Some(made) = self.world.get() {
            return Ok(made);
        }
        let made = outbound::Client::world(&self.outbound.private_hosts(), self.outbound.limits())?;
        Ok(self.world.get_or_init(|| made))
    }

    /// The realm, for work that no request began.
    pub(super) fn place(&self, realm: RealmId) -> Result<Place, Failure> {
        let found =
            self.realms.get(realm).ok_or_else(|| Fault::bug("a realm that is not there"))?;
        Ok(Place {
            realm,
            issuer: found.issuer.as_str().to_owned(),
            trust_domain: found.trust_domain.clone(),
        })
    }
}

impl Notice {
    fn print(&self) -> Vec<u8> {
        let Self { client, session, user, number } = self;
        json!({
            "client": client.as_str(),
            "session": session.to_string(),
            "user": user.to_string(),
            "number": number.map(|number| number.to_string()),
        })
        .to_string()
        .into_bytes()
    }

    fn read(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| document.get(name)?.as_str();
        Some(Self {
            client: ClientId::parse(text("client")?).ok()?,
            session: SessionId::parse(text("session")?).ok()?,
            user: UserId::parse(text("user")?).ok()?,
            number: text("number").and_then(|number| SubjectId::parse(number).ok()),
        })
    }
}

/// The kind of these deliveries.
const KIND: &str = model::BACKCHANNEL_LOGOUT;
/// §2.4: what says that it is a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// §2.4 recommends at most two minutes.
const LOGOUT_TOKEN_LIFE: Lifetime = Lifetime::minutes(2);

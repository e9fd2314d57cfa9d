//! An authorization request on its way to its answer: read, kept where a person has to do something, judged, answered
//! (OpenID Connect Core §3.1.2).
//!
//! The request is kept, sealed, as the parameters it came with and read again at every step, so that a client that was changed or
//! removed meanwhile gets nothing. It belongs to one browser: to the one that brought it, or, where a foreign page posted it and
//! the browser kept its cookies to itself, to the first that comes for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Oauth;
use super::answer_application::{with_code, with_error};
use super::authorization_request::{AuthorizationRequest, Back, Refusal};
use super::client::ConsentPolicy;
use super::decide_consent::{Consent, Decision, Refused};
use super::grant::{CodeTerms, Grant, OnDevice, Place};
use super::judge_session::{Before, Verdict, Wish, acr, judge};
use super::parameters::Parameters;
use super::store::{self, KeptRow};
use super::wire_error::{Code, WireError};
use crate::access::Permit;
use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::db::Tx;
use crate::events::{Event, Owner, Unrecorded};
use crate::kernel::{
    Assurance, AuthorizationRequestId, Failure, Fault, GrantId, Lifetime, RealmId, Secret,
    Timestamp, UserId,
};
use crate::sessions::{self, Browser, BrowserCookie, Session, Sessions};
use crate::signin::{Application, OwnPath, SigninRequest};
use crate::svid::{Expiry, TokenKind};

/// What the browser does next.
#[derive(Debug)]
pub enum Next {
    /// Goes to this address, which is the application's.
    Away(String),
    /// Comes back to a path of ours.
    Here(String),
    /// Signs in.
    SignIn(Box<SigninRequest>),
    /// Is asked whether the application may.
    Consent(Box<Question>),
    /// Is told why the application may not.
    NotPermitted(Box<NotPermitted>),
    /// Is told that nothing can be done.
    Refused(WireError),
}

/// What policy does not let an application have.
#[derive(Debug)]
pub struct NotPermitted {
    /// What was asked for.
    pub request: AuthorizationRequest,
    /// Why not, in the policy's words.
    pub reason: String,
    /// Back to the application, with the refusal in its words.
    pub back: String,
}

/// What a person is asked.
#[derive(Debug)]
pub struct Question {
    /// The request on its way.
    pub id: AuthorizationRequestId,
    /// What is asked for.
    pub request: AuthorizationRequest,
    /// Who is asked.
    pub session: Arc<Session>,
}

/// A request, as far as it has come.
#[derive(Debug)]
struct Kept {
    /// Nothing: it is not kept yet.
    id: Option<AuthorizationRequestId>,
    parameters: Parameters,
    before: Before,
    /// What policy wanted a sign-in to reach before: it is asked for once.
    raised: Option<Assurance>,
}

impl Oauth {
    /// A request as it arrives. `cross_site`: the browser may have kept its cookies to itself, so it is asked to come again.
    pub async fn authorize(
        &self,
        place: &Place,
        parameters: Parameters,
        (browser, cross_site): (&Browser, bool),
    ) -> Result<Next, WireError> {
        let before = Before { arrived_at: self.env.clock.now(), asked: false };
        let mut kept = Kept { id: None, parameters, before, raised: None };
        let request = match self.read(place, &kept.parameters) {
            Ok(request) => request,
            Err(refusal) => return Ok(refused(place, refusal)),
        };
        if cross_site {
            let id = self.keep(place.realm, &mut kept, None).await?;
            return Ok(Next::Here(path_of(id)));
        }
        self.advance(place, request, (kept, browser)).await
    }

    /// A kept request goes on: its browser comes back from a sign-in, or for the first time. `cancelled`: the person gave up.
    pub async fn resume(
        &self,
        place: &Place,
        (id, cancelled): (AuthorizationRequestId, bool),
        browser: &Browser,
    ) -> Result<Next, WireError> {
        let Some(kept) = self.take(place.realm, id, browser).await? else {
            return Ok(Next::Refused(gone()));
        };
        let request = match self.read(place, &kept.parameters) {
            Ok(request) => request,
            Err(refusal) => return Ok(refused(place, refusal)),
        };
        if cancelled {
            self.forget(place.realm, id).await?;
            return Ok(denied(place, &request.back));
        }
        self.advance(place, request, (kept, browser)).await
    }

    /// What a person answered to the question of consent.
    pub async fn answer_consent(
        &self,
        place: &Place,
        (id, agreed): (AuthorizationRequestId, bool),
        browser: &Browser,
    ) -> Result<Next, WireError> {
        let Some(kept) = self.take(place.realm, id, browser).await? else {
            return Ok(Next::Refused(gone()));
        };
        let request = match self.read(place, &kept.parameters) {
            Ok(request) => request,
            Err(refusal) => return Ok(refused(place, refusal)),
        };
        if !agreed {
            self.forget(place.realm, id).await?;
            return Ok(denied(place, &request.back));
        }
        let session = self.session_of(place.realm, browser).await?;
        let expected = self.expected(place, &request)?;
        match (judge(&request, session.as_deref(), expected, kept.before), session) {
            (Verdict::Does, Some(session)) => {
                match self.decide_consent(place, (&request, &session)).await? {
                    Decision::Yes(permit) => {
                        self.give_code(place, *permit, (&request, &session), (Some(id), true)).await
                    }
                    Decision::No(no) => {
                        self.not_permitted(place, (request, session), (kept, browser), no).await
                    }
                }
            }
            // The session ended while the page was open.
            _ => self.advance(place, request, (kept, browser)).await,
        }
    }

    fn read(
        &self,
        place: &Place,
        parameters: &Parameters,
    ) -> Result<AuthorizationRequest, Refusal> {
        AuthorizationRequest::parse(parameters, &place.issuer, |id| self.client(place.realm, id))
    }

    /// One look at session and consent, and what follows.
    async fn advance(
        &self,
        place: &Place,
        request: AuthorizationRequest,
        (mut kept, browser): (Kept, &Browser),
    ) -> Result<Next, WireError> {
        let error = |code, words| {
            let error = WireError::new(code, words);
            Ok(Next::Away(with_error(&request.back, &place.issuer, &error)))
        };
        let expected = match self.expected(place, &request) {
            Ok(expected) => expected,
            Err(wrong) => return Ok(Next::Away(with_error(&request.back, &place.issuer, &wrong))),
        };
        let session = self.session_of(place.realm, browser).await?;
        let verdict = judge(&request, session.as_deref(), expected, kept.before);
        let session = match (verdict, session) {
            (Verdict::Does, Some(session)) => session,
            (Verdict::Unmet, _) => {
                let words = "the required authentication context cannot be reached";
                return error(Code::UnmetAuthenticationRequirements, words);
            }
            (Verdict::SignIn(_) | Verdict::Does, _) if request.prompt.none => {
                return error(Code::LoginRequired, "nobody suitable is signed in");
            }
            (Verdict::SignIn(wish), _) => {
                return self.to_sign_in(place, &request, (kept, browser), wish).await;
            }
            (Verdict::Does, None) => return Ok(Next::Refused(gone())),
        };
        let permit = match self.decide_consent(place, (&request, &session)).await? {
            Decision::Yes(permit) => permit,
            Decision::No(no) => {
                return self.not_permitted(place, (request, session), (kept, browser), no).await;
            }
        };
        if self.needs_consent(place.realm, &request, session.user).await? {
            if request.prompt.none {
                return error(Code::ConsentRequired, "the person has to be asked first");
            }
            let id = self.keep(place.realm, &mut kept, Some(browser)).await?;
            return Ok(Next::Consent(Box::new(Question { id, request, session })));
        }
        self.give_code(place, *permit, (&request, &session), (kept.id, false)).await
    }

    /// Policy says no, or wants more: a stronger sign-in, once; else a page that says why, with the way back.
    async fn not_permitted(
        &self,
        place: &Place,
        (request, session): (AuthorizationRequest, Arc<Session>),
        (mut kept, browser): (Kept, &Browser),
        Refused { reason, stronger }: Refused,
    ) -> Result<Next, WireError> {
        let stronger = if stronger { session.assurance.next() } else { None };
        let stronger = stronger.filter(|level| kept.raised.is_none_or(|before| before < *level));
        if let Some(level) = stronger.filter(|_| !request.prompt.none) {
            kept.raised = Some(level);
            let (assurance, expected) = (Some(level), Some(session.user));
            let wish = Wish { assurance, expected, ..Wish::default() };
            return self.to_sign_in(place, &request, (kept, browser), wish).await;
        }
        let (code, words) = match stronger {
            Some(_) => (Code::InteractionRequired, "a stronger sign-in is needed"),
            None => (Code::AccessDenied, "the provider's policy does not permit it"),
        };
        let back = with_error(&request.back, &place.issuer, &WireError::new(code, words));
        if request.prompt.none {
            return Ok(Next::Away(back));
        }
        self.note_refusal(place, (&request, &session), &reason).await?;
        Ok(Next::NotPermitted(Box::new(NotPermitted { request, reason, back })))
    }

    async fn to_sign_in(
        &self,
        place: &Place,
        request: &AuthorizationRequest,
        (mut kept, browser): (Kept, &Browser),
        wish: Wish,
    ) -> Result<Next, WireError> {
        kept.before.asked = true;
        let id = self.keep(place.realm, &mut kept, Some(browser)).await?;
        let path = path_of(id);
        let own = |path: &str| OwnPath::parse(path).ok_or_else(|| Fault::bug("no path of ours"));
        let terms = &request.client.terms;
        Ok(Next::SignIn(Box::new(SigninRequest {
            cancel_to: Some(own(&format!("{path}&cancelled=1"))?),
            client: Some(Application {
                id: request.client.id.clone(),
                name: terms.name.clone(),
                administration: terms.administration,
                leads_to: request.back.redirect_uri.clone(),
            }),
            upstreams: terms.upstreams.as_ref().map(|all| all.iter().cloned().collect()),
            assurance: wish.assurance,
            fresh_after: wish.fresh_after,
            select_account: wish.select_account,
            login_hint: request.login_hint.clone(),
            expected_user: wish.expected,
            languages: request.ui_locales.clone(),
            ..SigninRequest::to(own(&path)?)
        })))
    }

    /// Whom the request expects: by an ID token of ours for this client, also one that has ended, or by a `sub` in `claims`.
    fn expected(
        &self,
        place: &Place,
        request: &AuthorizationRequest,
    ) -> Result<Option<UserId>, WireError> {
        let wrong = || WireError::request("id_token_hint is no ID token of this provider");
        let hinted = match &request.id_token_hint {
            None => None,
            Some(hint) => {
                let expiry = (self.env.clock.now(), Expiry::Ignored);
                let token = self.svid.verify_token(place.realm, hint, TokenKind::Id, expiry);
                let token = token.map_err(|_| wrong())?;
                if !token.audience.iter().any(|aud| aud == request.client.id.as_str()) {
                    return Err(wrong());
                }
                Some(token.subject.clone())
            }
        };
        let named = hinted.or_else(|| request.claims.subject.clone());
        // A subject that is not a person of ours can be met by nobody.
        let nobody =
            || WireError::new(Code::LoginRequired, "the expected person cannot sign in here");
        named.map(|text| UserId::parse(&text).map_err(|_| nobody())).transpose()
    }

    pub(super) async fn session_of(
        &self,
        realm: RealmId,
        browser: &Browser,
    ) -> Result<Option<Arc<Session>>, WireError> {
        let Some(cookie) = &browser.session else { return Ok(None) };
        let session = self.sessions.by_cookie(realm, cookie).await;
        Ok(session.map_err(Failure::from)?)
    }

    async fn needs_consent(
        &self,
        realm: RealmId,
        request: &AuthorizationRequest,
        user: UserId,
    ) -> Result<bool, WireError> {
        // Any program on a person's machine can say that it is the command line, and would get their SVID unseen
        // (RFC 8252 §8.6): it is asked for each time.
        let is_own = self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, &request.client));
        if request.prompt.consent || is_own {
            return Ok(true);
        }
        if request.client.terms.consent == ConsentPolicy::FirstParty {
            return Ok(false);
        }
        let input = (user, request.client.id.clone());
        let given = self
            .env
            .db
            .read(realm, input, |tx, (user, client)| Box::pin(store::consents(tx, *user, client)));
        let given: Vec<(String, String)> = given.await.map_err(WireError::from)?;
        let covers = |resource: &str| {
            given.iter().any(|(of, scopes)| {
                let scopes: BTreeSet<&str> = scopes.split(' ').collect();
                of == resource && request.scopes.iter().all(|scope| scopes.contains(scope.as_str()))
            })
        };
        Ok(!resources(request).iter().all(|resource| covers(resource)))
    }

    // --- kept requests

    async fn keep(
        &self,
        realm: RealmId,
        kept: &mut Kept,
        browser: Option<&Browser>,
    ) -> Result<AuthorizationRequestId, WireError> {
        if let Some(id) = kept.id {
            let document = self.sealed((realm, id), kept)?;
            let done: Result<(), Fault> = self
                .env
                .db
                .write(realm, (id, document), |tx, (id, document)| {
                    Box::pin(store::update_request(tx, *id, document))
                })
                .await;
            done?;
            return Ok(id);
        }
        let now = kept.before.arrived_at;
        let id = AuthorizationRequestId::new(self.env.entropy.uuid(now)?);
        let binding = browser.and_then(Browser::digest).map(Vec::from).unwrap_or_default();
        let expires_at = now.plus(REQUEST_LIFE);
        let document = self.sealed((realm, id), kept)?;
        let row = KeptRow { id, binding, document, created_at: now, expires_at };
        let done: Result<(), Fault> =
            self.env.db.write(realm, row, |tx, row| Box::pin(store::insert_request(tx, row))).await;
        done?;
        kept.id = Some(id);
        Ok(id)
    }

    async fn take(
        &self,
        realm: RealmId,
        id: AuthorizationRequestId,
        browser: &Browser,
    ) -> Result<Option<Kept>, WireError> {
        let Some(binding) = browser.binding.as_ref().map(BrowserCookie::digest) else {
            return Ok(None);
        };
        let input = (id, binding, self.env.clock.now());
        let found: Option<(String, Timestamp)> = self
            .env
            .db
            .write(realm, input, |tx, (id, binding, now)| {
                Box::pin(store::take_request(tx, *id, (binding, *now)))
            })
            .await
            .map_err(WireError::from)?;
        let Some((document, arrived_at)) = found else { return Ok(None) };
        Ok(self.opened((realm, id), &document, arrived_at)?)
    }

    /// The document of a row: a request names people, in `login_hint` and `id_token_hint`, who may be erased before it is over.
    fn sealed(
        &self,
        (realm, id): (RealmId, AuthorizationRequestId),
        kept: &Kept,
    ) -> Result<String, Fault> {
        let text = json!({
            "parameters": kept.parameters.encoded(),
            "asked": kept.before.asked,
            "raised": kept.raised.map(Assurance::as_str),
        })
        .to_string();
        let text = Secret::new(text);
        let (entropy, place) = (self.env.entropy.as_ref(), place_of(realm, id));
        Ok(base64url(&self.ring.seal(&place, text.expose().as_bytes(), entropy)?))
    }

    /// Reads it; nothing where it is not sealed, as those that an earlier release kept: they were over within half an hour.
    fn opened(
        &self,
        (realm, id): (RealmId, AuthorizationRequestId),
        document: &str,
        arrived_at: Timestamp,
    ) -> Result<Option<Kept>, Fault> {
        let Some(sealed) = from_base64url(document) else { return Ok(None) };
        let text = self.ring.open(&place_of(realm, id), &sealed)?;
        let document: Value = serde_json::from_slice(text.expose())
            .map_err(|error| Fault::malformed("authorization request", error))?;
        let parameters = document.get("parameters").and_then(Value::as_str).unwrap_or_default();
        let asked = document.get("asked") == Some(&Value::Bool(true));
        let parameters = Parameters::of(parameters.as_bytes());
        let raised = document.get("raised").and_then(Value::as_str).and_then(Assurance::parse);
        let before = Before { arrived_at, asked };
        Ok(Some(Kept { id: Some(id), parameters, before, raised }))
    }

    async fn forget(&self, realm: RealmId, id: AuthorizationRequestId) -> Result<(), WireError> {
        let done: Result<bool, Fault> =
            self.env.db.write(realm, id, |tx, id| Box::pin(store::delete_request(tx, *id))).await;
        Ok(done.map(drop)?)
    }

    // --- the answer

    /// Grant, code and what was agreed to, in one transaction with the event that tells of them.
    async fn give_code(
        &self,
        place: &Place,
        permit: Permit<Consent>,
        (request, session): (&AuthorizationRequest, &Session),
        (kept, agreed): (Option<AuthorizationRequestId>, bool),
    ) -> Result<Next, WireError> {
        // Spent on this answer.
        let (_asked, _granted) = permit.spend();
        let now = self.env.clock.now();
        let code = base64url(self.env.entropy.token()?.expose());
        let offline = request.scopes.contains("offline_access");
        let grant = Grant {
            id: GrantId::new(self.env.entropy.uuid(now)?),
            client: request.client.id.clone(),
            user: session.user,
            session: session.id,
            scopes: request.scopes.clone(),
            resources: request.resources.clone(),
            id_token_claims: request.claims.id_token.clone(),
            userinfo_claims: request.claims.userinfo.clone(),
            signed_in_at: session.signed_in_at,
            assurance: session.assurance,
            acr: acr(request, session.assurance),
            amr: session.amr().into_iter().map(str::to_owned).collect(),
            upstream: session.upstream.as_ref().map(ToString::to_string),
            address: session.address.parse().ok(),
            offline,
            device: session.device.map(|id| OnDevice { id, key: false }),
            created_at: now,
            expires_at: if offline {
                now.plus(self.settings.grant_life())
            } else {
                session.expires_at
            },
        };
        let terms = CodeTerms {
            redirect_uri: request.back.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
        };
        let to = with_code(&request.back, &place.issuer, &code);
        let agreed = agreed.then(|| resources(request));
        let digest = sha256(code.as_bytes());
        let number = session.number;
        let code_ends = now.plus(self.settings.code_life());
        let realm = place.realm;
        let input = Answer { realm, grant, terms, digest, number, kept, agreed, now, code_ends };
        let written: Result<bool, sessions::Error> = self
            .events
            .record_in(place.realm, input, |tx, input| Box::pin(write_answer(tx, input)))
            .await;
        // False: another tab answered the request already.
        if written.map_err(Failure::from)? { Ok(Next::Away(to)) } else { Ok(Next::Refused(gone())) }
    }
}

#[derive(Debug)]
struct Answer {
    realm: RealmId,
    grant: Grant,
    terms: CodeTerms,
    digest: [u8; 32],
    number: crate::kernel::SubjectId,
    kept: Option<AuthorizationRequestId>,
    agreed: Option<Vec<String>>,
    now: Timestamp,
    code_ends: Timestamp,
}

async fn write_answer(tx: &mut Tx, input: &Answer) -> Result<Unrecorded<bool>, sessions::Error> {
    let Answer { realm, grant, terms, digest, now, .. } = input;
    let scopes: Vec<&str> = grant.scopes.iter().map(String::as_str).collect();
    let event = Event::new(*realm, super::model::AUTHORIZED)
        .subject(input.number)
        .subject_owner(Owner::Person(input.number))
        .actor(Some(input.number))
        .actor_owner(Owner::Person(input.number))
        .about("client", grant.client.as_str())
        .about("grant", grant.id.to_string())
        .about("session", grant.session.to_string())
        .about("scopes", scopes.join(" "))
        .about("resources", grant.resources.as_slice())
        .about("agreed", input.agreed.is_some());
    // Used up with the answer, so that two tabs do not both get one.
    if let Some(id) = input.kept
        && !store::delete_request(tx, id).await?
    {
        return Ok(Unrecorded::new(false, event.about("late", true)));
    }
    store::insert_grant(tx, grant).await?;
    store::insert_code(tx, (digest, grant.id), terms, input.code_ends).await?;
    Sessions::note_client(tx, grant.session, &grant.client, *now).await?;
    for resource in input.agreed.iter().flatten() {
        let owner = (grant.user, &grant.client);
        store::put_consent(tx, owner, (resource, &scopes.join(" ")), *now).await?;
    }
    Ok(Unrecorded::new(true, event))
}

/// What binds a sealed request to its row.
fn place_of(realm: RealmId, id: AuthorizationRequestId) -> Vec<u8> {
    format!("authorization request|{realm}|{id}").into_bytes()
}

/// What a consent is for: the resources, or the provider itself.
fn resources(request: &AuthorizationRequest) -> Vec<String> {
    match request.resources.as_slice() {
        [] => vec![String::new()],
        some => some.to_vec(),
    }
}

fn refused(place: &Place, refusal: Refusal) -> Next {
    match refusal {
        Refusal::Page(error) => Next::Refused(error),
        Refusal::Redirect(back, error) => Next::Away(with_error(&back, &place.issuer, &error)),
    }
}

fn denied(place: &Place, back: &Back) -> Next {
    let error = WireError::new(Code::AccessDenied, "the person did not allow it");
    Next::Away(with_error(back, &place.issuer, &error))
}

fn gone() -> WireError {
    WireError::request(
        "this request has ended, or was begun in another browser; begin again from the application",
    )
}

fn path_of(id: AuthorizationRequestId) -> String {
    format!("/authorize/continue?id={id}")
}

/// Enough to find an authenticator, and to read a mail.
const REQUEST_LIFE: Lifetime = Lifetime::minutes(30);

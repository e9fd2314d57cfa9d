//! The specification of the decision point: first what must never be permitted, then what is, then how it is found.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::asker::Asker;
use super::decide::RealmRights;
use super::model::{Action, Error, Fact, Name, Request};
use super::policies::{Documents, Policies, check};
use super::roles::{Given, Holder, Right, RoleBinding, Roles};
use super::schema::Published;
use super::{Access, shipped_documents};
use crate::env::Clock;
use crate::kernel::{
    Assurance, Authentication, BasisPoints, Caller, DeviceId, Level, Lifetime, Listener, Proof,
    RealmId, Situation, SpiffeId, Standing, SubjectId, Timestamp, TrustDomain,
};
use crate::testkit::TestClock;

#[path = "tests_change.rs"]
pub(super) mod change;
#[path = "tests_gates.rs"]
mod gates;
#[path = "tests_index.rs"]
mod index;
#[path = "tests_lockout.rs"]
mod lockout;
#[path = "tests_policies.rs"]
mod own_policies;
#[path = "tests_rights.rs"]
mod rights;
#[path = "tests_shadow.rs"]
mod shadows;
#[path = "tests_standing.rs"]
mod standings;

const REALM: RealmId = RealmId(1);
const OWN_UID: u32 = 1000;

fn id(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://weft.test{path}")).unwrap()
}

/// A question with owned parts, so that tables and generators can make it.
#[derive(Debug, Clone)]
struct Ask {
    action: &'static str,
    asker: Asker,
    resource: (&'static str, String),
    resource_id: Option<SpiffeId>,
    context: BTreeMap<&'static str, Owned>,
    standing: Option<Standing>,
    situation: Situation,
    expires: Timestamp,
}

#[derive(Debug, Clone)]
enum Owned {
    Text(String),
    Number(i64),
    Flag(bool),
    Texts(Vec<String>),
    Id(SpiffeId),
}

impl Ask {
    fn new(asker: Asker, action: &'static str, resource: &'static str, on: &SpiffeId) -> Self {
        let context = context_of(action, on);
        let (resource, resource_id) = ((resource, on.to_string()), Some(on.clone()));
        let (situation, expires) = (situation_of(action), Timestamp::FOREVER);
        Self { action, asker, resource, resource_id, context, standing: None, situation, expires }
    }

    fn on(self, standing: Standing) -> Self {
        Self { standing: Some(standing), ..self }
    }

    fn with(mut self, name: &'static str, value: Owned) -> Self {
        self.context.insert(name, value);
        self
    }

    fn request(&self) -> Request<'_> {
        let fact = |value| match value {
            &Owned::Number(number) => Fact::Number(number),
            &Owned::Flag(flag) => Fact::Flag(flag),
            Owned::Text(text) => Fact::Text(text),
            Owned::Texts(texts) => Fact::Texts(texts),
            Owned::Id(id) => Fact::Id(id),
        };
        Request {
            realm: REALM,
            principal: self.asker.principal(),
            principal_id: self.asker.spiffe_id(),
            actor: None,
            resource: (self.resource.0, &self.resource.1),
            resource_id: self.resource_id.as_ref(),
            context: self.context.iter().map(|(name, value)| (*name, fact(value))).collect(),
            standing: self.standing.as_ref(),
            situation: &self.situation,
            evidence_expires: self.expires,
        }
    }
}

/// Who acts for a person has seen them sign in just now, with one factor.
fn situation_of(action: &str) -> Situation {
    let from = Situation::at("192.0.2.1".parse().ok());
    if !["Consent", "EnrolOwnDevice", "SignIn", "IssueTokens"].contains(&action) {
        return from;
    }
    from.signed_in(Authentication {
        at: now(),
        assurance: Assurance::Aal1,
        amr: Arc::from(["pwd".to_owned()]),
        upstream: None,
    })
}

/// The plainest facts that fit the action's context.
fn context_of(action: &str, on: &SpiffeId) -> BTreeMap<&'static str, Owned> {
    let text = |text: &str| Owned::Text(text.to_owned());
    match action {
        "IssueX509Svid" | "IssueJwtSvid" => BTreeMap::from([
            ("subject", text("workload")),
            ("source", text("workload_attestation")),
            ("strength", text("software")),
            ("audiences", Owned::Number(0)),
        ]),
        "IssueTokens" => BTreeMap::from([
            ("subject", text("user")),
            ("source", text("session")),
            ("strength", text("software")),
            ("grant", text("authorization_code")),
            ("administration", Owned::Flag(false)),
            ("scopes", Owned::Texts(vec!["openid".to_owned()])),
            ("audiences", Owned::Texts(Vec::new())),
        ]),
        "CreateEntry" | "UpdateEntry" => BTreeMap::from([
            ("parent", Owned::Id(on.clone())),
            ("was", Owned::Id(on.clone())),
            ("admin", Owned::Flag(false)),
            ("downstream", Owned::Flag(false)),
            ("dns_names", Owned::Number(0)),
            ("federates_with", Owned::Number(0)),
            ("x509_svid_ttl_seconds", Owned::Number(0)),
            ("jwt_svid_ttl_seconds", Owned::Number(0)),
        ]),
        "CreateJoinToken" => BTreeMap::from([("selectors", Owned::Number(0))]),
        "BindRole" => BTreeMap::from([("role", text("viewer")), ("holds", Owned::Flag(true))]),
        "AttestAgent" => BTreeMap::from([
            ("attestor", text("join_token")),
            ("strength", text("software")),
            ("banned", Owned::Flag(false)),
            ("known", Owned::Flag(false)),
        ]),
        "Consent" | "EnrolOwnDevice" | "SignIn" => of_people(action),
        _ => BTreeMap::new(),
    }
}

/// The same of what people do.
fn of_people(action: &str) -> BTreeMap<&'static str, Owned> {
    let text = |text: &str| Owned::Text(text.to_owned());
    match action {
        "Consent" => BTreeMap::from([
            ("scopes", Owned::Texts(vec!["openid".to_owned()])),
            ("resources", Owned::Texts(Vec::new())),
            ("methods", Owned::Texts(vec!["password".to_owned()])),
            ("administration", Owned::Flag(false)),
        ]),
        "EnrolOwnDevice" => BTreeMap::from([
            ("class", text("laptop")),
            ("devices", Owned::Number(0)),
            ("asked", Owned::Flag(false)),
        ]),
        "SignIn" => BTreeMap::from([
            ("administration", Owned::Flag(false)),
            ("locked", Owned::Flag(false)),
            ("mail", Owned::Flag(false)),
            ("second_factor", Owned::Flag(false)),
            ("second_shown", Owned::Flag(false)),
            ("passkey", Owned::Flag(false)),
        ]),
        _ => BTreeMap::new(),
    }
}

fn local(uid: u32) -> Asker {
    let proof = Proof::KernelPeer { uid, pid: 1 };
    let caller =
        Caller { realm: REALM, subject: None, proof, listener: Listener::Local, address: None };
    Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap())
}

fn workload(path: &str) -> Asker {
    shows_x509(&id(path))
}

fn shows_x509(subject: &SpiffeId) -> Asker {
    let proof = Proof::X509Svid {
        serial: "1".to_owned(),
        not_before: Timestamp::EPOCH,
        not_after: Timestamp::FOREVER,
        key_digest: [0; 32],
    };
    let caller = Caller {
        realm: REALM,
        subject: Some(subject.clone()),
        proof,
        listener: Listener::Mtls,
        address: None,
    };
    Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap())
}

fn bind(name: &str, holder: Holder, given: Given) -> Arc<RoleBinding> {
    Arc::new(RoleBinding { name: Name::parse(name).unwrap(), holder, given })
}

fn registrar(path: &str, rights: &[Right]) -> Given {
    Given::Registrar { path: id(path), rights: rights.iter().copied().collect() }
}

/// Compiled once for all tests: it holds nothing that a decision changes.
static SHIPPED: LazyLock<(Arc<Published>, Arc<Policies>)> = LazyLock::new(|| {
    let schema = Arc::new(Published::parse().unwrap());
    let shipped = Arc::new(Policies::compile(&schema, &shipped_documents()).unwrap());
    (schema, shipped)
});

/// The decision point with these bindings and policies of the realm's own.
fn realm(bindings: Vec<Arc<RoleBinding>>, own: &[(&str, &str)]) -> RealmRights {
    let (schema, shipped) = (Arc::clone(&SHIPPED.0), Arc::clone(&SHIPPED.1));
    let own: Documents =
        own.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(*text))).collect();
    for (name, text) in &own {
        check(&schema, name, text).unwrap();
    }
    let mut all = shipped_documents();
    all.extend(own.clone());
    let policies = if own.is_empty() {
        Arc::clone(&shipped)
    } else {
        Arc::new(Policies::compile(&schema, &all).unwrap())
    };
    RealmRights::new((schema, shipped), (own, Ok(policies)), Roles::of(bindings), Some(7), OWN_UID)
}

fn now() -> Timestamp {
    TestClock::new().now()
}

fn decide(realm: &RealmRights, ask: &Ask) -> Result<Lifetime, Error> {
    realm.question(ask.action, &ask.request(), now())?.decide()
}

fn refusal(realm: &RealmRights, ask: &Ask) -> String {
    match decide(realm, ask) {
        Err(Error::Denied { reason, .. }) => reason.to_string(),
        other => panic!("expected a denial, got {other:?} for {ask:?}"),
    }
}

fn issue(level: Level, action: &'static str) -> Ask {
    Ask::new(Asker::node(&id("/spire/agent/a")), action, "Svid", &id("/web")).on(standing(level))
}

/// What is known of a device of this level that reported a minute ago, all of it on evidence that stays; its score is the
/// best of the level.
fn standing(level: Level) -> Standing {
    let points = match level {
        Level::Unknown => return Standing::unknown(),
        Level::Quarantine => 39,
        Level::Restricted => 59,
        Level::Standard => 79,
        Level::Trusted => 100,
    };
    Standing {
        level,
        score: Some(BasisPoints::new(points * 100)),
        confidence: BasisPoints::ONE,
        reported: Some(now().minus(Lifetime::minutes(1))),
        device: Some(DeviceId::new(uuid::Uuid::from_u128(7))),
        evidence: Arc::from([Arc::from("report:0123456789abcdef")]),
        ..Standing::unknown()
    }
}

// --- what must never be

#[test]
fn nobody_may_do_anything_but_attest_and_read_the_bundle() {
    let realm = realm(vec![], &[]);
    let schema = &SHIPPED.0;
    let mut open = Vec::new();
    for triple in schema.triples().filter(|triple| triple.principal == "Nobody") {
        let action: &'static str = Box::leak(triple.action.clone().into_boxed_str());
        let resource: &'static str = Box::leak(triple.resource.clone().into_boxed_str());
        let ask = Ask::new(Asker::nobody(), action, resource, &id("/web"));
        if decide(&realm, &ask).is_ok() {
            open.push(action);
        }
    }
    assert_eq!(open, ["AttestAgent", "GetBundle"]);
}

#[test]
fn an_action_that_the_schema_does_not_know_is_refused() {
    let realm = realm(vec![], &[]);
    for (action, resource) in
        [("Conquer", "Realm"), ("IssueX509Svid", "Realm"), ("BanAgent", "Nonsense")]
    {
        let ask = Ask::new(local(0), action, resource, &id("/web"));
        assert!(matches!(decide(&realm, &ask), Err(Error::Broken { .. })), "{action}");
    }
}

#[test]
fn a_question_whose_facts_do_not_fit_the_schema_is_refused() {
    let realm = realm(vec![], &[]);
    let good = Ask::new(local(0), "CreateEntry", "Entry", &id("/web"));
    assert!(decide(&realm, &good).is_ok());
    let mut missing = good.clone();
    missing.context.remove("admin");
    for bad in [
        missing,
        good.clone().with("surprise", Owned::Flag(true)),
        good.with("admin", Owned::Number(0)),
    ] {
        assert!(matches!(decide(&realm, &bad), Err(Error::Broken { .. })), "{bad:?}");
    }
}

#[test]
fn nothing_is_permitted_in_a_realm_that_is_not_loaded() {
    struct Ban;
    impl Action for Ban {
        const NAME: &'static str = "BanAgent";
        fn request(&self) -> Request<'_> {
            Request {
                realm: REALM,
                principal: ("Local", "0"),
                principal_id: None,
                actor: None,
                resource: ("Agent", "a"),
                resource_id: None,
                context: vec![],
                standing: None,
                situation: Situation::unknown(),
                evidence_expires: Timestamp::FOREVER,
            }
        }
    }
    let access = Access::new(Arc::new(TestClock::new()), OWN_UID).unwrap();
    assert!(matches!(access.permit(Ban), Err(Error::Broken { .. })));
    access.open(REALM);
    let permit = access.permit(Ban).unwrap();
    assert_eq!(permit.ceiling(), Lifetime::ZERO);
    assert_eq!(permit.spend().1.action, "BanAgent");
}

#[test]
fn nothing_is_decided_on_evidence_that_has_ended() {
    let realm = realm(vec![], &[]);
    let mut ask = Ask::new(local(0), "ReadAgent", "Agent", &id("/spire/agent/a"));
    ask.expires = now();
    assert!(refusal(&realm, &ask).contains("the evidence for this ended at"));
    ask.expires = now().plus(Lifetime::seconds(1));
    assert!(decide(&realm, &ask).is_ok());
}

#[test]
fn no_administrator_can_give_a_reserved_name_to_an_entry() {
    let realm = realm(vec![], &[]);
    for path in [
        "/spire",
        "/spire/server",
        "/spire/agent/x",
        "/user/ada",
        "/device/1",
        "/client/c",
        "/user",
        "",
    ] {
        for action in ["CreateEntry", "UpdateEntry"] {
            let said = refusal(&realm, &Ask::new(local(0), action, "Entry", &id(path)));
            assert!(said.contains("reserved"), "{said}");
        }
    }
    for path in ["/spires", "/users/ada", "/a/user/b"] {
        assert!(
            decide(&realm, &Ask::new(local(0), "CreateEntry", "Entry", &id(path))).is_ok(),
            "{path}"
        );
    }
}

#[test]
fn an_agent_acts_for_itself_alone() {
    let realm = realm(vec![], &[]);
    let (own, other) = (id("/spire/agent/a"), id("/spire/agent/ab"));
    for action in ["RenewAgent", "PostStatus", "SyncEntries"] {
        assert!(decide(&realm, &Ask::new(Asker::node(&own), action, "Agent", &own)).is_ok());
        assert!(decide(&realm, &Ask::new(Asker::node(&own), action, "Agent", &other)).is_err());
    }
    let renewal = |resource| {
        Ask::new(Asker::node(&own), "IssueX509Svid", "Svid", resource)
            .with("subject", Owned::Text("node".to_owned()))
            .with("source", Owned::Text("possession".to_owned()))
    };
    assert!(decide(&realm, &renewal(&own)).is_ok());
    assert!(decide(&realm, &renewal(&other)).is_err());
}

#[test]
fn a_banned_agent_is_not_attested() {
    let realm = realm(vec![], &[]);
    let ask = Ask::new(Asker::nobody(), "AttestAgent", "Agent", &id("/spire/agent/a"));
    assert!(decide(&realm, &ask).is_ok());
    assert!(decide(&realm, &ask.with("banned", Owned::Flag(true))).is_err());
}

#[test]
fn only_an_agent_may_have_workload_identities_issued() {
    let realm = realm(vec![bind("a", Holder::Spiffe(id("/ops")), Given::Admin)], &[]);
    for asker in [Asker::nobody(), workload("/ops"), local(0)] {
        let ask = Ask::new(asker, "IssueX509Svid", "Svid", &id("/web"));
        assert!(refusal(&realm, &ask).contains("an attested agent"), "{ask:?}");
    }
}

#[test]
fn only_the_realms_own_svids_make_agents_and_users() {
    let home = TrustDomain::parse("weft.test").unwrap();
    let kind = |subject: &str, token: bool| {
        let subject = SpiffeId::parse(subject).unwrap();
        let proof = if token {
            Proof::JwtSvid { issued_at: Timestamp::EPOCH, expires_at: Timestamp::FOREVER }
        } else {
            Proof::X509Svid {
                serial: "1".to_owned(),
                not_before: Timestamp::EPOCH,
                not_after: Timestamp::FOREVER,
                key_digest: [0; 32],
            }
        };
        let caller = Caller {
            realm: REALM,
            subject: Some(subject),
            proof,
            listener: Listener::Mtls,
            address: None,
        };
        Asker::of(&caller, &home).principal().0
    };
    assert_eq!(kind("spiffe://weft.test/spire/agent/a", false), "Node");
    assert_eq!(kind("spiffe://weft.test/spire/agent/a", true), "Nobody");
    assert_eq!(kind("spiffe://other.test/spire/agent/a", false), "Workload");
    assert_eq!(kind("spiffe://weft.test/spire/server", false), "Nobody");
    assert_eq!(kind("spiffe://weft.test/user/ada", true), "User");
    assert_eq!(kind("spiffe://other.test/user/ada", true), "Workload");
    assert_eq!(kind("spiffe://weft.test/web", true), "Workload");
    let nothing = Caller {
        realm: REALM,
        subject: None,
        proof: Proof::Nothing,
        listener: Listener::Public,
        address: None,
    };
    assert_eq!(Asker::of(&nothing, &home), Asker::nobody());
}

#[test]
fn only_root_and_the_servers_own_user_are_administrators_of_the_machine() {
    let realm = realm(vec![bind("b", Holder::LocalUser(1001), Given::Viewer)], &[]);
    let ban = |uid| Ask::new(local(uid), "BanAgent", "Agent", &id("/spire/agent/a"));
    let read = |uid| Ask::new(local(uid), "ReadAgent", "Agent", &id("/spire/agent/a"));
    assert!(decide(&realm, &ban(0)).is_ok());
    assert!(decide(&realm, &ban(OWN_UID)).is_ok());
    assert!(decide(&realm, &ban(1001)).is_err());
    assert!(decide(&realm, &read(1001)).is_ok());
    assert!(decide(&realm, &read(1002)).is_err());
}

#[test]
fn odd_ids_are_data_and_never_policy_text() {
    let realm =
        realm(vec![], &[("own", r#"forbid (principal == Workload::"x", action, resource);"#)]);
    for odd in [
        "\"",
        "\\",
        "\"); permit(principal,action,resource);//",
        "ü 🦀\u{0}\n",
        "",
        &"x".repeat(10_000),
    ] {
        let ask = Ask {
            action: "ReadAgent",
            asker: local(0),
            resource: ("Agent", odd.to_owned()),
            resource_id: None,
            context: BTreeMap::new(),
            standing: None,
            situation: Situation::default(),
            expires: Timestamp::FOREVER,
        };
        assert!(decide(&realm, &ask).is_ok(), "{odd}");
        let issue = Ask::new(Asker::nobody(), "IssueX509Svid", "Svid", &id("/web"))
            .with("source", Owned::Text(odd.to_owned()))
            .with("subject", Owned::Text(odd.to_owned()));
        assert!(matches!(decide(&realm, &issue), Err(Error::Denied { .. })), "{odd}");
    }
}

#[test]
fn a_join_token_that_gives_more_than_a_place_for_a_node_is_no_daily_work() {
    let holder = |path: &str| Holder::Spiffe(id(path));
    let realm = realm(
        vec![
            bind("o", holder("/ops"), Given::Operator),
            bind("a", holder("/admin"), Given::Admin),
            bind("or", holder("/both"), Given::Operator),
            bind("r", holder("/both"), registrar("/ns/a", &[Right::Parents])),
        ],
        &[],
    );
    let token = |who, alias| Ask::new(workload(who), "CreateJoinToken", "JoinToken", &id(alias));
    assert!(decide(&realm, &token("/ops", "")).is_ok());
    assert!(refusal(&realm, &token("/ops", "/ns/a/rack")).contains("right `parents`"));
    let grouped = token("/ops", "").with("selectors", Owned::Number(1));
    assert!(refusal(&realm, &grouped).contains("needs the role admin"));
    assert!(decide(&realm, &Ask { asker: workload("/admin"), ..grouped }).is_ok());
    assert!(decide(&realm, &token("/admin", "/ns/a/rack")).is_ok());
    assert!(decide(&realm, &token("/both", "/ns/a/rack")).is_ok());
    assert!(decide(&realm, &token("/both", "/ns/b/rack")).is_err());
}

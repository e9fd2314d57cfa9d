//! Every attack there is a rule against, each refused for its own reason, each refusal on record: the line of proof.

use std::collections::BTreeSet;

use super::identities::VERIFIED;
use super::*;
use crate::http::Origin;
use crate::testkit::engines;
use http::{HeaderMap, HeaderValue};

/// What the attacker does.
#[derive(Debug, Clone)]
enum Act {
    /// The provider lies.
    Lies(&'static [Lie]),
    /// Somebody comes with these claims, the upstream having these settings.
    Claims(Value, &'static str, Value),
    /// Something of its own.
    Own(Own),
}

#[derive(Debug, Clone, Copy)]
enum Own {
    OtherBrowser,
    NoCookie,
    NearlyTheCookie,
    TooLate,
    InventedState,
    NoState,
    OtherCallback,
    IssuerWithSlash,
    ForeignSignIn,
    Replay,
    OffBefore,
    OffMeanwhile,
    LinkOnlyBefore,
    LinkOnlyMeanwhile,
    OtherClientMeanwhile,
    DeletedMeanwhile,
    Locked,
    UnnamedNetwork,
    AddressAtOtherUpstream,
    LinkOfAnother,
    LinkInOtherBrowser,
    LinkTwice,
    LinkBySomebodyElse,
    LinkGuessed,
    MixedAddress,
    OtherRedirect,
    InjectedCode,
    TokensWithoutRight,
}

type Attack = (u8, Act, Reason);

fn lies(rule: u8, table: &[(&'static [Lie], Reason)]) -> Vec<Attack> {
    table.iter().map(|(lies, reason)| (rule, Act::Lies(lies), *reason)).collect()
}

fn own(rule: u8, act: Own, reason: Reason) -> Attack {
    (rule, Act::Own(act), reason)
}

fn claims(rule: u8, settings: Value, claims: Value) -> Attack {
    (rule, Act::Claims(settings, "mallory", claims), Reason::NoAccount)
}

fn attacks() -> Vec<Attack> {
    use Reason as R;
    let mut all = vec![
        own(1, Own::OtherBrowser, R::Browser),
        own(1, Own::NoCookie, R::Browser),
        own(1, Own::TooLate, R::Expired),
        own(1, Own::InventedState, R::State),
        own(1, Own::NoState, R::State),
        own(2, Own::OtherCallback, R::OtherUpstream),
        own(2, Own::IssuerWithSlash, R::ResponseIssuer),
        own(3, Own::ForeignSignIn, R::Browser),
        own(4, Own::Replay, R::State),
        own(5, Own::OffBefore, R::Disabled),
        own(5, Own::OffMeanwhile, R::Disabled),
        own(5, Own::LinkOnlyBefore, R::LinkOnly),
        own(5, Own::LinkOnlyMeanwhile, R::LinkOnly),
        own(5, Own::OtherClientMeanwhile, R::Disabled),
        own(5, Own::DeletedMeanwhile, R::Disabled),
        own(5, Own::Locked, R::AccountState),
        own(10, Own::UnnamedNetwork, R::Network),
        own(12, Own::AddressAtOtherUpstream, R::NoAccount),
        own(15, Own::LinkInOtherBrowser, R::Browser),
        own(15, Own::LinkTwice, R::State),
        own(16, Own::LinkBySomebodyElse, R::Session),
        own(16, Own::LinkGuessed, R::State),
        own(17, Own::MixedAddress, R::NoAccount),
        own(18, Own::LinkOfAnother, R::LinkedElsewhere),
        own(23, Own::OtherRedirect, R::CodeRefused),
        own(24, Own::InjectedCode, R::CodeRefused),
        own(25, Own::NearlyTheCookie, R::Browser),
        own(27, Own::TokensWithoutRight, R::TokensDenied),
    ];
    all.extend(lies(
        2,
        &[(&[Lie::AnswerIssuer], R::ResponseIssuer), (&[Lie::AnswerNoIssuer], R::ResponseIssuer)],
    ));
    all.extend(lies(6, &ALGORITHMS));
    all.extend(lies(7, &CLAIMS));
    all.extend(lies(8, &KEYS));
    all.extend(lies(10, &REQUESTS));
    all.extend(addresses());
    all
}

/// Attacks by what a provider says of a person.
fn addresses() -> Vec<Attack> {
    let open = json!({ "create_accounts": true });
    let link = json!({ "link_verified_email": true });
    let corp = json!({ "create_accounts": true, "create_domains": ["corp.example"] });
    let trusted = json!({
        "create_accounts": true, "create_domains": ["corp.example", "evil.example"],
        "email_trust": "domains", "email_domains": ["corp.example"],
    });
    let staff =
        json!({ "create_accounts": true, "groups": "claims.groups", "create_groups": ["staff"] });
    let unverified = json!({ "email": "victim@corp.example", "email_verified": false });
    vec![
        claims(12, open.clone(), VERIFIED("victim@corp.example")),
        claims(13, trusted.clone(), VERIFIED("m@evil.example")),
        claims(13, trusted, VERIFIED("m@corp.example.evil.example")),
        claims(14, json!({}), VERIFIED("victim@corp.example")),
        claims(14, link.clone(), unverified.clone()),
        claims(14, link.clone(), VERIFIED("claimed@corp.example")),
        claims(19, corp.clone(), VERIFIED("m@evil.example")),
        claims(19, corp.clone(), json!({})),
        claims(19, staff.clone(), json!({ "groups": ["guests"] })),
        claims(19, staff, json!({ "groups": "staff,guests" })),
        claims(20, corp, json!({ "email": "m@corp.example", "email_verified": false })),
        claims(
            21,
            json!({ "link_verified_email": true, "email_trust": "never" }),
            VERIFIED("victim@corp.example"),
        ),
        claims(21, link, json!({ "email": "victim@corp.example" })),
    ]
}

impl House {
    async fn suffer(&self, act: &Act) -> Result<Finished, Error> {
        match act {
            Act::Lies(lies) => self.go(lies).await,
            Act::Claims(settings, subject, claims) => {
                self.set("idp", settings.clone()).await;
                self.come("idp", subject, claims.clone()).await
            }
            Act::Own(own) => self.suffer_own(*own).await,
        }
    }

    #[expect(clippy::too_many_lines, reason = "an attack an arm")]
    async fn suffer_own(&self, own: Own) -> Result<Finished, Error> {
        self.set("idp", json!({})).await;
        let stranger = sha256(b"another browser");
        let mut nearly = browser();
        nearly[31] ^= 1;
        match own {
            Own::OtherBrowser | Own::ForeignSignIn => {
                self.finish("idp", self.answer().await, Some(&stranger)).await
            }
            Own::NoCookie => self.finish("idp", self.answer().await, None).await,
            Own::NearlyTheCookie => self.finish("idp", self.answer().await, Some(&nearly)).await,
            Own::TooLate => {
                let answered = self.answer().await;
                self.wait(Lifetime::minutes(10));
                self.back(answered).await
            }
            Own::InventedState | Own::LinkGuessed => {
                let state = Some(crate::crypto::digest::base64url(&[7; 32]));
                self.back(Answered { state, ..self.answer().await }).await
            }
            Own::NoState => self.back(Answered { state: None, ..self.answer().await }).await,
            Own::OtherCallback => {
                self.set("other", json!({})).await;
                self.finish("other", self.answer().await, Some(&browser())).await
            }
            Own::IssuerWithSlash => {
                let iss = Some(format!("{}/", self.provider.issuer));
                self.back(Answered { iss, ..self.answer().await }).await
            }
            Own::Replay => {
                let answered = self.answer().await;
                held(&self.back(answered.clone()).await);
                self.back(answered).await
            }
            Own::OtherRedirect | Own::InjectedCode => {
                self.set("other", json!({})).await;
                let upstream = if matches!(own, Own::OtherRedirect) { "other" } else { "idp" };
                let theirs = self.provider.visit(&self.leave(upstream).await?);
                self.back(Answered { code: theirs.code, ..self.answer().await }).await
            }
            Own::UnnamedNetwork => {
                self.set("idp", json!({ "allow_private_network": null })).await;
                self.leave("idp").await.map(|_| Finished::Tested)
            }
            Own::AddressAtOtherUpstream => {
                self.set("other", json!({})).await;
                self.come("other", "known", VERIFIED("known@corp.example")).await
            }
            Own::MixedAddress => {
                self.set("idp", json!({ "link_verified_email": true })).await;
                let theirs = json!({ "email": "victim@corp.example", "email_verified": true });
                self.provider.person("mallory", json!({ "email": "m@evil.example" }), theirs);
                self.back(self.answer().await).await
            }
            Own::TokensWithoutRight => {
                let nobody = Administrator { realm: REALM, asker: crate::access::Asker::nobody() };
                let user = crate::kernel::UserId::new(uuid::Uuid::from_u128(1));
                let looked = self.upstreams.tokens(nobody, &upstream("idp"), user).await;
                looked.map(|_| Finished::Tested)
            }
            Own::OffBefore | Own::LinkOnlyBefore => {
                self.set("idp", change(own)).await;
                self.leave("idp").await.map(|_| Finished::Tested)
            }
            Own::OffMeanwhile | Own::LinkOnlyMeanwhile | Own::OtherClientMeanwhile => {
                let answered = self.answer().await;
                self.set("idp", change(own)).await;
                self.back(answered).await
            }
            Own::DeletedMeanwhile => {
                let answered = self.answer().await;
                self.upstreams.delete(Self::by(), &upstream("idp"), None).await?;
                self.follow().await;
                self.back(answered).await
            }
            Own::Locked
            | Own::LinkOfAnother
            | Own::LinkInOtherBrowser
            | Own::LinkTwice
            | Own::LinkBySomebodyElse => self.suffer_link(own).await,
        }
    }

    async fn suffer_link(&self, own: Own) -> Result<Finished, Error> {
        let typed = crate::accounts::Identifier::email("victim@corp.example").unwrap();
        let victim = self.accounts.find(REALM, &typed).await.unwrap().unwrap();
        let at = self.keys.clock.now();
        let purpose = Purpose::Link { user: victim.id, authenticated_at: at };
        let begin = async || {
            let address = self.upstreams.start(REALM, &upstream("idp"), start(purpose)).await;
            address.map(|address| self.provider.visit(&address))
        };
        match own {
            Own::LinkInOtherBrowser => {
                self.finish("idp", begin().await?, Some(&sha256(b"another browser"))).await
            }
            Own::LinkTwice => {
                self.provider.person("twice", json!({}), json!({}));
                let answered = begin().await?;
                self.back_of(victim.id, answered.clone()).await.map(drop).unwrap();
                self.back_of(victim.id, answered).await
            }
            // Its asker signed out, and somebody else sat down at the provider's page.
            Own::LinkBySomebodyElse => {
                let (known, ..) = self.came("idp", "known", json!({})).await;
                self.provider.person("mallory", json!({}), json!({}));
                self.back_of(known, begin().await?).await
            }
            // `known` is somebody else's.
            Own::LinkOfAnother => self.links(victim.id, "known", json!({})).await,
            _ => {
                let by = Self::by();
                let locked = crate::accounts::UserState::Locked;
                let (known, ..) = self.came("idp", "known", json!({})).await;
                self.accounts.set_state(&by, known, locked).await.unwrap();
                let outcome = self.come("idp", "known", json!({})).await;
                let active = crate::accounts::UserState::Active;
                self.accounts.set_state(&by, known, active).await.unwrap();
                outcome
            }
        }
    }
}

fn change(own: Own) -> Value {
    match own {
        Own::OffBefore | Own::OffMeanwhile => json!({ "enabled": false }),
        Own::OtherClientMeanwhile => json!({ "client_id": "another" }),
        _ => json!({ "usage": "link_only" }),
    }
}

#[tokio::test]
async fn every_attack_of_every_rule_is_refused_and_on_record() {
    let database = TestDatabase::new(engines()[0]).await;
    let house = House::patient(&database, Lifetime::seconds(3)).await;
    house.set("idp", json!({ "create_accounts": true })).await;
    house.local("victim@corp.example", true).await;
    house.local("claimed@corp.example", false).await;
    house.came("idp", "known", VERIFIED("known@corp.example")).await;
    let (mut rules, mut refused) = (BTreeSet::new(), 0);
    let all = attacks();
    for (rule, act, wanted) in &all {
        let before = house.refusals_of(*wanted).await;
        let outcome = house.suffer(act).await;
        house.provider.lie(&[]);
        house.provider.person("ann", json!({}), json!({}));
        if *wanted == Reason::TokensDenied {
            assert!(matches!(outcome, Err(Error::Access(_))), "{act:?}: {outcome:?}");
        } else {
            assert_eq!(reason(&outcome), Some(*wanted), "rule {rule}, {act:?}: {outcome:?}");
        }
        let after = house.refusals_of(*wanted).await;
        assert_eq!(after, before + 1, "rule {rule}, {act:?} is on record as {}", wanted.code());
        rules.insert(*rule);
        refused += 1;
        house.wait(Lifetime::seconds(1));
    }
    let (forged, turned_away) = forged_addresses();
    rules.insert(22);
    let attacks = all.len() + forged;
    refused += turned_away;
    println!("proof: broker rules {}, attacks {attacks}, refused {refused}", rules.len());
    let wanted: BTreeSet<u8> = (1..=8).chain([10]).chain(12..=25).chain([27]).collect();
    assert_eq!(rules, wanted);
    assert_eq!(attacks, refused);
}

/// Rule 22 stands before every realm: what a proxy of ours says and nobody can read is refused with a problem, and logged.
fn forged_addresses() -> (usize, usize) {
    let proxies =
        [<outbound::Network as crate::settings::Textual>::from_text("10.0.0.0/8").unwrap()];
    let forged = ["", "nonsense", "198.51.100.1, nonsense", "unknown", "256.0.0.1"];
    let refused = forged.iter().filter(|said| {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(said).unwrap());
        Origin::of("10.1.1.1".parse().unwrap(), &headers, &proxies).is_err()
    });
    (forged.len(), refused.count())
}

impl House {
    async fn refusals_of(&self, reason: Reason) -> usize {
        self.refusals().await.iter().filter(|code| **code == reason.code()).count()
    }
}

const ALGORITHMS: [(&[Lie], Reason); 9] = [
    (&[Lie::AlgorithmNone], Reason::Algorithm),
    (&[Lie::AlgorithmHmac], Reason::Algorithm),
    (&[Lie::AlgorithmOther], Reason::Algorithm),
    (&[Lie::HeaderKey], Reason::IdTokenHeader),
    (&[Lie::HeaderKeyUrl], Reason::IdTokenHeader),
    (&[Lie::HeaderCertificateUrl], Reason::IdTokenHeader),
    (&[Lie::HeaderCritical], Reason::IdTokenHeader),
    (&[Lie::HeaderType], Reason::IdTokenForm),
    (&[Lie::Encrypted], Reason::IdTokenForm),
];

const CLAIMS: [(&[Lie], Reason); 24] = [
    (&[Lie::Issuer], Reason::Issuer),
    (&[Lie::NoIssuer], Reason::Issuer),
    (&[Lie::Audience], Reason::Audience),
    (&[Lie::NoAudience], Reason::Audience),
    (&[Lie::Audiences], Reason::AuthorizedParty),
    (&[Lie::AuthorizedParty], Reason::AuthorizedParty),
    (&[Lie::Audiences, Lie::AuthorizedParty], Reason::AuthorizedParty),
    (&[Lie::Expired], Reason::TokenExpired),
    (&[Lie::NoExpiry], Reason::TokenExpired),
    (&[Lie::IssuedAhead], Reason::IssuedAt),
    (&[Lie::IssuedBefore], Reason::IssuedAt),
    (&[Lie::NoIssuedAt], Reason::IssuedAt),
    (&[Lie::Nonce], Reason::Nonce),
    (&[Lie::NoNonce], Reason::Nonce),
    (&[Lie::NoSubject], Reason::Subject),
    (&[Lie::EmptySubject], Reason::Subject),
    (&[Lie::LongSubject], Reason::Subject),
    (&[Lie::TwoSubjects], Reason::IdTokenForm),
    (&[Lie::ClaimType], Reason::IdTokenForm),
    (&[Lie::AccessTokenHash], Reason::AccessTokenHash),
    (&[Lie::NoIdToken], Reason::NoIdToken),
    (&[Lie::UserinfoSubject], Reason::UserinfoSubject),
    (&[Lie::UserinfoNoSubject], Reason::UserinfoSubject),
    (&[Lie::UserinfoTwice], Reason::Userinfo),
];

const KEYS: [(&[Lie], Reason); 6] = [
    (&[Lie::OtherKey], Reason::Signature),
    (&[Lie::Signature], Reason::Signature),
    (&[Lie::UnknownKey], Reason::UnknownKey),
    (&[Lie::KeysNameless], Reason::UnknownKey),
    (&[Lie::KeysNone], Reason::Keys),
    (&[Lie::KeysDown], Reason::Discovery),
];

const REQUESTS: [(&[Lie], Reason); 18] = [
    (&[Lie::MetadataRedirect], Reason::Discovery),
    (&[Lie::MetadataPrivateKeys], Reason::Network),
    (&[Lie::MetadataPlainEndpoint], Reason::Metadata),
    (&[Lie::MetadataHuge], Reason::TooLarge),
    (&[Lie::MetadataSlow], Reason::Slow),
    (&[Lie::MetadataDown], Reason::Discovery),
    (&[Lie::MetadataForm], Reason::Discovery),
    (&[Lie::MetadataIssuer], Reason::Metadata),
    (&[Lie::TokenRedirect], Reason::TokenAnswer),
    (&[Lie::TokenHuge], Reason::TooLarge),
    (&[Lie::TokenSlow], Reason::Slow),
    (&[Lie::TokenForm], Reason::TokenAnswer),
    (&[Lie::TokenError], Reason::CodeRefused),
    (&[Lie::TokenLineBreak], Reason::Userinfo),
    (&[Lie::UserinfoRedirect], Reason::Userinfo),
    (&[Lie::UserinfoHuge], Reason::TooLarge),
    (&[Lie::UserinfoDown], Reason::Userinfo),
    (&[Lie::UserinfoSlow], Reason::Slow),
];

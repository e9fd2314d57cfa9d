//! The dispatcher as a table: what is known, and the page that comes next.

use crate::kernel::{
    Assurance, DeviceId, Lifetime, Method, RealmId, SignInId, Timestamp, UpstreamId, UserId,
};
use crate::sessions::BrowserCookie;
use crate::signin::document::{self, Place};
use crate::signin::*;
use crate::testkit::SeededEntropy;
use crate::upstreams::Group;

use Method as M;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn user(n: u128) -> UserId {
    UserId::new(uuid::Uuid::from_u128(n))
}

fn shown(methods: &[Method]) -> Shown {
    Shown { user: user(1), methods: methods.iter().copied().collect(), since: NOW, upstream: None }
}

fn request() -> SigninRequest {
    SigninRequest::to(OwnPath::parse("/authorize?x=1").unwrap())
}

fn begun() -> State {
    State::new(request())
}

fn claimed(user: Option<UserId>) -> State {
    State { person: Person::Claimed(user), typed: Some("ada".to_owned()), ..begun() }
}

fn proven(methods: &[Method]) -> State {
    State { person: Person::Proven(shown(methods)), ..begun() }
}

fn marked(mut state: State, marks: &[Mark]) -> State {
    state.marks.extend(marks);
    state
}

fn by(state: State, way: Way) -> State {
    State { way: Some(way), ..state }
}

fn asking(mut state: State, ask: impl FnOnce(&mut SigninRequest)) -> State {
    ask(&mut state.request);
    state
}

fn nothing() -> Facts {
    Facts::default()
}

fn permitted() -> Facts {
    Facts { verdict: Some(Verdict::Permit), has: ALL, ..Facts::default() }
}

fn stepped_up(has: Has) -> Facts {
    Facts { verdict: Some(Verdict::StepUp("why".to_owned())), has, ..Facts::default() }
}

fn with_session(facts: Facts, methods: &[Method]) -> Facts {
    let present = Present { shown: shown(methods), signed_in_at: NOW, recent: true, device: None };
    Facts { session: Some(present), ..facts }
}

fn old_session(facts: Facts, methods: &[Method]) -> Facts {
    let mut facts = with_session(facts, methods);
    if let Some(present) = &mut facts.session {
        present.recent = false;
    }
    facts
}

const ALL: Has = Has { password: true, passkey: true, hardware: false, totp: true, codes: true };
const PASSWORD: Has =
    Has { password: true, passkey: false, hardware: false, totp: false, codes: false };
const TOTP: Has = Has { totp: true, codes: true, ..PASSWORD };

fn stranger() -> Stranger {
    Stranger {
        upstream: UpstreamId::parse("corp").unwrap(),
        issuer: "https://idp.test".to_owned(),
        subject: "7".to_owned(),
        display: Some("ada@idp.test".to_owned()),
        provider: "Corporation".to_owned(),
        user: user(1),
    }
}

#[test]
fn before_anything_is_shown_everybody_sees_the_same_pages() {
    let check = |state: &State, step: Step| assert_eq!(next_step(state, &nothing()), step);
    check(&begun(), Step::Identify);
    for who in [None, Some(user(1))] {
        check(&claimed(who), Step::Password);
        check(&by(claimed(who), Way::Passkey), Step::Passkey);
        check(&by(claimed(who), Way::Mail), Step::Recover);
        check(&marked(by(claimed(who), Way::Mail), &[Mark::Mailed]), Step::MailSent);
        check(&by(claimed(who), Way::Totp), Step::Password);
    }
    check(&by(begun(), Way::Passkey), Step::Passkey);
    check(&by(begun(), Way::Password), Step::Identify);
}

#[test]
fn after_a_proof_policy_decides() {
    let check = |state: &State, facts: &Facts, step: Step| {
        assert_eq!(next_step(state, facts), step, "{state:?} {facts:?}");
    };
    let deny = Facts { verdict: Some(Verdict::Deny("no".to_owned())), ..nothing() };
    let way = |has| stepped_up(has);
    check(&proven(&[M::Password]), &permitted(), Step::Done);
    check(&proven(&[M::Password]), &deny, Step::Refused("no".to_owned()));
    check(&proven(&[M::Password]), &nothing(), Step::Refused(String::new()));
    check(&proven(&[M::Password]), &way(ALL), Step::Passkey);
    check(&proven(&[M::Password]), &way(TOTP), Step::Totp);
    check(&by(proven(&[M::Password]), Way::RecoveryCode), &way(TOTP), Step::RecoveryCode);
    check(&by(proven(&[M::Password]), Way::Mail), &way(TOTP), Step::Totp);
    check(&proven(&[M::Password]), &way(PASSWORD), Step::NoWay("why".to_owned()));
    check(&proven(&[M::Mail]), &way(TOTP), Step::Totp);
    check(
        &proven(&[M::Password, M::Totp, M::RecoveryCode]),
        &way(TOTP),
        Step::NoWay("why".to_owned()),
    );
}

#[test]
fn the_level_that_was_asked_for_is_reached_or_there_is_no_way() {
    let ask = |level| move |request: &mut SigninRequest| request.assurance = Some(level);
    let check = |methods: &[Method], level: Assurance, has: Has, step: Step| {
        let facts = Facts { has, ..permitted() };
        assert_eq!(next_step(&asking(proven(methods), ask(level)), &facts), step, "{methods:?}");
    };
    check(&[M::Password], Assurance::Aal1, PASSWORD, Step::Enrol { required: false });
    check(&[M::Password], Assurance::Aal2, TOTP, Step::Totp);
    check(&[M::Password, M::Totp], Assurance::Aal2, ALL, Step::Done);
    check(&[M::Passkey], Assurance::Aal2, ALL, Step::Done);
    check(&[M::Passkey], Assurance::Aal3, ALL, Step::NoWay(String::new()));
    let hardware = Has { hardware: true, ..ALL };
    check(&[M::Passkey], Assurance::Aal3, hardware, Step::Passkey);
    check(&[M::HardwarePasskey], Assurance::Aal3, hardware, Step::Done);
}

#[test]
fn a_session_does_unless_more_is_asked() {
    let session = |methods: &[Method]| with_session(permitted(), methods);
    let check = |state: &State, facts: &Facts, step: Step| {
        assert_eq!(next_step(state, facts), step, "{state:?} {facts:?}");
    };
    check(&begun(), &session(&[M::Password]), Step::Done);
    let later = NOW.plus(Lifetime::seconds(1));
    check(&asking(begun(), |r| r.fresh_after = Some(NOW)), &session(&[M::Password]), Step::Done);
    check(
        &asking(begun(), |r| r.fresh_after = Some(later)),
        &session(&[M::Password]),
        Step::Password,
    );
    check(
        &asking(begun(), |r| r.expected_user = Some(user(1))),
        &session(&[M::Password]),
        Step::Done,
    );
    check(
        &asking(begun(), |r| r.expected_user = Some(user(2))),
        &session(&[M::Password]),
        Step::Identify,
    );
    let select = asking(begun(), |r| r.select_account = true);
    check(&select, &session(&[M::Password]), Step::SelectAccount);
    check(&select, &nothing(), Step::Identify);
    check(&marked(select.clone(), &[Mark::Selected]), &session(&[M::Password]), Step::Done);
    check(&marked(select, &[Mark::Other]), &session(&[M::Password]), Step::Identify);
    check(&marked(begun(), &[Mark::Other]), &session(&[M::Password]), Step::Identify);
    let two = asking(begun(), |r| r.assurance = Some(Assurance::Aal2));
    let facts = |has| Facts { has, ..session(&[M::Password]) };
    check(&two, &facts(TOTP), Step::Totp);
    check(&two, &facts(PASSWORD), Step::NoWay(String::new()));
    check(&two, &old_session(facts(TOTP), &[M::Password]), Step::Password);
    check(&two, &old_session(facts(ALL), &[M::Password]), Step::Passkey);
}

#[test]
fn what_one_came_for_is_done_before_the_end() {
    let permitted = |has| Facts { has, ..permitted() };
    let check = |state: &State, has: Has, step: Step| {
        assert_eq!(next_step(state, &permitted(has)), step, "{state:?}");
    };
    check(&marked(proven(&[M::Mail]), &[Mark::Renew]), PASSWORD, Step::NewPassword);
    check(&marked(proven(&[M::Mail]), &[Mark::Renew, Mark::Enrol]), PASSWORD, ENROL);
    check(&marked(proven(&[M::Mail]), &[Mark::Enrol]), PASSWORD, ENROL);
    let two = |r: &mut SigninRequest| r.assurance = Some(Assurance::Aal2);
    check(&asking(marked(proven(&[M::Mail]), &[Mark::Renew]), two), TOTP, Step::NewPassword);
    check(&proven(&[M::Password]), PASSWORD, Step::Enrol { required: false });
    check(&marked(proven(&[M::Password]), &[Mark::Declined]), PASSWORD, Step::Done);
    let declined = Facts { declined: true, ..permitted(PASSWORD) };
    assert_eq!(next_step(&proven(&[M::Password]), &declined), Step::Done, "they turned it off");
    let came_for_it = marked(proven(&[M::Password]), &[Mark::Enrol]);
    assert_eq!(next_step(&came_for_it, &declined), ENROL, "a link still leads to it");
    check(&proven(&[M::Mail]), PASSWORD, Step::Done);
    let linking = State { stranger: Some(stranger()), ..proven(&[M::Passkey]) };
    check(&linking, ALL, Step::LinkConfirm);
    // A session from before proves nothing to somebody who brings another identity.
    let bringing = State { stranger: Some(stranger()), ..begun() };
    let facts = with_session(permitted(ALL), &[M::Passkey]);
    assert_eq!(next_step(&bringing, &facts), Step::Identify);
}

#[test]
fn whoever_has_two_factors_adds_another_only_after_both() {
    let permitted = |has| Facts { has, ..permitted() };
    let check = |state: &State, has: Has, step: Step| {
        assert_eq!(next_step(state, &permitted(has)), step, "{state:?} {has:?}");
    };
    let passkey = Has { passkey: true, ..PASSWORD };
    let lost = |methods: &[M]| marked(proven(methods), &[Mark::Renew, Mark::Enrol]);
    for has in [passkey, TOTP] {
        check(&lost(&[M::Mail]), has, Step::NewPassword);
        // A one-time password beside a mail is one factor of theirs.
        check(&lost(&[M::Mail, M::Totp]), has, Step::NewPassword);
        check(&lost(&[M::Password, M::Totp]), has, ENROL);
    }
    check(&proven(&[M::Password]), TOTP, Step::Done);
    check(&proven(&[M::Password, M::Totp]), TOTP, Step::Enrol { required: false });
    let linking = |methods: &[M]| {
        let state = marked(proven(methods), &[Mark::Declined]);
        State { stranger: Some(stranger()), ..state }
    };
    check(&linking(&[M::Password]), PASSWORD, Step::LinkConfirm);
    check(&linking(&[M::Password]), passkey, Step::Passkey);
    check(&linking(&[M::Password]), TOTP, Step::Totp);
    check(&linking(&[M::Password, M::Totp]), TOTP, Step::LinkConfirm);
}

#[test]
fn whoever_has_a_device_is_asked_once_for_it() {
    let asks = |facts: Facts| Facts { devices: true, has: PASSWORD, ..facts };
    let check = |state: &State, facts: Facts, step: Step| {
        assert_eq!(next_step(state, &facts), step, "{state:?} {facts:?}");
    };
    let deny = Facts { verdict: Some(Verdict::Deny("no".to_owned())), ..nothing() };
    let declined = || marked(proven(&[M::Password]), &[Mark::Declined]);
    let on = State { device: Some(DeviceId::new(uuid::Uuid::from_u128(9))), ..declined() };
    for facts in [permitted(), stepped_up(TOTP), deny.clone()] {
        check(&declined(), asks(facts), Step::Device);
    }
    let anywhere = marked(declined(), &[Mark::Anywhere]);
    for answered in [&on, &anywhere] {
        check(answered, asks(permitted()), Step::Done);
        check(answered, asks(deny.clone()), Step::Refused("no".to_owned()));
    }
    // What somebody came for is done first; nobody is asked before they showed something, or for the session they have.
    check(&marked(proven(&[M::Mail]), &[Mark::Renew]), asks(permitted()), Step::NewPassword);
    check(&marked(proven(&[M::Mail]), &[Mark::Enrol]), asks(permitted()), ENROL);
    check(&claimed(Some(user(1))), asks(nothing()), Step::Password);
    check(&begun(), asks(with_session(permitted(), &[M::Password])), Step::Done);
    // The same person's session in this browser has answered.
    let mut bound = asks(with_session(permitted(), &[M::Password]));
    bound.session.as_mut().unwrap().device = on.device;
    check(&declined(), bound, Step::Done);
}

#[test]
fn an_end_is_an_end() {
    for facts in [nothing(), permitted(), with_session(permitted(), &[M::Passkey])] {
        let done = State { end: Some(End::Done), ..proven(&[M::Password]) };
        assert_eq!(next_step(&done, &facts), Step::Done);
        let refused = State { end: Some(End::Refused("no".to_owned())), ..begun() };
        assert_eq!(next_step(&refused, &facts), Step::Refused("no".to_owned()));
    }
}

#[test]
fn a_browser_is_sent_to_a_path_of_this_server_and_nowhere_else() {
    for good in ["/", "/account", "/authorize/consent?request=arq_1&x=%2F%2Fevil"] {
        assert!(OwnPath::parse(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "account",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nset-cookie: x",
        "/a#fragment",
        "/ä",
        "javascript:alert(1)",
        "\\/evil",
        "/a b",
        &format!("/{}", "x".repeat(2048)),
    ] {
        assert!(OwnPath::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn a_document_opens_for_its_browser_and_its_row_alone() {
    let entropy = SeededEntropy::new(1);
    let cookie = |n: u8| BrowserCookie::parse(&crate::crypto::digest::base64url(&[n; 32])).unwrap();
    let place =
        |realm, n| Place { realm: RealmId(realm), id: SignInId::new(uuid::Uuid::from_u128(n)) };
    let full = State {
        way: Some(Way::Totp),
        marks: Mark::ALL.into_iter().collect(),
        stranger: Some(stranger()),
        ceremony: Some(Ceremony {
            options: serde_json::json!({ "publicKey": { "challenge": "x" } }),
            state: vec![1, 2, 3],
            purpose: CeremonyOf::Adding(user(1)),
            at: NOW,
        }),
        challenge: Some("a challenge".to_owned()),
        device: Some(DeviceId::new(uuid::Uuid::from_u128(9))),
        complaint: Some(Complaint::Limited { seconds: 7 }),
        end: Some(End::Refused("no".to_owned())),
        ..asking(proven(&[M::Password, M::Totp]), |request| {
            request.cancel_to = OwnPath::parse("/back");
            request.client = Some(Application {
                id: crate::kernel::ClientId::parse("grafana").unwrap(),
                name: "Grafana".to_owned(),
                administration: true,
                leads_to: "https://grafana.example/back".to_owned(),
            });
            request.upstreams = Some(vec![UpstreamId::parse("corp").unwrap()]);
            request.assurance = Some(Assurance::Aal3);
            request.fresh_after = Some(NOW);
            request.select_account = true;
            request.login_hint = Some("ada".to_owned());
            request.expected_user = Some(user(1));
            request.languages = vec!["de".to_owned()];
        })
    };
    let refused = |group| State { complaint: Some(Complaint::Upstream(group)), ..begun() };
    let refusals = Group::ALL.map(refused);
    for state in [full, begun(), claimed(None), claimed(Some(user(1)))].into_iter().chain(refusals)
    {
        let sealed = document::seal(&state, place(1, 1), &cookie(1), &entropy).unwrap();
        assert_eq!(document::open(&sealed, place(1, 1), &cookie(1), &entropy).unwrap(), state);
        assert!(document::open(&sealed, place(1, 1), &cookie(2), &entropy).is_err());
        assert!(document::open(&sealed, place(1, 2), &cookie(1), &entropy).is_err());
        assert!(document::open(&sealed, place(2, 1), &cookie(1), &entropy).is_err());
    }
}

const ENROL: Step = Step::Enrol { required: true };

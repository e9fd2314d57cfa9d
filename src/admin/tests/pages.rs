//! Who sees what on the console, and what its forms do.

use http::StatusCode;

use super::world::{
    Machine, machine, person, plain, reports, session, signed_in, spiffe_id, waiting,
};
use crate::access::{Given, Right};
use crate::account::tests::world::{House, REALM};
use crate::devices::model::State;
use crate::kernel::{Lifetime, Method};
use crate::realms::{CreateRealm, Issuer, RealmName};
use crate::signin::tests::world::{Tab, cross_site};
use crate::testkit::{on_each_database, until};

/// Every page, with the device that it may be about.
fn paths(machine: &Machine) -> Vec<String> {
    let page = machine.page();
    let mut all: Vec<String> = [
        "/admin/devices",
        "/admin/devices?level=restricted&q=a",
        "/admin/contained",
        "/admin/contained/new",
        "/admin/contained/release?subject=usr_x",
    ]
    .map(str::to_owned)
    .into();
    all.extend(
        ["", "/approve", "/contain", "/lock", "/release", "/retire"]
            .map(|rest| format!("{page}{rest}")),
    );
    all
}

/// Every form, with a form that would do something.
fn forms(machine: &Machine) -> Vec<String> {
    let verbs = ["approve", "contain", "end-containment", "lock", "release", "retire"];
    let of_it = verbs.map(|verb| format!("{}/{verb}", machine.page()));
    let of_all = ["/admin/contained/new", "/admin/contained/release"].map(str::to_owned);
    of_it.into_iter().chain(of_all).collect()
}

const SURE: [(&str, &str); 2] = [("reason", "left in a taxi"), ("revision", "0")];

fn state(house: &House, machine: &Machine) -> State {
    house.server().devices.device(REALM, machine.id).unwrap().state.clone()
}

fn revision(house: &House, machine: &Machine) -> String {
    house.server().devices.device(REALM, machine.id).unwrap().revision.to_string()
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first_and_comes_back_to_the_page() {
    let house = House::start().await;
    let laptop = machine(&house, "ada-laptop", None).await;
    for path in paths(&laptop) {
        let mut tab = Tab::new();
        tab.get(&house, &path).await;
        let location = tab.location().unwrap_or_default();
        assert!(location.starts_with("/sign-in/sin_"), "{path}: {} {location}", tab.status);
    }
    for path in forms(&laptop) {
        let mut tab = Tab::new();
        tab.post_to(&house, &path, &SURE).await;
        let location = tab.location().unwrap_or_default();
        assert!(location.starts_with("/sign-in/sin_"), "{path}: {} {location}", tab.status);
    }
    assert_eq!(state(&house, &laptop), State::Enrolled);
}

#[tokio::test]
async fn administration_needs_two_factors_and_the_page_asked_for_comes_after_them() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    let accounts = &house.server().accounts;
    let made = accounts.enrol_totp(REALM, grace.id).await.unwrap();
    let secret = made.secret.expose().clone();
    assert!(accounts.confirm_totp(REALM, grace.id, &code(&house, &secret)).await.unwrap());
    house.clock.advance(Lifetime::minutes(1));
    let mut tab = session(&house, REALM, &grace, [Method::Password].into()).await;
    let page = "/admin/devices?level=restricted&q=a";
    tab.get(&house, page).await;
    tab.follow(&house).await;
    assert_eq!(tab.step(), "totp", "{}", tab.body);
    tab.post(&house, "totp", &[("code", &code(&house, &secret))]).await;
    if tab.step() == "enrol" {
        tab.post(&house, "enrol", &[("decision", "later")]).await;
    }
    assert_eq!(tab.location().as_deref(), Some(page), "{}", tab.body);
    tab.get(&house, page).await;
    assert_eq!(tab.status, StatusCode::OK);
}

/// The code of this moment.
fn code(house: &House, secret: &str) -> String {
    let seconds = u64::try_from(house.now().seconds()).unwrap();
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    totp_rs::Builder::new().with_secret(secret).build().unwrap().generate(seconds).to_string()
}

#[tokio::test]
async fn each_role_sees_and_does_what_it_may_over_rest() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let path = house.server().realms.get(REALM).unwrap().trust_domain.to_string();
        let path = crate::kernel::SpiffeId::parse(&format!("spiffe://{path}/shop")).unwrap();
        let registrar = Given::Registrar { path, rights: Right::VERBS.into() };
        let roles = [
            ("nobody", None, (false, false, false)),
            ("registrar", Some(registrar), (false, false, false)),
            ("viewer", Some(Given::Viewer), (true, false, false)),
            ("auditor", Some(Given::Auditor), (true, false, true)),
            ("operator", Some(Given::Operator), (true, true, false)),
            ("admin", Some(Given::Admin), (true, true, true)),
        ];
        let (mut pages, mut refused) = (0, 0);
        for (name, given, (looks, operates, reads_events)) in roles {
            let laptop = machine(&house, &format!("{name}-laptop"), None).await;
            let user = person(&house, name, given).await;
            let mut tab = signed_in(&house, &user).await;
            for path in paths(&laptop) {
                tab.get(&house, &path).await;
                let expected = if looks { StatusCode::OK } else { StatusCode::FORBIDDEN };
                assert_eq!(tab.status, expected, "{name} {path}: {}", tab.body);
                pages += 1;
            }
            if !looks {
                let command = format!("--to {} --role operator", spiffe_id(&house, &user));
                assert!(tab.body.contains(&command), "{name}: {}", tab.body);
                refused += 1;
            }
            tab.get(&house, &laptop.page()).await;
            assert_eq!(tab.body.contains("id=\"verbs\""), operates, "{name}: buttons");
            assert_eq!(tab.body.contains("id=\"events\""), reads_events, "{name}: events");
            let lock = format!("{}/lock", laptop.page());
            let revision = revision(&house, &laptop);
            let sure = [("reason", "left in a taxi"), ("revision", revision.as_str())];
            tab.post_to(&house, &lock, &sure).await;
            let expected = if operates { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
            assert_eq!(tab.status, expected, "{name} {lock}: {}", tab.body);
            let locked = matches!(state(&house, &laptop), State::Locked { .. });
            assert_eq!(locked, operates, "{name}");
        }
        println!("proof: console: {pages} pages of 6 roles as over REST, without a right {refused} told how to get one");
    })
    .await;
}

#[tokio::test]
async fn a_person_of_another_realm_is_a_stranger_here() {
    let house = House::start().await;
    let server = house.server();
    let ask = CreateRealm {
        asker: house.by().asker,
        name: RealmName::parse("other").unwrap(),
        trust_domain: crate::kernel::TrustDomain::parse("other.test").unwrap(),
        issuer: Issuer::parse("https://other.test").unwrap(),
        hosts: std::collections::BTreeSet::new(),
    };
    let other = server.realms.create(ask).await.unwrap().id;
    until("the realm opens", async || server.realms.get(other).ok_or("not yet")).await;
    let grace = person(&house, "grace", Some(Given::Admin)).await;
    let laptop = machine(&house, "ada-laptop", None).await;
    let mut tab = signed_in(&house, &grace).await;
    let elsewhere = house.in_realm(other);
    for path in paths(&laptop) {
        tab.get(&house, &path).await;
        assert_eq!(tab.status, StatusCode::OK, "{path}");
        tab.get(&elsewhere, &path).await;
        let location = tab.location().unwrap_or_default();
        assert!(location.starts_with("/sign-in/"), "{path}: {} {location}", tab.status);
    }
    for path in forms(&laptop) {
        tab.post_to(&elsewhere, &path, &SURE).await;
        assert!(tab.location().unwrap_or_default().starts_with("/sign-in/"), "{path}");
    }
    assert_eq!(state(&house, &laptop), State::Enrolled);
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Admin)).await;
    let laptop = machine(&house, "ada-laptop", None).await;
    let mut tab = signed_in(&house, &grace).await;
    tab.adds = cross_site();
    for path in forms(&laptop) {
        tab.post_to(&house, &path, &SURE).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{path}");
        assert!(tab.body.contains("request.cross_site"), "{path}: {}", tab.body);
    }
    assert_eq!(state(&house, &laptop), State::Enrolled);
}

#[tokio::test]
async fn what_waits_for_approval_comes_first_and_is_let_in_with_a_reason() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = person(&house, "ada", None).await;
        let grace = person(&house, "grace", Some(Given::Operator)).await;
        machine(&house, "another", Some(&ada)).await;
        let id = waiting(&house, "ada-laptop", &ada).await;
        let mut own = signed_in(&house, &ada).await;
        own.get(&house, "/account/devices").await;
        assert!(own.body.contains(&format!("id=\"waits-{id}\"")), "{}", own.body);
        own.get(&house, "/account/history").await;
        assert!(plain(&own).contains("A device was added"), "{}", own.body);

        let mut tab = signed_in(&house, &grace).await;
        tab.get(&house, "/admin/devices").await;
        let page = plain(&tab);
        let at = |name: &str| page.find(&format!(">{name}<")).unwrap_or_else(|| panic!("{page}"));
        assert!(at("ada-laptop") < at("another") && page.contains("id=\"at-waiting\""), "{page}");
        let here = format!("/admin/devices/{id}");
        tab.get(&house, &here).await;
        let buttons = ["approve", "retire", "lock", "contain"];
        let shown = buttons.map(|verb| tab.body.contains(&format!("id=\"{verb}\"")));
        assert_eq!(shown, [true, true, false, false], "{}", tab.body);
        assert!(tab.body.contains("id=\"waits\"") && !tab.body.contains("id=\"silent\""));
        let sure = [("reason", "asked her"), ("revision", "1")];
        tab.post_to(&house, &format!("{here}/approve"), &sure).await;
        assert_eq!(tab.location(), Some(format!("{here}?done=approved")), "{}", tab.body);
        let device = house.server().devices.owned(REALM, ada.id).await.unwrap();
        let device = device.iter().find(|device| device.id == id).unwrap();
        assert_eq!((&device.state, &device.current), (&State::Enrolled, &None));
        until("the approval is heard of", async || {
            let known = house.server().devices.device(REALM, id).unwrap();
            if known.state == State::Enrolled { Ok(()) } else { Err("it waits") }
        })
        .await;
        own.get(&house, "/account/devices").await;
        assert!(own.body.contains("weft device enroll --server https://"), "{}", own.body);
    })
    .await;
}

#[tokio::test]
async fn a_device_is_locked_with_a_reason_by_whoever_was_here_lately() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Operator)).await;
        let laptop = machine(&house, "ada-laptop", None).await;
        let mut tab = signed_in(&house, &grace).await;
        let lock = format!("{}/lock", laptop.page());
        let now = revision(&house, &laptop);
        tab.post_to(&house, &lock, &[("reason", " "), ("revision", &now)]).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST);
        assert!(tab.body.contains("id=\"reason-flaw\""), "{}", tab.body);
        let sure = [("reason", "left in a taxi"), ("revision", now.as_str())];
        house.clock.advance(Lifetime::minutes(6));
        tab.post_to(&house, &lock, &sure).await;
        assert!(tab.location().unwrap_or_default().starts_with("/sign-in/"), "{}", tab.body);
        assert_eq!(state(&house, &laptop), State::Enrolled, "six minutes are too many");
        let mut tab = signed_in(&house, &grace).await;
        tab.post_to(&house, &lock, &sure).await;
        assert_eq!(tab.location(), Some(format!("{}?done=locked", laptop.page())));
        let reason = "left in a taxi".to_owned();
        assert_eq!(state(&house, &laptop), State::Locked { reason });
        tab.get(&house, &laptop.page()).await;
        let page = plain(&tab);
        assert!(page.contains("Reason given: left in a taxi"), "{page}");
        assert!(page.contains("id=\"release\"") && !page.contains("id=\"lock\""), "{page}");
        // A page that is left open does not decide about what has changed since.
        let release = format!("{}/release", laptop.page());
        tab.post_to(&house, &release, &[("reason", "found"), ("revision", &now)]).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST);
        assert!(tab.body.contains("Somebody changed this device meanwhile"), "{}", tab.body);
        let now = revision(&house, &laptop);
        tab.post_to(&house, &release, &[("reason", "found"), ("revision", &now)]).await;
        assert_eq!(state(&house, &laptop), State::Enrolled);
    })
    .await;
}

#[tokio::test]
async fn a_device_is_contained_for_as_long_as_was_chosen_and_nothing_is_left_of_it() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Operator)).await;
        let laptop = machine(&house, "ada-laptop", None).await;
        let posture = &house.server().posture;
        let mut tab = signed_in(&house, &grace).await;
        let (contain, end) =
            (format!("{}/contain", laptop.page()), format!("{}/end-containment", laptop.page()));
        tab.get(&house, &contain).await;
        assert!(tab.body.contains("<option value=\"4\" selected"), "{}", tab.body);
        let revision = revision(&house, &laptop);
        let silent = [("reason", " "), ("revision", revision.as_str()), ("span", "24")];
        tab.post_to(&house, &contain, &silent).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST, "{}", tab.body);
        assert!(tab.body.contains("<option value=\"24\" selected"), "it is kept: {}", tab.body);
        let sure = [("reason", "odd traffic"), ("revision", revision.as_str()), ("span", "1")];
        tab.post_to(&house, &contain, &sure).await;
        assert_eq!(tab.location(), Some(format!("{}?done=contained", laptop.page())));
        assert!(posture.of_device(laptop.id).contained);
        tab.get(&house, &laptop.page()).await;
        let page = plain(&tab);
        assert!(page.contains("odd traffic"), "{page}");
        assert!(page.contains("id=\"end-containment\"") && !page.contains("id=\"contain\""));
        tab.get(&house, "/admin/devices?level=contained").await;
        assert_eq!(names(&tab), ["ada-laptop"]);
        assert!(tab.body.contains("badge bad\">Contained<"), "{}", tab.body);
        tab.get(&house, "/admin/devices?level=unknown").await;
        assert_eq!(names(&tab), [""; 0], "it stands in one place");

        tab.post_to(&house, &end, &sure).await;
        assert_eq!(tab.location(), Some(format!("{}?done=containment-ended", laptop.page())));
        assert!(!posture.of_device(laptop.id).contained);
        tab.post_to(&house, &end, &sure).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST, "there is none to end: {}", tab.body);
        assert!(tab.body.contains("contained no longer"), "{}", tab.body);

        tab.post_to(&house, &contain, &sure).await;
        house.clock.advance(Lifetime::hours(1));
        assert!(!posture.of_device(laptop.id).contained, "an hour is over");
    })
    .await;
}

#[tokio::test]
async fn an_empty_fleet_says_how_a_device_enrols() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    let mut tab = signed_in(&house, &grace).await;
    tab.get(&house, "/admin").await;
    assert_eq!(tab.location().as_deref(), Some("/admin/devices"));
    tab.get(&house, "/admin/devices").await;
    assert!(tab.body.contains("weft device token create"), "{}", tab.body);
    assert!(!tab.body.contains("id=\"q\""), "there is nothing to look for: {}", tab.body);
}

#[tokio::test]
async fn the_fleet_is_found_by_what_hurts_by_level_by_name_and_by_owner() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    let ada = person(&house, "ada", None).await;
    let broken = machine(&house, "ada-Laptop", Some(&ada)).await;
    reports(&house, &broken, 10_000, &[("disk_encryption", 0)]).await;
    let fine = machine(&house, "build-01", None).await;
    reports(&house, &fine, 10_000, &[]).await;
    machine(&house, "kiosk", None).await;
    let mut tab = signed_in(&house, &grace).await;
    let check = async |tab: &mut Tab, query: &str, expected: &[&str]| {
        tab.get(&house, &format!("/admin/devices{query}")).await;
        assert_eq!(tab.status, StatusCode::OK, "{query}: {}", tab.body);
        assert_eq!(names(tab), expected, "{query}");
    };
    let worst = ["ada-Laptop", "build-01", "kiosk"];
    let level = house.server().posture.of_device(broken.id).level;
    assert!(level < house.server().posture.of_device(fine.id).level, "{level:?}");
    check(&mut tab, "", &worst).await;
    check(&mut tab, "?q=LAPTOP", &worst[..1]).await;
    check(&mut tab, "?q=ada%40example.org", &worst[..1]).await;
    check(&mut tab, "?q=linux", &worst).await;
    check(&mut tab, &format!("?q={}", fine.id), &["build-01"]).await;
    check(&mut tab, "?level=unknown", &["kiosk"]).await;
    check(&mut tab, "?level=retired", &[]).await;
    check(&mut tab, "?order=name", &worst).await;
    check(&mut tab, "?order=silent", &["kiosk", "ada-Laptop", "build-01"]).await;
    for wrong in ["?level=nice", "?order=none", "?cursor=x"] {
        tab.get(&house, &format!("/admin/devices{wrong}")).await;
        assert_eq!(tab.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    tab.get(&house, "/admin/devices").await;
    let page = plain(&tab);
    assert!(page.contains("Disk encryption: Not as it should be"), "{page}");
    assert!(page.contains("ada"), "whose it is: {page}");
}

/// The names of the devices on the page, in order.
fn names(tab: &Tab) -> Vec<String> {
    let name = |part: &str| part.split("</bdi>").next().unwrap_or_default().to_owned();
    let list = tab.body.split_once("things devices").map_or("", |(_, rest)| rest);
    list.split("/admin/devices/dev_")
        .skip(1)
        .map(|part| part.split_once("<bdi>").map_or_else(String::new, |(_, rest)| name(rest)))
        .collect()
}

#[tokio::test]
async fn pages_of_a_fleet_have_each_device_once() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    for n in 0..53 {
        machine(&house, &format!("node-{n:02}"), None).await;
    }
    let mut tab = signed_in(&house, &grace).await;
    for order in ["worst", "name", "silent"] {
        let mut seen = Vec::new();
        let mut path = Some(format!("/admin/devices?order={order}"));
        while let Some(next) = path {
            tab.get(&house, &next).await;
            assert_eq!(tab.status, StatusCode::OK, "{next}: {}", tab.body);
            seen.extend(names(&tab));
            path = link(&tab, "next");
        }
        assert_eq!(seen.len(), 53, "{order}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 53, "{order}: each once");
    }
}

/// Where the link with this id leads.
fn link(tab: &Tab, id: &str) -> Option<String> {
    let (_, rest) = tab.body.split_once(&format!("id=\"{id}\" href=\""))?;
    Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

#[tokio::test]
async fn a_device_says_why_and_what_to_fix_and_runs_nothing() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Auditor)).await;
    let laptop = machine(&house, "<b onclick=\"x\">ada</b>", None).await;
    let mut tab = signed_in(&house, &grace).await;
    tab.get(&house, &laptop.page()).await;
    assert!(tab.body.contains("id=\"silent\""), "it never reported: {}", tab.body);
    reports(&house, &laptop, 10_000, &[("disk_encryption", 0), ("firewall", 0)]).await;
    tab.get(&house, &laptop.page()).await;
    let page = plain(&tab);
    for part in [
        "id=\"over-time\"",
        "role=\"img\" aria-labelledby=\"chart-title chart-words\"",
        "<polyline class=\"line\"",
        "id=\"signal-firewall\"",
        "Switch a firewall on.",
        "its agent says so",
        "the disk is not encrypted",
        "report:",
        "weft-linux 1",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<b onclick") && !page.contains("style="), "{page}");
    let reporters = page.split_once("id=\"sources\"").map_or("", |(_, rest)| rest);
    assert!(reporters.contains("Its collector") && reporters.contains("its agent says so · 1"));
    assert!(page.contains("device.enrolled"), "an auditor reads what happened: {page}");
    for path in ["/admin/devices/dev_00000000000000000000000000000000", "/admin/devices/x"] {
        tab.get(&house, path).await;
        assert_eq!(tab.status, StatusCode::NOT_FOUND, "{path}");
    }
    tab.get(&house, &format!("{}/explode", laptop.page())).await;
    assert_eq!(tab.status, StatusCode::NOT_FOUND);
}

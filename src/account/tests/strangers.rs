//! What these pages promise to strangers, and to whoever is away.

use std::collections::BTreeSet;

use axum::http as ax;

use super::world::House;
use crate::account::pages;

/// Every form of these pages.
pub(super) const FORMS: [(&str, &str); 22] = [
    ("/account/sign-out", ""),
    ("/account/sessions/end", "session=ses_00000000000000000000000000000000"),
    ("/account/sessions/end-all", ""),
    ("/account/devices/retire", "device=x"),
    ("/account/passkeys/start", ""),
    ("/account/passkeys/add", "credential=x&state=x&name=x"),
    ("/account/passkeys/rename", "passkey=x&name=x"),
    ("/account/passkeys/remove", "passkey=x"),
    ("/account/passkeys/offer", ""),
    ("/account/password", "password=x&repeated=x"),
    ("/account/authenticator/start", ""),
    ("/account/authenticator/confirm", "code=123456"),
    ("/account/authenticator/remove", ""),
    ("/account/recovery-codes/make", ""),
    ("/account/providers/link", "upstream=idp"),
    ("/account/providers/unlink", "link=x"),
    ("/account/applications/withdraw", "application=x"),
    ("/account/verification", ""),
    ("/account/email", "address=new@example.org"),
    ("/account/language", "language=de"),
    ("/account/export", ""),
    ("/account/delete", "sure=yes"),
];

#[test]
fn every_form_of_these_pages_is_tried() {
    let routes = include_str!("../http.rs").split(".route(").skip(1);
    let posted = routes.filter(|route| route.contains("post("));
    let posted: BTreeSet<&str> = posted.map(|route| route.split('"').nth(1).unwrap()).collect();
    let tried: BTreeSet<&str> = FORMS.iter().map(|(path, _)| *path).collect();
    assert_eq!(posted, tried);
    assert_eq!(tried.len(), FORMS.len(), "each once");
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first_and_no_form_is_kept() {
    let house = House::start().await;
    let paths = pages::Tab::ALL.map(|tab| ("GET", tab.path(), ""));
    let forms = FORMS.map(|(path, form)| ("POST", path, form));
    for (method, path, form) in paths.into_iter().chain(forms) {
        for cookie in ["", "__Host-weft-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let headers = [FORM, ("cookie", cookie), ("sec-fetch-site", "same-origin")];
            let (status, answer, _) = house.ask((method, path), &headers, form).await;
            assert_eq!(status, 303, "{method} {path}");
            let location = answer["location"].to_str().unwrap();
            assert!(location.starts_with("/sign-in/sin_"), "{method} {path}: {location}");
        }
    }
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let house = House::start().await;
    let mut refused = 0;
    for (path, form) in FORMS {
        for said in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let headers = [FORM, said, ("accept", "text/html")];
            let (status, answer, body) = house.ask(("POST", path), &headers, form).await;
            assert_eq!(status, 403, "{path} {said:?}");
            assert_eq!(answer["content-type"], "text/html; charset=utf-8");
            assert!(body.contains("request.cross_site"), "{path}: {body}");
            refused += 1;
        }
    }
    println!("proof: forms of one's account sent by another site: {refused}, refused {refused}");
}

#[tokio::test]
async fn a_failure_is_a_page_for_people_and_a_document_for_programs() {
    let house = House::start().await;
    let check = async |accept: &str, language: &str, media: &str, words: &str| {
        let headers = [("accept", accept), ("accept-language", language)];
        let (status, answer, body) = house.ask(("GET", "/account/nowhere"), &headers, "").await;
        assert_eq!((status, answer["content-type"].to_str().unwrap()), (404, media), "{accept}");
        assert!(body.contains(words), "{accept}: {body}");
    };
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    check(browser, "en", "text/html; charset=utf-8", "There is nothing here").await;
    check(browser, "de-AT", "text/html; charset=utf-8", "Hier ist nichts").await;
    check(browser, "ar", "text/html; charset=utf-8", "dir=\"rtl\"").await;
    check("application/json", "de", "application/problem+json", "request.path_unknown").await;
    check("*/*", "de", "application/problem+json", "request.path_unknown").await;
}

#[tokio::test]
async fn a_page_runs_nothing_foreign_and_is_shown_in_no_frame() {
    let house = House::start().await;
    let headers = [("accept", "text/html")];
    let (status, answer, body) = house.ask(("GET", "/account/signed-out"), &headers, "").await;
    assert_eq!(status, 200);
    let policy = answer["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.split("; ").any(|known| known == part), "{part} in {policy}");
    }
    assert_eq!(
        (&answer["x-frame-options"], &answer["cache-control"]),
        (&"DENY".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert!(!body.contains("style=") && !body.contains("<script>") && !body.contains("onclick"));
}

#[test]
fn what_somebody_chose_is_shown_and_never_run() {
    let look = crate::http::pages::Look::of(
        &ax::HeaderMap::new(),
        &ax::Extensions::new(),
        &ax::Uri::from_static("/account?x=%22"),
    );
    let nasty = "<script>alert(1)</script>\" onfocus=\"alert(2)";
    let shown = pages::DeletePage {
        look: &look,
        nav: pages::Nav::on(nasty, pages::Tab::Data),
        flaws: &crate::http::pages::Flaws::NONE,
    };
    let text = askama::Template::render(&shown).unwrap();
    assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
    assert!(!text.contains("<script>") && !text.contains("onfocus=\""), "{text}");
}

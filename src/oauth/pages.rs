//! The pages of the provider, as typed structs over `templates/oauth/`: consent and sign-out. Names of fields and
//! ids are an interface: `docs/reference/pages.md`.

use askama::Template;

use crate::http::pages::Look;

/// May this application have this?
#[derive(Debug, Template)]
#[template(path = "oauth/consent.html")]
pub struct ConsentPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where the form is sent to: `/authorize/consent`.
    pub action: &'a str,
    /// The request on its way, in the hidden field `request`.
    pub request: &'a str,
    /// What people call the application.
    pub application: &'a str,
    /// The host that stands behind it, where that is known.
    pub host: Option<&'a str>,
    /// Who is asked.
    pub person: &'a str,
    /// What it is for, where the request names a resource.
    pub resource: Option<&'a str>,
    /// What it gets in any case, in plain words.
    pub required: &'a [ScopeLine],
    /// What the person may leave out: boxes `scope.<name>`.
    pub optional: &'a [ScopeLine],
    /// How long it has it, as a sentence: `Look::lasting` in `consent-for` or `consent-until-withdrawn`.
    pub lasting: String,
}

/// A scope as a person reads it.
#[derive(Debug, Clone)]
pub struct ScopeLine {
    /// The scope.
    pub name: String,
    /// What it gives: [`scope_text`], or the description that its resource has.
    pub text: String,
    /// True if its box is ticked to begin with.
    pub ticked: bool,
}

/// Sign out? Asked where the request does not prove that the person wants it.
#[derive(Debug, Template)]
#[template(path = "oauth/logout.html")]
pub struct LogoutPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where the form is sent to.
    pub action: &'a str,
    /// The request on its way, in the hidden field `request`.
    pub request: &'a str,
    /// The application that asks, if it is known.
    pub application: Option<&'a str>,
    /// Who is signed in.
    pub person: Option<&'a str>,
}

/// What a standard scope gives, in plain words; nothing for one that is not standard.
pub fn scope_text(look: &Look, scope: &str) -> Option<String> {
    Some(match scope {
        "openid" => look.say("scope-openid"),
        "profile" => look.say("scope-profile"),
        "email" => look.say("scope-email"),
        "phone" => look.say("scope-phone"),
        "address" => look.say("scope-address"),
        "groups" => look.say("scope-groups"),
        "svid" => look.say("scope-svid"),
        "offline_access" => look.say("scope-offline-access"),
        _ => return None,
    })
}

/// How long an application has what it gets: for a time, or until it is taken back.
pub fn lasting_text(look: &Look, span: Option<crate::kernel::Lifetime>) -> String {
    match span {
        Some(span) => look.say1("consent-for", "span", look.lasting(span)),
        None => look.say("consent-until-withdrawn"),
    }
}

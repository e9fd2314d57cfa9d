//! A browser without scripts: cookies, redirects, forms.

pub(crate) mod html;

use std::collections::BTreeMap;

use cookie::Cookie;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method};
use url::Url;

use html::{Form, forms, links};

/// What somebody types, by the name of the field.
pub(crate) type Typed = BTreeMap<String, String>;

/// A browser of one person.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    client: Client,
    /// Cookies, by origin and name.
    jar: BTreeMap<(String, String), String>,
    /// Sites that it is led to and goes on at, beside the one it is at.
    pub(crate) at_home: Vec<url::Origin>,
    /// What the person would type.
    pub(crate) typed: Typed,
    /// What they would press where there is a choice.
    pub(crate) presses: Presses,
    /// How many forms asked for something to be typed.
    pub(crate) asked: usize,
}

/// What a person does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presses {
    /// Goes on.
    Yes,
    /// Cancels wherever one can.
    Cancel,
}

/// A page, or the address outside of the provider that a redirect leads to.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) body: String,
    pub(crate) headers: HeaderMap,
    /// Set where this is a redirect to somebody else.
    pub(crate) away: Option<Url>,
    /// Statuses of the redirects on the way, with the method they answered.
    pub(crate) hops: Vec<(Method, u16)>,
}

impl Browser {
    pub(crate) fn new(client: Client, typed: Typed) -> Self {
        let (jar, at_home) = (BTreeMap::new(), Vec::new());
        Self { client, jar, at_home, typed, presses: Presses::Yes, asked: 0 }
    }

    /// How its requests are sent.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The cookie of this name that the site of this address has set.
    pub(crate) fn cookie(&self, url: &Url, name: &str) -> Option<&str> {
        self.jar.get(&(site(url), name.to_owned())).map(String::as_str)
    }

    /// Has this cookie from here on, as if the site of this address had set it.
    pub(crate) fn plant(&mut self, url: &Url, name: &str, value: &str) {
        self.jar.insert((site(url), name.to_owned()), value.to_owned());
    }

    /// Opens an address, and follows redirects as long as they stay with the provider.
    pub(crate) async fn get(&mut self, url: &Url) -> Result<Shown, String> {
        self.open(Method::GET, url.clone(), None).await
    }

    /// Sends a form.
    pub(crate) async fn post(
        &mut self,
        url: &Url,
        fields: &[(String, String)],
    ) -> Result<Shown, String> {
        self.open(Method::POST, url.clone(), Some(encoded(fields))).await
    }

    /// Opens an address and does what the pages ask, until a redirect leads away or there is nothing left to do.
    pub(crate) async fn walk(&mut self, url: &Url) -> Result<Shown, String> {
        let shown = self.get(url).await?;
        self.go_on(shown).await
    }

    /// Does what the pages ask from here on.
    pub(crate) async fn go_on(&mut self, mut shown: Shown) -> Result<Shown, String> {
        for _page in 0..PAGES_MAX {
            if shown.away.is_some() {
                return Ok(shown);
            }
            let hops = std::mem::take(&mut shown.hops);
            if self.presses == Presses::Cancel
                && let Some(link) = links(&shown.body).into_iter().find(|link| is_no(&link.words))
            {
                let url = shown.url.join(&link.href).map_err(|error| error.to_string())?;
                shown = self.get(&url).await?;
            } else {
                let Some(form) = self.choose(&shown) else {
                    shown.hops = hops;
                    return Ok(shown);
                };
                shown = self.submit(&shown, form).await?;
            }
            shown.hops.splice(0..0, hops);
        }
        Err(format!("no end of pages; the last: {}", excerpt(&shown.body)))
    }

    /// Sends the form whose action ends so, with these values; one that names a button presses it. Without an action it is the
    /// form that goes where the page itself is.
    pub(crate) async fn press(
        &mut self,
        shown: &Shown,
        action: &str,
        values: &[(&str, &str)],
    ) -> Result<Shown, String> {
        let known = |form: &Form| {
            let value = |(name, value): &(&str, &str)| {
                let typed = form.fields.iter().any(|(field, _)| field == name);
                typed || form.buttons.iter().any(|button| button.0 == *name && button.1 == *value)
            };
            let here = action.is_empty() == form.action.is_empty() && form.action.ends_with(action);
            !form.hidden && here && values.iter().all(value)
        };
        let found = forms(&shown.body).into_iter().find(known);
        let mut form = found.ok_or_else(|| {
            format!("no form `{action}` with {values:?} at {}: {}", shown.url, excerpt(&shown.body))
        })?;
        for (name, value) in values {
            form.fill(name, value);
            form.fields.extend(form.buttons.iter().find(|(n, v)| n == name && v == value).cloned());
        }
        self.submit(shown, form).await
    }

    /// Follows the link with these words.
    pub(crate) async fn click(&mut self, shown: &Shown, words: &str) -> Result<Shown, String> {
        let found = links(&shown.body).into_iter().find(|link| link.words.trim() == words);
        let link = found.ok_or_else(|| {
            format!("no link `{words}` at {}: {}", shown.url, excerpt(&shown.body))
        })?;
        let url = shown.url.join(&link.href).map_err(|error| error.to_string())?;
        self.get(&url).await
    }

    /// The form that a person would use, filled in.
    fn choose(&mut self, shown: &Shown) -> Option<Form> {
        let mut forms = forms(&shown.body);
        // What a script would have to show, and the choice of a language, are not for this person.
        forms.retain(|form| !form.hidden && !form.action.ends_with("/language"));
        let known = |form: &Form| form.asked.iter().all(|name| self.typed.contains_key(name));
        let typing = forms.iter().position(|form| !form.asked.is_empty() && known(form));
        let plain = |form: &Form| form.asked.is_empty() && form.method == "post";
        let leaving = forms.iter().position(|form| plain(form) && is_no(&form.action));
        let staying =
            || typing.or_else(|| forms.iter().position(|form| plain(form) && !is_no(&form.action)));
        let at = match self.presses {
            Presses::Cancel => leaving.or_else(staying),
            Presses::Yes => staying(),
        }?;
        let typing = typing.filter(|typing| *typing == at);
        let mut form = forms.swap_remove(at);
        if typing.is_some() {
            self.asked += 1;
        }
        for (name, value) in &self.typed {
            form.fill(name, value);
        }
        let wanted = |(name, value): &&(String, String)| {
            (is_no(name) || is_no(value)) == (self.presses == Presses::Cancel)
        };
        let button = form.buttons.iter().find(wanted).or_else(|| form.buttons.first()).cloned();
        form.fields.extend(button);
        Some(form)
    }

    async fn submit(&mut self, shown: &Shown, form: Form) -> Result<Shown, String> {
        let url = shown.url.join(&form.action).map_err(|error| error.to_string())?;
        if form.method == "post" {
            return self.post(&url, &form.fields).await;
        }
        let mut url = url;
        url.query_pairs_mut().clear().extend_pairs(&form.fields);
        self.get(&url).await
    }

    async fn open(
        &mut self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<Shown, String> {
        let home = url.origin();
        let (mut method, mut url, mut body) = (method, url, body);
        let mut hops = Vec::new();
        for _hop in 0..HOPS_MAX {
            let answer = self.send(&method, &url, body.take()).await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            self.remember(&url, &answer);
            let to = answer
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let Some(to) = to.filter(|_| (300..400).contains(&status)) else {
                let body = answer.text().await.map_err(|error| error.to_string())?;
                return Ok(Shown { status, url, body, headers, away: None, hops });
            };
            hops.push((method.clone(), status));
            let to = url.join(&to).map_err(|error| format!("`{to}`: {error}"))?;
            if to.origin() != home && !self.at_home.contains(&to.origin()) {
                let body = String::new();
                return Ok(Shown { status, url, body, headers, away: Some(to), hops });
            }
            if !matches!(status, 307 | 308) {
                method = Method::GET;
            }
            url = to;
        }
        Err(format!("no end of redirects at {url}"))
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        body: Option<String>,
    ) -> Result<reqwest::Response, String> {
        let site = site(url);
        let own = self.jar.iter().filter(|((of, _), _)| *of == site);
        let cookies: Vec<String> =
            own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request =
            self.client.request(method.clone(), url.clone()).header(ACCEPT, "text/html");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        // Fetch Metadata: a page is opened, by its own site's form or by hand.
        request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request =
            request.header("sec-fetch-site", if body.is_some() { "same-origin" } else { "none" });
        if let Some(body) = body {
            request = request.header("origin", url.origin().ascii_serialization());
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        request.send().await.map_err(|error| format!("{method} {url}: {error:?}"))
    }

    fn remember(&mut self, url: &Url, answer: &reqwest::Response) {
        for value in answer.headers().get_all(SET_COOKIE) {
            let Some(cookie) =
                value.to_str().ok().and_then(|text| Cookie::parse(text.to_owned()).ok())
            else {
                continue;
            };
            let gone = cookie.value().is_empty()
                || cookie.max_age().is_some_and(|age| age.is_zero() || age.is_negative())
                || cookie
                    .expires_datetime()
                    .is_some_and(|end| end.unix_timestamp() < 1_000_000_000);
            let key = (site(url), cookie.name().to_owned());
            if gone {
                self.jar.remove(&key);
            } else {
                self.jar.insert(key, cookie.value().to_owned());
            }
        }
    }
}

/// The first words of a page, for a message.
pub(crate) fn excerpt(page: &str) -> String {
    let mut inside = false;
    let mut words = String::new();
    let body = page.split("</style>").last().unwrap_or_default();
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                words.push(' ');
            }
            c if !inside => words.push(c),
            _ => {}
        }
    }
    words.split_whitespace().take(40).collect::<Vec<_>>().join(" ")
}

/// Fields as a form sends them.
pub(crate) fn encoded(fields: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Whose cookies are sent: those of one origin. Real cookies know no ports; what is tested here sets each for one host.
fn site(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_no(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["cancel", "deny", "abort", "no"]
        .iter()
        .any(|no| words.split(|c: char| !c.is_alphanumeric()).any(|word| word == *no))
}

const PAGES_MAX: usize = 12;
const HOPS_MAX: usize = 20;

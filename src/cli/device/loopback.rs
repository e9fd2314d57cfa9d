//! The port of this machine at which a browser on it learns to prove where it runs: it comes with a question of our server, and is
//! sent back with what this device's key signed (`wire::device_proof`).
//!
//! Anybody's page can send a browser here, and gets nothing by it: the proof goes to the issuer that this device enrolled at and
//! nowhere else, and is worth nothing there but to the browser that began that sign-in. Only a page that is opened is
//! answered, no script and no frame, and only under the name `127.0.0.1`, so that nobody reads an answer by a name of theirs.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, StatusCode};

use super::super::page::Query;
use super::files::Files;
use crate::crypto::digest::{base64, from_base64url, hex};
use crate::crypto::jose::TokenSigner;
use crate::kernel::{SignInId, Timestamp};
use crate::wire::device_proof::{Question, TYPE};

/// What answers.
#[derive(Debug, Clone)]
pub(super) struct Loopback {
    files: Arc<Files>,
    host: Arc<str>,
}

/// Why a browser is not sent back, for the person who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was not opened as a page of this address.
    NotOpened,
    /// It is no question.
    NoQuestion,
    /// Another server asks than the one this device belongs to.
    Elsewhere,
    /// There is no SVID to show just now.
    NoSvid,
}

impl Refusal {
    /// The answer to the browser.
    pub(super) const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::NotOpened => {
                (StatusCode::FORBIDDEN, "Only a page that you open yourself is answered here.")
            }
            Self::NoQuestion => (StatusCode::NOT_FOUND, "There is nothing here."),
            Self::Elsewhere => (
                StatusCode::FORBIDDEN,
                "This device belongs to another server than the one that asks. Go back, and go on without the device.",
            ),
            Self::NoSvid => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This device cannot show who it is just now: `weft device status` says why. Go back, and go on without it.",
            ),
        }
    }
}

impl Loopback {
    /// At this port.
    pub(super) fn new(files: Arc<Files>, port: u16) -> Self {
        let host = Arc::from(format!("{}:{port}", Ipv4Addr::LOCALHOST));
        Self { files, host }
    }

    /// Where the browser goes with the proof. Reads the files: the SVID may have been renewed.
    pub(super) fn proof(
        &self,
        headers: &HeaderMap,
        query: &str,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        if !self.is_opened(headers) {
            return Err(Refusal::NotOpened);
        }
        let [issuer, sign_in, challenge] = asked(query).ok_or(Refusal::NoQuestion)?;
        if self.files.issuer().ok_or(Refusal::NoSvid)? != issuer {
            return Err(Refusal::Elsewhere);
        }
        let question = Question { issuer: &issuer, sign_in: &sign_in, challenge: &challenge };
        let mut back = question.way_back().ok_or(Refusal::NoQuestion)?;
        let proof = self.signed(&question, now).ok_or(Refusal::NoSvid)?;
        back.query_pairs_mut().append_pair("proof", &proof);
        Ok(back.into())
    }

    fn signed(&self, question: &Question<'_>, now: Timestamp) -> Option<String> {
        let (key, leaf, chain) = self.files.shown()?;
        if leaf.not_after <= now {
            return None;
        }
        let svid: Vec<String> = chain.iter().map(|der| base64(der)).collect();
        let claims = question.claims(leaf.uris.first()?, &svid, now.seconds());
        let kid = hex(&key.public().digest());
        TokenSigner::new(Arc::new(key), &kid, TYPE).sign(&claims).ok()
    }

    /// As a page, under this address, from another site or by hand. No script can say so for itself (Fetch Metadata §2), and what
    /// says nothing of it is no browser of today.
    fn is_opened(&self, headers: &HeaderMap) -> bool {
        let is = |name: &str, texts: &[&str]| {
            let said = headers.get(name).and_then(|said| said.to_str().ok());
            said.is_some_and(|said| texts.contains(&said))
        };
        is(HOST.as_str(), &[&self.host])
            && is("sec-fetch-mode", &["navigate"])
            && is("sec-fetch-dest", &["document"])
            && is("sec-fetch-site", &["cross-site", "same-site", "none"])
    }
}

/// The three parts of a question, each once and nothing else.
fn asked(query: &str) -> Option<[String; 3]> {
    let query = Query::parse(query)?;
    let (sign_in, challenge) = (query.one("sign_in")?, query.one("challenge")?);
    let known = SignInId::parse(sign_in).is_ok();
    let random = from_base64url(challenge).is_some_and(|bytes| bytes.len() == CHALLENGE_BYTES);
    let parts = [query.one("issuer")?, sign_in, challenge];
    (query.count() == parts.len() && known && random).then(|| parts.map(str::to_owned))
}

/// As the server draws them.
const CHALLENGE_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::super::tests::{FROM, ISSUER, UNTIL, enrolled};
    use super::*;
    use crate::crypto::digest::base64url;
    use crate::crypto::jose::Unverified;
    use crate::kernel::Lifetime;
    use http::HeaderValue;

    const SIGN_IN: &str = "sin_018bcfe568007000800000000000000a";
    const NOW: Timestamp = FROM.plus(Lifetime::days(1));
    const HEADERS_OF_A_PAGE: [(&str, &str); 4] = [
        ("host", "127.0.0.1:14443"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "cross-site"),
    ];

    fn loopback() -> (tempfile::TempDir, Loopback) {
        let (folder, files) = enrolled();
        (folder, Loopback::new(Arc::new(files), 14_443))
    }

    fn headers(but: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in HEADERS_OF_A_PAGE.iter().chain(but) {
            all.insert(*name, HeaderValue::from_static(value));
        }
        all
    }

    fn challenge() -> String {
        base64url(&[7; CHALLENGE_BYTES])
    }

    /// The query of a question, with one part as it is here.
    fn query(name: &str, value: &str) -> String {
        let challenge = challenge();
        let parts = [("issuer", ISSUER), ("sign_in", SIGN_IN), ("challenge", &challenge)];
        let one = |(key, own): (&str, &str)| {
            (key.to_owned(), if key == name { value.to_owned() } else { own.to_owned() })
        };
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parts.map(one)).finish()
    }

    #[test]
    fn a_question_of_our_issuer_is_answered_there_and_nowhere_else() {
        let (_folder, loopback) = loopback();
        let challenge = challenge();
        let question = Question { issuer: ISSUER, sign_in: SIGN_IN, challenge: &challenge };
        let address = question.address(14_443);
        let asked = address.split_once('?').unwrap().1;
        let back = loopback.proof(&headers(&[]), asked, NOW).unwrap();
        let way = format!("{ISSUER}/sign-in/{SIGN_IN}/on-device?proof=");
        let proof = back.strip_prefix(&way).unwrap_or_else(|| panic!("{back}"));
        let (key, leaf, chain) = loopback.files.shown().unwrap();
        let read = Unverified::parse(proof).unwrap();
        assert_eq!(read.typ(), Some(TYPE));
        let claims = read.verify(key.public()).unwrap();
        assert_eq!(claims["iss"], leaf.uris[0].as_str());
        assert_eq!((&claims["aud"], &claims["sub"]), (&ISSUER.into(), &SIGN_IN.into()));
        assert_eq!(claims["nonce"], challenge.as_str());
        assert_eq!(claims["x5c"], serde_json::json!([base64(&chain[0])]));
        assert_eq!(
            loopback.proof(&headers(&[]), &query("issuer", "https://evil.example"), NOW),
            Err(Refusal::Elsewhere)
        );
    }

    #[test]
    fn what_nobody_opened_is_not_answered() {
        let (_folder, loopback) = loopback();
        for other in [
            ("host", "evil.example:14443"),
            ("host", "localhost:14443"),
            ("host", "127.0.0.1"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "iframe"),
            ("sec-fetch-dest", "image"),
            ("sec-fetch-site", "same-origin"),
        ] {
            let refused = loopback.proof(&headers(&[other]), &query("", ""), NOW);
            assert_eq!(refused, Err(Refusal::NotOpened), "{other:?}");
        }
        for (name, _) in HEADERS_OF_A_PAGE {
            let mut silent = headers(&[]);
            silent.remove(name);
            let refused = loopback.proof(&silent, &query("", ""), NOW);
            assert_eq!(refused, Err(Refusal::NotOpened), "says nothing of {name}");
        }
        for site in ["same-site", "none"] {
            let opened = headers(&[("sec-fetch-site", site)]);
            assert!(loopback.proof(&opened, &query("", ""), NOW).is_ok(), "{site}");
        }
    }

    #[test]
    fn what_is_no_question_is_not_signed() {
        let (_folder, loopback) = loopback();
        let whole = query("", "");
        for bad in [
            String::new(),
            query("sign_in", "../../admin"),
            query("sign_in", ""),
            query("challenge", "short"),
            query("challenge", &base64url(&[7; 4096])),
            format!("{whole}&issuer={ISSUER}"),
            format!("{whole}&return_to=https%3A%2F%2Fevil.example"),
        ] {
            assert_eq!(loopback.proof(&headers(&[]), &bad, NOW), Err(Refusal::NoQuestion), "{bad}");
        }
    }

    #[test]
    fn without_an_svid_that_lives_nothing_is_shown() {
        let (_folder, late) = loopback();
        assert_eq!(late.proof(&headers(&[]), &query("", ""), UNTIL), Err(Refusal::NoSvid));
        let folder = tempfile::tempdir().unwrap();
        let files = Files::at(folder.path().join("nobody"));
        let nobody = Loopback::new(Arc::new(files), 14_443);
        assert_eq!(nobody.proof(&headers(&[]), &query("", ""), NOW), Err(Refusal::NoSvid));
    }
}

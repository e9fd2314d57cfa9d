//! A person with a browser that knows no scripts: opens pages, types, presses buttons. `make demo` uses it; nothing of Weft is in it.
//!
//! ```text
//! person certificate DIRECTORY NAME…           makes certificate.pem and key.pem for these names, and prints the digest of its key
//! person password CERTIFICATE PAGE MAILDIR   lets a letter be sent, and sets the password by it
//! person visit CERTIFICATE PAGE [ADDRESS…]   does what pages ask until there is nothing left to do, there and at these addresses
//! ```
//!
//! What is typed comes by standard input, a field a line: `identifier=grace@corp.example`.

#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]
#![expect(clippy::disallowed_methods, reason = "an example has no clock of its own")]

#[path = "../../tests/it/walker/mod.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod walker;

use std::error::Error;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use rcgen::PublicKeyData as _;
use url::Url;
use walker::{Browser, Shown, Typed, excerpt};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A provider is there already when another library was faster: that is the same one.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let ["certificate", directory, names @ ..] = words.as_slice() {
        return certificate(Path::new(directory), names);
    }
    let typed = std::io::read_to_string(std::io::stdin())?;
    let pairs = typed.lines().filter_map(|line| line.split_once('='));
    let typed: Typed = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    match words.as_slice() {
        ["password", certificate, page, maildir] => {
            let page = Url::parse(page)?;
            let mut person = Browser::new(client(certificate, &page)?, typed);
            set_password(&mut person, &page, Path::new(maildir)).await
        }
        ["visit", certificate, page, ..] => {
            let page = Url::parse(page)?;
            let mut person = Browser::new(client(certificate, &page)?, typed);
            person.at_home = ours(&page);
            let mut shown = person.walk(&page).await?;
            // The page that leads to another provider: a browser goes on by itself, or by its link.
            while shown.body.contains("http-equiv=\"refresh\"") {
                let there = person.click(&shown, "Continue").await?;
                shown = person.go_on(there).await?;
            }
            println!("{} {}: {}", shown.status, without_query(&shown.url), excerpt(&shown.body));
            if shown.status == 200 { Ok(()) } else { Err("it did not end well".into()) }
        }
        _ => Err(USAGE.into()),
    }
}

/// A certificate that vouches for itself, for a month: good for trying out, and for nothing else.
fn certificate(directory: &Path, names: &[&str]) -> Fallible<()> {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut wish = rcgen::CertificateParams::new(names)?;
    wish.not_before = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
    wish.not_after = wish.not_before + time::Duration::days(30);
    let key = rcgen::KeyPair::generate()?;
    let made = wish.self_signed(&key)?;
    std::fs::write(directory.join("certificate.pem"), made.pem())?;
    let file = directory.join("key.pem");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(file)?;
    file.write_all(key.serialize_pem().as_bytes())?;
    let spki = key.subject_public_key_info();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &spki);
    println!("{}", STANDARD.encode(digest));
    Ok(())
}

/// "I cannot sign in" → a letter → its link → a new password.
async fn set_password(person: &mut Browser, page: &Url, maildir: &Path) -> Fallible<()> {
    let typed = |name: &str| person.typed.get(name).cloned().unwrap_or_default();
    let (who, password) = (typed("identifier"), typed("password"));
    let who = [("identifier", who.as_str())];
    let shown = person.get(page).await?;
    let shown = person.press(&shown, "/identify", &who).await?;
    let shown = person.press(&shown, "/way", &[("way", "mail")]).await?;
    let shown = person.press(&shown, "/recover", &who).await?;
    println!("{}", excerpt(&shown.body));
    let link = letter(maildir, page).await?;
    println!(
        "a letter came; its link is on {}",
        without_query(&link).origin().ascii_serialization()
    );
    let shown = person.get(&link).await?;
    let shown = person.press(&shown, "", &[]).await?;
    let new = [("password", password.as_str()), ("repeated", password.as_str())];
    let shown: Shown = person.press(&shown, "/new-password", &new).await?;
    println!("{} {}", shown.status, without_query(&shown.url).path());
    if shown.status == 200 { Ok(()) } else { Err("the password was not taken".into()) }
}

/// The link of the letter that comes into this directory.
async fn letter(maildir: &Path, page: &Url) -> Fallible<Url> {
    let start = format!("{}/", page.origin().ascii_serialization());
    for _try in 0..200 {
        for file in std::fs::read_dir(maildir.join("new")).into_iter().flatten() {
            // Long lines are folded by mail's quoted-printable: `=` at their end.
            let text = std::fs::read_to_string(file?.path())?;
            let text = text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
            if let Some(link) = text.split_whitespace().find(|word| word.starts_with(&start)) {
                return Ok(Url::parse(link)?);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no letter came".into())
}

/// Trusts one certificate, follows no redirect by itself, and finds names below `localhost` on this machine (RFC 6761 §6.3).
fn client(certificate: &str, page: &Url) -> Fallible<reqwest::Client> {
    let roots = reqwest::Certificate::from_pem_bundle(&std::fs::read(certificate)?)?;
    let mut client = reqwest::Client::builder().tls_certs_only(roots).no_proxy();
    for name in [page.host_str().unwrap_or_default(), "weft.localhost", "idp.localhost"] {
        if name.ends_with(".localhost") {
            client = client.resolve(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
    }
    Ok(client
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()?)
}

/// Where a sign-in leads: both providers, the application, and the port to which a command line wants the browser back.
fn ours(page: &Url) -> Vec<url::Origin> {
    let back = page.query_pairs().find(|(name, _)| name == "redirect_uri");
    let back = back.and_then(|(_, url)| Url::parse(&url).ok());
    let more = std::env::args().skip(4).filter_map(|url| Url::parse(&url).ok());
    let all = [Some(page.clone()), back].into_iter().flatten().chain(more);
    all.map(|url| url.origin()).collect()
}

/// Queries carry what only the two ends should read.
fn without_query(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url
}

const USAGE: &str = "usage: person certificate DIRECTORY NAME… | password CERTIFICATE PAGE MAILDIR \
    | visit CERTIFICATE PAGE [ADDRESS…]";

//! A port of this machine to which the browser comes back once (RFC 8252 §7.3).

use std::net::Ipv4Addr;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::error::Error;
use super::super::page::{HEADERS, Query, page};
use crate::env::Clock;
use crate::kernel::{Lifetime, Secret};

/// The port.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// What a browser brought back, with the state it was sent with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: Option<Secret<String>>,
    pub(super) error: Option<String>,
    pub(super) description: Option<String>,
    pub(super) issuer: Option<String>,
}

impl Loopback {
    /// On a free port.
    pub(super) async fn bind() -> Result<Self, Error> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = bound.map_err(|error| {
            Error::local(format!("no port is free for the browser to come back to: {error}"))
        })?;
        Ok(Self { listener, port })
    }

    /// The redirect URI.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the browser that was sent with this state. Whoever else calls is told that there is nothing.
    pub(super) async fn wait(
        self,
        state: &str,
        (span, clock): (Lifetime, &dyn Clock),
    ) -> Result<Answer, Error> {
        let came = std::pin::pin!(self.first(state));
        match select(came, clock.sleep(span)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Error::Local {
                what: format!("nobody signed in within {span}"),
                next: "`weft login` begins again; `--wait 15m` waits longer.".to_owned(),
            }),
        }
    }

    /// Browsers open connections ahead of need and say nothing on them, so none is waited for alone.
    async fn first(&self, state: &str) -> Result<Answer, Error> {
        let mut open = FuturesUnordered::new();
        loop {
            let accepted = std::pin::pin!(self.listener.accept());
            let stream = if open.is_empty() {
                accepted.await
            } else {
                match select(accepted, open.next()).await {
                    Either::Left((accepted, _)) => accepted,
                    Either::Right((Some(Some(answer)), _)) => return Ok(answer),
                    Either::Right(_) => continue,
                }
            };
            let (stream, _) = stream.map_err(|error| {
                Error::local(format!("the port for the browser was closed: {error}"))
            })?;
            if open.len() < CONNECTIONS_MAX {
                open.push(serve(stream, state));
            }
        }
    }
}

/// One request; the answer if it is the one that is waited for.
async fn serve(mut stream: TcpStream, state: &str) -> Option<Answer> {
    let head = head(&mut stream).await?;
    let answer = read(&head, state);
    let (status, words) = match &answer {
        Some(_) => ("200 OK", "You can close this page, and go back to the terminal."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = page(words);
    let headers = HEADERS.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let response = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len(),
    );
    // A browser that is gone already has brought its answer all the same.
    if stream.write_all(response.as_bytes()).await.is_ok() {
        let _closed = stream.shutdown().await;
    }
    answer
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut piece = [0_u8; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(piece.get(..read)?);
        if head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// `GET /callback?…` with our state, each parameter once.
fn read(head: &str, state: &str) -> Option<Answer> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let query = target.strip_prefix(PATH)?.strip_prefix('?')?;
    let query = Query::parse(query)?;
    let one = |name: &str| query.one(name).map(str::to_owned);
    let same = |shown: &&str| bool::from(shown.as_bytes().ct_eq(state.as_bytes()));
    query.one("state").filter(same).filter(|_| method == "GET")?;
    Some(Answer {
        code: one("code").map(Secret::new),
        error: one("error"),
        description: one("error_description"),
        issuer: one("iss"),
    })
}

/// As it is registered.
const PATH: &str = "/callback";
/// A query of 8 KiB, and the headers of a browser.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// More than any browser opens.
const CONNECTIONS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SystemClock;

    #[test]
    fn an_answer_without_our_state_is_none() {
        let get = |query: &str| read(&format!("GET /callback?{query} HTTP/1.1\r\n\r\n"), "s3cret");
        let answer = get("code=c&state=s3cret&iss=https%3A%2F%2Fw").unwrap();
        assert_eq!(answer.code.unwrap().expose(), "c");
        assert_eq!(answer.issuer.as_deref(), Some("https://w"));
        for bad in ["code=c", "code=c&state=other", "code=c&state=s3cret&state=s3cret", ""] {
            assert!(get(bad).is_none(), "{bad}");
        }
        assert!(get("code=c&code=d&state=s3cret").unwrap().code.is_none());
        for bad in [
            "POST /callback?code=c&state=s3cret HTTP/1.1\r\n\r\n",
            "GET /favicon.ico HTTP/1.1\r\n\r\n",
            "GET /callback/?code=c&state=s3cret HTTP/1.1\r\n\r\n",
            "",
        ] {
            assert!(read(bad, "s3cret").is_none(), "{bad}");
        }
    }

    #[tokio::test]
    async fn strangers_and_silent_connections_do_not_end_the_wait() {
        let loopback = Loopback::bind().await.unwrap();
        let port = loopback.port;
        let clock = SystemClock::new();
        let ask = async {
            let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            let mut said = Vec::new();
            for target in ["/", "/callback?code=evil&state=x", "/callback?code=good&state=mine"] {
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
                let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).await.unwrap();
                said.push(text.lines().next().unwrap().to_owned());
            }
            said
        };
        let wait = loopback.wait("mine", (Lifetime::seconds(20), &clock));
        let (answer, said) = futures_util::future::join(wait, ask).await;
        assert_eq!(answer.unwrap().code.unwrap().expose(), "good");
        assert_eq!(said, ["HTTP/1.1 404 Not Found", "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK"]);
    }

    #[tokio::test]
    async fn who_never_comes_back_is_not_waited_for_for_ever() {
        let loopback = Loopback::bind().await.unwrap();
        let clock = SystemClock::new();
        let error = loopback.wait("s", (Lifetime::millis(20), &clock)).await.unwrap_err();
        assert!(error.to_string().contains("nobody signed in"), "{error}");
    }
}

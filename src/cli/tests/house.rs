//! A server that answers as told on a Unix socket, and a command line that is run against it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::print::Printer;
use crate::cli::{Next, next};

/// What one run gave.
pub(super) struct Ran {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) notes: String,
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) what: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// An answer to every request of a method and path.
pub(super) struct Told {
    what: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: String,
}

/// `GET /entries` answers with this document. Several of one method and path answer in turn; the last goes on.
pub(super) fn told(what: &'static str, status: u16, body: &Value) -> Told {
    Told { what, status, headers: &[], body: body.to_string() }
}

impl Told {
    pub(super) fn with(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.headers = headers;
        self
    }

    pub(super) fn text(what: &'static str, status: u16, body: &str) -> Self {
        Self { what, status, headers: &[], body: body.to_owned() }
    }
}

type Shared = Arc<Mutex<(Vec<Told>, Vec<Seen>)>>;

/// The server.
pub(super) struct House {
    directory: TempDir,
    state: Shared,
}

impl House {
    pub(super) fn answering(answers: Vec<Told>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let state: Shared = Arc::new(Mutex::new((answers, Vec::new())));
        let listener = std::os::unix::net::UnixListener::bind(directory.path().join("admin.sock"))
            .expect("a socket");
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&state));
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).expect("non-blocking");
                let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
                axum::serve(listener, app).await.expect("serves");
            });
        });
        Self { directory, state }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// Runs `weft` with these arguments against this server.
    pub(super) fn weft(&self, arguments: &[&str]) -> Ran {
        let socket = self.socket().display().to_string();
        let mut all = vec!["--server-socket", &socket, "--yes"];
        all.extend(arguments);
        weft(&all)
    }

    /// What was asked so far, method and path without the API's root.
    pub(super) fn asked(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.what).collect()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.lock().expect("unpoisoned").1.clone()
    }

    /// The body of the last request.
    pub(super) fn sent(&self) -> Value {
        let last = self.seen().pop().expect("a request");
        serde_json::from_str(&last.body).expect("a JSON body")
    }
}

async fn answer(
    State(state): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/api/v1").unwrap_or("outside the API").to_owned();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let body = String::from_utf8(body.to_vec()).expect("text");
    let mut state = state.lock().expect("unpoisoned");
    state.1.push(Seen { what: format!("{method} {path}{query}"), headers, body });
    let what = format!("{method} {path}");
    let same = state.0.iter().filter(|told| told.what == what).count();
    let Some(at) = state.0.iter().position(|told| told.what == what) else {
        let words =
            format!(r#"{{"type":"x","title":"nobody told","status":404,"detail":"{what}"}}"#);
        return (StatusCode::NOT_FOUND, words).into_response();
    };
    let told = &state.0[at];
    let status = StatusCode::from_u16(told.status).expect("a status");
    let mut response = (status, told.body.clone()).into_response();
    for (name, value) in told.headers {
        response.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    if same > 1 {
        state.0.remove(at);
    }
    response
}

/// Runs `weft` with these arguments.
pub(super) fn weft(arguments: &[&str]) -> Ran {
    weft_at(None, arguments)
}

/// The same, on a terminal of this width.
pub(super) fn weft_at(width: Option<usize>, arguments: &[&str]) -> Ran {
    let (out, notes) = (Buffer::default(), Buffer::default());
    let mut printer = Printer::to(Box::new(out.clone()), Box::new(notes.clone()), width);
    let arguments = std::iter::once(&"weft").chain(arguments).map(Into::into);
    let code = match next(arguments, &mut printer) {
        Ok(Next::Done(code)) if code == std::process::ExitCode::SUCCESS => 0,
        Ok(Next::Done(_)) => 2,
        Ok(other) => panic!("not a client's command: {other:?}"),
        Err(error) => {
            printer.fail(&error);
            error.exit_code()
        }
    };
    Ran { code, out: out.text(), notes: notes.text() }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("unpoisoned").clone()).expect("text")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

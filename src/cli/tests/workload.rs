//! The client of the Workload API, against an agent that answers as told.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair, PublicKeyData as _, SanType};
use serde_json::Value;
use tempfile::TempDir;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};
use weft_proto::workload::spiffe_workload_api_server::{
    SpiffeWorkloadApi, SpiffeWorkloadApiServer,
};
use weft_proto::workload::{
    JwtBundlesRequest, JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse,
    ValidateJwtsvidRequest, ValidateJwtsvidResponse, WitBundlesRequest, WitBundlesResponse,
    WitsvidRequest, WitsvidResponse, X509BundlesRequest, X509BundlesResponse, X509svid,
    X509svidRequest, X509svidResponse,
};

use super::house::{runtime, weft};
use crate::cli::next;
use crate::cli::print::Printer;

/// An agent that knows one identity, or none.
#[derive(Clone)]
pub(super) struct Agent {
    svids: Vec<X509svid>,
}

/// The agent behind its socket.
pub(super) struct Served {
    directory: TempDir,
}

impl Served {
    pub(super) fn socket(&self) -> String {
        self.directory.path().join("agent.sock").display().to_string()
    }
}

impl Agent {
    pub(super) fn with(chain: &[u8], key: &[u8], bundle: &[u8]) -> Self {
        let svid = X509svid {
            spiffe_id: "spiffe://example.org/web".to_owned(),
            x509_svid: chain.to_vec().into(),
            x509_svid_key: key.to_vec().into(),
            bundle: bundle.to_vec().into(),
            hint: "main".to_owned(),
        };
        Self { svids: vec![svid] }
    }

    pub(super) fn serve(self) -> Served {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = std::os::unix::net::UnixListener::bind(directory.path().join("agent.sock"))
            .expect("a socket");
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).expect("non-blocking");
                let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
                let router = tonic::transport::Server::builder()
                    .add_service(SpiffeWorkloadApiServer::new(self));
                router
                    .serve_with_incoming(UnixListenerStream::new(listener))
                    .await
                    .expect("serves");
            });
        });
        Served { directory }
    }
}

fn check<T>(request: &Request<T>) -> Result<(), Status> {
    match request.metadata().get("workload.spiffe.io") {
        Some(value) if value == "true" => Ok(()),
        _ => Err(Status::invalid_argument("security header missing")),
    }
}

type Stream<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

#[tonic::async_trait]
impl SpiffeWorkloadApi for Agent {
    type FetchX509SVIDStream = Stream<X509svidResponse>;
    type FetchX509BundlesStream = Stream<X509BundlesResponse>;
    type FetchJWTBundlesStream = Stream<JwtBundlesResponse>;
    type FetchWITSVIDStream = Stream<WitsvidResponse>;
    type FetchWITBundlesStream = Stream<WitBundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        check(&request)?;
        if self.svids.is_empty() {
            return Err(Status::permission_denied("no identity issued"));
        }
        let foreign = self.svids[0].bundle.clone();
        let message = X509svidResponse {
            svids: self.svids.clone(),
            crl: Vec::new(),
            federated_bundles: [("spiffe://other.example".to_owned(), foreign)].into(),
        };
        Ok(Response::new(tokio_stream::iter(vec![Ok(message.clone()), Ok(message)])))
    }

    async fn fetch_jwtsvid(
        &self,
        request: Request<JwtsvidRequest>,
    ) -> Result<Response<JwtsvidResponse>, Status> {
        check(&request)?;
        let svid = Jwtsvid {
            spiffe_id: "spiffe://example.org/web".to_owned(),
            svid: format!("token-for-{}", request.get_ref().audience.join("+")),
            hint: String::new(),
        };
        Ok(Response::new(JwtsvidResponse { svids: vec![svid] }))
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        check(&request)?;
        if request.get_ref().svid != "t0ken" {
            return Err(Status::invalid_argument("the audience is another"));
        }
        let kind = Some(prost_types::value::Kind::NumberValue(1_700_000_000.0));
        let fields = [("exp".to_owned(), prost_types::Value { kind })].into();
        let claims = Some(prost_types::Struct { fields });
        let spiffe_id = "spiffe://example.org/web".to_owned();
        Ok(Response::new(ValidateJwtsvidResponse { spiffe_id, claims }))
    }

    async fn fetch_x509_bundles(
        &self,
        _: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn fetch_jwt_bundles(
        &self,
        _: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn fetch_witsvid(
        &self,
        _: Request<WitsvidRequest>,
    ) -> Result<Response<Self::FetchWITSVIDStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn fetch_wit_bundles(
        &self,
        _: Request<WitBundlesRequest>,
    ) -> Result<Response<Self::FetchWITBundlesStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }
}

fn agent() -> Served {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    let id = "spiffe://example.org/web".try_into().expect("a URI");
    params.subject_alt_names = vec![SanType::URI(id)];
    let certificate = params.self_signed(&key).expect("signed");
    Agent::with(certificate.der(), &key.serialize_der(), certificate.der()).serve()
}

#[test]
fn an_x509_svid_is_shown_without_its_key() {
    let agent = agent();
    let ran = weft(&["workload", "fetch", "--socket", &agent.socket()]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    assert!(
        ran.out.starts_with("SPIFFE ID       spiffe://example.org/web\nhint            main\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("1 authority of its trust domain")
            && ran.out.contains("spiffe://other.example"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("PRIVATE"), "{}", ran.out);
    let ran = weft(&[
        "workload",
        "fetch",
        "--output",
        "json",
        "--socket",
        &format!("unix://{}", agent.socket()),
    ]);
    let documents: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(documents[0]["spiffe_id"], "spiffe://example.org/web");
}

#[test]
fn written_keys_belong_to_their_certificate_and_to_their_owner_only() {
    let agent = agent();
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("svids");
    let ran = weft(&[
        "workload",
        "fetch",
        "--socket",
        &agent.socket(),
        "--write",
        &place.display().to_string(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    let read = |name: &str| std::fs::read_to_string(place.join(name)).expect(name);
    let key = KeyPair::from_pem(&read("svid.0.key")).expect("a PKCS#8 key");
    let chain =
        crate::crypto::x509::pem_certificates(read("svid.0.pem").as_bytes()).expect("certificates");
    let view = crate::crypto::x509::CertificateView::parse(&chain[0]).expect("a certificate");
    assert_eq!(view.spki, key.subject_public_key_info());
    assert_eq!(read("bundle.0.pem"), read("federated.other.example.pem"));
    let mode = std::fs::metadata(place.join("svid.0.key")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_token_stands_alone_on_the_output() {
    let agent = agent();
    let ran = weft(&["workload", "fetch", "jwt", "--audience", "a", "--socket", &agent.socket()]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "token-for-a\n"));
    assert!(ran.notes.contains("spiffe://example.org/web"), "{}", ran.notes);
}

#[test]
fn spiffe_035_a_token_is_for_one_audience_unless_several_are_wanted_in_so_many_words() {
    let agent = agent();
    let socket = agent.socket();
    let several =
        ["workload", "fetch", "jwt", "--audience", "a", "--audience", "b", "--socket", &socket];
    let ran = weft(&several);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.notes);
    assert!(ran.notes.contains("--several-audiences"), "{}", ran.notes);
    let mut wanted = several.to_vec();
    wanted.push("--several-audiences");
    let ran = weft(&wanted);
    assert_eq!((ran.code, ran.out.as_str()), (0, "token-for-a+b\n"), "{}", ran.notes);
}

#[test]
fn a_token_is_judged_by_the_agent() {
    let agent = agent();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("token");
    let validate = |token: &str| {
        std::fs::write(&file, token).expect("written");
        let file = file.display().to_string();
        weft(&[
            "workload",
            "validate",
            "--audience",
            "a",
            "--token-file",
            &file,
            "--socket",
            &agent.socket(),
        ])
    };
    let ran = validate("t0ken\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "spiffe://example.org/web\n"));
    assert!(ran.notes.contains("\"exp\": 1700000000"), "{}", ran.notes);
    let ran = validate("other");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.notes.contains("the token is not valid: the audience is another"), "{}", ran.notes);
}

#[test]
fn a_process_without_an_identity_learns_what_to_do() {
    let agent = Agent { svids: Vec::new() }.serve();
    let ran = weft(&["workload", "fetch", "--socket", &agent.socket()]);
    assert_eq!(ran.code, 1);
    let advice = format!("`weft entry explain --uid {}`", nix::unistd::geteuid());
    assert!(ran.notes.contains("no identity") && ran.notes.contains(&advice), "{}", ran.notes);
}

#[test]
fn an_agent_that_is_not_there_has_its_own_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("agent.sock").display().to_string();
    for command in [&["fetch"][..], &["watch"], &["fetch", "jwt", "--audience", "a"]] {
        let mut arguments = vec!["workload"];
        arguments.extend(command);
        arguments.extend(["--socket", &socket]);
        let ran = weft(&arguments);
        assert_eq!(ran.code, 3, "{command:?}");
        assert!(
            ran.notes.contains("no agent answers at") && ran.notes.contains("weft agent --join"),
            "{}",
            ran.notes
        );
    }
}

/// A reader who has had enough after two identities, as `head` would.
struct Enough(Arc<Mutex<String>>);

impl Write for Enough {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().expect("unpoisoned");
        if text.matches("SPIFFE ID").count() >= 2 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        text.push_str(std::str::from_utf8(bytes).expect("text"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_watch_shows_every_svid_until_nobody_reads_any_more() {
    let agent = agent();
    let text = Arc::new(Mutex::new(String::new()));
    let out = Box::new(Enough(Arc::clone(&text)));
    let mut printer = Printer::to(out, Box::new(io::sink()), None);
    let socket = agent.socket();
    let arguments = ["weft", "workload", "watch", "--socket", &socket];
    let ended = next(arguments.iter().map(Into::into), &mut printer).expect_err("the reader goes");
    assert_eq!(ended.exit_code(), 0, "whoever stops reading has not failed");
    assert_eq!(text.lock().expect("unpoisoned").matches("spiffe://example.org/web\n").count(), 2);
}

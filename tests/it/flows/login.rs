//! A person signs in on the command line: through a browser with forms alone, to SVIDs that workloads accept.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use spiffe::X509Source;
use spiffe_rustls::{TrustDomainPolicy, authorizer, mtls_server};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, Command};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use url::Url;
use weft::accounts::By;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::tls::{CurrentCertificate, CurrentRoots, ExpectedPeer, TlsClock, client_config};
use weft::crypto::x509::{
    CertificateView, Roots, Serial, WebTemplate, pem, pem_certificates, pem_private_key,
    self_signed_web,
};
use weft::env::{Clock as _, SystemClock, SystemEntropy};
use weft::kernel::{Lifetime, RealmId, Secret, UserId};
use weft::server::Settings;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, private_file, until, within};

use crate::admin_api::ask;
use crate::walker::{Browser, Presses, Typed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_and_a_workload_accepts_their_svid() {
    let world = World::start().await;
    let said = world.login(&[]).await;
    assert!(said.contains("ann Example (ann@example.org)"), "{said}");
    let secrets = world.secrets();
    world.check_modes();

    let told = world.weft(&["svid", "--output", "json"]).await;
    let files: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&files["spiffe_id"], &files["renewed"]), (&json!(world.id()), &json!(false)));
    let elsewhere = world.directory.path().join("elsewhere");
    world.weft(&["svid", "--dir", elsewhere.to_str().unwrap()]).await;
    assert_ne!(leaf(&elsewhere).serial, leaf(&world.place()).serial, "a key of its own");

    let agent = TestAgent::join(&world.server).await;
    world.server.create("/till", agent.id(), &[&super::me()]).await;
    let workload = super::source(&agent, "/till").await;
    assert_eq!(world.call(&workload, &world.id()).await, Ok("hello".to_owned()));
    let stranger = world.call(&workload, "spiffe://weft.test/user/somebody-else").await;
    assert!(stranger.is_err(), "a workload took one person for another");
    let token = world.weft(&["svid", "--audience", "till"]).await;
    let client = super::connect(&agent).await.unwrap();
    let checked = within("validate", client.validate_jwt_token("till", token.trim())).await;
    assert_eq!(checked.unwrap().spiffe_id().to_string(), world.id());

    let who = world.weft(&["whoami"]).await;
    assert!(who.contains("ann Example") && who.contains(&world.id()), "{who}");
    world.weft(&["logout"]).await;
    assert!(
        !world.place().join("session.json").exists() && !world.place().join("key.pem").exists()
    );
    let after = world.refused(&["whoami", "--server", &world.issuer]).await;
    assert!(!after.contains("ann Example"), "{after}");
    let after = world.refused(&["svid"]).await;
    assert!(after.contains("nobody is signed in"), "{after}");
    assert_eq!(world.refresh(&secrets[1]).await, 400, "the server still takes what was given back");
    world.check_said(&secrets);
    let said = world.said.lock().unwrap().len();
    println!("proof: commands of a person that print no token and no key: {said}");
}

/// An administrator at the server's machine sees where somebody is signed in, page after page, and ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_lists_the_sessions_of_a_person_and_ends_them() {
    let world = World::start().await;
    world.login(&[]).await;
    world.login(&[]).await;
    let socket = world.server.data_dir().join("admin.sock");
    let local = ["--server-socket", socket.to_str().unwrap(), "--yes"];
    let asked = |more: &[&'static str]| [&["session"][..], more, &local[..]].concat();
    let listed = world.weft(&asked(&["list", "ann", "--output", "json"])).await;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let listed: Vec<&str> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(listed.len() >= 2, "{listed:?}");
    // Pages of one: the newest first, then where the cursor says.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _page in 0..=listed.len() {
        let path = format!("sessions?user={}&limit=1{cursor}", world.user);
        let (status, page) = ask(&world.server, "GET", &path, "", None).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1, "{page}");
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, listed);
    let table = world.weft(&asked(&["list", "ann"])).await;
    assert!(listed.iter().all(|id| table.contains(id)), "{table}");
    world.weft(&asked(&["end", "--everywhere", "ann"])).await;
    let left = world.weft(&asked(&["list", "ann", "--output", "json"])).await;
    let left: Value = serde_json::from_str(&left).unwrap();
    assert_eq!(left, json!([]), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_renews_while_the_session_lives_and_says_when_it_ended() {
    let world = World::start().await;
    let (mut child, mut lines, url) = world.begin(&["--keep", "--lifetime", "6s"]).await;
    world.come_back(&url, Presses::Yes).await;
    let first = until("the SVID comes", async || try_leaf(&world.place()).ok_or("not yet"));
    let first = first.await.serial;
    until("it is renewed twice", async || {
        let mut renewed = 0;
        let mut known = first.clone();
        while renewed < 2 {
            let leaf = try_leaf(&world.place()).ok_or("gone")?;
            if leaf.serial != known {
                (known, renewed) = (leaf.serial, renewed + 1);
            }
            SystemClock::new().sleep(Lifetime::millis(100)).await;
        }
        Ok::<_, &str>(())
    })
    .await;
    let path = format!("sessions?user={}", world.user);
    assert_eq!(ask(&world.server, "DELETE", &path, "", None).await.0, 204);
    let status = within("it ends", child.wait()).await.unwrap();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push_str(&line);
    }
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("has ended") && said.contains("`weft login`"), "{said}");
    let after = world.refused(&["svid", "--audience", "till"]).await;
    assert!(after.contains("has ended"), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_renew_at_once_and_one_that_crashed_do_not_end_the_sign_in() {
    let world = World::start().await;
    world.login(&[]).await;
    world.edit(|session| session["access_expires_at"] = json!("2020-01-01T00:00:00Z"));
    let many = (0..PROCESSES).map(|_| world.weft(&["svid", "--audience", "till"]));
    let tokens = futures_util::future::join_all(many).await;
    assert!(tokens.iter().all(|token| token.starts_with("ey")));

    // Killed between the server's answer and the disk: the file is as it was when the refresh token was shown.
    world.edit(|session| {
        session["access_expires_at"] = json!("2020-01-01T00:00:00Z");
        session["attempt"] = json!("a".repeat(43));
    });
    let before = std::fs::read(world.session()).unwrap();
    world.weft(&["whoami"]).await;
    let lost = world.secrets();
    std::fs::write(world.session(), before).unwrap();
    world.weft(&["whoami"]).await;
    assert_eq!(world.secrets()[1], lost[1], "the same successor");
    world.weft(&["svid", "--audience", "till"]).await;
    println!(
        "proof: processes that renewed one sign-in at once: {PROCESSES}, and one after a crash: ended 0"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_sign_in_is_told_why() {
    let world = World::start().await;
    let (child, lines, url) = world.begin(&[]).await;
    world.come_back(&url, Presses::Cancel).await;
    let said = world.ended((child, lines), 1).await;
    assert!(said.contains("did not sign you in") && said.contains("access_denied"), "{said}");

    let (child, lines, _) = world.begin(&["--wait", "1s"]).await;
    let said = world.ended((child, lines), 1).await;
    assert!(said.contains("nobody signed in within"), "{said}");

    let rule = r#"@id("nobody") @says("people get no SVID in this house")
        forbid (principal is User, action == Action::"IssueX509Svid", resource);"#;
    let policy = json!({ "text": rule });
    let (status, answer) = ask(&world.server, "PUT", "policies/house", "", Some(policy)).await;
    assert!([200, 201].contains(&status), "{answer}");
    let (child, lines, url) = world.begin(&[]).await;
    world.come_back(&url, Presses::Yes).await;
    let said = world.ended((child, lines), 1).await;
    assert!(said.contains("the server does not give you that"), "{said}");
    world.check_said(&world.secrets());

    let wrong = world.issuer.replace("localhost", "127.0.0.1");
    let said = world.refused(&["login", "--server", &wrong]).await;
    assert!(said.contains("is not reachable"), "its certificate is for another name: {said}");
    let said = world.refused(&["login", "--server", "https://localhost:1"]).await;
    assert!(said.contains("is not reachable") && said.contains("--ca"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_on_a_device_is_worth_nothing_without_that_devices_key() {
    let world = World::start().await;
    let rule = r#"@id("on-devices") @says("people get SVIDs on their devices alone")
        forbid (principal is User, action == Action::"IssueX509Svid", resource)
        when { context.device == "" };"#;
    let policy = json!({ "text": rule });
    let (status, answer) = ask(&world.server, "PUT", "policies/house", "", Some(policy)).await;
    assert!([200, 201].contains(&status), "{answer}");
    let device = world.enrol("device").await;
    let said = world.login(&[]).await;
    assert!(said.contains("bound to the device"), "{said}");
    world.weft(&["svid"]).await;
    let held = std::fs::read(world.session()).unwrap();
    let expired =
        |session: &mut Value| session["access_expires_at"] = json!("2020-01-01T00:00:00Z");

    // Whoever copies the file has no key of the device, or another device's.
    assert_eq!(world.refresh(&world.secrets()[1]).await, 400, "at the door `public`");
    let other = world.enrol("other").await;
    let other_directory = world.directory.path().join("state/weft/other");
    for thief in [Value::Null, json!(other_directory)] {
        world.edit(|session| {
            expired(session);
            session["device"] = thief.clone();
            if thief.is_null() {
                session["token_endpoint"] = json!(format!("{}/token", world.issuer));
            }
        });
        let said = world.refused(&["svid", "--audience", "till"]).await;
        assert!(said.contains("has ended"), "{thief}: {said}");
    }
    assert_ne!(device, other);

    // Nobody lost anything by it.
    std::fs::write(world.session(), held).unwrap();
    world.edit(expired);
    world.weft(&["svid", "--audience", "till"]).await;

    let lock = format!("devices/{device}/lock");
    let (status, answer) =
        ask(&world.server, "POST", &lock, "", Some(json!({ "reason": "left in a train" }))).await;
    assert_eq!(status, 200, "{answer}");
    world.edit(expired);
    let said = world.refused(&["svid", "--audience", "till"]).await;
    assert!(said.contains("locked"), "{said}");
    world.weft(&["logout"]).await;
    let (child, lines, url) = world.begin(&["--no-device"]).await;
    world.come_back(&url, Presses::Yes).await;
    let said = world.ended((child, lines), 1).await;
    assert!(said.contains("people get SVIDs on their devices alone"), "{said}");
}

/// A server with one person, and that person's machine.
pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) issuer: String,
    pub(super) user: String,
    pub(super) directory: TempDir,
    typed: Typed,
    http: reqwest::Client,
    /// What commands printed.
    said: std::sync::Mutex<Vec<String>>,
    _database: TestDatabase,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = web_certificate(directory.path());
        let database = TestDatabase::new(engines()[0]).await;
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let issuer = format!("https://localhost:{free}");
        let server = TestServer::start_with(&database, |settings| {
            settings.listen.public.set_port(free);
            settings.listen.certificate = Some(certificate.clone());
            settings.listen.certificate_key = Some(key);
            settings.server.issuer.clone_from(&issuer);
            // What a hash costs is no matter here.
            settings.accounts.password_memory_kib = 64;
            settings.accounts.password_passes = 1;
            adjust(settings);
        })
        .await;
        let input = json!({
            "username": "ann", "verified": ["email"],
            "attributes": {"name": "ann Example", "email": "ann@example.org"},
        });
        let (status, made) = ask(&server, "POST", "users", "", Some(input)).await;
        assert_eq!(status, 201, "{made}");
        let user = made["id"].as_str().unwrap().to_owned();
        let accounts = &server.server().accounts;
        let (id, password) = (UserId::parse(&user).unwrap(), Secret::new(PASSWORD.to_owned()));
        accounts.set_password(RealmId::FIRST, id, &password, By::Themselves).await.unwrap();
        let typed = [("identifier", "ann"), ("password", PASSWORD)];
        let typed = typed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        // Another test of this process may have been faster: that is the same one.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let roots = reqwest::Certificate::from_pem_bundle(&std::fs::read(certificate).unwrap());
        let http = reqwest::Client::builder().tls_certs_only(roots.unwrap()).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let said = std::sync::Mutex::default();
        Self { server, issuer, user, directory, typed, http, said, _database: database }
    }

    fn id(&self) -> String {
        let handle = self.user.strip_prefix("usr_").unwrap();
        let id = try_leaf(&self.place()).map(|leaf| leaf.uris[0].clone());
        let id = id.unwrap_or_default();
        assert!(id.starts_with("spiffe://weft.test/user/"), "{id} of {handle}");
        id
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
        command.args(arguments).env("XDG_STATE_HOME", self.directory.path().join("state"));
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "WEFT_SERVER", "WEFT_SERVER_SOCKET"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// A command that succeeds; what it printed as its answer.
    pub(super) async fn weft(&self, arguments: &[&str]) -> String {
        let (code, out, notes) = self.run(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {notes}");
        out
    }

    /// A command that does not; what it says of that.
    pub(super) async fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, notes) = self.run(arguments).await;
        assert_ne!(code, Some(0), "{arguments:?}: {out}");
        notes
    }

    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = within("a command", self.command(arguments).output()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, notes) = (text(output.stdout), text(output.stderr));
        let jwt = arguments.contains(&"--audience");
        self.said.lock().unwrap().push(if jwt { notes.clone() } else { format!("{out}{notes}") });
        (output.status.code(), out, notes)
    }

    /// `weft login`, as far as the address that it prints.
    async fn begin(&self, more: &[&str]) -> (Child, Notes, Url) {
        self.begin_with(&["login"], more).await
    }

    /// A command that has a browser sign in, as far as the address that it prints.
    pub(super) async fn begin_with(&self, words: &[&str], more: &[&str]) -> (Child, Notes, Url) {
        let ca = self.ca();
        let first = ["--server", &self.issuer, "--ca", &ca, "--no-browser"];
        let mut child = self.command(&[words, &first, more].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = within("the address is printed", async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(url) =
                    Url::parse(line.trim()).ok().filter(|url| url.scheme() == "https")
                {
                    return url;
                }
            }
            panic!("no address was printed");
        })
        .await;
        (child, lines, url)
    }

    /// The person's browser goes there, does what pages ask, and comes back.
    pub(super) async fn come_back(&self, url: &Url, presses: Presses) {
        let mut browser = Browser::new(self.http.clone(), self.typed.clone());
        browser.presses = presses;
        let shown = browser.walk(url).await.unwrap();
        let back = shown.away.unwrap_or_else(|| panic!("{} {}", shown.url, shown.body));
        assert_eq!((back.scheme(), back.host_str()), ("http", Some("127.0.0.1")));
        let mut stream = TcpStream::connect(("127.0.0.1", back.port().unwrap())).await.unwrap();
        let target = &back[url::Position::BeforePath..];
        let request = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        within("the page", stream.read_to_string(&mut page)).await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("terminal"), "{page}");
    }

    /// A whole sign-in; what it said at its end.
    pub(super) async fn login(&self, more: &[&str]) -> String {
        let (child, lines, url) = self.begin(more).await;
        self.come_back(&url, Presses::Yes).await;
        self.ended((child, lines), 0).await
    }

    /// Waits for its end; everything it said after the address.
    pub(super) async fn ended(&self, (child, mut lines): (Child, Notes), code: i32) -> String {
        let mut said = String::new();
        while let Some(line) = within("a line", lines.next_line()).await.unwrap() {
            said.push_str(&line);
            said.push('\n');
        }
        let output = within("it ends", child.wait_with_output()).await.unwrap();
        said.push_str(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(output.status.code(), Some(code), "{said}");
        self.said.lock().unwrap().push(said.clone());
        said
    }

    /// What the server's certificate is checked against.
    pub(super) fn ca(&self) -> String {
        self.directory.path().join("web.pem").display().to_string()
    }

    fn place(&self) -> PathBuf {
        self.directory.path().join("state/weft/login")
    }

    fn session(&self) -> PathBuf {
        self.place().join("session.json")
    }

    /// Access and refresh token, and the body of the key.
    fn secrets(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.session()).unwrap();
        let session: Value = serde_json::from_str(&text).unwrap();
        let token = |name: &str| session[name].as_str().unwrap().to_owned();
        let mut secrets = vec![token("access_token"), token("refresh_token")];
        let key = std::fs::read_to_string(self.place().join("key.pem")).unwrap_or_default();
        secrets.extend(key.lines().nth(1).map(str::to_owned));
        secrets
    }

    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(self.session()).unwrap();
        let mut session: Value = serde_json::from_str(&text).unwrap();
        change(&mut session);
        std::fs::write(self.session(), session.to_string()).unwrap();
    }

    /// This machine becomes a device, in a directory of this name beside the sign-in; its id.
    async fn enrol(&self, name: &str) -> String {
        let wish = json!({ "class": "laptop" });
        let (status, made) = ask(&self.server, "POST", "device-tokens", "", Some(wish)).await;
        assert_eq!(status, 201, "{made}");
        let token = self.directory.path().join("device-token");
        std::fs::write(&token, made["secret"].as_str().unwrap()).unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (token, ca) = (token.display().to_string(), self.directory.path().join("web.pem"));
        let place = self.directory.path().join("state/weft").join(name).display().to_string();
        let words = ["device", "enroll", "--output", "json", "--server", &self.issuer];
        let files = ["--ca", ca.to_str().unwrap(), "--token-file", &token, "--dir", &place];
        let told = self.weft(&[&words[..], &files[..]].concat()).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        told["id"].as_str().unwrap().to_owned()
    }

    fn check_modes(&self) {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&self.place()), 0o700);
        for (name, expected) in
            [("session.json", 0o600), ("key.pem", 0o600), ("lock", 0o600), ("svid.pem", 0o644)]
        {
            assert_eq!(mode(&self.place().join(name)), expected, "{name}");
        }
    }

    fn check_said(&self, secrets: &[String]) {
        for said in self.said.lock().unwrap().iter() {
            assert!(!secrets.iter().any(|secret| said.contains(secret)), "{said}");
        }
    }

    async fn refresh(&self, token: &str) -> u16 {
        let form =
            [("grant_type", "refresh_token"), ("client_id", "weft-cli"), ("refresh_token", token)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}/token", self.issuer));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// The person's program calls a workload that serves this one person; each insists on the other's ID.
    async fn call(&self, workload: &X509Source, person: &str) -> Result<String, String> {
        let local = TrustDomainPolicy::LocalOnly("weft.test".try_into().unwrap());
        let accepting = mtls_server(workload.clone())
            .authorize(authorizer::exact([person]).unwrap())
            .trust_domain_policy(local)
            .build();
        let acceptor = TlsAcceptor::from(Arc::new(accepting.unwrap()));
        let connector = TlsConnector::from(Arc::new(self.person_tls()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (socket, _) = listener.accept().await.map_err(|error| error.to_string())?;
            let mut tls = acceptor.accept(socket).await.map_err(|error| error.to_string())?;
            tls.write_all(b"hello").await.map_err(|error| error.to_string())?;
            tls.shutdown().await.map_err(|error| error.to_string())
        };
        let dial = async {
            let socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
            let name = ServerName::try_from("localhost").unwrap();
            let tls = connector.connect(name, socket).await;
            let mut heard = String::new();
            let mut tls = tls.map_err(|error| error.to_string())?;
            tls.read_to_string(&mut heard).await.map_err(|error| error.to_string())?;
            Ok(heard)
        };
        let (end, heard) = within("call", async { tokio::join!(serve, dial) }).await;
        let heard: Result<String, String> = heard;
        end.and(heard)
    }

    /// TLS with the files that `weft svid` wrote, and nothing else.
    fn person_tls(&self) -> rustls::ClientConfig {
        let read = |name: &str| std::fs::read(self.place().join(name)).unwrap();
        let own = CurrentCertificate::none();
        let chain = pem_certificates(&read("svid.pem")).unwrap();
        own.set(&chain, &pem_private_key(&read("key.pem")).unwrap()).unwrap();
        let bundle = pem_certificates(&read("bundle.pem")).unwrap();
        let bundle = bundle.iter().map(Vec::as_slice);
        let roots = CurrentRoots::none();
        roots.set(&Roots::new(self.server.trust_domain(), bundle).unwrap());
        let peer = ExpectedPeer::Exactly { id: self.server.id("/till"), roots };
        client_config(peer, Some(&own), &[], TlsClock(Arc::new(SystemClock::new()))).unwrap()
    }
}

/// A certificate for `localhost` that vouches for itself, and its key.
fn web_certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let now = SystemClock::new().now();
    let web = WebTemplate {
        names: &["localhost".to_owned()],
        serial: Serial::new(&SystemEntropy::default()).unwrap(),
        not_before: now.minus(Lifetime::hours(1)),
        not_after: now.plus(Lifetime::days(1)),
    };
    let der = self_signed_web(&web, &key).unwrap();
    let (certificate, file) = (directory.join("web.pem"), directory.join("web.key"));
    std::fs::write(&certificate, pem("CERTIFICATE", &der).as_bytes()).unwrap();
    let pkcs8 = key.to_pkcs8().unwrap();
    private_file(&file, pem("PRIVATE KEY", pkcs8.expose()).as_bytes());
    (certificate, file)
}

/// What a running command says beside its answer.
pub(super) type Notes = Lines<BufReader<ChildStderr>>;

const PASSWORD: &str = "correct horse battery staple";
const PROCESSES: usize = 6;

fn leaf(place: &Path) -> CertificateView {
    try_leaf(place).unwrap()
}

fn try_leaf(place: &Path) -> Option<CertificateView> {
    let chain = pem_certificates(&std::fs::read(place.join("svid.pem")).ok()?).ok()?;
    CertificateView::parse(chain.first()?).ok()
}

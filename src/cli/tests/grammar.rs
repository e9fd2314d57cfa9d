//! Every command parses, and what makes no sense is refused before anybody is asked.

use std::path::PathBuf;

use super::house::weft;
use crate::cli::print::Printer;
use crate::cli::{Next, args, next, parse};
use crate::wire::launch::{AgentLaunch, ServerJob, ServerLaunch};

/// One line, one command of the grammar.
const GRAMMAR: &str = "
weft
weft server
weft server --config weft.toml --trust-domain example.org --data-dir /d --set log.level=debug --set a.b=c
weft agent
weft agent --join weft-join-1.x.y
weft agent --server h:8081 --trust-domain example.org --trust-bundle b.pem --join-token-file t
weft agent --server h:8081 --trust-domain example.org --insecure-bootstrap --x509pop-cert c.pem --x509pop-key k.pem
weft agent --config weft.toml --data-dir /d --socket /s
weft config check --config weft.toml
weft config render
weft token create
weft token create --uses 3 --ttl 30m --selector site:berlin --selector rack:7 --alias /racks/7
weft token list
weft token revoke jtk_1
weft entry create --spiffe-id /web --selector unix:uid:1000
weft entry create --spiffe-id spiffe://example.org/web --parent /node --selector unix:uid:1 --selector unix:gid:2 --x509-ttl 1h --jwt-ttl 5m --dns a --dns b --federates-with other.example --hint main --admin --downstream --expires-at 7d --id web-1
weft entry update web --no-dns --no-federates-with --no-expires-at
weft entry create --spiffe-id /web --parent-id /node --selector unix:uid:1 --admin=false --store-svid --no-prefetch --jwt-jti --expires-at 2026-01-31T12:00:00Z
weft entry create --file entries.json
weft entry list
weft entry list --spiffe-id /web --parent /node --selector unix:uid:1 --match subset --hint main --federates-with other.example --downstream=false --limit 7
weft entry show web-1
weft entry update web-1 --spiffe-id /web --parent /node --selector unix:uid:2 --x509-ttl 2h --admin=false
weft entry delete web-1 web-2
weft entry explain --pid 1
weft entry explain --uid 1000 --agent sub_1
weft entry explain --selector unix:uid:1000 --selector unix:gid:7
weft node list --banned --attestation-type join_token
weft node show sub_1
weft node ban /spire/agent/x/1
weft node evict sub_1
weft bundle show
weft bundle show other.example --format pem
weft bundle list
weft bundle set other.example --file bundle.json
weft bundle delete other.example
weft authority list
weft authority prepare jwt-svid
weft authority activate aut_1 --force
weft authority taint aut_1
weft authority revoke aut_1
weft event list
weft event list --kind entry.created --subject sub_1 --since 2h --follow
weft event list --since 2026-01-31T12:00:00Z --until 1h --limit 5
weft realm list
weft realm create two --trust-domain two.example --issuer https://two.example --host two.example
weft realm show two
weft client create shop --name Shop --redirect-uri https://shop.example/cb --resource https://api.example=read,write
weft client create --name Tool --profile native --redirect-uri http://127.0.0.1/cb --relax pkce=an-old-library
weft client create --name Job --profile machine --scope read --administration
weft client list
weft client show shop
weft client update shop --name Shop2 --redirect-uri https://shop.example/cb --alg ES256 --first-party --enabled false
weft client rotate-secret shop --drop-previous
weft client delete shop
weft role list
weft role bind ops --to uid:1000 --role operator
weft role bind web --to /user/ann --role registrar --path /web --right create --right dns_names
weft role unbind ops
weft policy list
weft policy show roles
weft policy set roles --file roles.cedar
weft policy delete roles
weft policy validate a.cedar b.cedar
weft policy test cases.toml --policy own=own.cedar --offline
weft policy test cases.toml
weft policy what-if --policy own=own.cedar --policy roles --cases cases.toml
weft policy diff roles
weft policy diff roles --file roles.cedar
weft policy history roles
weft policy rollback roles
weft policy rollback roles --before 12
weft policy enforce roles
weft device posture
weft device posture --root /tree
weft device enroll --token-file - --server https://h:8443 --ca ca.pem --dir /d --name ada-laptop
weft device enroll --token-file t
weft device renew --server https://h:8444 --dir /d
weft device run --server https://h:8444 --enroll-server https://h:8443 --token-file t --root /tree --name ada-laptop --dir /d
weft device report --server https://h:8444 --root /tree
weft device status --server https://h:8444 --dir /d
weft device token create
weft device token create --uses 3 --expires 30m --class laptop --profile linux-laptop --owner usr_1
weft device token list
weft device token revoke dtk_1 dtk_2
weft device list --state locked --owner usr_1
weft device show dev_1
weft device lock dev_1 --reason lost
weft device release dev_1
weft device retire dev_1 --reason sold
weft upstream list
weft upstream show corp
weft upstream create corp --name Corp --issuer https://idp.example --client-id weft --client-secret-file - --algorithm ES256 --scope email --domain corp.example --attribute name=claims.name --groups claims.groups --group admins=ops --create-accounts --create-domain corp.example --create-group staff
weft upstream update corp --enabled false --usage link_only --create-accounts=false --client-authentication none --file s.json
weft upstream delete corp
weft upstream test corp
weft upstream test corp --claims claims.json
weft upstream test corp --no-wait
weft login --server https://h:8443 --ca ca.pem --no-browser --wait 15m --keep --dir /d --lifetime 1h
weft login
weft svid
weft svid --dir /d --lifetime 10m
weft svid --audience a --audience b
weft logout
weft whoami
weft status
weft workload fetch
weft workload fetch x509 --write /d --socket /s
weft workload fetch jwt --audience a --spiffe-id spiffe://example.org/web
weft workload fetch jwt --audience a --audience b --several-audiences
weft workload watch --socket unix:///s
weft workload validate --audience a --token-file -
weft keys reseal --config weft.toml
weft backup copy.db
weft restore copy.db --yes
weft doctor --data-dir /d --output json
weft completion bash
weft --server-socket /s entry list
weft entry list --server-socket /s --realm two --output json
weft --server https://h:8444 --svid-socket /s --server-ca ca.pem --yes status
weft status --server https://h:8443 --token-file t
";

const REFUSED: &str = "
weft nothing
weft svid --audience a --dir /d
weft login --wait soon
weft entry
weft entry create --selector unix:uid:1
weft entry create --spiffe-id /web
weft entry create --spiffe-id web --selector unix:uid:1
weft entry create --spiffe-id /web --selector uid
weft entry create --file f --spiffe-id /web
weft entry create --file f --hint h
weft entry create --spiffe-id /web --selector unix:uid:1 --x509-ttl soon
weft entry delete
weft entry explain
weft entry explain --pid 1 --uid 1
weft entry list --match subset
weft token create --ttl soon
weft authority prepare x
weft role bind a --to me --role viewer
weft role bind a --to uid:x --role viewer
weft role bind a --to uid:1 --role king
weft realm create two
weft event list --follow --until 1h
weft agent --join a --server h:1
weft agent --trust-bundle b --insecure-bootstrap
weft agent --x509pop-cert c
weft agent --join-token-file t --x509pop-cert c --x509pop-key k
weft server --trust-domain UPPER
weft server --set x
weft status --server-socket /s --server https://h
weft status --output yaml
weft workload validate --audience a
weft workload fetch wit
weft completion cmd
";

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.is_empty()).map(|line| line.split(' ').collect())
}

#[test]
fn every_command_of_the_grammar_parses() {
    args::tree().debug_assert();
    for line in lines(GRAMMAR) {
        let parsed = parse(line.iter().map(Into::into));
        assert!(parsed.is_ok(), "{}\n{}", line.join(" "), parsed.expect_err("refused"));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_the_code_for_it() {
    for line in lines(REFUSED) {
        let ran = weft(&line[1..]);
        assert_eq!(ran.code, 2, "{}", line.join(" "));
        assert!(!ran.notes.is_empty() && ran.out.is_empty(), "{}", line.join(" "));
    }
}

#[test]
fn what_makes_no_sense_together_is_refused_before_anybody_is_asked() {
    let table = [
        (&["workload", "fetch", "jwt"][..], "say `--audience`"),
        (&["workload", "fetch", "x509", "--audience", "a"], "only a JWT-SVID has an audience"),
        (&["status", "--svid-socket", "/s"], "add `--server https://"),
        (&["status", "--server", "http://h"], "no address of the form `https://host:port`"),
        (&["workload", "fetch", "--socket", "tcp://localhost:1"], "no address of a Workload API"),
    ];
    for (arguments, words) in table {
        let ran = weft(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.notes);
        assert!(ran.notes.contains(words), "{arguments:?}: {}", ran.notes);
    }
}

fn launched(arguments: &[&str]) -> Next {
    let mut printer = Printer::to(Box::new(std::io::sink()), Box::new(std::io::sink()), None);
    let arguments = std::iter::once(&"weft").chain(arguments).map(Into::into);
    next(arguments, &mut printer).expect("launches")
}

fn server(arguments: &[&str]) -> ServerLaunch {
    match launched(arguments) {
        Next::Server(launch) => launch,
        other => panic!("{other:?}"),
    }
}

fn agent(arguments: &[&str]) -> AgentLaunch {
    match launched(arguments) {
        Next::Agent(launch) => *launch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_needs_the_servers_inside_is_handed_back() {
    let launch =
        server(&["server", "--trust-domain", "a.example", "--set", "x.y=z=1", "--data-dir", "/d"]);
    assert_eq!(launch.job, ServerJob::Serve);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let expected = vec![
        pair("x.y", "z=1"),
        pair("server.data_dir", "/d"),
        pair("server.trust_domain", "a.example"),
    ];
    assert_eq!(launch.sources.overrides, expected);
    let file = PathBuf::from("f");
    let table = [
        (&["config", "check"][..], ServerJob::ConfigCheck),
        (&["config", "render"], ServerJob::ConfigRender),
        (&["keys", "reseal"], ServerJob::KeysReseal),
        (&["backup", "f"], ServerJob::Backup { file: file.clone() }),
        (&["restore", "f"], ServerJob::Restore { file: file.clone(), yes: false }),
        (&["restore", "f", "--yes"], ServerJob::Restore { file, yes: true }),
        (&["doctor"], ServerJob::Doctor { json: false }),
        (&["--output", "json", "doctor"], ServerJob::Doctor { json: true }),
    ];
    for (arguments, job) in table {
        assert_eq!(server(arguments).job, job, "{arguments:?}");
    }
}

#[test]
fn an_agents_flags_are_handed_back_and_its_secrets_are_read_from_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("token");
    std::fs::write(&file, "t0ken\n").expect("written");
    let file = file.display().to_string();
    let launch = agent(&[
        "agent",
        "--server",
        "h:8081",
        "--trust-domain",
        "a.example",
        "--insecure-bootstrap",
        "--join-token-file",
        &file,
        "--set",
        "agent.poll_seconds=9",
    ]);
    assert_eq!(launch.server_address.as_deref(), Some("h:8081"));
    assert_eq!(launch.trust_domain.as_deref(), Some("a.example"));
    assert!(launch.insecure_bootstrap);
    assert_eq!(launch.join_token, Some(crate::wire::join::JoinText::new("t0ken".to_owned())));
    assert_eq!(launch.overrides, vec![("agent.poll_seconds".to_owned(), "9".to_owned())]);
    assert!(!format!("{:?}", agent(&["agent", "--join", "weft-join-1.s3cret"])).contains("s3cret"));
    let pop = agent(&["agent", "--x509pop-cert", "c", "--x509pop-key", "k"]);
    assert_eq!(pop.x509pop, Some((PathBuf::from("c"), PathBuf::from("k"))));
}

#[test]
fn the_name_alone_says_where_to_start_and_help_is_an_answer() {
    let ran = weft(&[]);
    assert!(ran.code == 0 && ran.out.contains("weft token create"), "{}", ran.out);
    let ran = weft(&["--help"]);
    assert!(ran.code == 0 && ran.out.contains("workload") && ran.notes.is_empty(), "{}", ran.out);
    let ran = weft(&["--version"]);
    assert_eq!(ran.out, format!("weft {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_shows_the_servers_address_only_if_it_asks_a_server() {
    let asks = weft(&["entry", "list", "--help"]).out;
    assert!(asks.contains("--server-socket") && asks.contains("--output"), "{asks}");
    for command in [&["server", "--help"][..], &["agent", "--help"], &["config", "check", "--help"]]
    {
        let help = weft(command).out;
        assert!(!help.contains("--server-socket") && help.contains("--config"), "{help}");
    }
    assert!(weft(&["agent", "--help"]).out.contains("--server <ADDR>"));
}

#[test]
fn a_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = weft(&["completion", shell]);
        assert!(
            ran.code == 0 && ran.out.contains("weft") && ran.out.contains("explain"),
            "{shell}"
        );
    }
}

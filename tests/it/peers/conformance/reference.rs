//! The harness against a provider that others wrote: `oidc-provider` from npm.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::op::Op;
use super::{outcomes, told};
use crate::people::Receiver;
use crate::walker::Typed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_agrees_with_an_independent_provider() {
    let (_running, op) = start().await;
    let outcomes = outcomes(&op).await;
    let explained = explained();
    let (mut passed, mut unclaimed, mut unexplained) = (0, 0, Vec::new());
    for (name, verdict) in &outcomes {
        match (verdict, explained.get(number(name))) {
            (Ok(()), None) => passed += 1,
            (Ok(()), Some(_)) => {
                unexplained.push(format!("{name} holds, and is explained all the same"));
            }
            (Err(_), Some((Claim::Not, _))) => unclaimed += 1,
            (Err(_), Some((Claim::Made, _))) => {}
            (Err(why), None) => unexplained.push(format!("{name}: {why}")),
        }
    }
    let claimed = outcomes.len() - unclaimed;
    println!("{}", told(&outcomes));
    println!(
        "proof: reference: {passed} of {claimed} pass, the rest explained ({} items in all)",
        outcomes.len()
    );
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(passed * 100 >= claimed * 85, "{passed} of {claimed}");
}

/// Whether the reference says that it does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Made,
    Not,
}

/// `explained.txt`: number, whether the reference claims it, why it does not hold there.
fn explained() -> BTreeMap<&'static str, (Claim, &'static str)> {
    let lines = include_str!("explained.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let (number, claim, why) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let claim = match claim {
                "unclaimed" => Claim::Not,
                "claimed" => Claim::Made,
                other => panic!("`{other}` is neither `claimed` nor `unclaimed`"),
            };
            (number, (claim, why))
        })
        .collect()
}

fn number(name: &str) -> &str {
    name.split('_').nth(1).unwrap_or_default()
}

async fn start() -> (Child, Op) {
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = super::super::own_certificate(directory.path());
    let port = super::super::free_port();
    let mut child = Command::new("node")
        .arg(weft::testkit::repository().join("tests/peers/oidc/reference.mjs"))
        .args([&port.to_string(), &certificate, &key, &receiver.address()])
        .env("WEFT_PEERS_NODE", super::super::node_modules())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the reference ended") != "listening" {}
    // It ends when it can say nothing more.
    #[expect(clippy::disallowed_methods, reason = "it ends with the program")]
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let http = super::super::trusting(&std::fs::read(&certificate).unwrap());
    let typed = |login: &str| -> Typed {
        [("login", login), ("password", "anything")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    };
    let op = Op::discover(
        &format!("https://localhost:{port}"),
        http,
        (typed("ann"), typed("bob")),
        receiver,
    )
    .await;
    (child, op.unwrap())
}

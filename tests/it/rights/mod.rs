//! Who may do what, at the door: every operation of the admin API and every call of the `node` door, really made by a
//! caller of each sort over real listeners, against the table that is checked in.

mod cross_realm;
pub(crate) mod devices;
mod rest;
mod rpc;
mod world;

use std::fmt::Write as _;

use serde_json::json;

use crate::generated;
use rest::Operation;
use world::{Ask, CALLERS, ONE, World};

const TABLE: &str = "docs/reference/operations.txt";

/// An operation, and its answers in the order of the callers.
type Answers = Vec<(String, Vec<String>)>;

#[tokio::test]
async fn generated_table_of_operations_and_callers_is_what_the_doors_answer() {
    let world = World::new().await;
    let (operations, calls) = (rest::operations(), rpc::calls(&world));
    assert!(operations.len() > 30 && calls.len() > 10, "{operations:?} {calls:?}");
    let mut uncovered = Vec::new();
    let mut all = Answers::new();
    for operation in &operations {
        match asked(&world, operation).await {
            Some(answers) => all.push((operation.name(), answers)),
            None => uncovered.push(operation.name()),
        }
    }
    for call in &calls {
        match called(&world, call).await {
            Some(answers) => all.push((call.clone(), answers)),
            None => uncovered.push(call.clone()),
        }
    }
    assert!(uncovered.is_empty(), "nobody has written a request for {uncovered:?}");
    generated::check(TABLE, &table(&all));

    let known: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
    let rows = rows_of_the_table();
    uncovered
        .extend(rows.iter().map(|(name, _)| name.clone()).filter(|name| !known.contains(name)));
    for name in &known {
        for caller in CALLERS {
            let found = rows.iter().filter(|(row, by)| row == name && by == caller).count();
            if found != 1 {
                uncovered.push(format!("{name} by {caller}: {found} rows"));
            }
        }
    }
    assert!(uncovered.is_empty(), "{uncovered:#?}");
    assert_eq!(rows.len(), known.len() * CALLERS.len());
    println!(
        "proof: operations {} × {} callers = rows in golden; uncovered {}",
        operations.len() + calls.len(),
        CALLERS.len(),
        uncovered.len()
    );
}

async fn asked(world: &World, operation: &Operation) -> Option<Vec<String>> {
    let mut answers = Vec::new();
    for caller in &world.callers {
        let ask = rest::request(world, &ONE, operation).await?;
        answers.push(rest::told(&caller.ask(&ask).await));
    }
    Some(answers)
}

async fn called(world: &World, call: &str) -> Option<Vec<String>> {
    let mut answers = Vec::new();
    for caller in &world.callers {
        let fields = rpc::fields(world, call).await?;
        answers.push(rpc::told(&rpc::call(world, caller, call, fields).await));
    }
    Some(answers)
}

/// The table: at a glance, and then row by row.
fn table(all: &Answers) -> String {
    let mut text = HEAD.to_owned();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    write!(text, "{:width$}", "").unwrap();
    for caller in CALLERS {
        write!(text, "  {caller:<9}").unwrap();
    }
    for (name, answers) in all {
        text.truncate(text.trim_end_matches(' ').len());
        write!(text, "\n{name:width$}").unwrap();
        for answer in answers {
            write!(text, "  {:<9}", glance(answer)).unwrap();
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push_str("\n\n\nWhat each is answered\n");
    for (name, answers) in all {
        text.push('\n');
        for (caller, answer) in CALLERS.iter().zip(answers) {
            writeln!(text, "{name:width$}  {caller:<9}  {answer}").unwrap();
        }
    }
    text
}

const HEAD: &str = "\
Every operation of the admin API and every call of the door `node`, each made by a caller of each sort.

viewer, operator, auditor, admin: workloads that hold this role. registrar: one that registers below a path, and asks
about entries there. agent: an attested agent; its entry is its own. workload: one that holds no role. nobody: no
certificate and no token. The first seven show their X.509-SVID, at the doors `mtls` and `node`.

Written by `make gen` from what a server answered. Look at each line that changed: it is somebody's right.

At a glance: `yes` done, `-` refused, `none` there is no such thing for this caller.

";

fn glance(answer: &str) -> &'static str {
    match answer {
        "200 nothing listed" | "NOT_FOUND" => "none",
        "OK" => "yes",
        _ if answer.starts_with("404") => "none",
        _ if answer.starts_with('2') => "yes",
        _ => "-",
    }
}

/// Operation and caller of each row of the file.
fn rows_of_the_table() -> Vec<(String, String)> {
    let file = weft::testkit::repository().join(TABLE);
    let text = std::fs::read_to_string(file).unwrap();
    let (_, rows) = text.split_once("What each is answered\n").unwrap();
    let row = |line: &str| {
        let mut parts = line.split("  ").map(str::trim).filter(|part| !part.is_empty());
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    };
    rows.lines().filter_map(row).collect()
}

#[tokio::test]
async fn a_registrar_does_nothing_to_entries_outside_of_its_path() {
    let world = World::new().await;
    let registrar = world.callers.iter().find(|caller| caller.name == "registrar").unwrap();
    let (id, entry) = rest::outside(&world).await;
    let path = format!("entries/{id}");
    let moved = json!({"items": [{"op": "update", "id": id, "revision": 0, "entry": entry}]});
    let gone = json!({"items": [{"op": "delete", "id": id}]});
    let table = [
        (Ask::get("entries"), "403 access.denied"),
        (Ask::get(&*path), "404 entry.not_found"),
        (Ask::delete(&*path), "404 entry.not_found"),
        (Ask::post("entries", entry.clone()), "403 access.denied"),
        (Ask::put_new("entries/mine", entry.clone()), "403 access.denied"),
        (
            Ask { condition: Some(("if-match", "*")), ..Ask::put_new(&*path, entry.clone()) },
            "404 entry.not_found",
        ),
        (Ask::post("entries/batch", moved), "404 entry.not_found"),
        (Ask::post("entries/batch", gone), "404 entry.not_found"),
    ];
    for (ask, expected) in table {
        assert_eq!(rest::told(&registrar.ask(&ask).await), expected, "{ask:?}");
    }
    assert_eq!(world.root(&ONE, Ask::get(path)).await["revision"], json!(0));
}

/// Whoever comes with a token instead of a certificate is the same caller. Reading alone is asked for: it changes nothing.
#[tokio::test]
async fn a_token_opens_what_the_certificate_of_the_same_caller_opens() {
    let world = World::new().await;
    let door = world.token_holder();
    for operation in rest::operations().iter().filter(|operation| operation.method == "GET") {
        let ask = rest::request(&world, &ONE, operation).await.unwrap();
        for caller in &world.callers {
            let Some(token) = &caller.token else { continue };
            let bearer = format!("Bearer {token}");
            let by_token = door.ask_with(&ask, &[("authorization", &bearer)]).await;
            let by_certificate = caller.ask(&ask).await;
            let told = (rest::told(&by_token), rest::told(&by_certificate));
            assert_eq!(told.0, told.1, "{} by {}", operation.name(), caller.name);
        }
    }
}

#[tokio::test]
async fn spiffe_032_a_jwt_svid_is_carried_as_bearer_in_the_authorization_header_and_nowhere_else() {
    let world = World::new().await;
    let token = world.callers.iter().find_map(|caller| caller.token.clone()).unwrap();
    let door = world.token_holder();
    let status = Ask::get("status");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {token}");
        let answer = door.ask_with(&status, &[("authorization", &value)]).await;
        assert_eq!(answer.0, 200, "{scheme}: {}", answer.1);
    }
    for value in [token.clone(), format!("Basic {token}"), format!("JWT {token}"), "Bearer".into()]
    {
        let answer = door.ask_with(&status, &[("authorization", &value)]).await;
        assert_eq!(answer.0, 401, "{value}: {}", answer.1);
    }
    let bearer = format!("Bearer {token}");
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    assert_eq!(door.ask_with(&status, &twice).await.0, 400);
    for name in ["cookie", "x-authorization", "proxy-authorization", "sec-websocket-protocol"] {
        assert_eq!(door.ask_with(&status, &[(name, &*bearer)]).await.0, 403, "{name}");
    }
    let in_path = Ask::get(format!("status?access_token={token}"));
    assert_ne!(door.ask(&in_path).await.0, 200);
}

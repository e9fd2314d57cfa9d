//! What the commands about what a policy was and shall be ask and send.

use serde_json::{Value, json};

use super::house::{House, told};

#[test]
fn a_policy_is_put_back_as_it_was_and_let_decide_without_its_shadow() {
    let change = |number: u64, text: &str, before: &str| json!({ "number": number, "time": "2026-01-31T12:00:00Z", "by": "0", "text": text, "before": before });
    let changes = [change(9, "c\n", "b\n"), change(5, "b\n", "a\n")];
    let policy = json!({ "name": "ours", "origin": "realm", "text": "@shadow\npermit (principal, action, resource);\n" });
    let house = House::answering(vec![
        told("GET /policies/ours/history", 200, &json!({ "items": changes, "next_cursor": null })),
        told("POST /policies/ours/rollback", 200, &json!({ "text": "b\n" })),
        told("GET /policies/ours", 200, &policy),
        told("PUT /policies/ours", 200, &policy),
    ]);
    let ran = house.weft(&["policy", "history", "ours"]);
    let numbers: Vec<&str> =
        ran.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((ran.code, numbers), (0, vec!["9", "5"]), "{}", ran.out);
    for (arguments, sent) in [
        (&["policy", "rollback", "ours"][..], json!({})),
        (&["policy", "rollback", "ours", "--before", "5"][..], json!({ "before": 5 })),
    ] {
        assert_eq!(house.weft(arguments).code, 0);
        let asked = house.seen().into_iter().rev().find(|seen| seen.what.starts_with("POST"));
        let body = asked.expect("a rollback").body;
        assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON"), sent);
    }
    assert_eq!(house.weft(&["policy", "enforce", "ours"]).code, 0);
    assert_eq!(house.sent(), json!({ "text": "permit (principal, action, resource);\n" }));
    let nothing = House::answering(Vec::new());
    assert_ne!(nothing.weft(&["policy", "rollback", "ours", "--before", "7"]).code, 0);
}

#[test]
fn what_would_have_become_of_the_decisions_on_record_is_told_in_numbers_and_names() {
    let said = |outcome: &str, by: &str| json!({ "outcome": outcome, "decided_by": [by] });
    let other = json!({
        "event": "ledger:7d0f:1204", "time": "2026-01-31T12:00:00Z", "action": "IssueX509Svid",
        "subject": "spiffe://weft.test/web", "now": said("permit", "issuance/a"), "would": said("deny", "own/b"),
    });
    let answer = json!({ "decisions": 1000, "would_refuse": 12, "would_allow": 3, "refused": [other], "allowed": [] });
    let house = House::answering(vec![told("POST /policy-replays", 200, &answer)]);
    let ran = house.weft(&["policy", "what-if", "--policy", "own", "--recorded"]);
    assert_eq!(ran.code, 0, "{}", ran.notes);
    assert_eq!(house.sent(), json!({ "policies": { "own": null }, "last": 1000 }));
    let told = "of the last 1000 decisions on record this would have refused 12 that were allowed, and allowed 3 that were refused";
    assert!(ran.notes.contains(told), "{}", ran.notes);
    let line = "IssueX509Svid  spiffe://weft.test/web  permit, by issuance/a  deny, by own/b";
    assert!(ran.out.contains(line), "{}", ran.out);
}

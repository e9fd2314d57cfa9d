//! What the commands about what a policy was and shall be ask and send.

use serde_json::{Value, json};

use super::house::{House, told};

#[test]
fn a_policy_is_put_back_as_it_was_and_let_decide_without_its_shadow() {
    let change = |number: u64, kind: &str, about: Value| {
        json!({ "stream": "change", "number": number, "time": "2026-01-31T12:00:00Z", "kind": kind,
            "subject": null, "actor": null, "about": about, "by": { "kind": "Local", "id": "0" },
            "about_erased": false, "by_erased": false })
    };
    let sets = [
        change(9, "access.policy_set", json!({ "name": "ours", "text": "c\n", "before": "b\n" })),
        change(7, "access.policy_set", json!({ "name": "other", "text": "x" })),
        change(5, "access.policy_set", json!({ "name": "ours", "text": "b\n", "before": "a\n" })),
    ];
    let policy = json!({ "name": "ours", "origin": "realm", "text": "@shadow\npermit (principal, action, resource);\n" });
    let answers = || {
        vec![
            told("GET /events", 200, &json!({ "items": sets, "next_cursor": null })),
            told("GET /events", 200, &json!({ "items": [], "next_cursor": null })),
            told("GET /policies/ours", 200, &policy),
            told("PUT /policies/ours", 200, &policy),
        ]
    };
    let house = House::answering(answers());
    let ran = house.weft(&["policy", "history", "ours"]);
    let numbers: Vec<&str> =
        ran.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((ran.code, numbers), (0, vec!["9", "5"]), "{}", ran.out);
    for (arguments, text) in [
        (&["policy", "rollback", "ours"][..], "b\n"),
        (&["policy", "rollback", "ours", "--before", "5"][..], "a\n"),
        (&["policy", "enforce", "ours"][..], "permit (principal, action, resource);\n"),
    ] {
        let house = House::answering(answers());
        assert_eq!(house.weft(arguments).code, 0);
        assert_eq!(house.sent(), json!({ "text": text }));
    }
    let house = House::answering(answers());
    assert_eq!(house.weft(&["policy", "rollback", "ours", "--before", "7"]).code, 1);
}

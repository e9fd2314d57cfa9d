//! What the default policies make of the posture of a device, surface by surface: the table in docs/reference/gates.md.

use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../docs/reference/gates.md");

/// The cells of the table whose first heading is this, its head first.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let head = format!("| {heading} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&head));
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim).collect();
    let rows = rows.take_while(|line| line.starts_with('|')).map(cells);
    rows.filter(|row: &Vec<&str>| row[0] != "---").collect()
}

/// A device of the first table; nothing for whoever has none.
fn device(row: &[&str]) -> Option<Standing> {
    let [name, level, score, confidence, locked, ends] = row else { panic!("{row:?}") };
    let share = |text: &str| text.parse().ok().map(|percent: u16| BasisPoints::new(percent * 100));
    let ends =
        ends.strip_suffix(" s").map(|text| now().plus(Lifetime::seconds(text.parse().unwrap())));
    let known = Standing {
        level: Level::parse(level).unwrap(),
        score: share(score),
        confidence: share(confidence).unwrap_or(BasisPoints::ZERO),
        locked: *locked == "yes",
        expires: ends.unwrap_or(Timestamp::FOREVER),
        ..standing(Level::High)
    };
    (*name != "no device").then_some(known)
}

/// The question of each surface, by its name in the table.
fn surfaces() -> Vec<(&'static str, Ask)> {
    let text = |text: &str| Owned::Text(text.to_owned());
    let (ada, agent, device) = ("/user/ada", "/spire/agent/a", "/device/d");
    let app = |action| Ask::new(workload(ada), action, "Client", &id("/app"));
    let sign_in = || app("SignIn");
    let to_administer = |ask: Ask| {
        ask.with("administration", Owned::Flag(true)).with("assurance", Owned::Number(2))
    };
    let tokens = |grant: &str, source: &str| {
        app("IssueTokens").with("grant", text(grant)).with("source", text(source))
    };
    let admin_tokens =
        tokens("authorization_code", "session").with("administration", Owned::Flag(true));
    let client =
        Ask { asker: Asker::nobody(), ..tokens("client_credentials", "client_authentication") };
    let svid = |asker, action, to: &str, kind: &str, source: &str| {
        let ask = Ask::new(asker, action, "Svid", &id(to));
        ask.with("subject", text(kind)).with("source", text(source))
    };
    let node = || Asker::node(&id(agent));
    let (x509, jwt) = ("IssueX509Svid", "IssueJwtSvid");
    let renewing = Asker::device(&id(device));
    let api = |action, resource| Ask::new(workload(ada), action, resource, &id("/web"));
    vec![
        ("sign-in", sign_in()),
        (
            "sign-in with a password, of a person who has a passkey",
            sign_in().with("passkey", Owned::Flag(true)),
        ),
        ("sign-in to administer", to_administer(sign_in())),
        ("consent", app("Consent")),
        ("consent to an application that administers", to_administer(app("Consent"))),
        ("tokens for a code", tokens("authorization_code", "session")),
        ("tokens for a refresh token", tokens("refresh_token", "token")),
        ("tokens to administer", admin_tokens),
        ("logout token", tokens("logout", "session")),
        ("tokens of a client for itself", client.with("subject", text("client"))),
        ("X.509-SVID of a person", svid(workload(ada), x509, ada, "user", "token")),
        ("JWT-SVID of a person", svid(workload(ada), jwt, ada, "user", "token")),
        (
            "X.509-SVID of a workload",
            svid(node(), x509, "/web", "workload", "workload_attestation"),
        ),
        ("JWT-SVID of a workload", svid(node(), jwt, "/web", "workload", "workload_attestation")),
        ("agent's SVID on attestation", svid(Asker::nobody(), x509, agent, "node", "join_token")),
        ("agent's SVID on renewal", svid(node(), x509, agent, "node", "possession")),
        ("device's SVID on enrolment", svid(Asker::nobody(), x509, device, "device", "enrolment")),
        ("device's SVID on renewal", svid(renewing, x509, device, "device", "possession")),
        ("admin API: read", api("ReadEntry", "Entry")),
        ("admin API: read events", api("ReadEvents", "Events")),
        ("admin API: daily work", api("BanAgent", "Agent")),
        ("admin API: entries", api("CreateEntry", "Entry")),
        ("admin API: rights and policies", api("SetPolicy", "Policy")),
    ]
}

/// What the default policies answer, as a cell of the table says it, and the policies of `posture` that decided.
fn answer(realm: &RealmRights, ask: &Ask) -> (String, Vec<String>) {
    let request = match ask.context.get("subject") {
        Some(Owned::Text(kind)) if kind == "client" => {
            Request { principal: ("Client", "app"), ..ask.request() }
        }
        _ => ask.request(),
    };
    let question = realm.question(ask.action, &request, now()).unwrap();
    let told = question.explain().unwrap();
    assert_eq!(question.decide(), told.outcome, "{ask:?}");
    let by = told.decided_by.iter().filter_map(|(id, _)| id.strip_prefix("posture/"));
    let by: Vec<String> = by.map(str::to_owned).collect();
    let said = match told.outcome {
        Ok(Lifetime::ZERO) => "yes".to_owned(),
        Ok(ceiling) => format!("{} s", ceiling.as_seconds()),
        Err(Error::StepUp { .. }) => format!("step-up: {}", by.join(", ")),
        Err(Error::Denied { .. }) => format!("no: {}", by.join(", ")),
        Err(Error::Broken { reason }) => panic!("{ask:?}: {reason}"),
    };
    (said, by)
}

#[test]
fn the_default_policies_decide_as_the_table_says() {
    let realm = realm(vec![bind("a", Holder::Spiffe(id("/user/ada")), Given::Admin)], &[]);
    let devices = table("device");
    let (expected, surfaces) = (table("surface"), surfaces());
    let names: Vec<&str> = devices[1..].iter().map(|row| row[0]).collect();
    assert_eq!(expected[0][1..], names);
    let told: Vec<&str> = expected[1..].iter().map(|row| row[0]).collect();
    assert_eq!(told, surfaces.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let (mut right, mut wrong, mut used) = (0, Vec::new(), BTreeSet::new());
    for ((name, ask), row) in surfaces.iter().zip(&expected[1..]) {
        for (device_row, cell) in devices[1..].iter().zip(&row[1..]) {
            let (said, by) = answer(&realm, &Ask { standing: device(device_row), ..ask.clone() });
            used.extend(by);
            if said == *cell {
                right += 1;
            } else {
                wrong.push(format!("{name}, {}: `{said}` and not `{cell}`", device_row[0]));
            }
        }
    }
    let rules = SHIPPED.1.rules.iter().filter_map(|rule| rule.id.strip_prefix("posture/"));
    let rules: BTreeSet<String> = rules.map(str::to_owned).collect();
    println!(
        "proof: gates × surfaces: {} default policies × {} surfaces, decided as the table says {right}/{}",
        rules.len(),
        surfaces.len(),
        surfaces.len() * names.len(),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(used, rules, "each of them decides something in the table");
}

//! Documents that are good, documents that are not, with the line, and what deliveries say by them.

use serde_json::json;

use super::*;

const GOOD: &str = "device = \"/device/id\"\ntime = \"/at\"\n\n[devices]\nC02 = \"dev_0123456789abcdef0123456789abcdef\"\n\n\
    [[signal]]\nname = \"disk_encryption\"\npointer = \"/disk\"\ngood = true\n\n\
    [[signal]]\nname = \"endpoint_protection\"\npointer = \"/edr/score\"\nrange = [0, 100]\n\n\
    [[signal]]\nname = \"os_supported\"\npointer = \"/os\"\nvalues = { current = 10000, old = 5000 }\n";
const NOW: Timestamp = Timestamp::from_seconds(1_772_323_200);
const DEVICE: &str = "dev_0123456789abcdef0123456789abcdef";

fn said(body: &Value) -> Result<Vec<(String, Option<u16>)>, String> {
    let text = body.to_string();
    let read = parse(GOOD).unwrap().read(text.as_bytes(), NOW).map_err(|why| why.0)?;
    assert_eq!(read.0.to_string(), DEVICE);
    Ok(read.1.signals.into_iter().map(|signal| (signal.signal, signal.value)).collect())
}

#[test]
fn a_mistake_is_named_with_its_line_and_what_would_be_right() {
    for (good, bad, line, why) in [
        ("device = \"/device/id\"", "device = \"device\"", 1, "begins with `/`"),
        ("device = \"/device/id\"\n", "", 1, "missing field `device`"),
        ("time = \"/at\"", "tiem = \"/at\"", 2, "tiem"),
        ("dev_0123456789abcdef0123456789abcdef", "C02", 5, "dev_…"),
        ("name = \"disk_encryption\"", "name = \"Disk\"", 8, "a name is 1 to 63"),
        ("good = true", "good = \"yes\"", 10, "invalid type"),
        ("good = true", "", 8, "one of `good`, `values` and `range`"),
        ("good = true", "good = true\nrange = [0, 1]", 8, "one of `good`"),
        ("name = \"endpoint_protection\"", "name = \"disk_encryption\"", 13, "there twice"),
        ("[0, 100]", "[7, 7]", 15, "differ"),
        ("[0, 100]", "[0]", 15, "invalid length"),
        ("current = 10000", "current = 10001", 20, "0 to 10000"),
        ("[[signal]]", "[[signal", 7, "unclosed"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        let error = parse(&GOOD.replacen(good, bad, 1)).unwrap_err();
        assert!(error.why.contains(why), "{bad}: {error}");
        assert_eq!(error.line, line, "{bad}: {error}");
    }
    let head = GOOD.split_once("[[signal]]").unwrap().0;
    assert!(parse(head).unwrap_err().why.contains("1 to 64 signals"));
    let long = format!("{GOOD}#{}", "x".repeat(DOCUMENT_BYTES_MAX));
    assert!(parse(&long).unwrap_err().why.contains("64 KiB"));
}

#[test]
fn a_delivery_says_what_the_document_maps_and_nothing_of_what_it_does_not_mention() {
    let all = json!({"device": {"id": DEVICE}, "disk": true, "edr": {"score": 73}, "os": "old"});
    let signal = |name: &str, value| (name.to_owned(), value);
    let expected = [
        signal("disk_encryption", Some(10_000)),
        signal("endpoint_protection", Some(7_300)),
        signal("os_supported", Some(5_000)),
    ];
    assert_eq!(said(&all).unwrap(), expected);
    let named = |more: Value| {
        let mut body = json!({"device": {"id": "C02"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said(&body)
    };
    for (more, value) in [
        (json!({"disk": false}), Some(0)),
        (json!({"disk": "yes"}), None),
        (json!({"disk": null}), None),
    ] {
        assert_eq!(named(more).unwrap(), [signal("disk_encryption", value)]);
    }
    for (score, value) in [
        (json!(0), Some(0)),
        (json!(100), Some(10_000)),
        (json!(250), Some(10_000)),
        (json!(-1), Some(0)),
        (json!("42.9"), Some(4_200)),
        (json!(42.9), Some(4_200)),
        (json!(i64::MAX), Some(10_000)),
        (json!(1e300), None),
        (json!([1]), None),
    ] {
        let read = named(json!({"edr": {"score": score}})).unwrap();
        assert_eq!(read, [signal("endpoint_protection", value)]);
    }
    assert_eq!(named(json!({"os": "other"})).unwrap(), [signal("os_supported", None)]);
    for (body, why) in [
        (json!({"disk": true}), "names no device"),
        (json!({"device": {"id": ""}, "disk": true}), "names no device"),
        (json!({"device": {"id": "C03"}, "disk": true}), "no device is known"),
        (json!({"device": {"id": "C02"}}), "nothing of what"),
        (json!({"device": {"id": "C02"}, "disk": true, "at": "soon"}), "its time"),
    ] {
        let told = said(&body).unwrap_err();
        assert!(told.contains(why), "{body}: {told}");
    }
    assert!(parse(GOOD).unwrap().read(b"{", NOW).is_err());
}

#[test]
fn what_is_said_is_as_old_as_the_older_of_what_it_says_itself_and_what_was_signed() {
    let mapping = parse(GOOD).unwrap();
    let at = |time: Value| {
        let body = json!({"device": {"id": "C02"}, "disk": true, "at": time}).to_string();
        mapping.read(body.as_bytes(), NOW).unwrap().1.collected_at.0.seconds()
    };
    assert_eq!(at(json!("2026-02-28T23:00:00Z")), NOW.seconds() - 3600);
    assert_eq!(at(json!("2026-03-01T01:00:00+02:00")), NOW.seconds() - 3600);
    assert_eq!(at(json!(1_772_319_600)), NOW.seconds() - 3600);
    assert_eq!(at(json!(1_772_319_600_000_i64)), NOW.seconds() - 3600);
    assert_eq!(at(json!("2027-01-01T00:00:00Z")), NOW.seconds(), "and never younger");
}

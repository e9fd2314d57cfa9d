//! What a browser says of itself, in words that its owner recognises.

use crate::http::pages::Look;

/// `Firefox · Linux`. A hint for people and nothing else: anybody may send any text here.
pub fn device(look: &Look, agent: &str) -> String {
    let browser = BROWSERS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => look.say("device-unknown"),
    }
}

/// What a text has in it, first match first: each browser also names those it wants to be taken for.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("weft/", "weft"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap, Uri};

    use super::*;

    #[test]
    fn a_browser_is_named_as_its_owner_calls_it() {
        let look = Look::of(&HeaderMap::new(), &Extensions::new(), &Uri::from_static("/"));
        let check = |agent: &str, expected: &str| {
            let words = device(&look, agent);
            assert_eq!(words, expected, "{agent}");
        };
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox · Linux",
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge · Windows",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605.1",
            "Safari · iPhone",
        );
        check("curl/8.0", "Unknown device");
        check("<script>", "Unknown device");
    }
}

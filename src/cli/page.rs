//! The one page that this program shows in a browser: a sentence.

/// Kept by nobody, framed by nobody, and it runs nothing.
pub(super) const HEADERS: [(&str, &str); 5] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
];

/// The page that says this; the words are our own.
pub(super) fn page(words: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Weft</title>\
         <meta name=viewport content='width=device-width'>\
         <style>body{{font:1.1rem/1.5 system-ui;color-scheme:light dark;margin:20vh auto;max-width:30em;padding:0 1em}}</style>\
         <h1>Weft</h1><p>{words}</p></html>"
    )
}

//! What is made from the code and checked in stays what the code says. `WEFT_GENERATE=1 cargo test generated` writes it.

use std::sync::Arc;

use weft::env::{SystemClock, SystemEntropy};
use weft::server::{Ports, Server, Settings, openapi};
use weft::settings::{Environment, render};
use weft::telemetry::Metrics;

/// Compares with the file, or writes it where that was asked for.
pub(crate) fn check(path: &str, text: &str) {
    let file = weft::testkit::repository().join(path);
    if std::env::var_os("WEFT_GENERATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(&file, text).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "`{path}` is not what the code says: run `WEFT_GENERATE=1 cargo test generated`"
    );
}

#[test]
fn generated_settings_are_those_of_the_types() {
    check("config/weft.toml", &render::<Settings>());
}

#[tokio::test]
async fn generated_description_of_the_api_is_that_of_the_routes() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut settings = Settings::default();
    settings.server.data_dir = Some(directory.path().to_owned());
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy::default()),
        environment: Environment::of([]),
        metrics: Metrics::start().expect("metrics"),
    };
    let server = Server::build(settings, ports).await.expect("built");
    let mut text = openapi(&server).to_pretty_json().expect("a document");
    text.push('\n');
    check("docs/reference/openapi.json", &text);
}

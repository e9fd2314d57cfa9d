//! Chromium and axe-core look at every page: both colours, both directions, small and large.

use tokio::net::TcpListener;
use weft::testkit::{gallery, repository};

use super::{node_modules, run_beside};

#[derive(serde::Deserialize)]
struct Counts {
    pages: usize,
    looked: usize,
    serious: usize,
    scroll: usize,
    blocked: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_can_be_used_by_everybody_everywhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = axum::serve(listener, gallery::routes()).into_future();

    let script = repository().join("tests/peers/pages/examine.mjs");
    let modules = format!("WEFT_PEERS_NODE={}", node_modules().display());
    let mut arguments = vec![modules, "node".to_owned(), script.display().to_string(), address];
    // To write the pictures of the documentation anew: WEFT_SCREENSHOTS=docs/screenshots.
    if let Some(folder) = std::env::var_os("WEFT_SCREENSHOTS") {
        arguments.push(folder.into_string().unwrap());
    }
    let told = tokio::select! {
        told = run_beside("env", arguments) => told,
        ended = serving => panic!("the gallery has closed: {ended:?}"),
    };

    let (findings, counts) = told.trim_end().rsplit_once('\n').unwrap_or(("", told.trim_end()));
    let counts: Counts = serde_json::from_str(counts).unwrap();
    let Counts { pages, looked, serious, scroll, blocked } = counts;
    println!("{findings}");
    assert!(pages >= 30, "only {pages} pages are in the gallery");
    assert_eq!(looked, pages * 8, "each page in each way");
    println!(
        "proof: pages {pages} × {{light,dark}} × {{en,ar}} × {{320,1280}}: axe serious {serious}, \
         horizontal scroll {scroll}"
    );
    assert_eq!((serious, scroll, blocked), (0, 0, 0), "{findings}");
}

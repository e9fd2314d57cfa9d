//! Clocks that disagree: nothing is believed, and the difference is named.

use std::sync::Arc;

use weft::env::{Clock, SystemClock};
use weft::kernel::Lifetime;
use weft::testkit::{ShiftedClock, TestAgent, TestDatabase, TestServer, engines};
use weft::wire::join::JoinText;

/// What is wrong, the agent's clock, the server's, and the difference that is named.
type Case = (&'static str, Arc<dyn Clock>, Arc<dyn Clock>, [&'static str; 2]);

#[tokio::test]
async fn a_clock_an_hour_off_is_refused_and_named() {
    let hour = Lifetime::hours(1);
    let right = || Arc::new(SystemClock::new());
    let ahead = || Arc::new(ShiftedClock::ahead(hour));
    let behind = || Arc::new(ShiftedClock::behind(hour));
    // The certificate that is looked at lives for ten minutes.
    let (ended, begins) =
        (["ended 50 min", "ended 51 min"], ["begins in 59 min", "begins in 58 min"]);
    let cases: [Case; 4] = [
        ("the agent's is ahead", ahead(), right(), ended),
        ("the agent's is behind", behind(), right(), begins),
        ("the server's is ahead", right(), ahead(), begins),
        ("the server's is behind", right(), behind(), ended),
    ];
    for (case, agents, servers, differences) in cases {
        let database = TestDatabase::new(engines()[0]).await;
        let short = |all: &mut weft::server::Settings| all.svid.server_seconds = 600;
        let server = TestServer::start_by(servers, &database, short).await;
        let join = JoinText::new(server.join_string().await);
        let mut agent = TestAgent::start_by(agents, &server, |own| own.join = Some(join));
        let why = agent.ended().await.unwrap_err().to_string();
        assert!(why.contains("clock of this machine"), "{case}: {why}");
        assert!(differences.iter().any(|words| why.contains(words)), "{case}: {why}");
        assert!(server.agents().is_empty(), "{case}: it was let in");
    }
}

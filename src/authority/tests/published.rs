//! Published before it signs: for how long, and what shortens that.

use super::*;

#[tokio::test]
async fn everybody_connected_having_the_bundle_is_seen_and_shortens_no_wait() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let authority = &replica.authority;
        let agent = |name: &str| {
            SpiffeId::parse(&format!("spiffe://weft.test/spire/agent/{name}")).unwrap()
        };
        authority.seen(REALM, &agent("a"), sequence(&replica));
        authority.seen(REALM, &agent("b"), 0);
        let mut prepared = Vec::new();
        for purpose in [Purpose::X509, Purpose::JwtSvid] {
            prepared.push(authority.prepare(root(), line(purpose)).await.unwrap().id);
        }
        replica.load().await;
        let published = sequence(&replica);
        authority.seen(REALM, &agent("a"), published);
        authority.seen(REALM, &agent("a"), 1);
        assert_eq!(authority.read(root()).unwrap().arrival, Arrival { have: 1, connected: 2 });
        authority.left(REALM, &agent("b"));
        assert_eq!(authority.read(root()).unwrap().arrival, Arrival { have: 1, connected: 1 });
        assert_eq!(rotate(&replica).await, 0);
        for id in prepared {
            let early = authority.activate(root(), id, false).await;
            assert!(matches!(early, Err(Error::TooEarly { .. })), "b may come back: {early:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_x509_authority_signs_when_every_agent_svid_of_before_has_ended_and_the_server_moves_with_it()
 {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let authority = &replica.authority;
        let settings = crate::nodes::Settings::default();
        let next = authority.prepare(root(), line(Purpose::X509)).await.unwrap();
        replica.load().await;
        // The last SVID that an agent got before it went off, the bundle being as old as polling lets it be.
        replica.clock.advance(Lifetime::seconds(settings.svid_seconds));
        let early = authority.activate(root(), next.id, false).await;
        assert!(matches!(early, Err(Error::TooEarly { .. })), "{early:?}");
        replica.clock.advance(Settings::default().refresh_hint());
        assert_eq!(authority.activate(root(), next.id, false).await.unwrap().state, State::Active);
    })
    .await;
}

#[tokio::test]
async fn whoever_knows_the_authorities_of_a_day_knows_the_server_until_the_time_that_is_told_and_not_after()
 {
    on_each_database(async |database| {
        let replica = KeysReplica::over(database, 1, short()).await;
        replica.load().await;
        rotate(&replica).await;
        // Of a day with one authority, and of a day whose next one is published.
        for prepared in [false, true] {
            while states(&replica, Purpose::X509).contains(&"prepared") != prepared {
                replica.clock.advance(Lifetime::seconds(1));
                rotate(&replica).await;
            }
            let known = replica.authority.bundle(REALM).unwrap();
            let until = replica.authority.known_until(REALM);
            assert!(until > replica.clock_now().plus(Lifetime::seconds(15)));
            while replica.clock_now() < until {
                assert!(verifies(&leaf(&replica), known.roots(), replica.clock_now()), "{until:?}");
                replica.clock.advance(Lifetime::seconds(1));
                rotate(&replica).await;
            }
            assert!(!verifies(&leaf(&replica), known.roots(), replica.clock_now()), "{until:?}");
        }
    })
    .await;
}

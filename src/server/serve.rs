//! From built to open, and back: load, follow, first authorities, doors; at the stop in the other order.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, Weak};

use futures_util::future::BoxFuture;

use super::build::{Ports, Server};
use super::doors::{Addresses, Doors};
use super::follow::{follow, load};
use super::react::{Changed, react};
use super::realm_doors::RealmDoor;
use super::settings::Settings;
use super::sight::{SEEN, Sight};
use super::{wait_for_database, web_certificate};
use crate::access::{Refused, Shadowed};
use crate::accounts::Mail;
use crate::authority::RealmNames;
use crate::authority::jobs::Rotation;
use crate::env::Env;
use crate::jobs::deliveries::{Deliveries, DeliveryHandler};
use crate::jobs::{Nudge, Past, Reconciler, RemovePast, Summary};
use crate::kernel::{Failure, Fault, Kind, Lifetime, RealmId, TrustDomain};
use crate::oauth::{MtlsPlace, SendLogoutToken};
use crate::posture::FreshReports;
use crate::realms::{Issuer, Realm};
use crate::upstreams::RevokeTokens;
use crate::workloads::jobs::RemoveExpired;

/// A server that is open.
#[derive(Debug)]
pub struct Running {
    /// The server.
    pub server: Arc<Server>,
    /// Where it listens.
    pub addresses: Addresses,
}

impl Running {
    /// Builds and opens a server, as soon as its database is there. When this returns it serves.
    pub async fn start(settings: Settings, ports: Ports) -> Result<Self, Failure> {
        // Boxed: all settings are in it, and in everything that waits for it.
        let server = Box::pin(wait_for_database::build(settings, ports)).await?;
        let database = server.health.component("database");
        let authorities = server.health.component("authorities");
        server.events.prepare(RealmId::SYSTEM).await?;
        server.open_realm(RealmId::SYSTEM).await?;
        database.well(SEEN);
        server.found_default().await?;
        server.open_new_realms().await?;
        server.add_jobs()?;
        let ledger = server.health.component("ledger");
        let sight = Sight { server: Arc::downgrade(&server), database, ledger };
        sight.look(&server);
        server.reconcilers.add(Arc::new(sight), &Nudge::default());
        server.reconcilers.start(&server.tasks);
        authorities.well("signing");
        let doors = Doors::bind(&server)?;
        let addresses = doors.addresses.clone();
        // Set once: a server binds its doors once.
        let _first = server.node_bound.set(reachable(addresses.node));
        let advertised = server.settings.listen.mtls_advertised.clone();
        let port = MtlsPlace::Port(addresses.mtls.port());
        server.oauth.reached_at(advertised.map_or(port, MtlsPlace::Advertised));
        doors.open(&server);
        Ok(Self { server, addresses })
    }

    /// Stops: nothing new is accepted, what is in flight is finished, what was recorded is copied if it can be.
    pub async fn stop(self) {
        let within = Lifetime::seconds(i64::from(self.server.settings.server.stop_seconds));
        self.server.workloads.say_goodbye_to_all();
        self.server.tasks.stop(within).await;
        if let Err(fault) = self.server.events.close().await {
            tracing::warn!(cause = %fault, "the ledger keeps what could not be copied until the next start");
        }
    }
}

impl Server {
    async fn found_default(&self) -> Result<(), Failure> {
        let server = &self.settings.server;
        let wrong = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new(Kind::Invalid, "settings.server", format!("`server.{what}`: {error}"))
        };
        let domain = TrustDomain::parse(&server.trust_domain)
            .map_err(|error| wrong("trust_domain", &error))?;
        let issuer = Issuer::parse(&server.issuer).map_err(|error| wrong("issuer", &error))?;
        self.realms.found(domain, issuer).await?;
        Ok(())
    }

    /// Opens every realm that has a row and no door yet; also called when a realm was made while running.
    pub(super) async fn open_new_realms(self: &Arc<Self>) -> Result<usize, Failure> {
        let mut opened = 0;
        for realm in self.realms.all() {
            if self.door(realm.id).is_none() {
                self.open_hosted(&realm).await?;
                opened += 1;
            }
        }
        if opened > 0 {
            // Its keys of tokens are not there yet: nobody waits for the next round.
            self.rotation.nudge();
        }
        Ok(opened)
    }

    async fn open_hosted(self: &Arc<Self>, realm: &Realm) -> Result<(), Failure> {
        let id = realm.id;
        self.events.prepare(id).await?;
        self.authority.open(realm_names(realm))?;
        self.open_realm(id).await?;
        self.authority.rotate(id).await?;
        let door = Arc::new(RealmDoor::new(self, id)?);
        door.certificates
            .renew(self.env.clock.now())
            .await
            .map_err(|error| Failure::from(Fault::bug(error)))?;
        self.doors.write().unwrap_or_else(PoisonError::into_inner).insert(id, door);
        Ok(())
    }

    async fn open_realm(self: &Arc<Self>, realm: RealmId) -> Result<(), Fault> {
        self.access.open(realm);
        let cursor = load(self, realm).await?;
        self.tasks.spawn_until_stop("workloads.agents", self.workloads.clone().watch_realm(realm));
        let changed = Arc::<Changed>::default();
        let (server, heard) = (Arc::clone(self), Arc::clone(&changed));
        self.tasks.spawn_until_stop("follow", follow(server, realm, cursor, changed));
        self.tasks.spawn_until_stop("react", react(Arc::clone(self), realm, heard));
        Ok(())
    }

    /// The server owns its reconcilers, so they hold it weakly: a server that stopped leaves nothing behind.
    fn add_jobs(self: &Arc<Self>) -> Result<(), Failure> {
        self.events.add_jobs(&self.reconcilers);
        let shadowed = Shadowed { access: self.access.clone(), events: self.events.clone() };
        self.reconcilers.add(Arc::new(shadowed), &Nudge::default());
        let refused = Refused { access: self.access.clone(), events: self.events.clone() };
        self.reconcilers.add(Arc::new(refused), &self.access.refused());
        self.reconcilers
            .add(Arc::new(RemoveExpired::new(self.workloads.clone())), &Nudge::default());
        self.tasks.spawn_until_stop("workloads.time", self.workloads.clone().watch_time());
        self.remove_past(self.containments.clone());
        self.remove_past(self.accounts.clone());
        self.remove_past(self.sessions.clone());
        self.remove_past(self.signin.clone());
        self.remove_past(self.upstreams.clone());
        self.remove_past(self.oauth.clone());
        let events = self.events.clone();
        let fresh = FreshReports::new(self.posture.clone(), move || events.realms());
        self.reconcilers.add(Arc::new(fresh), &Nudge::default());
        self.reconcilers.add(Arc::new(Rotation(self.authority.clone())), &self.rotation);
        self.reconcilers.add(Arc::new(Certificates(Arc::downgrade(self))), &Nudge::default());
        self.reconcilers.add(Arc::new(NewRealms(Arc::downgrade(self))), &Nudge::default());
        let certificate = web_certificate::Changed(Arc::downgrade(self));
        self.reconcilers.add(Arc::new(certificate), &Nudge::default());
        self.reconcilers.add(Arc::new(Activations(Arc::downgrade(self))), &Nudge::default());
        self.reconcilers.add(Arc::new(Retention(Arc::downgrade(self))), &Nudge::default());
        self.reconcilers.add(Arc::new(self.deliveries()?), &self.accounts.posted());
        Ok(())
    }

    fn remove_past(&self, slice: impl Past + 'static) {
        let events = self.events.clone();
        let job = RemovePast::new(slice, move || events.realms());
        self.reconcilers.add(Arc::new(job), &Nudge::default());
    }

    /// Each slice that posts deliveries brings its handler.
    fn deliveries(&self) -> Result<Deliveries, Failure> {
        let events = self.events.clone();
        let Env { db, clock, .. } = self.env.clone();
        let handlers: Vec<Arc<dyn DeliveryHandler>> = vec![
            Arc::new(Mail::new(self.accounts.clone())?),
            Arc::new(SendLogoutToken(self.oauth.clone())),
            Arc::new(RevokeTokens(self.upstreams.clone())),
        ];
        Ok(Deliveries::new(db, clock, move || events.realms(), handlers))
    }
}

/// A bound address as others on this machine can dial it: the unspecified one is every one.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

pub(super) fn realm_names(realm: &Realm) -> RealmNames {
    RealmNames {
        realm: realm.id,
        trust_domain: realm.trust_domain.clone(),
        issuer: Arc::from(realm.issuer.as_str()),
    }
}

/// The server's own certificates, renewed at half their life and when another authority signs.
struct Certificates(Weak<Server>);

impl Reconciler for Certificates {
    fn name(&self) -> &'static str {
        "server.certificates"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(2)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let Some(server) = self.0.upgrade() else { return Ok(Summary::nothing()) };
            let now = server.env.clock.now();
            let mut renewed = 0;
            for realm in server.realms.all() {
                if let Some(door) = server.door(realm.id) {
                    renewed += u64::from(door.certificates.renew(now).await.map_err(Fault::bug)?);
                }
            }
            Ok(Summary::did(renewed, "server certificates renewed"))
        })
    }
}

/// Realms that were made while this replica runs.
struct NewRealms(Weak<Server>);

impl Reconciler for NewRealms {
    fn name(&self) -> &'static str {
        "server.realms"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let Some(server) = self.0.upgrade() else { return Ok(Summary::nothing()) };
            let opened = server.open_new_realms().await.map_err(Fault::bug)?;
            Ok(Summary::did(u64::try_from(opened).unwrap_or(u64::MAX), "realms opened"))
        })
    }
}

/// Changes that no follower will ask for any more: one that is further behind takes everything anew.
struct Retention(Weak<Server>);

impl Reconciler for Retention {
    fn name(&self) -> &'static str {
        "server.change_retention"
    }

    fn period(&self) -> Lifetime {
        Lifetime::hours(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let Some(server) = self.0.upgrade() else { return Ok(Summary::nothing()) };
            let before = server.env.clock.now().minus(CHANGES_KEPT);
            let mut forgotten = 0;
            for realm in server.realms.all().iter().map(|realm| realm.id).chain([RealmId::SYSTEM]) {
                forgotten += server.env.db.forget_changes_before(realm, before).await?;
            }
            Ok(Summary::did(forgotten, "changes forgotten"))
        })
    }
}

/// SVIDs that agents were seen to use, written to their rows.
struct Activations(Weak<Server>);

impl Reconciler for Activations {
    fn name(&self) -> &'static str {
        "nodes.activations"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(5)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let Some(server) = self.0.upgrade() else { return Ok(Summary::nothing()) };
            let mut written = 0;
            for realm in server.realms.all() {
                written += server.nodes.write_activations(realm.id).await.map_err(Fault::bug)?;
            }
            Ok(Summary::did(u64::try_from(written).unwrap_or(u64::MAX), "activations written"))
        })
    }
}

/// Followers catch up in seconds; a replica that was off for a month reads everything anew.
const CHANGES_KEPT: Lifetime = Lifetime::days(30);

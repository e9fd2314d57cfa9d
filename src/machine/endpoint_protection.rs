//! Whether a program runs that watches for intruders: by the services that systemd keeps processes for.

use super::{Root, Seen, Signal, Unknown, services};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct EndpointProtection;

impl Signal for EndpointProtection {
    fn name(&self) -> &'static str {
        "endpoint_protection"
    }

    fn source(&self) -> &'static str {
        services::SLICE
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        judge(|service| services::runs(root, service))
    }
}

/// Which services run.
pub fn judge(runs: impl Fn(&str) -> Result<bool, Unknown>) -> Result<Seen, Unknown> {
    for (service, name) in SERVICES {
        if runs(service)? {
            return Seen::good(format!("{name} runs (`{service}`)"));
        }
    }
    Seen::bad("none that is known runs")
}

/// Services under the names that their makers give them. A name proves nothing: see the class of the signal.
pub const SERVICES: [(&str, &str); 7] = [
    ("falcon-sensor", "CrowdStrike Falcon"),
    ("mdatp", "Microsoft Defender"),
    ("sentinelone", "SentinelOne"),
    ("ElasticEndpoint", "Elastic Defend"),
    ("wazuh-agent", "Wazuh"),
    ("clamav-daemon", "ClamAV"),
    ("clamd@scan", "ClamAV"),
];

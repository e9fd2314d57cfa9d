//! The rows of the table: what is asked of the server, how many at once, and what must hold.

/// What one call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Nothing: the gRPC health check, over the same connections.
    Empty,
    /// X.509-SVIDs for so many entries.
    X509(u32),
    /// A JWT-SVID.
    Jwt,
    /// A new connection and nothing over it but an empty call: what every attestation begins with.
    Connect,
    /// A new connection, and a new agent with a join token.
    Attest,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    /// Calls in flight.
    pub(crate) flight: usize,
    /// Calls a window: about a second of the server's CPU.
    pub(crate) calls: usize,
    /// Whether the server that is asked keeps its ledger.
    pub(crate) recorded: bool,
    /// Least share of raw crypto and an empty call in the cost, in per cent.
    pub(crate) share: Option<u32>,
    /// Least operations in a second of the server's CPU.
    pub(crate) rate: Option<u32>,
}

impl Row {
    const fn new(name: &'static str, call: Call, flight: usize, calls: usize) -> Self {
        Self { name, call, flight, calls, recorded: true, share: None, rate: None }
    }

    const fn share(self, least: u32) -> Self {
        Self { share: Some(least), ..self }
    }

    const fn rate(self, least: u32) -> Self {
        Self { rate: Some(least), ..self }
    }

    const fn unrecorded(self) -> Self {
        Self { recorded: false, ..self }
    }

    /// True for what other rows are compared with.
    pub(crate) fn is_baseline(&self) -> bool {
        self.call == Call::Empty
    }

    /// Operations in one call.
    pub(crate) fn each(&self) -> u32 {
        match self.call {
            Call::X509(count) => count,
            _ => 1,
        }
    }
}

/// What the field's reference server makes in a second of CPU on such a machine, tuned: the targets are multiples of it.
mod reference {
    pub(super) const X509: u32 = 1350;
    pub(super) const X509_BY_10: u32 = 2200;
    pub(super) const JWT: u32 = 1900;
    pub(super) const ATTESTATION: u32 = 450;
}

const JWT: &str = "JWT-SVID";
pub(crate) const JWT_UNRECORDED: &str = "JWT-SVID without its event";
const X509_BY_50: &str = "X.509-SVID, batches of 50";
const X509_BY_10: &str = "X.509-SVID, batches of 10";
const X509: &str = "X.509-SVID, one by one";
const ATTESTATION: &str = "attestation by join token";

/// All of them, in the order in which they are measured and printed.
pub(crate) const ROWS: &[Row] = &[
    Row::new("empty call", Call::Empty, 64, 20_000),
    Row::new("empty call", Call::Empty, 8, 20_000),
    Row::new("empty call", Call::Empty, 4, 15_000),
    Row::new(X509_BY_50, Call::X509(50), 64, 256).share(75),
    Row::new(X509_BY_50, Call::X509(50), 4, 200),
    Row::new(X509_BY_10, Call::X509(10), 64, 1_000).rate(3 * reference::X509_BY_10),
    Row::new(X509_BY_10, Call::X509(10), 4, 1_000).rate(3 * reference::X509_BY_10),
    Row::new(X509, Call::X509(1), 64, 6_000).rate(4 * reference::X509),
    Row::new(X509, Call::X509(1), 4, 5_000).rate(3 * reference::X509),
    Row::new(JWT, Call::Jwt, 64, 10_000).share(65).rate(6 * reference::JWT),
    Row::new(JWT, Call::Jwt, 8, 8_000),
    Row::new(JWT, Call::Jwt, 4, 8_000).rate(4 * reference::JWT),
    Row::new(JWT_UNRECORDED, Call::Jwt, 64, 10_000).unrecorded().share(85),
    Row::new(JWT_UNRECORDED, Call::Jwt, 8, 8_000).unrecorded(),
    Row::new("new connection", Call::Connect, 4, 800),
    Row::new(ATTESTATION, Call::Attest, 64, 640).rate(3 * reference::ATTESTATION),
    Row::new(ATTESTATION, Call::Attest, 4, 640).rate(3 * reference::ATTESTATION),
];

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
    /// Nothing, of the public door: OPTIONS of the token endpoint, over the same connections as the calls below.
    Options,
    /// A token for a machine: `client_credentials`.
    Machine,
    /// The next tokens of a person, and another refresh token.
    Refresh,
    /// What a token is worth that was asked about before.
    SeenToken,
    /// What a token is worth that nobody has asked about.
    NewToken,
    /// A person signs in by password: six requests from the application's address to its code.
    SignIn,
}

/// Which server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `weft server`.
    Product,
    /// The same as a part of this program, with a ledger that keeps nothing.
    Unrecorded,
    /// The same as a part of this program, with a person in it.
    People,
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
    /// Who is asked.
    pub(crate) place: Place,
    /// Least share of raw crypto and an empty call in the cost, in per cent; of a sign-in, of the hash alone.
    pub(crate) share: Option<u32>,
    /// Least operations in a second of the server's CPU.
    pub(crate) rate: Option<u32>,
}

impl Row {
    const fn new(name: &'static str, call: Call, flight: usize, calls: usize) -> Self {
        Self { name, call, flight, calls, place: Place::Product, share: None, rate: None }
    }

    const fn share(self, least: u32) -> Self {
        Self { share: Some(least), ..self }
    }

    const fn rate(self, least: u32) -> Self {
        Self { rate: Some(least), ..self }
    }

    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// True for what other rows are compared with.
    pub(crate) fn is_baseline(&self) -> bool {
        matches!(self.call, Call::Empty | Call::Options)
    }

    /// The empty call over the same transport.
    pub(crate) fn baseline(&self) -> Call {
        match self.call {
            Call::Empty | Call::X509(_) | Call::Jwt | Call::Connect | Call::Attest => Call::Empty,
            _ => Call::Options,
        }
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
const MACHINE: &str = "client_credentials";
const MACHINE_UNRECORDED: &str = "the same without its event";
pub(crate) const SIGN_IN: &str = "sign-in by password";

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
    Row::new(JWT_UNRECORDED, Call::Jwt, 64, 10_000).at(Place::Unrecorded).share(85),
    Row::new(JWT_UNRECORDED, Call::Jwt, 8, 8_000).at(Place::Unrecorded),
    Row::new("new connection", Call::Connect, 4, 800),
    Row::new(ATTESTATION, Call::Attest, 64, 640).rate(3 * reference::ATTESTATION),
    Row::new(ATTESTATION, Call::Attest, 4, 640).rate(3 * reference::ATTESTATION),
    Row::new("empty call, public door", Call::Options, 64, 20_000),
    Row::new("empty call, public door", Call::Options, 8, 20_000),
    Row::new(MACHINE, Call::Machine, 64, 8_000).share(65),
    Row::new(MACHINE_UNRECORDED, Call::Machine, 64, 8_000).at(Place::Unrecorded).share(85),
    Row::new("introspection, token seen", Call::SeenToken, 64, 10_000).rate(10_000),
    Row::new("introspection, cold", Call::NewToken, 64, 5_000).rate(4_000),
    Row::new("refresh with rotation", Call::Refresh, 64, 4_000).at(Place::People).rate(5_000),
    Row::new("refresh with rotation", Call::Refresh, 8, 4_000).at(Place::People),
    Row::new(SIGN_IN, Call::SignIn, 8, 64).at(Place::People).share(85),
];

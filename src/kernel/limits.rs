//! Every input has a limit, every limit a reason. Sizes are bytes, counts are items.
//!
//! A limit that belongs to one slice alone may live there; what two rooms must agree on lives here.

/// Longest SPIFFE ID accepted and emitted (SPIFFE-ID §2.3).
pub const SPIFFE_ID_BYTES_MAX: usize = 2048;
/// Longest trust domain name (SPIFFE-ID §2.3).
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// Selectors of one registration entry or one agent. SPIRE has no bound; the subset test is linear in this.
pub const SELECTORS_MAX: usize = 64;
/// Longest selector type or value. A Kubernetes label (63 + 253 + 63) fits with room.
pub const SELECTOR_BYTES_MAX: usize = 1024;
/// Longest client-chosen entry id, as in SPIRE.
pub const ENTRY_ID_BYTES_MAX: usize = 255;
/// Longest client id: a host name with a prefix fits.
pub const CLIENT_ID_BYTES_MAX: usize = 128;
/// Longest name of an upstream: one label of a host name.
pub const UPSTREAM_ID_BYTES_MAX: usize = 63;
/// Longest hint of an SVID (SPIFFE Workload API §8).
pub const HINT_BYTES_MAX: usize = 1024;
/// DNS names in one entry; each becomes a SAN and each costs every handshake.
pub const DNS_NAMES_MAX: usize = 64;
/// Longest DNS name (RFC 1035 §2.3.4).
pub const DNS_NAME_BYTES_MAX: usize = 253;
/// Trust domains one entry federates with.
pub const FEDERATES_WITH_MAX: usize = 64;
/// Audiences of one JWT-SVID.
pub const AUDIENCES_MAX: usize = 16;
/// Longest single audience: a URL fits.
pub const AUDIENCE_BYTES_MAX: usize = 2048;
/// Largest certificate signing request: an RSA-8192 key and some extensions fit.
pub const CSR_BYTES_MAX: usize = 16 * 1024;
/// Longest JWT accepted before any of it is decoded.
pub const JWT_BYTES_MAX: usize = 16 * 1024;
/// Certificates in a chain that a peer shows (CVE-class: path-building exhaustion).
pub const CHAIN_CERTIFICATES_MAX: usize = 5;
/// Items in one batch call of the node API, as in SPIRE.
pub const BATCH_ITEMS_MAX: usize = 500;
/// Entries in one page of a sync reply, as in SPIRE.
pub const SYNC_PAGE_ENTRIES: usize = 500;
/// Largest attestation payload (an `x509pop` chain of five RSA-8192 certificates fits).
pub const ATTESTATION_BYTES_MAX: usize = 64 * 1024;
/// Largest form of a page: a consent with its scopes, or what an authenticator answers; larger is answered with 413.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// Largest admin API request body: 500 entries of the largest sensible size.
pub const ADMIN_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Items on one page of an admin listing.
pub const PAGE_ITEMS_MAX: usize = 500;
/// Seconds every certificate and token is backdated: nodes with slow clocks reject one from the future.
pub const BACKDATE_SECONDS: i64 = 10;
/// Largest bundle document accepted.
pub const BUNDLE_BYTES_MAX: usize = 1024 * 1024;
/// Longest free text an administrator may give as a reason.
pub const REASON_BYTES_MAX: usize = 512;

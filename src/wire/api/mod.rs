//! The JSON documents of the admin REST API, `/api/v1`: one file a noun, shared by the server and the command line.
//!
//! Owns: the form of each document. Does not own: what the texts in it may be (handlers parse IDs, selectors and names
//! into kernel types and say which field is wrong), rights, or storage.
//!
//! | method and path | asks | answers |
//! | --- | --- | --- |
//! | `GET /realms` | [`PageQuery`] | [`Page`] of [`Realm`] |
//! | `POST /realms` | [`RealmInput`] | 201 [`Realm`] |
//! | `GET /realms/{name}` | | [`Realm`] |
//! | `GET /brand` | | [`Brand`]: of the realm of the request |
//! | `PUT /brand` | [`Brand`] | 200 [`Brand`] |
//! | `DELETE /brand` | | 204; pages say the realm's name again |
//! | `GET /entries` | [`EntryQuery`] | [`Page`] of [`Entry`] |
//! | `POST /entries` | [`EntryInput`] | 201 [`Entry`] |
//! | `GET /entries/{id}` | | [`Entry`], `ETag: "<revision>"` |
//! | `PUT /entries/{id}` | [`EntryInput`]; `If-None-Match: *` creates with this id, `If-Match: "<revision>"` updates | 201 or 200 [`Entry`] |
//! | `DELETE /entries/{id}` | `If-Match` if wanted | 204 |
//! | `POST /entries/batch` | [`BatchRequest`], at most 500 items | 200 [`BatchAnswer`], one result an item, in order |
//! | `POST /entries/explain` | [`ExplainRequest`] | [`Explanation`] |
//! | `GET /agents` | [`AgentQuery`] | [`Page`] of [`Agent`] |
//! | `GET /agents/{number}` | `sub_…` | [`Agent`] |
//! | `DELETE /agents/{number}` | evicts | 204 |
//! | `POST /agents/{number}/ban` | no body | 200 [`Agent`] |
//! | `GET /join-tokens` | [`PageQuery`] | [`Page`] of [`JoinToken`] |
//! | `POST /join-tokens` | [`JoinTokenInput`] | 201 [`NewJoinToken`], the only answer with the secret |
//! | `GET /join-tokens/{id}` | `jtk_…` | [`JoinToken`] |
//! | `PUT /join-tokens/{id}` | [`JoinTokenInput`], `If-None-Match: *` | 201 [`NewJoinToken`] |
//! | `DELETE /join-tokens/{id}` | revokes | 204 |
//! | `GET /bundles` | [`PageQuery`] | [`Page`] of [`BundleSummary`] |
//! | `GET /bundles/{trust_domain}` | | the SPIFFE bundle document, [`BundleDocument`] |
//! | `PUT /bundles/{trust_domain}` | a SPIFFE bundle document | 200 [`BundleSummary`] |
//! | `DELETE /bundles/{trust_domain}` | | 204 |
//! | `GET /authorities` | | [`Page`] of [`Authority`] |
//! | `POST /authorities/prepare` | [`PrepareAuthority`] | 201 [`Authority`] |
//! | `POST /authorities/{id}/activate` | [`ActivateAuthority`] | 200 [`Authority`] |
//! | `POST /authorities/{id}/taint`, `…/revoke` | no body | 200 [`Authority`] |
//! | `GET /events` | [`EventQuery`] | [`Page`] of [`Event`], newest first |
//! | `GET /role-bindings` | [`PageQuery`] | [`Page`] of [`RoleBinding`] |
//! | `POST /role-bindings` | [`RoleBinding`] | 201 [`RoleBinding`] |
//! | `DELETE /role-bindings/{name}` | | 204 |
//! | `GET /policies` | [`PageQuery`] | [`Page`] of [`Policy`] |
//! | `GET /policies/{name}` | | [`Policy`], `ETag` by digest |
//! | `PUT /policies/{name}` | [`PolicyInput`] | 200 or 201 [`Policy`] |
//! | `DELETE /policies/{name}` | | 204; the shipped policy of that name counts again |
//! | `GET /policies/{name}/history` | [`PageQuery`] | [`Page`] of [`PolicyChange`] |
//! | `POST /policies/{name}/rollback` | [`PolicyRollback`] | 200 [`PolicyInput`]; 204 where there was none of the realm's own |
//! | `POST /policy-replays` | [`PolicyReplayInput`] | 200 [`PolicyReplay`]: which decisions on record would have gone the other way |
//! | `POST /policy-trials` | [`PolicyTrialInput`] | 200 [`PolicyTrial`]: what policies say to given facts |
//! | `GET /containments` | [`PageQuery`] | [`Page`] of [`Containment`] |
//! | `POST /containments` | [`NewContainment`] | 201 [`Containment`] |
//! | `DELETE /containments` | [`ReleaseQuery`] | 204 |
//! | `GET /clients` | [`PageQuery`] | [`Page`] of [`Client`] |
//! | `POST /clients` | [`ClientInput`] | 201 [`NewClient`], with its secret |
//! | `GET /clients/{id}` | | [`Client`], `ETag: "<revision>"` |
//! | `PUT /clients/{id}` | [`ClientInput`]; `If-None-Match: *` makes it, `If-Match` replaces | 201 [`NewClient`] or 200 [`Client`] |
//! | `POST /clients/{id}/rotate-secret` | [`RotateSecret`] | 200 [`NewClient`], with its new secret |
//! | `DELETE /clients/{id}` | `If-Match` if wanted | 204 |
//! | `GET /users` | [`UserQuery`] | [`Page`] of [`User`] |
//! | `POST /users` | [`UserInput`] | 201 [`User`], `ETag: "<revision>"` |
//! | `GET /users/{id}` | `usr_…` | [`User`], `ETag: "<revision>"` |
//! | `PATCH /users/{id}` | [`UserPatch`], `If-Match` if wanted | [`User`] |
//! | `DELETE /users/{id}` | `If-Match` if wanted | 204; everything of them is erased |
//! | `POST /users/{id}/lock`, `…/unlock`, `…/reset-credentials` | no body | 200 [`User`] |
//! | `GET /users/{id}/export` | | everything that is known of them |
//! | `POST /users/{id}/verification` | no body | 204: a letter is on its way to the person's e-mail address |
//! | `POST /users/{id}/enrolment-link` | no body | 201 [`EnrolmentLink`], the only answer with it |
//! | `GET /groups` | [`PageQuery`] | [`Page`] of [`Group`] |
//! | `GET`, `PUT /groups/{id}` | [`GroupInput`] | 200 [`Group`] |
//! | `DELETE /groups/{id}` | | 204 |
//! | `GET /groups/{id}/members` | [`PageQuery`] | [`Page`] of ids of users |
//! | `PUT`, `DELETE /groups/{id}/members/{user}` | no body | 204 |
//! | `GET /sessions` | [`SessionListQuery`] | [`Page`] of [`Session`], newest first |
//! | `DELETE /sessions` | [`SessionQuery`]: signs the person out everywhere | 204 |
//! | `GET /sessions/{id}` | `ses_…` | [`Session`] |
//! | `DELETE /sessions/{id}` | ends it | 204 |
//! | `GET /posture-models` | [`PageQuery`] | [`Page`] of [`PostureModel`], newest first |
//! | `GET /posture-models/active` | | [`PostureModel`], `ETag` of its document |
//! | `PUT /posture-models/active` | [`PostureModelInput`], `If-Match` if wanted | 200 [`PostureModel`] |
//! | `GET /posture-models/{number}` | 0 is the shipped one | [`PostureModel`] |
//! | `POST /posture-model-trials` | [`PostureModelTrialInput`] | 200 [`PostureModelTrial`]; changes nothing |
//! | `POST /posture-replays` | [`PostureReplayInput`] | 200 [`PostureReplay`]; changes nothing |
//! | `GET /posture-sources` | [`PageQuery`] | [`Page`] of [`PostureService`] |
//! | `GET /posture-sources/{name}` | | [`PostureService`] |
//! | `PUT /posture-sources/{name}` | [`PostureServiceInput`]; `If-None-Match: *` only creates | 201 or 200 [`PostureServiceMade`] |
//! | `POST /posture-sources/{name}/rotate` | [`PostureServiceRotation`] | 200 [`PostureServiceMade`] |
//! | `DELETE /posture-sources/{name}` | | 204 |
//! | `GET /upstreams` | [`PageQuery`] | [`Page`] of [`Upstream`] |
//! | `GET /upstreams/{id}` | | [`Upstream`], `ETag: "<revision>"` |
//! | `PUT /upstreams/{id}` | [`UpstreamInput`]; `If-None-Match: *` creates, `If-Match: "<revision>"` updates | 201 or 200 [`Upstream`] |
//! | `DELETE /upstreams/{id}` | `If-Match` if wanted | 204 |
//! | `POST /upstreams/{id}/test` | [`UpstreamTestInput`] | 200 [`UpstreamTest`] |
//! | `GET /upstreams/{id}/tokens/{user}` | `usr_…` | 200 [`UpstreamTokens`] |
//! | `GET /deliveries` | [`PageQuery`] | [`Page`] of [`Delivery`], what is not delivered yet |
//! | `POST /deliveries/{id}/retry` | no body | 202 [`Delivery`] |
//! | `GET /devices` | [`DeviceQuery`] | [`Page`] of [`Device`] |
//! | `GET /devices/{id}` | `dev_…` | [`Device`], `ETag: "<revision>"` |
//! | `POST /devices/{id}/lock`, `…/release`, `…/retire` | [`DeviceReason`], `If-Match` if wanted | 200 [`Device`] |
//! | `POST /devices/enrol` | [`DeviceEnrolment`]; by whoever has a token | 201 [`DeviceSvid`] |
//! | `POST /devices/self/svid` | [`DeviceRenewal`]; by a device's own SVID | 200 [`DeviceSvid`] |
//! | `GET /devices/{id}/posture`, for the device itself `GET /devices/self/posture` | | [`DevicePosture`](super::posture::DevicePosture) |
//! | `POST /devices/self/reports` | [`Report`](super::posture::Report), `Content-Encoding: gzip` if wanted | 200 [`ReportAnswer`](super::posture::ReportAnswer) |
//! | `POST /devices/self/agent` | [`DeviceAgent`]; by a device's own SVID | 200 [`BoundAgent`] |
//! | `GET /device-tokens` | [`PageQuery`] | [`Page`] of [`DeviceToken`] |
//! | `POST /device-tokens` | [`DeviceTokenInput`] | 201 [`NewDeviceToken`], the only answer with the secret |
//! | `GET /device-tokens/{id}` | `dtk_…` | [`DeviceToken`] |
//! | `PUT /device-tokens/{id}` | [`DeviceTokenInput`], `If-None-Match: *` | 201 [`NewDeviceToken`] |
//! | `DELETE /device-tokens/{id}` | revokes | 204 |
//! | `GET /whoami` | | [`Whoami`] |
//! | `GET /status` | | [`Status`] |
//!
//! Beside it, on the public door and by a person's access token: `POST /user/svid` asks [`PersonX509Ask`] and answers
//! [`PersonX509Svid`]; `POST /user/jwt-svid` asks [`PersonJwtAsk`] and answers [`PersonJwtSvid`]; `POST /user/devices` asks
//! [`PersonDeviceAsk`] and answers [`PersonDevice`], 201 once the device is enrolled and 202 while it waits.
//!
//! Invariants:
//! - Names are `snake_case`, times RFC 3339 text in UTC ([`Time`]), spans whole seconds in a field that ends in `_seconds`,
//!   ids carry their prefix. A selector is one text, `type:value`.
//! - What comes in refuses members it does not know, so that a typing error is no silent default; what is answered may
//!   grow members, so a client ignores those it does not know.
//! - Every failure is a [`Problem`] (RFC 9457), `application/problem+json`.
//! - The realm of a request is the host name's; where several realms share a door (the local socket), [`REALM_HEADER`]
//!   names it.

mod agents;
mod authorities;
mod bundles;
mod clients;
mod containments;
mod deliveries;
mod devices;
mod entries;
mod events;
mod explain;
mod join_tokens;
mod page;
mod policies;
mod policy_replays;
mod policy_trials;
mod posture_models;
mod problem;
mod realms;
mod roles;
mod services;
mod sessions;
mod status;
mod svids;
#[cfg(test)]
mod tests;
mod time;
mod upstreams;
mod users;

pub use agents::{Agent, AgentQuery};
pub use authorities::{
    ActivateAuthority, Authority, AuthorityAlgorithm, AuthorityPurpose, AuthorityState,
    PrepareAuthority, Seen,
};
pub use bundles::{BundleDocument, BundleSummary};
pub use clients::{Client, ClientInput, ClientResource, NewClient, RotateSecret};
pub use containments::{Containment, NewContainment, ReleaseQuery};
pub use deliveries::{Delivery, DeliveryState};
pub use devices::{
    BoundAgent, Device, DeviceAgent, DeviceClass, DeviceEnrolment, DeviceEvidence, DeviceQuery,
    DeviceReason, DeviceRenewal, DeviceState, DeviceSvid, DeviceToken, DeviceTokenInput,
    NewDeviceToken, PersonDevice, PersonDeviceAsk,
};
pub use entries::{
    BatchAnswer, BatchItem, BatchRequest, BatchResult, Entry, EntryInput, EntryQuery,
    SelectorsMatch,
};
pub use events::{Event, EventQuery};
pub use explain::{
    ExplainRequest, ExplainedAgent, ExplainedEntry, Explanation, NearEntry, Obstacle,
};
pub use join_tokens::{JoinToken, JoinTokenInput, NewJoinToken};
pub use page::{Page, PageQuery};
pub use policies::{Policy, PolicyInput, PolicyOrigin};
pub use policy_replays::{
    PolicyChange, PolicyReplay, PolicyReplayInput, PolicyRollback, ReplayedDecision,
};
pub use policy_trials::{
    NamedDevice, PolicyAnswer, PolicyCase, PolicyCaseDevice, PolicyCases, PolicyOutcome,
    PolicyTrial, PolicyTrialInput, TriedCase,
};
pub use posture_models::{
    PostureModel, PostureModelFall, PostureModelInput, PostureModelLoss, PostureModelMove,
    PostureModelTrial, PostureModelTrialInput, PostureModelUntold, PostureReplay,
    PostureReplayInput, ReplayDifference,
};
pub use problem::Problem;
pub use realms::{Brand, Realm, RealmInput};
pub use roles::{RoleBinding, RoleGrant, RoleName};
pub use services::{
    PostureDelivered, PostureDelivery, PostureService, PostureServiceInput, PostureServiceMade,
    PostureServiceRotation,
};
pub use sessions::{Session, SessionListQuery, SessionQuery};
pub use status::{Component, Counts, Health, ListenerName, ProofKind, Status, Whoami};
pub use svids::{PersonJwtAsk, PersonJwtSvid, PersonX509Ask, PersonX509Svid};
pub use time::Time;
pub use upstreams::{
    ClientAuthentication, EmailTrust, PrivateNetwork, Upstream, UpstreamInput, UpstreamSettings,
    UpstreamTest, UpstreamTestInput, UpstreamTestOutcome, UpstreamTokens, UpstreamUsage,
};
pub use users::{
    EnrolmentLink, Group, GroupInput, Patch, User, UserAttribute, UserFactors, UserIdentifier,
    UserInput, UserPatch, UserProof, UserQuery, UserState,
};

/// Where the API lives below the listener's root.
pub const ROOT: &str = "/api/v1";
/// Names the realm of a request where the host name does not.
pub const REALM_HEADER: &str = "weft-realm";
/// The media type of [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

//! Our `.proto` files describe the wire that the rest of the world speaks.
//!
//! The descriptions that others ship are found through `cargo metadata`: the package `spire-api`
//! carries SPIRE's own files, the package `spiffe` that of the Workload API. Where both sides
//! describe a message, ours holds every field of theirs with the same number, name, label and type.
//! What only we have is listed here line by line, so that nothing of our own slips into a protocol
//! that belongs to others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

/// What SPIRE has added since the files in `spire-api` 0.11.
const NEWER_THAN_SPIRE_API: &[&str] = &[
    "spire.api.server.agent.v1.PostStatusRequest 2 agent_version",
    "spire.api.server.entry.v1.EntryRevision 3 created_at",
    "spire.api.types.AdditionalAttributes 1 disable_x509_svid_prefetch",
    "spire.api.types.AdditionalAttributes 2 jwt_svid_include_jti",
    "spire.api.types.Bundle 6 wit_authorities",
    "spire.api.types.BundleMask 6 wit_authorities",
    "spire.api.types.Entry 16 additional_attributes",
    "spire.api.types.EntryMask 16 additional_attributes",
    "spire.api.types.WITKey 1 public_key",
    "spire.api.types.WITKey 2 key_id",
    "spire.api.types.WITKey 3 expires_at",
    "spire.api.types.WITKey 4 tainted",
    "spire.api.types.WITSVID 1 token",
    "spire.api.types.WITSVID 2 id",
    "spire.api.types.WITSVID 3 expires_at",
    "spire.api.types.WITSVID 4 issued_at",
    "spire.api.types.WITSVID 5 hint",
];

/// The incubating part of the Workload API, which `spiffe` 0.19 does not know
/// (SPIFFE_Workload_API.md §7).
const NEWER_THAN_SPIFFE: &[&str] = &[
    "SpiffeWorkloadAPI/FetchWITBundles",
    "SpiffeWorkloadAPI/FetchWITSVID",
    "WITBundlesResponse 1 bundles",
    "WITBundlesResponse.BundlesEntry 1 key",
    "WITBundlesResponse.BundlesEntry 2 value",
    "WITSVID 1 spiffe_id",
    "WITSVID 2 wit_svid",
    "WITSVID 3 wit_svid_key",
    "WITSVID 4 hint",
    "WITSVIDRequest 1 spiffe_id",
    "WITSVIDResponse 1 svids",
];

/// The calls that SPIRE's agents make, all of which we serve.
const AGENT_CALLS: [&str; 9] = [
    "spire.api.server.agent.v1.Agent/AttestAgent",
    "spire.api.server.agent.v1.Agent/PostStatus",
    "spire.api.server.agent.v1.Agent/RenewAgent",
    "spire.api.server.bundle.v1.Bundle/GetBundle",
    "spire.api.server.bundle.v1.Bundle/GetFederatedBundle",
    "spire.api.server.entry.v1.Entry/GetAuthorizedEntries",
    "spire.api.server.entry.v1.Entry/SyncAuthorizedEntries",
    "spire.api.server.svid.v1.SVID/BatchNewX509SVID",
    "spire.api.server.svid.v1.SVID/NewJWTSVID",
];

#[test]
fn the_node_api_is_the_one_that_spire_describes() {
    let sdk = package("spire-api").join("spire-api-sdk/proto");
    let theirs = Wire::of(&compile(
        &sdk,
        &[
            "spire/api/server/agent/v1/agent.proto",
            "spire/api/server/bundle/v1/bundle.proto",
            "spire/api/server/entry/v1/entry.proto",
            "spire/api/server/svid/v1/svid.proto",
            "spire/api/types/status.proto",
        ],
    ));
    let ours = Wire::of(&decode(weft_proto::SPIRE_DESCRIPTORS));

    assert_eq!(ours.differences(&theirs), [""; 0]);
    assert_eq!(ours.beyond(&theirs), NEWER_THAN_SPIRE_API);
    assert_eq!(ours.calls.keys().collect::<Vec<_>>(), AGENT_CALLS.iter().collect::<Vec<_>>());
}

#[test]
fn spiffe_093_the_workload_api_is_the_one_that_clients_describe() {
    let theirs = Wire::of(&compile(&package("spiffe").join("src/proto"), &["workload.proto"]));
    let ours = Wire::of(&decode(weft_proto::WORKLOAD_DESCRIPTORS));

    assert_eq!(ours.differences(&theirs), [""; 0]);
    assert_eq!(ours.beyond(&theirs), NEWER_THAN_SPIFFE);
    for call in theirs.calls.keys() {
        assert!(ours.calls.contains_key(call), "we do not serve `{call}`");
    }
}

#[test]
fn the_push_stream_uses_the_same_shared_types() {
    let node = Wire::of(&decode(weft_proto::NODE_DESCRIPTORS));
    let spire = Wire::of(&decode(weft_proto::SPIRE_DESCRIPTORS));

    assert_eq!(node.differences(&spire), [""; 0]);
    let own = node.beyond(&spire);
    let foreign: Vec<_> = own.iter().filter(|line| !line.starts_with("weft.node.v1.")).collect();
    assert!(foreign.is_empty(), "outside of `weft.node.v1`: {foreign:?}");
}

/// No dependency of ours describes `google.rpc.Status`, so this one is spelled out byte by byte
/// (fields 1, 2 and 3; in `Any`, 1 and 2), as an agent finds it in `grpc-status-details-bin`.
#[test]
fn a_refused_agent_finds_the_reason_in_the_status_details() {
    use weft_proto::spire::api::types::{PermissionDeniedDetails, permission_denied_details};

    let reason = permission_denied_details::Reason::AgentBanned.into();
    let details = prost_types::Any::from_msg(&PermissionDeniedDetails { reason }).unwrap();
    let status = weft_proto::google::rpc::Status {
        code: tonic::Code::PermissionDenied.into(),
        message: "banned".to_owned(),
        details: vec![details],
    };

    let mut expected = b"\x08\x07\x12\x06banned\x1a\x41\x0a\x3b".to_vec();
    expected.extend(b"type.googleapis.com/spire.api.types.PermissionDeniedDetails");
    expected.extend(b"\x12\x02\x08\x04");
    assert_eq!(status.encode_to_vec(), expected);
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let honest = decode(weft_proto::SPIRE_DESCRIPTORS);
    let check = |what: &str, edit: fn(&mut FieldDescriptorProto)| {
        let mut edited = honest.clone();
        edit(field(&mut edited, "NewJWTSVIDRequest", "audience"));
        let seen = Wire::of(&edited).differences(&Wire::of(&honest));
        assert_eq!(seen.len(), 1, "{what}: {seen:?}");
    };

    check("another number", |field| field.number = Some(7));
    check("another name", |field| field.name = Some("audiences".to_owned()));
    check("another label", |field| {
        field.set_label(prost_types::field_descriptor_proto::Label::Optional)
    });
    check("another type", |field| field.set_type(prost_types::field_descriptor_proto::Type::Bytes));
    check("another presence", |field| field.proto3_optional = Some(true));

    let mut edited = honest.clone();
    field(&mut edited, "AttestAgentRequest", "challenge_response").oneof_index = None;
    assert_eq!(Wire::of(&edited).differences(&Wire::of(&honest)).len(), 1);

    let mut edited = honest.clone();
    let file = edited.file.iter_mut().find(|file| !file.service.is_empty()).unwrap();
    file.service[0].method[0].server_streaming = Some(false);
    assert_eq!(Wire::of(&edited).differences(&Wire::of(&honest)).len(), 1);
}

/// What two programs must agree on to understand each other.
#[derive(Default)]
struct Wire {
    /// `message number` or `enum number` → everything else about it.
    fields: BTreeMap<(String, i32), String>,
    /// `service/method` → what goes in and comes out.
    calls: BTreeMap<String, String>,
}

impl Wire {
    fn of(descriptors: &FileDescriptorSet) -> Self {
        let mut wire = Self::default();
        for file in &descriptors.file {
            if file.package() == "google.protobuf" {
                continue;
            }
            file.message_type.iter().for_each(|message| wire.message(file.package(), message));
            file.enum_type.iter().for_each(|value| wire.enumeration(file.package(), value));
            file.service.iter().for_each(|service| wire.service(file.package(), service));
        }
        wire
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = within(scope, message.name());
        for field in &message.field {
            let choice = field
                .oneof_index
                .map_or("", |index| message.oneof_decl[usize::try_from(index).unwrap()].name());
            let text = format!(
                "{} {:?} {:?} {} json={} oneof={choice} optional={}",
                field.name(),
                field.label(),
                field.r#type(),
                field.type_name(),
                field.json_name(),
                field.proto3_optional(),
            );
            self.fields.insert((name.clone(), field.number()), text);
        }
        message.nested_type.iter().for_each(|nested| self.message(&name, nested));
        message.enum_type.iter().for_each(|nested| self.enumeration(&name, nested));
    }

    fn enumeration(&mut self, scope: &str, enumeration: &EnumDescriptorProto) {
        let name = within(scope, enumeration.name());
        for value in &enumeration.value {
            self.fields.insert((name.clone(), value.number()), value.name().to_owned());
        }
    }

    fn service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        for method in &service.method {
            let text = format!(
                "{} stream={} -> {} stream={}",
                method.input_type(),
                method.client_streaming(),
                method.output_type(),
                method.server_streaming(),
            );
            let name = format!("{}/{}", within(scope, service.name()), method.name());
            self.calls.insert(name, text);
        }
    }

    /// What `theirs` says about a message or call of ours, and we say otherwise or not at all.
    fn differences(&self, theirs: &Self) -> Vec<String> {
        let shared: BTreeSet<_> = self.fields.keys().map(|(message, _)| message).collect();
        let fields = theirs
            .fields
            .iter()
            .filter(|((message, _), _)| shared.contains(message))
            .filter(|(key, text)| self.fields.get(*key) != Some(text))
            .map(|(key, text)| format!("{key:?}: `{text}`, ours: {:?}", self.fields.get(key)));
        let calls = theirs
            .calls
            .iter()
            .filter(|(name, text)| self.calls.get(*name).is_some_and(|ours| ours != *text))
            .map(|(name, text)| format!("{name}: `{text}`, ours: {:?}", self.calls.get(name)));
        fields.chain(calls).collect()
    }

    /// What we say and `theirs` does not.
    fn beyond(&self, theirs: &Self) -> Vec<String> {
        let fields = self.fields.iter().filter(|(key, _)| !theirs.fields.contains_key(*key)).map(
            |((message, number), text)| {
                format!("{message} {number} {}", text.split(' ').next().unwrap())
            },
        );
        let calls = self.calls.keys().filter(|name| !theirs.calls.contains_key(*name)).cloned();
        let mut lines: Vec<_> = fields.chain(calls).collect();
        lines.sort();
        lines
    }
}

fn within(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn decode(descriptors: &[u8]) -> FileDescriptorSet {
    FileDescriptorSet::decode(descriptors).unwrap()
}

fn compile(folder: &Path, files: &[&str]) -> FileDescriptorSet {
    protox::compile(files, [folder]).unwrap()
}

fn field<'a>(
    descriptors: &'a mut FileDescriptorSet,
    message: &str,
    field: &str,
) -> &'a mut FieldDescriptorProto {
    descriptors
        .file
        .iter_mut()
        .flat_map(|file| &mut file.message_type)
        .filter(|candidate| candidate.name() == message)
        .flat_map(|message| &mut message.field)
        .find(|candidate| candidate.name() == field)
        .unwrap()
}

/// The folder of a package that the workspace depends on.
fn package(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let manifest = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == name)
        .unwrap_or_else(|| panic!("the workspace does not depend on `{name}`"))["manifest_path"]
        .as_str()
        .unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}

//! The code in `src/gen/` is what the `.proto` files in `api/` say.
//!
//! `make gen` runs this test with `WEFT_GENERATE=1`, and then it writes the files instead of
//! comparing them. There is no other way in which they are made.

use std::{collections::BTreeMap, fs, path::Path};

use prost::Message as _;

/// Files that are generated together, and what their descriptors are called.
struct Group {
    name: &'static str,
    protos: &'static [&'static str],
}

const GROUPS: [Group; 4] = [
    Group { name: "status", protos: &["google/rpc/status.proto"] },
    Group { name: "workload", protos: &["spiffe/workload.proto"] },
    Group {
        name: "spire",
        protos: &[
            "spire/api/server/agent/v1/agent.proto",
            "spire/api/server/bundle/v1/bundle.proto",
            "spire/api/server/entry/v1/entry.proto",
            "spire/api/server/svid/v1/svid.proto",
        ],
    },
    Group { name: "node", protos: &["weft/node/v1/node.proto"] },
];

/// Messages that hold a secret: `src/redacted.rs` writes their `Debug`.
const SECRET: [&str; 7] = [
    ".JWTSVID",
    ".ValidateJWTSVIDRequest",
    ".WITSVID",
    ".X509SVID",
    ".spire.api.types.AttestationData",
    ".spire.api.types.JWTSVID",
    ".spire.api.types.WITSVID",
];

#[test]
fn the_checked_in_code_is_what_the_proto_files_say() {
    let checked_in = Path::new("src/gen");
    let wanted: BTreeMap<String, Vec<u8>> = GROUPS.iter().flat_map(generate).collect();

    if std::env::var_os("WEFT_GENERATE").is_some() {
        write(checked_in, &wanted);
    }

    let found = read(checked_in);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted), "files in `src/gen/`: run `make gen`");
    for (name, content) in &wanted {
        assert!(found[name] == *content, "`src/gen/{name}` is out of date: run `make gen`");
    }
}

#[test]
fn reflection_finds_each_service_and_every_file_it_imports() {
    let services = |descriptors: &[u8]| -> Vec<String> {
        // Refuses a set that names a file or a type which it does not hold.
        let pool = protox::prost_reflect::DescriptorPool::decode(descriptors).unwrap();
        pool.services().map(|service| service.full_name().to_owned()).collect()
    };

    assert_eq!(services(weft_proto::WORKLOAD_DESCRIPTORS), ["SpiffeWorkloadAPI"]);
    assert_eq!(
        services(weft_proto::SPIRE_DESCRIPTORS),
        [
            "spire.api.server.agent.v1.Agent",
            "spire.api.server.bundle.v1.Bundle",
            "spire.api.server.entry.v1.Entry",
            "spire.api.server.svid.v1.SVID",
        ]
    );
    assert_eq!(services(weft_proto::NODE_DESCRIPTORS), ["weft.node.v1.Node"]);
}

/// The files of one group: its Rust code and, if it has services, its descriptors for reflection.
fn generate(group: &Group) -> Vec<(String, Vec<u8>)> {
    let api = Path::new("api");
    let mut compiler = protox::Compiler::new([api]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(group.protos).unwrap();

    let out = tempfile::tempdir().unwrap();
    let mut builder = tonic_prost_build::configure()
        .out_dir(out.path())
        .emit_rerun_if_changed(false)
        .bytes(".")
        .btree_map(".")
        .skip_debug(SECRET);
    if group.name == "node" {
        // Generated with the group `spire`; and so our module path is free.
        builder = builder.extern_path(".spire.api.types", "crate::spire::api::types");
        // A stream for each agent, open as long as the agent lives.
        builder = builder.codec_path("crate::SmallBuffers");
    }
    let mut config = tonic_prost_build::Config::new();
    // `Any` needs the name of what it holds (`PermissionDeniedDetails` in a status).
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    builder.compile_fds_with_config(compiler.file_descriptor_set(), config).unwrap();

    let mut files: Vec<_> = read(out.path())
        .into_iter()
        // A package whose messages are all somebody else's leaves a comment.
        .filter(|(_, code)| code.contains(&b'{'))
        // A file without a package has no name of its own.
        .map(|(name, code)| (if name == "_.rs" { "workload.rs".to_owned() } else { name }, code))
        .collect();

    // Comments would double the size of the descriptors, and reflection does not show them.
    compiler.include_source_info(false);
    let descriptors = compiler.file_descriptor_set();
    if descriptors.file.iter().any(|file| !file.service.is_empty()) {
        files.push((format!("{}.fds.bin", group.name), descriptors.encode_to_vec()));
    }
    files
}

fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn write(folder: &Path, wanted: &BTreeMap<String, Vec<u8>>) {
    for stale in read(folder).keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder.join(stale)).unwrap();
    }
    for (name, content) in wanted {
        fs::write(folder.join(name), content).unwrap();
    }
}

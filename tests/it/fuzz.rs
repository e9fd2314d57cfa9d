//! The inputs that fuzzing has kept, fed to their targets again: what was found once stays found.

// The crate `fuzz/` is not a member of the workspace; its targets are this one folder.
#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;

use targets::{ALL, World};

/// Bytes that all corpora together may have: they are read on every run, and cloned by everybody.
const CORPORA_BYTES_MAX: usize = 1024 * 1024;

fn corpora() -> std::path::PathBuf {
    weft::testkit::repository().join("fuzz/corpus")
}

/// What is kept for a target.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = corpora().join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn every_kept_input_holds() {
    let world = World::new();
    let (mut inputs, mut bytes) = (0, 0);
    for (target, run) in ALL {
        let kept = kept(target);
        assert!(!kept.is_empty(), "nothing is kept for `{target}`");
        for (path, input) in kept {
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&world, &input)));
            assert!(outcome.is_ok(), "{path}: see the panic above");
            inputs += 1;
            bytes += input.len();
        }
    }
    assert!(bytes <= CORPORA_BYTES_MAX, "the corpora have {bytes} bytes: merge them");
    println!("proof: fuzz corpora: {} targets, {inputs} inputs replayed, findings 0", ALL.len());
}

#[test]
fn every_corpus_has_a_target() {
    let names: BTreeSet<String> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders = std::fs::read_dir(corpora()).unwrap();
    let found: BTreeSet<String> =
        folders.map(|folder| folder.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(found, names);
}

/// The targets have a lock file of their own, which no build of the workspace looks at.
#[test]
fn the_targets_are_built_from_what_the_workspace_is_built_from() {
    let read = |path: &str| -> toml::Table {
        let text = std::fs::read_to_string(weft::testkit::repository().join(path)).unwrap();
        text.parse().unwrap()
    };
    let locked = |path: &str| -> BTreeSet<(String, String)> {
        let packages = read(path)["package"].as_array().unwrap().clone();
        let text = |of: &toml::Value, name: &str| of[name].as_str().unwrap().to_owned();
        packages.iter().map(|one| (text(one, "name"), text(one, "version"))).collect()
    };
    let (ours, theirs) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    let known: BTreeSet<&String> = ours.iter().map(|(name, _)| name).collect();
    let other: Vec<_> = theirs.difference(&ours).filter(|(name, _)| known.contains(name)).collect();
    assert!(other.is_empty(), "locked at other versions: {other:?}");
    let names: BTreeSet<&String> = theirs.iter().map(|(name, _)| name).collect();
    let manifest = read("Cargo.toml");
    let wanted = manifest["dependencies"].as_table().unwrap();
    // Some go by another name here.
    let package_of = |(name, of): (&String, &toml::Value)| {
        of.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
    };
    let wanted = wanted.iter().map(package_of);
    let missing: Vec<String> = wanted.filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "`make fuzz` would not build; not locked: {missing:?}");
    println!("proof: fuzz lock file: {} packages, of other versions 0, missing 0", theirs.len());
}

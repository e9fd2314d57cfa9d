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

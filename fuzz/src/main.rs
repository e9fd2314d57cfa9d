//! One program for all targets, as linking it takes long: `WEFT_FUZZ_TARGET` names the one that this process feeds.
//! Its arguments are libFuzzer's.

#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use targets::{ALL, Target, World};

static WORLD: LazyLock<World> = LazyLock::new(World::new);
static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("WEFT_FUZZ_TARGET").unwrap_or_default();
    *ALL.iter().find(|target| target.0 == name).expect("WEFT_FUZZ_TARGET names a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.1)(&WORLD, data));

//! Where the files of this repository are that tests read and write.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::database::must;

/// The top of the repository that the running test belongs to, absolute.
///
/// As cargo says it to a test that it starts, and not as the compiler heard it: checkouts that share a target directory also
/// share what was built for one of them.
pub fn repository() -> &'static Path {
    #[expect(clippy::disallowed_methods, reason = "cargo says it in no other way")]
    static TOP: LazyLock<PathBuf> = LazyLock::new(|| {
        must(std::env::var("CARGO_MANIFEST_DIR"), "tests are started by cargo").into()
    });
    &TOP
}

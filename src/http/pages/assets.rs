//! What pages load: compiled in, named by content, kept by browsers for ever.

use std::sync::LazyLock;

use super::brand::digest;

/// A file that pages load.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    pub(super) media: &'static str,
    pub(super) text: &'static str,
}

/// The file of this name under this digest; nothing for another digest, which is that of another release.
pub(super) fn find(digest: &str, name: &str) -> Option<&'static Asset> {
    let known = all().find(|(asset, _)| asset.name == name)?;
    (known.1 == digest).then_some(known.0)
}

/// Its address. A name that is none of ours has an address where nothing is.
pub(super) fn path(name: &str) -> String {
    let digest = all().find(|(asset, _)| asset.name == name).map_or("none", |(_, digest)| digest);
    format!("/assets/{digest}/{name}")
}

fn all() -> impl Iterator<Item = (&'static Asset, &'static str)> {
    static DIGESTS: LazyLock<Vec<String>> =
        LazyLock::new(|| ASSETS.iter().map(|asset| digest(asset.text.as_bytes())).collect());
    ASSETS.iter().zip(DIGESTS.iter().map(String::as_str))
}

static ASSETS: [Asset; 3] = [
    Asset {
        name: "weft.css",
        media: "text/css; charset=utf-8",
        text: include_str!("../../../assets/weft.css"),
    },
    Asset {
        name: "passkey.js",
        media: "text/javascript; charset=utf-8",
        text: include_str!("../../../assets/passkey.js"),
    },
    Asset {
        name: "icon.svg",
        media: "image/svg+xml",
        text: include_str!("../../../assets/icon.svg"),
    },
];

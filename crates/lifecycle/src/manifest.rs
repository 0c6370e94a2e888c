//! What a package in the home says of itself.

use modelyard_core::package::{MANIFEST, Manifest};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Fault, Kind, Result};

/// The manifest of `package`.
///
/// # Errors
/// If the home has it no more.
pub(crate) async fn of(home: &Home, package: Digest) -> Result<Manifest> {
    let missing =
        || Fault::new(Kind::Store, format!("the package {} is not in the home any more", package.short()));
    let tree = home.blobs.tree(package).await?.ok_or_else(missing)?;
    let file = tree.file(MANIFEST).ok_or_else(missing)?;
    let bytes = home.blobs.get(file.digest).await?.ok_or_else(missing)?;
    Manifest::from_json(&bytes)
}

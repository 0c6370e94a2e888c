//! `home.json`: the home's version, and the mark that the home is whole.

use std::fs::{self, File};
use std::io::{self, Write};

use modelyard_core::{Fault, Kind, Result};
use serde::{Deserialize, Serialize};

use super::{Layout, sync_folder};
use crate::faults;

#[derive(Serialize, Deserialize)]
struct HomeFile {
    version: u32,
}

/// The number of the last of `known` migrations.
pub(super) fn number(known: usize) -> u32 {
    u32::try_from(known).unwrap_or(u32::MAX)
}

/// The version that `home.json` names; `None` if there is no such file.
pub(super) fn read(layout: &Layout) -> Result<Option<u32>> {
    let path = layout.root.join("home.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(faults::file(format!("cannot read `{}`", path.display()), error)),
    };
    let file: HomeFile = serde_json::from_slice(&text).map_err(|error| {
        Fault::new(Kind::Store, format!("cannot understand `{}`", path.display()))
            .because(error)
            .hint("restore the file from a copy of the home; it holds `{\"version\": N}`")
    })?;
    Ok(Some(file.version))
}

pub(super) fn write(layout: &Layout, known: usize) -> Result<()> {
    let path = layout.root.join("home.json");
    let new = layout.root.join("home.json.new");
    let text = format!("{{\"version\": {}}}\n", number(known));
    // One name is enough: whoever writes holds the home's lock.
    File::create(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, &path))
        .map_err(|error| faults::file(format!("cannot write `{}`", path.display()), error))?;
    sync_folder(&layout.root)?;
    layout.root.parent().map_or(Ok(()), sync_folder)
}

/// Whether this program may use a home of version `found`.
pub(super) fn check(layout: &Layout, found: u32, known: usize) -> Result<()> {
    refuse_newer(layout, found, known)?;
    if found < number(known) {
        return Err(Fault::new(
            Kind::Store,
            format!(
                "the home `{}` has version {found}, this program needs version {}",
                layout.root.display(),
                number(known)
            ),
        )
        .hint("`modelyard home upgrade` brings it up to date; older programs cannot open it afterwards"));
    }
    Ok(())
}

pub(super) fn refuse_newer(layout: &Layout, found: u32, known: usize) -> Result<()> {
    if found <= number(known) {
        return Ok(());
    }
    Err(Fault::new(
        Kind::Store,
        format!(
            "the home `{}` was written by a newer Modelyard: it has version {found}, this program knows up to {}",
            layout.root.display(),
            number(known)
        ),
    )
    .hint("use the newer program (`modelyard --version` tells which this is), or another home with `--home`"))
}

//! What is installed in an environment, by content.

use std::collections::BTreeMap;
use std::path::Path;

use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result, canonical};
use serde::{Deserialize, Serialize};

/// A package of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Installed {
    /// Normalised.
    pub(super) name: String,
    pub(super) version: String,
    /// Of the wheel's files: paths and hashes as its `RECORD` lists them, but for what an
    /// installer adds or rewrites. So it is the same whoever installed the wheel, and wherever.
    pub(super) digest: Digest,
}

/// The packages below `site_packages`, sorted by name.
///
/// # Errors
/// [`Kind::Environment`] if a package's record can't be read.
pub(super) fn read(site_packages: &Path) -> Result<Vec<Installed>> {
    let broken = || format!("cannot read what is installed in `{}`", site_packages.display());
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(site_packages).attempt(Kind::Environment, broken)? {
        let folder = entry.attempt(Kind::Environment, broken)?.path();
        if folder.extension().is_some_and(|extension| extension == "dist-info") {
            packages.push(package(&folder)?);
        }
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn package(folder: &Path) -> Result<Installed> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .attempt(Kind::Environment, || format!("cannot read `{}`", path.display()))
    };
    let metadata = read("METADATA")?;
    let field = |name: &str| {
        let headers = metadata.lines().take_while(|line| !line.is_empty());
        let mut values = headers.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(|value| value.trim().to_owned()).ok_or_else(|| {
            Fault::new(
                Kind::Environment,
                format!("`{}` holds no `{name}`", folder.join("METADATA").display()),
            )
        })
    };
    let digest = canonical::digest("modelyard wheel v1", &content(&read("RECORD")?));
    Ok(Installed { name: normalised(&field("Name")?), version: field("Version")?, digest })
}

/// Paths and hashes of the wheel's own files.
fn content(record: &str) -> BTreeMap<String, String> {
    /// What installers write beside a wheel's own files.
    const ADDED: [&str; 6] =
        ["INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"];
    record
        .lines()
        .filter_map(|line| {
            let (rest, _size) = line.rsplit_once(',')?;
            let (path, hash) = rest.rsplit_once(',')?;
            let path = path.trim_matches('"').replace("\"\"", "\"");
            let name = path.rsplit('/').next()?;
            let added = path.contains(".dist-info/") && ADDED.contains(&name);
            // Programs get the environment's path into their first line.
            let rewritten = path.starts_with("../");
            let kept = !hash.is_empty() && !added && !rewritten && !path.ends_with(".pyc");
            kept.then(|| (path, hash.to_owned()))
        })
        .collect()
}

/// A package's name as indexes compare it: lower case, runs of `-`, `_` and `.` a single `-`.
pub(super) fn normalised(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_the_same_whoever_installed_it() {
        let wheel =
            "six.py,sha256=aa,10\n\"odd,name.py\",sha256=bb,2\nsix-1.dist-info/METADATA,sha256=cc,3\n";
        let uv = format!("{wheel}six-1.dist-info/INSTALLER,sha256=dd,2\nsix-1.dist-info/RECORD,,\n");
        let pip = format!(
            "../../../bin/six,sha256=ee,4\n__pycache__/six.cpython-311.pyc,,\n{wheel}six-1.dist-info/RECORD,,\n"
        );
        assert_eq!(content(&uv), content(&pip));
        assert_eq!(content(&uv).len(), 3);
        assert_eq!(content(&uv)["odd,name.py"], "sha256=bb");
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        assert_eq!(normalised("Zope.Interface"), "zope-interface");
        assert_eq!(normalised("ruamel__yaml-clib"), "ruamel-yaml-clib");
    }
}

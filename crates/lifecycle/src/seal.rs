//! Test rows that a step could get by another door: one source feeds two data sets, one of which keeps
//! some of its rows for testing while the other hands them out.
//!
//! It is judged at every run and not stored with a result, since it is no property of one action: a data
//! set that is added later can open what a cached training took before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use modelyard_core::config::{DataSet, Project, Split, Step};
use modelyard_core::data::Part;
use modelyard_core::placeholder::Placeholder;
use modelyard_data::source;
use modelyard_pipeline::declared;

/// Why `steps` could see test rows of `project`, whose relative sources lie in `root`; empty where
/// they could not.
pub fn open_rows<'a>(project: &Project, root: &Path, steps: impl Iterator<Item = &'a Step>) -> Vec<String> {
    if project.data.len() < 2 {
        return Vec::new();
    }
    let taken: BTreeSet<String> = steps
        .flat_map(|step| declared(&step.run).unwrap_or_default())
        .filter_map(|placeholder| match placeholder {
            Placeholder::Data { name, part: Part::Train | Part::Validation } => Some(name),
            _ => None,
        })
        .collect();
    let files: BTreeMap<&str, BTreeSet<PathBuf>> =
        project.data.iter().map(|(name, data)| (name.as_str(), files(data, root))).collect();
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let mut reasons = Vec::new();
    for name in &taken {
        let Some(data) = project.data.get(name) else { continue };
        for (other, kept) in &project.data {
            if other == name || !keeps_rows(&kept.split) || divide_alike(&data.split, &kept.split) {
                continue;
            }
            if let Some(file) = files[name.as_str()].intersection(&files[other.as_str()]).next() {
                let file = file.strip_prefix(&root).unwrap_or(file).display();
                reasons.push(format!(
                    "`{name}` is made from `{file}` too, of which `{other}` keeps rows for testing"
                ));
            }
        }
    }
    reasons
}

fn files(data: &DataSet, root: &Path) -> BTreeSet<PathBuf> {
    let found = data.sources.values().flat_map(|source| source::resolve(root, source).unwrap_or_default());
    found.map(|file| std::fs::canonicalize(&file.absolute).unwrap_or(file.absolute)).collect()
}

fn keeps_rows(split: &Split) -> bool {
    match split {
        Split::Random { test, .. } | Split::Time { test, .. } => *test > 0.0,
        Split::Column { .. } => true,
    }
}

/// Whether what is a test row in one is a test row in the other: the same hash of the same key, or the
/// same column that says so. The instants of two tables may differ, and so may their whole rows.
fn divide_alike(one: &Split, other: &Split) -> bool {
    match (one, other) {
        (
            Split::Random { seed: one_seed, key: one_key, test: one_test, .. },
            Split::Random { seed, key, test, .. },
        ) => !key.is_empty() && one_key == key && one_seed == seed && one_test == test,
        (Split::Column { column: one }, Split::Column { column }) => one == column,
        _ => false,
    }
}

//! Driver *data*: are the sources there, and can they be read.

use std::path::{Path, PathBuf};

use super::{Row, Subject, bytes};

pub(super) fn look(subject: &Subject) -> Vec<Row> {
    let Some(loaded) = subject.loaded() else {
        let why = if subject.project.is_some() {
            "the project file has problems: `modelyard check` tells them"
        } else {
            "there is no project here: `modelyard new NAME` begins one"
        };
        return vec![Row::missing("sources", why).optional()];
    };
    let mut rows = Vec::new();
    for (set, data) in &loaded.project.data {
        for (name, source) in &data.sources {
            rows.push(source_row(format!("{set}.{name}"), &source.path, &loaded.root));
        }
    }
    if rows.is_empty() {
        rows.push(Row::missing("sources", "add a [data.NAME] to modelyard.toml").optional());
    }
    rows
}

fn source_row(name: String, path: &str, root: &Path) -> Row {
    let files = matching(path, root);
    if files.is_empty() {
        let hint = format!("there is no `{path}`: put it there, or change `sources` in modelyard.toml");
        return Row::missing(name, hint);
    }
    let mut size = 0;
    for file in &files {
        match std::fs::File::open(file).and_then(|opened| opened.metadata()) {
            Ok(metadata) if metadata.len() == 0 => {
                return Row::wrong(name, "an empty file", format!("`{}` has no bytes", file.display()));
            }
            Ok(metadata) if metadata.is_file() => size += metadata.len(),
            Ok(_) => {
                let hint = format!("name the files in it: \"{}/*\"", path.trim_end_matches('/'));
                return Row::wrong(name, "a folder", hint);
            }
            Err(error) => {
                return Row::wrong(name, "can't be opened", format!("`{}`: {error}", file.display()));
            }
        }
    }
    let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
    Row::ok(name, format!("{count}, {}", bytes(size)))
}

/// The files that a path or glob stands for.
fn matching(path: &str, root: &Path) -> Vec<PathBuf> {
    let whole = root.join(path);
    if whole.exists() {
        return vec![whole];
    }
    let root = glob::Pattern::escape(&root.to_string_lossy());
    let pattern = Path::new(&root).join(path);
    glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten().collect()
}

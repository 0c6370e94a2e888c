//! What the project names on disk: whether it is there, and whether code would unseal the data.

use std::path::{Component, Path};

use super::node::At;
use super::problem::{Span, did_you_mean};
use super::project::Reader;
use super::references::Command;

impl Reader<'_> {
    /// The text of a file of the project; a problem where it can't be read.
    pub(super) fn project_file(&mut self, file: &At<String>, what: &str) -> Option<String> {
        let read = std::fs::read_to_string(self.root.join(&file.value));
        match read {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let near = self.similar_file(&file.value);
                let message = format!("there is no `{}`{near}", file.value);
                self.problems.add_with_hint(file.span.clone(), message, format!("expected {what}"));
                None
            }
            Err(error) => {
                self.problems.add(file.span.clone(), format!("cannot read `{}`: {error}", file.value));
                None
            }
        }
    }

    /// Each entry of `code` is inside the project and there.
    pub(super) fn code_exists(&mut self, code: &[At<String>]) {
        for entry in code {
            let outside = Path::new(&entry.value)
                .components()
                .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
            if outside || entry.value.is_empty() {
                self.problems.add_with_hint(
                    entry.span.clone(),
                    "code lies in the project's folder, named from there",
                    "it is copied with its relative path",
                );
            } else if !self.matches_something(entry) {
                let near = self.similar_file(&entry.value);
                self.problems.add(entry.span.clone(), format!("there is no `{}`{near}", entry.value));
            }
        }
    }

    /// Words that name files of the project which `code` leaves out: the step would not find them.
    pub(super) fn undeclared_scripts(&mut self, words: &[At<String>], code: &[At<String>]) {
        for word in words.iter().skip(1) {
            let path = Path::new(&word.value);
            if path.is_absolute() || !self.root.join(path).is_file() {
                continue;
            }
            if !code.iter().any(|entry| covers(&entry.value, &word.value)) {
                self.remarks.push(format!(
                    "`run` names `{}`, which `code` does not declare: the step won't find it",
                    word.value
                ));
            }
        }
    }

    /// No `code` copies a source of the data into a step: its test rows would be open.
    pub(super) fn code_reaches_no_source(&mut self, commands: &[Command], sources: &[&str]) {
        for command in commands {
            for entry in &command.code {
                if let Some(source) = sources.iter().find(|source| covers(&entry.value, source)) {
                    self.problems.add_with_hint(
                        entry.span.clone(),
                        format!(
                            "this code contains the source `{source}`: the step could read the test rows"
                        ),
                        "name the code's files or folders alone",
                    );
                }
            }
            let sealed = command.step.sandbox.read.iter();
            for path in sealed {
                if let Some(source) = sources.iter().find(|source| covers(path, source)) {
                    self.remarks.push(format!(
                        "`sandbox.read` opens the source `{source}`: runs are marked as unsealed"
                    ));
                }
            }
        }
    }

    /// Whether a path or glob of the project finds anything; a malformed glob is a problem.
    pub(super) fn matches_something(&mut self, path: &At<String>) -> bool {
        if !is_glob(&path.value) {
            return self.root.join(&path.value).exists();
        }
        let root = glob::Pattern::escape(&self.root.to_string_lossy());
        match glob::glob(&Path::new(&root).join(&path.value).to_string_lossy()) {
            Ok(mut found) => found.next().is_some(),
            Err(error) => {
                self.problems.add(path.span.clone(), format!("a malformed glob: {}", error.msg));
                true
            }
        }
    }

    /// The first `needle` at or after `from` in the source text of `span`, and where it ends there;
    /// all of `span` where the text is written another way.
    pub(super) fn within(&self, span: &Span, needle: &str, from: usize) -> (Span, usize) {
        let text = self.text.get(span.clone()).unwrap_or_default();
        match text.get(from..).and_then(|rest| rest.find(needle)) {
            Some(at) if !needle.is_empty() => {
                let start = span.start + from + at;
                (start..start + needle.len(), from + at + needle.len())
            }
            _ => (span.clone(), from),
        }
    }

    /// A file beside the missing one whose name is much like it.
    fn similar_file(&self, missing: &str) -> String {
        let missing = Path::new(missing);
        let folder = self.root.join(missing.parent().unwrap_or(Path::new("")));
        let name = missing.file_name().unwrap_or_default().to_string_lossy();
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        did_you_mean(&name, names.iter().map(String::as_str))
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether the entry of `code`, a file, folder or glob, takes `path` along.
fn covers(entry: &str, path: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches("./").trim_end_matches('/').to_owned();
    let (entry, path) = (plain(entry), plain(path));
    if is_glob(&entry) {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        return glob::Pattern::new(&entry).is_ok_and(|pattern| {
            Path::new(&path).ancestors().any(|path| pattern.matches_path_with(path, options))
        });
    }
    entry == "." || (entry.is_empty() && !path.is_empty()) || Path::new(&path).starts_with(&entry)
}

//! Problems of a project file, each with its place, rendered as compilers do.

use std::fmt::Write as _;
use std::ops::Range;

/// Bytes of the file's text.
pub(crate) type Span = Range<usize>;

/// One thing that is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    /// Stands beside the carets: a fragment in lower case, names in back-ticks.
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// All that is wrong with a file, collected before anything is answered.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, span: Span, message: impl Into<String>) {
        self.0.push(Problem { span, message: message.into(), hint: None });
    }

    pub(crate) fn add_with_hint(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Problem { span, message: message.into(), hint: Some(hint.into()) });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of the file, none twice.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort_by_key(|problem| (problem.span.start, problem.span.end));
        self.0.dedup();
        self.0
    }
}

/// Line and column of `offset` in `text`, both from 1; the column counts characters.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The problems with their source lines, under a headline that counts them.
pub(crate) fn render(file: &str, text: &str, problems: &[Problem]) -> String {
    let mut out = match problems.len() {
        1 => format!("{file} has a problem"),
        count => format!("{file} has {count} problems"),
    };
    for (number, problem) in problems.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        render_one(&mut out, file, text, problem);
    }
    out
}

fn render_one(out: &mut String, file: &str, text: &str, problem: &Problem) {
    let (line, column) = place(text, problem.span.start);
    let source = text.split('\n').nth(line - 1).unwrap_or_default().trim_end_matches('\r');
    // A span of several lines is shown by its first.
    let marked = text.get(problem.span.clone()).unwrap_or_default();
    let width = marked.split('\n').next().unwrap_or_default().trim_end().chars().count().max(1);
    let (source, column_shown, width) = window(source, column - 1, width);
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let _ = write!(out, "\n{gutter}--> {file}:{line}:{column}\n{gutter} |\n{number} | {source}\n");
    let carets = "^".repeat(width);
    let message = &problem.message;
    let _ = write!(out, "{gutter} | {:column_shown$}{carets} {message}", "");
    if let Some(hint) = &problem.hint {
        let _ = write!(out, "\n{gutter} = hint: {hint}");
    }
}

/// At most 96 characters of `source` around `width` characters from `column`: the text as shown,
/// the column there, the width there. What would move the carets or the terminal is replaced.
fn window(source: &str, column: usize, width: usize) -> (String, usize, usize) {
    const SHOWN: usize = 96;
    const BEFORE: usize = 30;
    let plain = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let chars: Vec<char> = source.chars().map(plain).collect();
    if chars.len() <= SHOWN {
        let width = width.min(chars.len().saturating_sub(column)).max(1);
        return (chars.into_iter().collect::<String>().trim_end().to_owned(), column, width);
    }
    let fits_from_start = column + width.min(SHOWN / 2) < SHOWN;
    let start = if fits_from_start { 0 } else { column.saturating_sub(BEFORE) };
    let end = (start + SHOWN).min(chars.len());
    let mut shown: String = chars[start..end].iter().collect();
    let mut shift = 0;
    if start > 0 {
        shown.insert(0, '…');
        shift = 1;
    }
    if end < chars.len() {
        shown.push('…');
    }
    (shown, column - start + shift, width.min(end.saturating_sub(column)).max(1))
}

/// The candidate that `name` was most probably meant to be: few letters differ, or one begins the
/// other.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let edits = strsim::osa_distance(&lower, &candidate);
        // Of names of two letters every other one would be near.
        let length = lower.chars().count().max(candidate.chars().count());
        let allowed = if length < 3 { 0 } else { length / 3 };
        let begins = lower.len() >= 3
            && candidate.len() >= 3
            && (candidate.starts_with(&lower) || lower.starts_with(&candidate));
        (edits <= allowed || begins).then_some(edits)
    };
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// ``; did you mean `x`?``, or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_or_none() {
        let keys = ["checks", "sources", "split", "sql", "sql_file"];
        assert_eq!(nearest("chekcs", keys), Some("checks"));
        assert_eq!(nearest("Source", keys), Some("sources"));
        assert_eq!(nearest("sqlfile", keys), Some("sql_file"));
        assert_eq!(nearest("zebra", keys), None);
    }

    #[test]
    fn a_long_line_is_shown_around_its_carets() {
        let text = format!("run = \"{}{{oops}} tail of the line\"", "x".repeat(200));
        let start = text.find("{oops}").expect("it is there");
        let problem = Problem { span: start..start + 6, message: "no".into(), hint: None };
        let shown = render("f", &text, &[problem]);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[3].chars().count() < 105, "{shown}");
        let at = lines[3].chars().position(|c| c == '{').expect("shown");
        assert_eq!(lines[4].chars().position(|c| c == '^'), Some(at), "{shown}");
    }

    #[test]
    fn control_characters_and_places_behind_the_end_are_harmless() {
        let problem = Problem { span: 90..95, message: "no".into(), hint: None };
        assert!(!render("f", "a\u{1b}[31m\tb", &[problem]).contains('\u{1b}'));
    }
}

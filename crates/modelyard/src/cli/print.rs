//! What commands write: results to stdout, remarks to stderr. A reader that went away
//! (`modelyard schema | head -1`) is no error and no panic.
//!
//! Much of it was written by somebody else: a step's output, names, values of a table. So what could
//! move a terminal's cursor, retitle it or hide text from its reader is made visible here, in the one
//! place that everything goes through. Colours are kept in a terminal and dropped elsewhere. What is
//! stored keeps every byte, and `--json` gives it escaped.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;

/// Writes `text` and a line end to stdout.
pub(crate) fn result(text: impl AsRef<str>) {
    let out = std::io::stdout();
    let text = fitted(&shown(text.as_ref(), out.is_terminal()), columns(&out));
    write(out.lock(), &text, true);
}

/// Writes what a command printed to stdout, and a line end where it has none.
pub(crate) fn printed(bytes: &[u8]) {
    let out = std::io::stdout();
    let text = shown(&String::from_utf8_lossy(bytes), out.is_terminal());
    write(out.lock(), &text, !bytes.is_empty() && !bytes.ends_with(b"\n"));
}

/// Writes `document` as indented JSON to stdout.
pub(crate) fn json(document: &serde_json::Value) {
    let mut text = String::new();
    for character in format!("{document:#}").chars() {
        // They stand in strings alone, where an escape means the same.
        if misleads(character) && character != '\n' {
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    write(std::io::stdout().lock(), &text, true);
}

/// Writes `text` and a line end to stderr.
pub(crate) fn remark(text: impl AsRef<str>) {
    let out = std::io::stderr();
    let text = fitted(&shown(text.as_ref(), out.is_terminal()), columns(&out));
    write(out.lock(), &text, true);
}

/// `text` on one line without colours, for what is redrawn.
pub(crate) fn plain(text: &str) -> String {
    shown(text, false).replace(['\n', '\t'], " ")
}

fn write(mut out: impl Write, text: &str, line_end: bool) {
    let end: &[u8] = if line_end { b"\n" } else { b"" };
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
}

/// How wide the terminal is that `out` is; `None` where it is none.
fn columns(out: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns >= NARROW)
}

/// In a narrower terminal lines break where they do.
const NARROW: usize = 40;

/// `text` with its long lines broken between words, so that the terminal breaks none within one. What goes on
/// stands below the text of a line that begins with a label, else is indented.
fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let lines: Vec<String> = text.split('\n').map(|line| fitted_line(line, columns)).collect();
    lines.join("\n")
}

fn fitted_line(line: &str, columns: usize) -> String {
    let width = |text: &str| {
        let mut rest = text;
        let mut width = 0;
        while let Some(character) = rest.chars().next() {
            let skipped = colour(rest).map_or(character.len_utf8(), str::len);
            width += usize::from(colour(rest).is_none());
            rest = &rest[skipped..];
        }
        width
    };
    // The terminal's own affair.
    if width(line) <= columns || line.contains('\t') {
        return line.to_owned();
    }
    let indentation = line.len() - line.trim_start_matches(' ').len();
    let label = line[indentation..].split_once("  ").map(|(label, rest)| {
        indentation + width(label) + 2 + rest.len() - rest.trim_start_matches(' ').len()
    });
    let hanging = label.filter(|hanging| *hanging <= columns / 3).unwrap_or(indentation + 2).min(columns / 2);
    let mut fitted = String::new();
    let mut at = 0;
    for word in line.split_inclusive(' ') {
        let length = width(word.trim_end_matches(' '));
        let begun = fitted.lines().last().is_some_and(|line| !line.trim().is_empty());
        if at + length > columns && begun {
            fitted.truncate(fitted.trim_end_matches(' ').len());
            fitted.push('\n');
            fitted.push_str(&" ".repeat(hanging));
            at = hanging;
        }
        // Columns of a table are no longer any in the next line.
        if at == hanging && word == " " && fitted.contains('\n') {
            continue;
        }
        fitted.push_str(word);
        at += width(word);
    }
    fitted
}

/// `text` as it may be shown.
fn shown(text: &str, terminal: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    let mut coloured = false;
    while let Some(character) = rest.chars().next() {
        if let Some(colour) = colour(rest) {
            if terminal {
                coloured = true;
                safe.push_str(colour);
            }
            rest = &rest[colour.len()..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            // A progress bar draws over its line, which would hide what was there.
            '\r' if rest.starts_with('\n') => {}
            '\r' => safe.push('\n'),
            '\n' | '\t' => safe.push(character),
            _ if misleads(character) => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    if coloured {
        safe.push_str("\x1b[0m");
    }
    safe
}

/// The colour sequence (SGR) that `text` begins with.
fn colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let length = parameters.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    parameters[length..].starts_with('m').then(|| &text[..length + 3])
}

/// Control characters, and those that change the direction of what follows.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes `text` to stderr as it is, for an answer on the same line.
pub(crate) fn question(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_or_hides_is_made_visible() {
        let cases = [
            ("loss 0.3\n\tdone", "loss 0.3\n\tdone"),
            ("\x1b]0;owned\x07", "\\u{1b}]0;owned\\u{7}"),
            ("\x1b[2J\x1b[1;1H", "\\u{1b}[2J\\u{1b}[1;1H"),
            ("10 %\r20 %\r\n", "10 %\n20 %\n"),
            ("\u{9b}2J\u{202e}evil", "\\u{9b}2J\\u{202e}evil"),
            ("\x1b[", "\\u{1b}["),
            ("Ünïcode ✓", "Ünïcode ✓"),
        ];
        for (text, wanted) in cases {
            assert_eq!(shown(text, true), wanted);
            assert_eq!(shown(text, false), wanted);
        }
    }

    #[test]
    fn long_lines_break_between_words() {
        let cases = [
            ("short  and  wide", "short  and  wide"),
            (
                "error: cannot release `late@2` to `production`: nobody has approved it yet",
                "error: cannot release `late@2` to\n  `production`: nobody has approved it\n  yet",
            ),
            (
                "  release    step 2   not worse after 1,250 requests of it",
                "  release    step 2   not worse after\n             1,250 requests of it",
            ),
            (
                "a\n  hint: /a/path/that/is/longer/than/the/terminal/is",
                "a\n  hint:\n    /a/path/that/is/longer/than/the/terminal/is",
            ),
            (
                "\x1b[1;31merror\x1b[0m: 4567890123456789012345678901234567",
                "\x1b[1;31merror\x1b[0m: 4567890123456789012345678901234567",
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(fitted(text, Some(41)), wanted);
            assert_eq!(fitted(text, None), text);
        }
    }

    #[test]
    fn colours_are_for_terminals_and_end_with_the_text() {
        assert_eq!(shown("\x1b[1;31mred", true), "\x1b[1;31mred\x1b[0m");
        assert_eq!(shown("\x1b[1;31mred\x1b[0m", false), "red");
    }
}

//! Values that must not be kept, blotted out of what a command prints.

use std::borrow::Cow;

/// Lines of the values, the longest first, so that one which begins another leaves no rest of it.
pub(super) struct Blots(Vec<Vec<u8>>);

/// Shorter ones would blot out half of an ordinary log, and are no secret.
const SHORTEST: usize = 4;

const BLOT: &[u8] = b"***";

impl Blots {
    pub(super) fn new(values: &[String]) -> Self {
        // What is printed comes line by line, a key of many lines too.
        let lines = values.iter().flat_map(|value| value.lines()).map(|line| line.trim().as_bytes().to_vec());
        let mut lines: Vec<_> = lines.filter(|line| line.len() >= SHORTEST).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        Self(lines)
    }

    /// `bytes` with a blot over every value.
    pub(super) fn over<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut out = Cow::Borrowed(bytes);
        for value in &self.0 {
            if let Some(blotted) = replaced(&out, value) {
                out = Cow::Owned(blotted);
            }
        }
        out
    }
}

/// `bytes` with [`BLOT`] for each `value`; `None` where there is none.
fn replaced(bytes: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let next = |from: usize| bytes[from..].windows(value.len()).position(|window| window == value);
    let mut at = 0;
    let mut out = Vec::new();
    while let Some(found) = next(at) {
        out.extend_from_slice(&bytes[at..at + found]);
        out.extend_from_slice(BLOT);
        at += found + value.len();
    }
    if at == 0 {
        return None;
    }
    out.extend_from_slice(&bytes[at..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], printed: &str, kept: &str) {
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(String::from_utf8_lossy(&Blots::new(&values).over(printed.as_bytes())), kept);
    }

    #[test]
    fn every_occurrence_is_blotted_out() {
        check(&["secret"], "a secret, secretsecret!\n", "a ***, ******!\n");
        check(&["secret"], "nothing\n", "nothing\n");
        check(&["abcd", "abcdef"], "abcdef abcd", "*** ***");
    }

    #[test]
    fn a_value_of_many_lines_is_blotted_out_line_by_line() {
        check(&["-----BEGIN\nMIIB\n-----END\n"], "MIIB\n", "***\n");
    }

    #[test]
    fn what_is_too_short_is_left() {
        check(&["", "1", "yes"], "1 yes\n", "1 yes\n");
    }
}

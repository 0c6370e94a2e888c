//! The result of a pipeline as JUnit XML, which every build server shows.

use std::fmt::Write as _;

/// What became of a stage.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) seconds: f64,
    pub(super) failure: Option<Failure>,
    pub(super) skipped: bool,
}

pub(super) struct Failure {
    pub(super) command: String,
    /// The last of what the stage printed.
    pub(super) printed: String,
}

pub(super) fn document(cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let skipped = cases.iter().filter(|case| case.skipped).count();
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"modelyard\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">\n",
        cases.len()
    );
    for case in cases {
        let _ = write!(
            text,
            "    <testcase classname=\"modelyard\" name=\"{}\" time=\"{:.3}\"",
            escaped(&case.name),
            case.seconds
        );
        let _ = match (&case.failure, case.skipped) {
            (Some(failure), _) => {
                writeln!(
                    text,
                    ">\n      <failure message=\"`{}` failed\">{}</failure>\n    </testcase>",
                    escaped(&failure.command),
                    escaped(&failure.printed)
                )
            }
            (None, true) => writeln!(text, ">\n      <skipped/>\n    </testcase>"),
            (None, false) => writeln!(text, "/>"),
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text as XML 1.0 takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            barred if barred.is_control() || matches!(barred, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}')
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stage_printed_breaks_no_xml() {
        let failed = Case {
            name: "lint".into(),
            seconds: 1.0,
            failure: Some(Failure {
                command: "make \"lint\"".into(),
                printed: "a < b && \u{1b}[31m\"c\"\u{ffff}".into(),
            }),
            skipped: false,
        };
        let skipped = Case { name: "build".into(), seconds: 0.0, failure: None, skipped: true };
        let text = document(&[failed, skipped]);
        assert!(text.contains("tests=\"2\" failures=\"1\" skipped=\"1\""), "{text}");
        assert!(text.contains("<failure message=\"`make &quot;lint&quot;` failed\">"), "{text}");
        assert!(text.contains("a &lt; b &amp;&amp; \u{fffd}[31m&quot;c&quot;\u{fffd}</failure>"), "{text}");
    }
}

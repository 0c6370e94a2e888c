//! The result of a pipeline as JUnit XML, which every build server shows.

use std::fmt::Write as _;

/// What became of a stage.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) seconds: f64,
    /// What it printed last, where it failed.
    pub(super) failure: Option<String>,
    pub(super) skipped: bool,
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
                    ">\n      <failure message=\"the stage failed\">{}</failure>\n    </testcase>",
                    escaped(failure)
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
            control if control.is_control() => out.push('\u{fffd}'),
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
            failure: Some("a < b && \u{1b}[31m\"c\"".into()),
            skipped: false,
        };
        let skipped = Case { name: "build".into(), seconds: 0.0, failure: None, skipped: true };
        let text = document(&[failed, skipped]);
        assert!(text.contains("tests=\"2\" failures=\"1\" skipped=\"1\""), "{text}");
        assert!(text.contains("a &lt; b &amp;&amp; \u{fffd}[31m&quot;c&quot;</failure>"), "{text}");
    }
}

//! Sizes as people write them: `512MB`, `1.5 GiB`.

const UNITS: [(&str, u64); 7] = [
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

/// What is written in place of something else.
pub(super) const HINT: &str = "write \"512MB\" or \"2GB\" (MiB and GiB count in 1,024s)";

/// Bytes of `text`: a number with its unit, one byte or more.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), factor)))?;
    let bytes = number.parse::<f64>().ok()? * *factor as f64;
    (bytes >= 1.0 && bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("512MB", Some(512_000_000)), ("1.5 GiB", Some(3 << 29)), ("7B", Some(7))] {
            assert_eq!(parse(text), bytes, "{text}");
        }
        for text in ["512", "MB", "-1MB", "0B", "1TB!", "NaNMB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

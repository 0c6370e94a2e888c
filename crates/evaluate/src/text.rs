//! Numbers as people read them.

/// Just enough digits: three decimals below 10, fewer above, thousands separated; very small and
/// very large numbers in powers of ten. A minus is the hyphen; pages replace it.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-5..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    decimals(value, default_decimals(size))
}

fn default_decimals(size: f64) -> usize {
    match size {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        0.01.. => 3,
        // Three significant digits.
        _ => (2 - size.log10().floor() as i32).unsigned_abs() as usize,
    }
}

/// With `places` decimals, a comma between thousands and a true minus (U+2212).
pub(crate) fn decimals(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("−", rest));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let is_zero = digits.chars().all(|digit| matches!(digit, '0' | '.'));
    let mut out = String::from(if is_zero { "" } else { sign });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// As [`number`], without zeros at the end: a value of the data rather than a measurement.
pub(crate) fn plain(value: f64) -> String {
    let text = number(value);
    if !text.contains('.') || text.contains('e') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number of rows.
pub(crate) fn count(rows: u64) -> String {
    decimals(rows as f64, 0)
}

/// A metric's value: 0 and 1 keep their decimals, so that columns line up.
pub(crate) fn score(value: f64) -> String {
    let size = value.abs();
    if size < 10.0 && (size == 0.0 || size >= 0.01) { decimals(value, 3) } else { number(value) }
}

/// Two scores with as many digits as show that they differ.
pub(crate) fn pair(a: f64, b: f64) -> (String, String) {
    let texts = (score(a), score(b));
    if a == b || texts.0 != texts.1 {
        return texts;
    }
    (4..17)
        .map(|places| (decimals(a, places), decimals(b, places)))
        .find(|(a, b)| a != b)
        .unwrap_or_else(|| (a.to_string(), b.to_string()))
}

/// Differences with equally many decimals: enough for two digits of the largest.
pub(crate) fn unsigned<const N: usize>(values: [f64; N]) -> [String; N] {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let places = match largest {
        0.1.. => default_decimals(largest),
        1e-9.. => (1 - largest.log10().floor() as i32).unsigned_abs().max(3) as usize,
        _ => 3,
    };
    values.map(|value| decimals(value, places))
}

/// The same, positive ones with their sign too.
pub(crate) fn signed<const N: usize>(values: [f64; N]) -> [String; N] {
    let mut texts = unsigned(values);
    for (text, value) in texts.iter_mut().zip(values) {
        if value > 0.0 {
            text.insert(0, '+');
        }
    }
    texts
}

/// A share as per cent: whole ones from 10 % on, a decimal below.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let places = usize::from(value > 0.0 && value < 9.95 || value > 99.0 && value < 100.0);
    format!("{} %", decimals(value, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_just_enough_digits() {
        let cases = [
            (0.69312, "0.693"),
            (0.0, "0"),
            (-1.5, "−1.500"),
            (53.4213, "53.42"),
            (123.456, "123.5"),
            (-1234567.8, "−1,234,568"),
            (0.001234, "0.00123"),
            (1.2e-7, "1.20e-7"),
        ];
        for (value, wanted) in cases {
            assert_eq!(number(value), wanted);
        }
    }

    #[test]
    fn values_of_the_data_have_no_zeros_at_the_end() {
        assert_eq!([182.0, 44.96, 0.5, 0.0].map(plain), ["182", "44.96", "0.5", "0"]);
    }

    #[test]
    fn a_pair_shows_its_difference() {
        assert_eq!(pair(0.6921, 0.6924), ("0.6921".to_owned(), "0.6924".to_owned()));
        assert_eq!(pair(0.5, 0.5), ("0.500".to_owned(), "0.500".to_owned()));
        assert_eq!(pair(1.0, 0.5), ("1.000".to_owned(), "0.500".to_owned()));
    }

    #[test]
    fn shares_are_per_cent() {
        let texts = [0.5, 0.031, 0.0, 1.0, 0.995].map(percent);
        assert_eq!(texts, ["50 %", "3.1 %", "0 %", "100 %", "99.5 %"]);
    }
}

//! Words for messages: the nearest known name, lists, counts.

use modelyard_core::Fault;
use modelyard_core::text::thousands;

/// Adds to `fault` the known name nearest to `name`, or where none is near the known names.
pub(crate) fn suggest<'a>(fault: Fault, name: &str, known: impl IntoIterator<Item = &'a str>) -> Fault {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, &known) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => fault,
        None => fault.hint(format!("there are: {}", list(&known))),
    }
}

/// The known name that `name` was probably meant to be: equal but for case, or few edits away.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if let Some(same) = known.iter().find(|candidate| candidate.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The first dozen of `names`, in back-ticks.
pub(crate) fn list<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 12;
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// `name` as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `1 row`, `1,336 rows`.
pub(crate) fn rows(number: u64) -> String {
    format!("{} {}", thousands(number), if number == 1 { "row" } else { "rows" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        assert_eq!(nearest("arr_dely", &["dep_delay", "arr_delay"]), Some("arr_delay"));
        assert_eq!(nearest("Arr_Delay", &["arr_delay"]), Some("arr_delay"));
        assert_eq!(nearest("temperature", &["temp", "visib"]), None);
    }

    #[test]
    fn counts_are_readable() {
        assert_eq!(rows(1), "1 row");
        assert_eq!(rows(1_234_567), "1,234,567 rows");
    }
}

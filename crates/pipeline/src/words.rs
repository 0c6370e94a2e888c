//! The words of a `run`: which inputs they declare, and what they become.

use std::collections::BTreeSet;

use modelyard_core::placeholder::{Malformed, Piece, Placeholder, parse};
use modelyard_core::{Fault, Kind, Result};

/// The placeholders among `words`, each once.
///
/// # Errors
/// If a word can't be read.
pub fn declared(words: &[String]) -> Result<Vec<Placeholder>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for word in words {
        for piece in parse(word).map_err(|malformed| fault(word, &malformed))? {
            if let Piece::Placeholder(placeholder) = piece
                && seen.insert(placeholder.to_string())
            {
                found.push(placeholder);
            }
        }
    }
    Ok(found)
}

/// `words` with every placeholder replaced by what `value` answers.
///
/// # Errors
/// If a word can't be read, or `value` refuses a placeholder.
pub(crate) fn substitute(
    words: &[String],
    mut value: impl FnMut(&Placeholder) -> Result<String>,
) -> Result<Vec<String>> {
    let mut substituted = Vec::with_capacity(words.len());
    for word in words {
        let mut text = String::new();
        for piece in parse(word).map_err(|malformed| fault(word, &malformed))? {
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Placeholder(placeholder) => text.push_str(&value(&placeholder)?),
            }
        }
        substituted.push(text);
    }
    Ok(substituted)
}

/// The error for an input that a step declares and nobody gave it.
pub fn missing_input(placeholder: &Placeholder) -> Fault {
    Fault::new(Kind::Config, format!("nothing provides `{placeholder}` here"))
        .hint("`modelyard check` lists what a step may use")
}

fn fault(word: &str, malformed: &Malformed) -> Fault {
    let message = match malformed {
        Malformed::Unclosed(found) => format!("`{found}` in the word `{word}` has no closing brace"),
        Malformed::Unknown(found) => format!("`{found}` in the word `{word}` is no placeholder"),
    };
    Fault::new(Kind::Config, message).hint("write `{{` for a brace")
}

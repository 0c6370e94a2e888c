//! Placeholders in the words of a `run`: `{data.flights.train}`, `{params.depth}`, `{model}`.
//!
//! One grammar for whoever checks a project and whoever runs it. What a name refers to, and
//! whether it exists, is decided there.

use std::fmt;

use crate::data::Part;

/// A stretch of a word of `run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// What a step asks for; each declares an input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{data.NAME.PART}`: the rows of a part. `NAME` may hold dots.
    Data { name: String, part: Part },
    /// `{steps.NAME.OUTPUT}`: what an earlier step made. `OUTPUT` may hold dots, `NAME` none.
    Step { name: String, output: String },
    /// `{outputs.NAME}`: where to write a declared output.
    Output(String),
    /// `{params.NAME}`.
    Param(String),
    /// `{sources.NAME}`: the files of a source, in a step that makes a data set.
    Source(String),
    /// `{output}`: where a step that makes a data set writes its table.
    Table,
    /// `{model}`: an empty folder that training fills.
    Model,
    /// `{package}`: the packaged model.
    Package,
    /// `{artifacts}`: a folder that is kept with the run.
    Artifacts,
}

/// Why a word can't be read: what stands there, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A `{` that no `}` closes; the rest of the word.
    Unclosed(String),
    /// Braces around what is no placeholder; with the braces.
    Unknown(String),
}

/// The pieces of `word`. `{{` is one brace `{` and `}}` one brace `}`; a single `}` outside a
/// placeholder stands for itself.
///
/// # Errors
/// [`Malformed`] at the first brace that opens no placeholder.
pub fn parse(word: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
        } else if brace == "}" {
            text.push('}');
        } else {
            let Some((name, after)) = rest.split_once('}') else {
                return Err(Malformed::Unclosed(format!("{{{rest}")));
            };
            let placeholder = Placeholder::named(name);
            let placeholder = placeholder.ok_or_else(|| Malformed::Unknown(format!("{{{name}}}")))?;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Placeholder(placeholder));
            rest = after;
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

impl Placeholder {
    /// The placeholder that `text`, without braces, spells.
    fn named(text: &str) -> Option<Self> {
        match text {
            "output" => return Some(Self::Table),
            "model" => return Some(Self::Model),
            "package" => return Some(Self::Package),
            "artifacts" => return Some(Self::Artifacts),
            _ => {}
        }
        let (kind, name) = text.split_once('.').filter(|(_, name)| !name.is_empty())?;
        match kind {
            "data" => {
                let (name, part) = name.rsplit_once('.').filter(|(name, _)| !name.is_empty())?;
                let part = Part::ALL.into_iter().find(|known| known.name() == part)?;
                Some(Self::Data { name: name.to_owned(), part })
            }
            "steps" => {
                let (name, output) = name.split_once('.')?;
                let whole = !name.is_empty() && !output.is_empty();
                whole.then(|| Self::Step { name: name.to_owned(), output: output.to_owned() })
            }
            "outputs" => Some(Self::Output(name.to_owned())),
            "params" => Some(Self::Param(name.to_owned())),
            "sources" => Some(Self::Source(name.to_owned())),
            _ => None,
        }
    }
}

/// As written, with its braces.
impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { name, part } => write!(f, "{{data.{name}.{}}}", part.name()),
            Self::Step { name, output } => write!(f, "{{steps.{name}.{output}}}"),
            Self::Output(name) => write!(f, "{{outputs.{name}}}"),
            Self::Param(name) => write!(f, "{{params.{name}}}"),
            Self::Source(name) => write!(f, "{{sources.{name}}}"),
            Self::Table => f.write_str("{output}"),
            Self::Model => f.write_str("{model}"),
            Self::Package => f.write_str("{package}"),
            Self::Artifacts => f.write_str("{artifacts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Placeholders in angle brackets, text as it is.
    fn read(word: &str) -> String {
        match parse(word) {
            Ok(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Placeholder(placeholder) => format!("<{placeholder}>"),
                })
                .collect(),
            Err(malformed) => format!("{malformed:?}"),
        }
    }

    #[test]
    fn placeholders_may_stand_anywhere_in_a_word() {
        assert_eq!(read("--train={data.a.b.train}"), "--train=<{data.a.b.train}>");
        assert_eq!(read("{steps.clean.x.csv}:{model}"), "<{steps.clean.x.csv}>:<{model}>");
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(read(r#"{{"a": {params.p}}}"#), r#"{"a": <{params.p}>}"#);
        assert_eq!(read(r#"{{"a": 1}"#), r#"{"a": 1}"#);
        assert_eq!(read("a}b"), "a}b");
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        assert_eq!(read("{model"), r#"Unclosed("{model")"#);
        for word in ["{}", "{modle}", "{data.x}", "{data.x.tests}", "{data..train}", "{steps.a}", "{params.}"]
        {
            assert_eq!(read(word), format!("Unknown({word:?})"));
        }
    }
}

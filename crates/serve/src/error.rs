//! Why a prediction was not given, in the same words everywhere: answer, log and metric.

use std::fmt;

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictError {
    pub code: ErrorCode,
    /// A lower-case fragment that says what was found, names in back-ticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The field of the request that is to blame.
    pub field: Option<String>,
    /// Whether it stands for an answer that was no number.
    pub not_finite: bool,
}

impl PredictError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, field: None, not_finite: false }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for PredictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PredictError {}

/// What kind of error; [`as_str`](Self::as_str) is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The body is no JSON.
    NotJson,
    /// The body nests deeper than it may.
    TooDeep,
    /// The body, or the number of its rows, is over the limit.
    TooLarge,
    /// A value of the wrong type, a fraction for an integer, a null where the model can't.
    BadValue,
    /// A name that the data set does not have.
    UnknownField,
    /// A field that the model needs is not there.
    MissingField,
    /// No model of that name is served.
    ModelMissing,
    /// The model's own preparation of the row failed.
    Preprocessing,
    /// The model itself failed.
    Inference,
    /// The model took longer than it may.
    Timeout,
    /// More rows are waiting than may.
    Overloaded,
    /// The model is being loaded, or its worker restarted.
    NotReady,
    /// The client went away before it was answered.
    GivenUp,
    /// A fault of Modelyard itself.
    Internal,
}

impl ErrorCode {
    pub const ALL: [Self; 14] = [
        Self::NotJson,
        Self::TooDeep,
        Self::TooLarge,
        Self::BadValue,
        Self::UnknownField,
        Self::MissingField,
        Self::ModelMissing,
        Self::Preprocessing,
        Self::Inference,
        Self::Timeout,
        Self::Overloaded,
        Self::NotReady,
        Self::GivenUp,
        Self::Internal,
    ];

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) fn place(self) -> usize {
        self as usize
    }

    /// Whether the request is at fault, rather than the model or this program. Who went away is taken to have
    /// waited for too long.
    pub fn is_clients(self) -> bool {
        match self {
            Self::NotJson
            | Self::TooDeep
            | Self::TooLarge
            | Self::BadValue
            | Self::UnknownField
            | Self::MissingField
            | Self::ModelMissing
            | Self::Preprocessing => true,
            Self::Inference
            | Self::Timeout
            | Self::Overloaded
            | Self::NotReady
            | Self::GivenUp
            | Self::Internal => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::BadValue => "bad_value",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::ModelMissing => "model_missing",
            Self::Preprocessing => "preprocessing",
            Self::Inference => "inference",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::NotReady => "not_ready",
            Self::GivenUp => "given_up",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn all_codes_are_listed_in_their_order() {
        for (place, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(code.place(), place, "{}", code.as_str());
        }
    }
}

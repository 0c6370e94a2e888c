//! Exit codes, by name. Scripts may rely on them; the manual lists them.

use modelyard_core::Kind;

/// The exit code of a fault of `kind`. 0 is success; 1 is what `doctor` and `check` answer when
/// they found something.
pub(crate) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 2,
        Kind::Config => 3,
        Kind::Data => 4,
        Kind::Check => 5,
        Kind::Environment => 6,
        Kind::Step => 7,
        Kind::Timeout => 8,
        Kind::Model => 9,
        Kind::Package => 10,
        Kind::Gate => 11,
        Kind::Different => 12,
        Kind::NotFound => 13,
        Kind::Conflict => 14,
        Kind::Store => 15,
        Kind::Release => 16,
        Kind::Internal => 70,
        Kind::Cancelled => 130,
    }
}

//! Tests that stay valid however often one looks: whether a candidate is worse than the incumbent, judged
//! after every request if need be.
//!
//! A test that is repeated while data come in finds a difference sooner or later, where there is none. What
//! is here is bounded over *all* times at once: with probability 1 − α a bound of [`Pair::bounds`] holds at
//! every moment, and [`Pair::evidence_above`] never exceeds `ln(1/α)` where the candidate is not worse
//! (Howard, Ramdas, McAuliffe and Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*,
//! Annals of Statistics 49, 2021; the mixture is that of Robbins, 1970).
//!
//! # How
//!
//! Each arm of a comparison has a sum of values in [0, 1] and their number: failed requests, slow ones, or
//! any other value a request has. If a value's expectation is p, then for every q the product of
//! `(q/p)^x ((1−q)/(1−p))^(1−x)` is a supermartingale (for x in {0, 1} a likelihood ratio, and convex
//! between), also where q differs between arms; and so is its average over any joint distribution of the two
//! arms' q that was fixed beforehand. That average, divided by the largest value that the denominator takes
//! where the two expectations differ by `d`, is an e-process against that difference; by Ville's inequality
//! it exceeds 1/α with probability at most α, ever. The bounds are those `d` that are not refuted so.
//!
//! Any distribution is valid, and one that holds what turns out true is sharp. So each side has its own:
//!
//! - against *worse by more than `d`* both arms have one rate, hence one unknown in place of two; with a small
//!   weight the candidate has another;
//! - against *worse by less than `d`* the candidate's rate lies a few margins above the incumbent's.
//!
//! What an arm did *before* the comparison began says where its rate lies: an equal mixture of betas around a
//! half, a fortieth and a thousandth otherwise. Past data make the tests sharper and can't make them invalid.
//!
//! # What it rests on
//!
//! Values of an arm have one expectation during the comparison. Over a period in which the share of traffic
//! stays the same, both arms see the same mixture of requests; that is why a step of a canary is compared by
//! itself. A selection of requests that depends on their outcome would break it, one that depends on the
//! past does not.
//!
//! What is not here: what is watched, margins, and what follows. Those belong to whoever releases.

mod difference;
mod labels;
mod outputs;
mod verdict;

pub use difference::{Arm, Pair, Sample};
pub use labels::{Labelled, Loss, Losses, Measure};
pub use outputs::{constant, distance, shifted};
pub use verdict::{Alpha, Verdict};

/// The evidence `ln(1/α)` at which something with error probability `alpha` is decided.
pub fn threshold(alpha: f64) -> f64 {
    -alpha.ln()
}

/// The evidence of several tests taken as one: `ln` of the mean of their e-values.
pub fn joined(evidence: &[f64]) -> f64 {
    let equal: Vec<(f64, f64)> = evidence.iter().map(|one| (1.0, *one)).collect();
    mixed(&equal)
}

/// Ln of the weighted mean of numbers of which the logarithms are given, each after its weight.
fn mixed(terms: &[(f64, f64)]) -> f64 {
    let highest = terms.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return highest;
    }
    let total: f64 = terms.iter().map(|(weight, _)| weight).sum();
    let sum: f64 = terms.iter().map(|(weight, log)| weight * (log - highest).exp()).sum();
    highest + (sum / total).ln()
}

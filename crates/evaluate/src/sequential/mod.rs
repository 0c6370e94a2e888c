//! Tests that stay valid however often one looks: whether a candidate is worse than the incumbent, judged
//! after every request if need be.
//!
//! A test that is repeated while data come in finds a difference sooner or later, where there is none. What
//! is here is bounded over *all* times at once: with probability 1 − α the bounds of [`interval`] hold at
//! every moment, and [`evidence_above`] never exceeds `ln(1/α)` where the candidate is not worse (Howard,
//! Ramdas, McAuliffe and Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, Annals of
//! Statistics 49, 2021; the mixture is that of Robbins, 1970).
//!
//! # How
//!
//! Each arm of a comparison has a sum of values in [0, 1] and their number: failed requests, slow ones, or
//! any other value a request has. If a value's expectation is p, then for every q the product of
//! `(q/p)^x ((1−q)/(1−p))^(1−x)` is a supermartingale (for x in {0, 1} a likelihood ratio, and convex
//! between), and so is its average over any distribution of q that was fixed beforehand. Both arms'
//! averages multiplied, divided by the largest value that the denominator takes where the two expectations
//! differ by `d`, is an e-process against that difference; by Ville's inequality it exceeds 1/α with
//! probability at most α, ever. The bounds are those `d` that are not refuted so.
//!
//! The distribution of q is an equal mixture of betas that suit rates around a half, a hundredth and a
//! thousandth, and one around what was seen *before* the comparison began. Past data make the test sharper
//! and can't make it invalid.
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
mod outputs;

pub use difference::{Arm, Sample, evidence_above, evidence_below, interval};
pub use outputs::{constant, distance, shifted};

/// The evidence `ln(1/α)` at which something with error probability `alpha` is decided.
pub fn threshold(alpha: f64) -> f64 {
    -alpha.ln()
}

/// The evidence of several tests taken as one: `ln` of the mean of their e-values.
pub fn joined(evidence: &[f64]) -> f64 {
    let highest = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return highest;
    }
    let sum: f64 = evidence.iter().map(|one| (one - highest).exp()).sum();
    highest + (sum / evidence.len() as f64).ln()
}

//! Who computes the answers.

//! Reading `modelyard.toml`.

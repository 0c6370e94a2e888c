//! The binary `modelyard`: commands, configuration and wiring.
fn main() {}

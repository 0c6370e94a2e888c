//! The package format: the folder that is tested, deployed and served.

pub mod export;
pub mod package;

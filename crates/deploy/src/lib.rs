//! Packages (the folder that is tested, deployed and served) and targets (where replicas run).

pub mod export;
pub mod package;
pub mod target;

//! The engine: the graph of a project, the keys of its actions, and who executes them.
//!
//! It knows actions and commands, not what training or testing is: `lifecycle` says what the nodes
//! of the graph do, and calls [`Engine::perform`] for whatever is worth remembering. Nothing here
//! decides by the clock, and an executor's only channel to the rest is the store.

mod code;
mod command;
mod engine;
pub mod executor;
mod explain;
mod graph;
mod reported;
mod scratch;
mod stamped;
mod words;

pub use code::collect_code;
pub use command::{CommandJob, InputFile, StepContext, command_job};
pub use engine::{Cancel, Done, Engine, Mode, Performed, Stop};
pub use graph::{Graph, Node};
pub use stamped::{Found, digest_files};
pub use words::{declared, missing_input};

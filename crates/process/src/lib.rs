//! What runs outside this program: users' commands in their sandbox, and the Python environments
//! they run in.
//!
//! - [`sandbox`]: what a command may open, enforced by the kernel (Landlock, seccomp).
//! - [`run`]: a command from start to end, with its whole process tree; [`worker`]: one that stays
//!   and is talked to.
//! - [`detached`]: a program of ours that outlives this process; [`control`]: the listening socket that
//!   such programs inherit, and hand back.
//! - [`waiting`]: sockets that are waited for to the microsecond.
//! - [`python`]: interpreters, locks, content-addressed environments; [`onnx_library`]: the shared
//!   library of ONNX Runtime.
//!
//! This crate knows no step, no project and no home: paths, words and variables arrive as
//! arguments. It does not decide what a step may read, it makes sure that nothing else is.
//!
//! Every command but a detached one has a *supervisor*: a fork of this program between it and the command, which
//! owns the command's process tree and ends all of it when the command ends, when it is told to,
//! or when this program dies. See [`run`].

pub mod control;
pub mod detached;
pub mod machine;
pub mod onnx_library;
pub mod python;
pub mod run;
pub mod sandbox;
pub mod temporary;
pub mod usage;
pub mod waiting;
pub mod worker;

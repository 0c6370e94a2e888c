//! The Python process behind the runtime `python`.

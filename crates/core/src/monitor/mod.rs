//! Monitoring: what production answered, what turned out to be true, what was found, who is told, what it
//! started.
//!
//! ```text
//! spec      `[monitor]` of modelyard.toml
//! log       segments of the inference log
//! label     what turned out to be true, and business figures
//! window    what was found in a span of time
//! alert     what people are told
//! sink      where they are told
//! trigger   `[[triggers]]` of modelyard.toml, and what set them off
//! ```

pub mod alert;
pub mod label;
pub mod log;
pub mod sink;
pub mod spec;
pub mod trigger;
pub mod window;

pub use alert::{About, Alert, AlertState, Delivery, Severity};
pub use label::{Added, Figure, Label, NewLabel};
pub use log::{NewSegment, Segment};
pub use sink::{Sink, SinkKind};
pub use spec::{ColumnRule, Decay, Drift, LogSpec, MonitorSpec, Preset};
pub use trigger::{Cause, CauseState, Missed, Origin, Then, TriggerSpec};
pub use window::{ColumnFound, MetricFound, WindowRecord};

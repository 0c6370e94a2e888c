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
pub use label::{Added, Became, Figure, Label, NewLabel};
pub use log::{NewSegment, Segment};
pub use sink::{Sink, SinkKind};
pub use spec::{ColumnRule, Decay, Drift, LogSpec, MonitorSpec, Preset};
pub use trigger::{Cause, CauseState, Missed, Origin, Then, TriggerSpec};
pub use window::{ColumnFound, MetricFound, WindowRecord};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// Reads `[monitor]` and `[[triggers]]` where a version that did not act upon them may have kept them as they stood
/// in the file: those read as nothing.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_as_it_stood_in_the_file_reads_as_nothing() {
        #[derive(Deserialize)]
        struct Kept {
            #[serde(default, deserialize_with = "lenient")]
            monitor: Option<MonitorSpec>,
            #[serde(default, deserialize_with = "lenient")]
            triggers: Vec<TriggerSpec>,
        }
        for text in
            [r#"{"monitor": {"window": "1w"}, "triggers": [{"on": ["drift"]}]}"#, r#"{"monitor": null}"#]
        {
            let kept: Kept = serde_json::from_str(text).unwrap();
            assert!(kept.monitor.is_none() && kept.triggers.is_empty(), "{text}");
        }
    }
}

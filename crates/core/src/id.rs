//! Ids that people see and paste.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::Clock;

/// An id that is a ULID: 26 characters, sorted by time. Any unambiguous prefix names it on the command line.
macro_rules! ulid_id {
    ($name:ident, $what:literal) => {
        #[doc = concat!("The id of ", $what, ": a ULID (26 characters, sorted by time). Any unambiguous prefix names it on the command line.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, utoipa::ToSchema)]
        #[schema(value_type = String)]
        pub struct $name(Ulid);

        impl $name {
            pub fn new(clock: &dyn Clock) -> Self {
                let millis = clock.now().micros().max(0) / 1000;
                Self(Ulid::from_parts(millis as u64, clock.entropy()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Ulid::from_string(text)
                    .map(Self)
                    .map_err(|_| format!(concat!("`{}` is not the id of ", $what), text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

ulid_id!(RunId, "a run");
ulid_id!(ReleaseId, "a release");
ulid_id!(AlertId, "an alert");
ulid_id!(CauseId, "a cause of training");

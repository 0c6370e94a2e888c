//! Data ingestion — sources in, the parts of an immutable data version out — and the reading and
//! writing of tables for all other crates.
//!
//! [`ingest`](fn@ingest) reads the sources ([`source`]), makes one table of them (as they are, by SQL, by a
//! command), puts its rows in canonical order, checks and splits them, writes each part and says
//! what it found: types, profile, the rows lost on the way. [`preview`](fn@preview) does the first half on a
//! sample. The rest of the crate's API is table files: [`read_table`], [`TableReader`],
//! [`TableWriter`], [`Append`], [`concat`], [`logical_digest`], [`row_hashes`].
//!
//! Arrow, Parquet and DataFusion stay inside: the API speaks `modelyard_core`'s nouns. A table is
//! held in memory while it is ingested; batch prediction is not. Nothing here knows of homes,
//! blobs or version numbers.
//!
//! To add a kind of source: a file in `source/`, a line in its list. A split: a file in `split/`,
//! an arm in its `assign`.

mod bridge;
mod cell;
mod checks;
mod delimited;
mod digest;
mod ingest;
mod make;
mod names;
mod order;
mod preview;
mod profile;
mod segment;
pub mod source;
mod split;
mod sql;
mod table;

pub use cell::{highest_micros, lowest_micros};
pub use delimited::TextFormat;
pub use digest::logical_digest;
pub use ingest::{Ingest, Ingested, PartFile, RESULT_VERSION, ingest};
pub use preview::{Preview, preview};
pub use profile::profile;
pub use segment::{SegmentReader, SegmentWriter, segment_fields};
pub use sql::query_log;
pub use table::{
    Append, TableReader, TableWriter, Written, concat, read_table, row_hashes, schema, write_table,
};

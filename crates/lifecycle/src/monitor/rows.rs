//! The inference log read back: the rows of a span of time, piece by piece.
//!
//! Segments are read one after the other, so a window of a million rows needs the memory of a few thousand. One
//! that is damaged or gone is passed over and told: the rest of the window is worth more than an error.

use std::collections::VecDeque;
use std::path::Path;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::Segment;
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, Field, Table};
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use modelyard_data::{SegmentReader, segment_fields};

/// Rows of a piece, at most.
const PIECE_ROWS: usize = 8_192;

const DAY_MICROS: i64 = 86_400_000_000;

/// Which rows.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub by: By,
    /// The end is excluded.
    pub from: Timestamp,
    pub to: Timestamp,
    /// By their names in the log ([`stored_name`](modelyard_core::monitor::log::stored_name)); `None` for all. A
    /// segment that lacks one yields pieces without it. With none that a segment has, the column that rows are
    /// chosen by is there.
    pub columns: Option<Vec<String>>,
}

/// What says when a row was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// When the request came.
    Arrival,
    /// The column with the role `time`. Rows without a value are passed over and counted.
    Time(String),
}

/// Rows of one version.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Number of the segment that they stand in.
    pub segment: u64,
    /// `None` for requests that no version was asked.
    pub version: Option<u32>,
    pub package: Option<Digest>,
    /// Columns with the types that they have in this segment: another version may have others.
    pub table: Table,
}

/// The rows that are wanted, in the order in which they were logged.
///
/// ```no_run
/// # use modelyard_core::{Result, deploy::EnvironmentId, ports::Home};
/// # use modelyard_lifecycle::monitor::rows::{Rows, Wanted};
/// # async fn read(home: &Home, production: &EnvironmentId, wanted: Wanted) -> Result<()> {
/// let mut rows = Rows::of(home, production, wanted).await?;
/// while let Some(piece) = rows.next().await? {
///     println!("{} rows of version {:?}", piece.table.rows(), piece.version);
/// }
/// for fault in rows.damaged() {
///     println!("{}", fault.report());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Rows {
    home: Home,
    wanted: Wanted,
    segments: VecDeque<Segment>,
    open: Option<(Segment, SegmentReader)>,
    untimed: u64,
    damaged: Vec<Fault>,
}

impl Rows {
    /// Finds the segments; none is read yet.
    ///
    /// # Errors
    /// If the home can't be read.
    pub async fn of(home: &Home, environment: &EnvironmentId, wanted: Wanted) -> Result<Self> {
        let mut segments = VecDeque::from(home.log.segments(environment, 0).await?);
        segments.retain(|segment| wanted.may_hold(segment));
        Ok(Self { home: home.clone(), wanted, segments, open: None, untimed: 0, damaged: Vec::new() })
    }

    /// The next rows, at least one; `None` at the end.
    ///
    /// # Errors
    /// If the machine can't read at all; a damaged segment is none.
    pub async fn next(&mut self) -> Result<Option<Piece>> {
        loop {
            let (segment, reader) = match self.open.take() {
                Some(open) => open,
                None => match self.segments.pop_front() {
                    Some(segment) => match begin(&self.home, &self.wanted, &segment).await {
                        Ok(Some(reader)) => (segment, reader),
                        Ok(None) => {
                            self.untimed += segment.content.rows;
                            continue;
                        }
                        Err(fault) => {
                            self.damaged.push(fault);
                            continue;
                        }
                    },
                    None => return Ok(None),
                },
            };
            let (reader, read) = blocking(move || {
                let mut reader = reader;
                let read = reader.read();
                Ok((reader, read))
            })
            .await?;
            match read {
                Ok(Some(table)) => {
                    let Segment { number, content, .. } = &segment;
                    let (number, version, package) = (*number, content.version, content.package);
                    self.open = Some((segment, reader));
                    let table = self.select(table);
                    if table.rows() > 0 {
                        return Ok(Some(Piece { segment: number, version, package, table }));
                    }
                }
                Ok(None) => {}
                Err(fault) => self.damaged.push(fault),
            }
        }
    }

    /// Rows that lay in no span by the role `time`, since they had none, of the segments read so far.
    pub fn untimed(&self) -> u64 {
        self.untimed
    }

    /// What was wrong with segments that were passed over, a fault each.
    pub fn damaged(&self) -> &[Fault] {
        &self.damaged
    }

    /// The rows of `table` that lie in the span, without the column that tells where it was not asked for.
    fn select(&mut self, mut table: Table) -> Table {
        let by = self.wanted.column().to_owned();
        let column = table.column(&by);
        let micros = |row: usize| column.and_then(|column| instant(column, row));
        let span = self.wanted.from.micros()..self.wanted.to.micros();
        let mut kept = Vec::with_capacity(table.rows());
        for row in 0..table.rows() {
            let at = micros(row);
            self.untimed += u64::from(at.is_none());
            kept.push(at.is_some_and(|at| span.contains(&at)));
        }
        if kept.contains(&false) {
            table.retain(&kept);
        }
        // A table without a column would have no rows either.
        let is_extra = self.wanted.columns.as_ref().is_some_and(|columns| !columns.contains(&by));
        if is_extra && table.names().len() > 1 {
            table.take(&by);
        }
        table
    }
}

impl Wanted {
    fn column(&self) -> &str {
        match &self.by {
            By::Arrival => "at",
            By::Time(column) => column,
        }
    }

    fn may_hold(&self, segment: &Segment) -> bool {
        let span = match self.by {
            By::Arrival => Some((segment.content.from, segment.content.to)),
            By::Time(_) => segment.content.happened,
        };
        span.is_some_and(|(first, last)| first < self.to && last >= self.from)
    }

    fn open(&self, path: &Path) -> Result<Option<SegmentReader>> {
        let mut fields: Vec<Field> = segment_fields(path)?;
        if !fields.iter().any(|field| field.name == self.column()) {
            return Ok(None);
        }
        if let Some(columns) = &self.columns {
            fields.retain(|field| columns.contains(&field.name) || field.name == self.column());
        }
        SegmentReader::open(path, &fields, PIECE_ROWS).map(Some)
    }
}

/// The instant of `row`, microseconds since the epoch: of a date its midnight, in UTC.
pub fn instant(column: &Column, row: usize) -> Option<i64> {
    match column {
        Column::Timestamp(values) => values[row],
        Column::Date(values) => values[row].map(|days| i64::from(days) * DAY_MICROS),
        _ => None,
    }
}

/// `None` where the segment lacks the column that rows are chosen by.
async fn begin(home: &Home, wanted: &Wanted, segment: &Segment) -> Result<Option<SegmentReader>> {
    let path = home.log.file(segment).await?;
    let wanted = wanted.clone();
    blocking(move || wanted.open(&path)).await
}

/// Does `work` where waiting for the disk keeps nobody from answering.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .attempt(Kind::Internal, || "cannot read the inference log".to_owned())?
}

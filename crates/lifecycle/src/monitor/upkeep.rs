//! The inference log kept small: segments of an hour that is over become one, and old ones go.
//!
//! Nothing is remembered: what is to be done follows from the segments. Killed half-way, it is done again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::{LogSpec, NewSegment, Segment};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Kind, Result, Timestamp};
use modelyard_data::{SegmentReader, SegmentWriter, segment_fields};
use modelyard_process::temporary::PrivateTmp;

use super::Duty;
use super::record::{is_unlike, watching};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// Between two sweeps, and how old the files of segments are that were compacted: whoever listed them before has
/// read them by then.
const SWEEP: Duration = Duration::from_secs(3_600);

const HOUR_MICROS: i64 = 3_600_000_000;

/// Rows of a compacted segment, about.
const MOST_ROWS: u64 = 1_000_000;

/// Rows that are copied at a time.
const AT_ONCE: usize = 16_384;

pub struct Upkeep {
    home: Home,
    clock: Arc<dyn Clock>,
    /// When it was last looked, and swept.
    done: Mutex<(Option<Instant>, Instant)>,
}

impl Upkeep {
    pub fn new(home: Home, clock: Arc<dyn Clock>) -> Self {
        Self { home, clock, done: Mutex::new((None, Instant::now())) }
    }
}

#[async_trait]
impl Duty for Upkeep {
    fn name(&self) -> &'static str {
        "the inference log"
    }

    async fn look(&self) -> Result<()> {
        let is_sweeping = {
            // Nothing that is done with it can panic half-way.
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            if done.0.is_some_and(|looked| looked.elapsed() < PAUSE) {
                return Ok(());
            }
            done.0 = Some(Instant::now());
            let is_sweeping = done.1.elapsed() >= SWEEP;
            if is_sweeping {
                done.1 = Instant::now();
            }
            is_sweeping
        };
        let now = self.clock.now();
        if is_sweeping {
            let age = i64::try_from(SWEEP.as_micros()).unwrap_or(i64::MAX);
            self.home.log.sweep(Timestamp::from_micros(now.micros() - age)).await?;
        }
        for environment in self.home.environments.environments(None).await? {
            let id = environment.id;
            let applied = self.home.environments.applied(&id.project).await?;
            let spec = applied.and_then(|applied| watching(&applied, &id));
            retain(&self.home, &id, spec.map(|spec| spec.log).unwrap_or_default(), now).await?;
            compact(&self.home, &id, now).await?;
        }
        Ok(())
    }
}

/// Removes segments that are older, or beyond more bytes, than is to be kept; answers how many.
///
/// # Errors
/// If the home can't be read or written.
pub async fn retain(home: &Home, id: &EnvironmentId, spec: LogSpec, now: Timestamp) -> Result<usize> {
    let mut segments = home.log.segments(id, 0).await?;
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.content.to));
    let oldest = now.micros().saturating_sub((spec.keep_secs * 1e6) as i64);
    let mut bytes = 0_u64;
    let mut gone = Vec::new();
    for segment in segments {
        bytes += segment.size_bytes;
        if segment.content.to.micros() < oldest || bytes > spec.keep_bytes {
            gone.push(segment.number);
        }
    }
    if !gone.is_empty() {
        home.log.remove(&gone).await?;
    }
    Ok(gone.len())
}

/// Makes one segment of those of a package that lie in one hour, which is over; answers how many it took.
///
/// # Errors
/// If the home or a temporary file can't be written; a damaged segment stays as it is.
pub async fn compact(home: &Home, id: &EnvironmentId, now: Timestamp) -> Result<usize> {
    let hour = |at: Timestamp| at.micros().div_euclid(HOUR_MICROS);
    let mut hours: BTreeMap<(i64, Option<Digest>), Vec<Segment>> = BTreeMap::new();
    for segment in home.log.segments(id, 0).await? {
        let content = &segment.content;
        if content.compacted.is_none() && hour(content.to) < hour(now) {
            hours.entry((hour(content.to), content.package)).or_default().push(segment);
        }
    }
    let mut taken = 0;
    for mut segments in hours.into_values() {
        while segments.len() > 1 {
            let mut rows = 0;
            let fitting = segments.iter().take_while(|segment| {
                rows += segment.content.rows;
                rows <= MOST_ROWS
            });
            let count = fitting.count().max(1);
            let rest = segments.split_off(count);
            if segments.len() > 1 {
                taken += merge(home, segments).await?;
            }
            segments = rest;
        }
    }
    Ok(taken)
}

/// Puts one segment in the place of `segments`, as far as they can be read and have the same columns.
async fn merge(home: &Home, segments: Vec<Segment>) -> Result<usize> {
    let place = PrivateTmp::new()?;
    let path = place.path().join("segment");
    let mut fields = None;
    let mut inputs = Vec::new();
    for segment in segments {
        let Ok(file) = home.log.file(&segment).await else { continue };
        let Ok(own) = segment_fields(&file) else { continue };
        if *fields.get_or_insert_with(|| own.clone()) == own {
            inputs.push((segment, file));
        }
    }
    let (Some(fields), true) = (fields, inputs.len() > 1) else { return Ok(0) };
    let (out, files) = (path.clone(), inputs.iter().map(|(_, file)| file.clone()).collect::<Vec<_>>());
    let write = move || {
        let mut writer = SegmentWriter::create(&out, &fields, is_unlike)?;
        for file in files {
            let mut reader = SegmentReader::open(&file, &fields, AT_ONCE)?;
            while let Some(piece) = reader.read()? {
                writer.write(piece)?;
            }
        }
        writer.finish()
    };
    tokio::task::spawn_blocking(write)
        .await
        .attempt(Kind::Internal, || "cannot compact the inference log".to_owned())??;
    let numbers: Vec<u64> = inputs.iter().map(|(segment, _)| segment.number).collect();
    let Some(content) = together(inputs.into_iter().map(|(segment, _)| segment)) else { return Ok(0) };
    home.log.add(&content, &path, &numbers).await?;
    Ok(numbers.len())
}

/// What is to be known of segments that became one.
fn together(segments: impl Iterator<Item = Segment>) -> Option<NewSegment> {
    let named = segments.map(|segment| NewSegment {
        compacted: segment.content.compacted.max(Some(segment.number)),
        ..segment.content
    });
    named.reduce(|one, other| NewSegment {
        rows: one.rows + other.rows,
        from: one.from.min(other.from),
        to: one.to.max(other.to),
        happened: match (one.happened, other.happened) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        },
        dropped: one.dropped + other.dropped,
        compacted: one.compacted.max(other.compacted),
        ..one
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use modelyard_core::table::{Column, DataType, Field, Table};

    use super::super::rows::{By, Rows, Wanted};
    use super::*;

    /// Time that goes on by a microsecond whenever it is asked.
    #[derive(Default)]
    struct Ticks(AtomicI64);

    impl Clock for Ticks {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
        }

        fn entropy(&self) -> u128 {
            u128::from(self.0.fetch_add(1, Ordering::Relaxed).cast_unsigned())
        }
    }

    fn id() -> EnvironmentId {
        EnvironmentId { project: "shop".to_owned(), name: "production".to_owned() }
    }

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_micros(minutes * 60_000_000)
    }

    /// Adds a segment of three rows that came at `minutes`, as those before them that happened 1,000 minutes ago.
    async fn add(home: &Home, minutes: i64, package: &[u8]) -> Segment {
        let place = PrivateTmp::new().unwrap();
        let path = place.path().join("segment");
        let at = |shift: i64| Column::Timestamp(vec![Some(minute(minutes - shift).micros()); 3]);
        let ids = (0..3).map(|row| Some(format!("{minutes}/{row}"))).collect();
        let mut table = Table::new();
        table.push("prediction_id", Column::String(ids));
        table.push("at", at(0));
        table.push("happened", at(1_000));
        let field = |(name, column): (&str, &Column)| Field {
            name: name.to_owned(),
            data_type: column.data_type(),
            nullable: true,
        };
        let fields: Vec<Field> = table.columns().map(field).collect();
        let mut writer =
            SegmentWriter::create(&path, &fields, |field| field.data_type == DataType::String).unwrap();
        writer.write(table).unwrap();
        writer.finish().unwrap();
        let content = NewSegment {
            environment: id(),
            rows: 3,
            from: minute(minutes),
            to: minute(minutes),
            happened: Some((minute(minutes - 1_000), minute(minutes - 1_000))),
            dropped: 1,
            version: Some(1),
            package: Some(Digest::of(package)),
            compacted: None,
        };
        home.log.add(&content, &path, &[]).await.unwrap()
    }

    /// Ids of the rows between two minutes, and how many segments were passed over.
    async fn rows(home: &Home, by: By, from: i64, to: i64) -> (Vec<String>, usize) {
        let columns = Some(vec!["prediction_id".to_owned()]);
        let wanted = Wanted { by, from: minute(from), to: minute(to), columns };
        let mut rows = Rows::of(home, &id(), wanted).await.unwrap();
        let mut found = Vec::new();
        while let Some(piece) = rows.next().await.unwrap() {
            let Some(Column::String(ids)) = piece.table.column("prediction_id") else { panic!("no ids") };
            found.extend(ids.iter().flatten().cloned());
        }
        found.sort();
        (found, rows.damaged().len())
    }

    async fn spans(home: &Home) -> Vec<(u64, Option<u64>, u64, u64)> {
        let segments = home.log.segments(&id(), 0).await.unwrap();
        let span = |segment: &Segment| {
            let content = &segment.content;
            (segment.number, content.compacted, content.rows, content.dropped)
        };
        segments.iter().map(span).collect()
    }

    #[tokio::test]
    async fn hours_that_are_over_become_a_segment_a_package_and_their_rows_stay() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticks::default());
        let home = modelyard_store::open(folder.path(), clock).await.unwrap();
        for (minutes, package) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (61, "a"), (62, "a"), (121, "a")] {
            add(&home, minutes, package.as_bytes()).await;
        }
        let time = By::Time("happened".to_owned());
        let before = (rows(&home, By::Arrival, 2, 122).await, rows(&home, time.clone(), -998, -938).await);
        assert_eq!((before.0.0.len(), before.1.0.len()), (18, 12));
        assert_eq!(compact(&home, &id(), minute(122)).await.unwrap(), 5);
        // The last hour goes on, and package b has one segment in the first.
        let wanted = [(3, None, 3, 1), (7, None, 3, 1), (8, Some(4), 9, 3), (9, Some(6), 6, 2)];
        assert_eq!(spans(&home).await, wanted);
        assert_eq!((rows(&home, By::Arrival, 2, 122).await, rows(&home, time, -998, -938).await), before);
        assert_eq!(compact(&home, &id(), minute(122)).await.unwrap(), 0);
        // The files of what was replaced go with a sweep, and nothing else does.
        assert_eq!(home.log.sweep(minute(0)).await.unwrap(), 0);
        assert_eq!(home.log.sweep(minute(i64::MAX / 60_000_000 / 2)).await.unwrap(), 5);
        assert_eq!(rows(&home, By::Arrival, 0, 200).await.0.len(), 21);
    }

    #[tokio::test]
    async fn what_is_too_old_or_too_much_goes_and_a_damaged_segment_costs_its_own_rows_alone() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticks::default());
        let home = modelyard_store::open(folder.path(), clock).await.unwrap();
        for minutes in [1, 2, 3, 4] {
            add(&home, minutes, b"a").await;
        }
        let spec = LogSpec { keep_secs: 150.0, ..LogSpec::default() };
        assert_eq!(retain(&home, &id(), spec, minute(4)).await.unwrap(), 1);
        let segments = home.log.segments(&id(), 0).await.unwrap();
        let bytes = segments[1].size_bytes + segments[2].size_bytes;
        let spec = LogSpec { keep_bytes: bytes, ..LogSpec::default() };
        assert_eq!(retain(&home, &id(), spec, minute(4)).await.unwrap(), 1);
        assert_eq!(rows(&home, By::Arrival, 0, 9).await.0, ["3/0", "3/1", "3/2", "4/0", "4/1", "4/2"]);
        let file = home.log.file(&segments[1]).await.unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(rows(&home, By::Arrival, 0, 9).await, (vec!["4/0".into(), "4/1".into(), "4/2".into()], 1));
        assert_eq!(compact(&home, &id(), minute(99)).await.unwrap(), 0);
    }
}

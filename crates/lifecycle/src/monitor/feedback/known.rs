//! Which predictions the log has, for labels of others to be told.
//!
//! Ids are kept as hashes, eight bytes each, read from the segments when a label is first asked about and from new
//! ones after that. Of a log with more than [`MOST`] predictions the newest are known.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::Result;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, DataType, Field};
use modelyard_data::SegmentReader;
use modelyard_serve::log::{Log, hash};
use tokio::sync::Mutex;

/// Predictions that are known, about: 64 MB.
const MOST: usize = 8_000_000;

/// Between two looks for new segments.
const PAUSE: Duration = Duration::from_millis(500);

/// Rows that are read at a time.
const AT_ONCE: usize = 65_536;

pub struct Known {
    home: Home,
    environment: EnvironmentId,
    /// Of this process, which knows what no segment has yet.
    log: Option<Arc<Log>>,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    /// Sorted.
    hashes: Vec<u64>,
    seen: u64,
    looked: Option<Instant>,
}

impl Known {
    pub fn new(home: &Home, environment: &EnvironmentId, log: Option<Arc<Log>>) -> Self {
        Self { home: home.clone(), environment: environment.clone(), log, read: Mutex::default() }
    }

    /// How many of `ids` name no prediction of the log.
    ///
    /// # Errors
    /// If the home can't be read; a damaged segment is passed over.
    pub async fn unknown(&self, ids: &[String]) -> Result<u64> {
        let is_recent = |id: &&String| self.log.as_ref().is_some_and(|log| log.knows(id));
        let others: Vec<u64> = ids.iter().filter(|id| !is_recent(id)).map(|id| hash(id)).collect();
        if others.is_empty() {
            return Ok(0);
        }
        let mut read = self.read.lock().await;
        if read.looked.is_none_or(|looked| looked.elapsed() >= PAUSE) {
            self.look(&mut read).await?;
            read.looked = Some(Instant::now());
        }
        Ok(others.iter().filter(|hash| read.hashes.binary_search(hash).is_err()).count() as u64)
    }

    /// Reads segments that are new, the newest first, up to as many as are kept.
    async fn look(&self, read: &mut Read) -> Result<()> {
        let segments = self.home.log.segments(&self.environment, read.seen).await?;
        let seen = read.seen;
        // What was compacted from segments that were read holds nothing new.
        let is_news = |compacted: Option<u64>| compacted.is_none_or(|newest| newest > seen);
        let mut more = Vec::new();
        for segment in segments.iter().rev().filter(|segment| is_news(segment.content.compacted)) {
            if more.len() >= MOST {
                break;
            }
            let Ok(file) = self.home.log.file(segment).await else { continue };
            let ids = tokio::task::spawn_blocking(move || ids(&file)).await;
            if let Ok(Ok(ids)) = ids {
                more.extend(ids);
            }
        }
        if let Some(newest) = segments.last() {
            read.seen = newest.number;
        }
        if read.hashes.len() + more.len() > 2 * MOST {
            // Which are old is not known any more: begin with the newest segments.
            read.hashes.clear();
        }
        read.hashes.extend(more);
        read.hashes.sort_unstable();
        read.hashes.dedup();
        Ok(())
    }
}

fn ids(file: &std::path::Path) -> Result<Vec<u64>> {
    let field = Field { name: "prediction_id".to_owned(), data_type: DataType::String, nullable: true };
    let mut reader = SegmentReader::open(file, &[field], AT_ONCE)?;
    let mut hashes = Vec::new();
    while let Some(table) = reader.read()? {
        if let Some(Column::String(ids)) = table.column("prediction_id") {
            hashes.extend(ids.iter().flatten().map(|id| hash(id)));
        }
    }
    Ok(hashes)
}

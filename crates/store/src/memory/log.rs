use std::path::{Path, PathBuf};

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{NewSegment, Segment};
use modelyard_core::ports::{BlobStore, PredictionLog};
use modelyard_core::{Fault, Kind, Result, Timestamp};

use super::Memory;
use crate::faults;

#[async_trait]
impl PredictionLog for Memory {
    async fn add(&self, content: &NewSegment, path: &Path, replaced: &[u64]) -> Result<Segment> {
        let size_bytes = std::fs::metadata(path)
            .map_err(|error| faults::outside(format!("cannot read `{}`", path.display()), error))?
            .len();
        let digest = self.put_file(path).await?;
        let mut state = self.change();
        state.segments.retain(|segment| !replaced.contains(&segment.number));
        state.n_segments += 1;
        let segment = Segment { number: state.n_segments, content: content.clone(), digest, size_bytes };
        state.segments.push(segment.clone());
        Ok(segment)
    }

    async fn segments(&self, environment: &EnvironmentId, after: u64) -> Result<Vec<Segment>> {
        let state = self.state();
        let wanted =
            |segment: &&Segment| segment.content.environment == *environment && segment.number > after;
        Ok(state.segments.iter().filter(wanted).cloned().collect())
    }

    /// Tests alone have such a home: the file is left to whoever cleans the folder for temporary ones.
    async fn file(&self, segment: &Segment) -> Result<PathBuf> {
        let folder = std::env::temp_dir().join("modelyard-memory");
        std::fs::create_dir_all(&folder)
            .map_err(|error| faults::outside(format!("cannot make `{}`", folder.display()), error))?;
        let path = folder.join(format!("{}.parquet", segment.digest));
        match self.fetch_file(segment.digest, &path).await {
            Err(fault) if fault.kind() == Kind::Conflict => Ok(path),
            Err(fault) => Err(Fault::new(Kind::Store, "cannot read the inference log").because(fault)),
            Ok(()) => Ok(path),
        }
    }

    async fn remove(&self, numbers: &[u64]) -> Result<()> {
        self.change().segments.retain(|segment| !numbers.contains(&segment.number));
        Ok(())
    }

    async fn sweep(&self, _before: Timestamp) -> Result<u64> {
        Ok(0)
    }
}

//! A project's folder, data sets in it, and what ingesting them says.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use modelyard_core::Result;
use modelyard_core::config::{Checks, DataSet, Make, Source, Split, TableFormat};
use modelyard_core::data::{Roles, SourceState};
use modelyard_data::{Ingest, Ingested, Preview, ingest, preview};

pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, packed where its name ends in `.gz`.
    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        if name.ends_with(".gz") {
            let file = std::fs::File::create(path).expect("a file");
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            packed.write_all(text.as_bytes()).expect("written");
            packed.finish().expect("written");
        } else {
            std::fs::write(path, text).expect("written");
        }
        self
    }

    pub(crate) fn ingest(&self, dataset: &DataSet) -> Result<Ingested> {
        self.ingest_after(dataset, None)
    }

    pub(crate) fn ingest_after(
        &self,
        dataset: &DataSet,
        previous: Option<&[SourceState]>,
    ) -> Result<Ingested> {
        let out = self.path("out");
        std::fs::create_dir_all(&out).expect("a folder");
        ingest(&self.request(dataset, previous), &out)
    }

    pub(crate) fn preview(&self, dataset: &DataSet, rows: usize) -> Result<Preview> {
        preview(&self.request(dataset, None), rows)
    }

    pub(crate) fn request<'a>(
        &'a self,
        dataset: &'a DataSet,
        previous: Option<&'a [SourceState]>,
    ) -> Ingest<'a> {
        Ingest { name: "d", root: self.root(), dataset, target: None, previous, table: None }
    }

    /// What a person reads when ingesting fails.
    pub(crate) fn complaint(&self, dataset: &DataSet) -> String {
        match self.ingest(dataset) {
            Ok(done) => format!("no complaint: {} rows", done.rows),
            Err(fault) => fault.report(),
        }
    }
}

pub(crate) fn source(path: &str) -> Source {
    Source { path: path.to_owned(), delimiter: None, header: true, nulls: Vec::new(), types: BTreeMap::new() }
}

/// The one source `s` as it is; everything trains.
pub(crate) fn as_is(path: &str) -> DataSet {
    DataSet {
        sources: BTreeMap::from([("s".to_owned(), source(path))]),
        make: Make::AsIs,
        checks: Checks::default(),
        split: Split::Random { seed: 0, key: Vec::new(), test: 0.0, validation: 0.0 },
        roles: Roles::default(),
        format: TableFormat::Parquet,
    }
}

/// A query over sources; everything trains.
pub(crate) fn by_sql(sources: &[(&str, &str)], sql: &str) -> DataSet {
    DataSet {
        sources: sources.iter().map(|(name, path)| ((*name).to_owned(), source(path))).collect(),
        make: Make::Sql { text: sql.to_owned(), file: None },
        ..as_is("")
    }
}

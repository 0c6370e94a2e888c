//! Sources: the files that raw tables come from, and what they hold.
//!
//! A source is a file or a glob of many of one kind. A kind is one file here and one line in
//! [`KINDS`]: it says which file names it takes, surveys a file (columns, the types its values
//! allow, rows) and reads it with given types. Types are decided over *all* rows of *all* files.
//!
//! Databases and addresses are no kinds yet: whatever is read lies in a file.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use modelyard_core::config::Source;
use modelyard_core::data::{SourceFile, SourceState};
use modelyard_core::fault::Attempt;
use modelyard_core::table::{DataType, Field};
use modelyard_core::text::thousands;
use modelyard_core::{Digest, Fault, Kind, Result};

use crate::cell::Types;
use crate::names;

mod csv;
mod files;
mod parquet;

pub(crate) use csv::Rows;
pub use files::{SourceFilePath, fingerprint, resolve};

/// The kinds of files, in the order in which they are asked.
const KINDS: &[&dyn SourceKind] = &[&csv::Csv, &parquet::Parquet];

/// A kind of file.
trait SourceKind: Sync {
    /// Endings of the file names it takes.
    fn endings(&self) -> &'static [&'static str];

    /// Columns and rows of `file`, of which at most `limit` rows are looked at.
    fn survey(&self, file: &SourceFilePath, source: &Source, limit: Option<usize>) -> Result<FileSurvey>;

    /// The rows of `file`, at most `limit`, as canonical batches of `columns`, which the file has.
    fn read(
        &self,
        file: &SourceFilePath,
        source: &Source,
        columns: &[Field],
        limit: Option<usize>,
    ) -> Result<Vec<RecordBatch>>;
}

/// What a file holds.
struct FileSurvey {
    columns: Vec<ColumnSurvey>,
    rows: u64,
    /// Columns that can't be part of a table, with their types.
    unsupported: Vec<(String, String)>,
}

struct ColumnSurvey {
    name: String,
    types: Types,
    /// The first value that took a narrower type away: `` `n/a` in line 17 of `a.csv` ``.
    witnesses: Vec<(Types, String)>,
    nulls: u64,
    /// Values that could be numbers, and of the others the first.
    numbers: u64,
    odd: u64,
    first_odd: Option<String>,
}

impl ColumnSurvey {
    fn new(name: String) -> Self {
        Self { name, types: Types::ALL, witnesses: Vec::new(), nulls: 0, numbers: 0, odd: 0, first_odd: None }
    }

    fn merge(&mut self, other: Self) {
        for (types, witness) in other.witnesses {
            self.narrow(types, || witness);
        }
        self.types = self.types.and(other.types);
        self.nulls += other.nulls;
        self.numbers += other.numbers;
        self.odd += other.odd;
        self.first_odd = self.first_odd.take().or(other.first_odd);
    }

    /// Takes away the types that `types` does not allow.
    fn narrow(&mut self, types: Types, witness: impl FnOnce() -> String) {
        let left = self.types.and(types);
        if left != self.types {
            self.types = left;
            self.witnesses.push((types, witness()));
        }
    }

    /// The value because of which the column can't be of `data_type`.
    fn witness(&self, data_type: DataType) -> Option<&str> {
        let (_, text) = self.witnesses.iter().find(|(types, _)| !types.allow(data_type))?;
        Some(text)
    }
}

/// A source that was looked through.
pub(crate) struct Survey {
    pub(crate) state: SourceState,
    pub(crate) remarks: Vec<String>,
    /// Columns that can't be part of a table, with their types.
    pub(crate) unsupported: Vec<(String, String)>,
}

/// Looks through all files of a source and decides its columns' types: declared, else those of
/// `previous` as far as the values allow, else the narrowest that hold every value.
pub(crate) fn survey(
    root: &Path,
    name: &str,
    source: &Source,
    previous: Option<&SourceState>,
    limit: Option<usize>,
) -> Result<Survey> {
    let paths = resolve(root, source).map_err(|fault| fault.detail("source", name))?;
    let kind = kind_of(&paths)?;
    let mut files = Vec::with_capacity(paths.len());
    let mut merged: Option<FileSurvey> = None;
    for path in &paths {
        // A sample needs no digest, and hashing would read all of the file.
        files.push(match limit {
            None => files::digest(path)?,
            Some(_) => SourceFile { path: path.relative.clone(), digest: Digest::of(&[]), size_bytes: 0 },
        });
        let found = kind.survey(path, source, limit)?;
        merged = Some(match merged {
            None => found,
            Some(merged) => merge(merged, found, &paths[0], path)?,
        });
    }
    let Some(merged) = merged else {
        return Err(Fault::new(Kind::Data, format!("source `{name}` has no file")));
    };
    if merged.rows == 0 {
        return Err(Fault::new(Kind::Data, format!("source `{name}` has columns but no rows"))
            .detail("files", list_files(&paths)));
    }
    if let Some(unknown) = source.types.keys().find(|name| !merged.columns.iter().any(|c| c.name == **name)) {
        let fault = Fault::new(
            Kind::Config,
            format!("a type is declared for column `{unknown}`, which source `{name}` does not have"),
        );
        return Err(names::suggest(fault, unknown, merged.columns.iter().map(|column| column.name.as_str())));
    }
    let mut remarks = Vec::new();
    let schema =
        merged.columns.iter().map(|column| decide(name, source, previous, column, &mut remarks)).collect();
    let state =
        SourceState { name: name.to_owned(), path: source.path.clone(), files, rows: merged.rows, schema };
    Ok(Survey { state, remarks, unsupported: merged.unsupported })
}

/// Reads what was surveyed.
///
/// # Errors
/// A value that is none of its declared type; a file that changed since the survey.
pub(crate) fn read(
    root: &Path,
    source: &Source,
    survey: &Survey,
    limit: Option<usize>,
) -> Result<Vec<RecordBatch>> {
    let paths = resolve(root, source)?;
    let kind = kind_of(&paths)?;
    let mut batches = Vec::new();
    for path in &paths {
        batches.extend(kind.read(path, source, &survey.state.schema, limit)?);
    }
    if limit.is_none() {
        let now = paths.iter().map(files::digest).collect::<Result<Vec<_>>>()?;
        if now != survey.state.files {
            return Err(Fault::new(
                Kind::Data,
                format!("the files of source `{}` changed while they were read", survey.state.name),
            )
            .hint("run it again once nothing writes them"));
        }
    }
    Ok(batches)
}

/// How many rows `source` has, over all of its files. `root` is the project's folder.
///
/// # Errors
/// As [`resolve`], or a file that can't be read.
pub fn rows(root: &Path, source: &Source) -> Result<u64> {
    let paths = resolve(root, source)?;
    let kind = kind_of(&paths)?;
    let mut rows = 0;
    for path in &paths {
        rows += kind.survey(path, source, None)?.rows;
    }
    Ok(rows)
}

/// Columns and types of one table file, as inference finds them.
pub(crate) fn survey_file(path: &Path, source: &Source) -> Result<Vec<Field>> {
    let shown = path.display().to_string();
    let file = SourceFilePath { relative: shown, absolute: path.to_owned() };
    let found = kind_of(std::slice::from_ref(&file))?.survey(&file, source, None)?;
    refuse_unsupported(&file.relative, &found.unsupported)?;
    let mut remarks = Vec::new();
    Ok(found
        .columns
        .iter()
        .map(|column| decide(&file.relative, source, None, column, &mut remarks))
        .collect())
}

/// The rows of one table file.
pub(crate) fn read_file(path: &Path, source: &Source, columns: &[Field]) -> Result<Vec<RecordBatch>> {
    let file = SourceFilePath { relative: path.display().to_string(), absolute: path.to_owned() };
    kind_of(std::slice::from_ref(&file))?.read(&file, source, columns, None)
}

/// Whether `path` is Parquet rather than delimited text.
///
/// # Errors
/// An ending that no kind takes.
pub(crate) fn is_parquet(path: &Path) -> Result<bool> {
    let name = path.to_string_lossy();
    if parquet::Parquet.endings().iter().any(|ending| name.ends_with(ending)) {
        return Ok(true);
    }
    if csv::Csv.endings().iter().any(|ending| name.ends_with(ending)) {
        return Ok(false);
    }
    Err(unknown_kind(&name))
}

/// Fails where a table's column can't be one.
pub(crate) fn refuse_unsupported(what: &str, unsupported: &[(String, String)]) -> Result<()> {
    match unsupported {
        [] => Ok(()),
        [(name, arrow_type), ..] => {
            Err(Fault::new(Kind::Data, format!("column `{name}` of `{what}` has the type {arrow_type}"))
                .hint("a column holds bools, numbers, strings, dates or times; turn it into such columns in `sql`, or leave it out"))
        }
    }
}

fn kind_of(paths: &[SourceFilePath]) -> Result<&'static dyn SourceKind> {
    let mut found: Option<(usize, &SourceFilePath)> = None;
    for path in paths {
        let takes = |kind: &&dyn SourceKind| kind.endings().iter().any(|end| path.relative.ends_with(end));
        let place = KINDS.iter().position(takes).ok_or_else(|| unknown_kind(&path.relative))?;
        match found {
            Some((other, first)) if other != place => {
                return Err(Fault::new(
                    Kind::Data,
                    format!("`{}` and `{}` are of different kinds", first.relative, path.relative),
                )
                .hint("the files of one source are all of one kind; narrow the glob"));
            }
            _ => found = Some((place, path)),
        }
    }
    Ok(KINDS[found.map_or(0, |(place, _)| place)])
}

fn unknown_kind(path: &str) -> Fault {
    let endings: Vec<&str> = KINDS.iter().flat_map(|kind| kind.endings()).copied().collect();
    Fault::new(Kind::Data, format!("cannot tell from its name what `{path}` holds"))
        .hint(format!("a source ends in {}", endings.join(", ")))
}

fn merge(
    mut merged: FileSurvey,
    found: FileSurvey,
    first: &SourceFilePath,
    path: &SourceFilePath,
) -> Result<FileSurvey> {
    let has = |survey: &FileSurvey, name: &str| survey.columns.iter().any(|column| column.name == name);
    let missing: Vec<&str> =
        merged.columns.iter().map(|c| c.name.as_str()).filter(|name| !has(&found, name)).collect();
    let added: Vec<&str> =
        found.columns.iter().map(|c| c.name.as_str()).filter(|name| !has(&merged, name)).collect();
    if !missing.is_empty() || !added.is_empty() {
        let mut fault = Fault::new(
            Kind::Data,
            format!("`{}` has other columns than `{}`", path.relative, first.relative),
        );
        if !missing.is_empty() {
            fault = fault.detail("missing", names::list(&missing));
        }
        if !added.is_empty() {
            fault = fault.detail("besides", names::list(&added));
        }
        return Err(fault.hint(
            "all files of a source have the same columns; make two sources of them, or narrow the glob",
        ));
    }
    for column in found.columns {
        if let Some(known) = merged.columns.iter_mut().find(|known| known.name == column.name) {
            known.merge(column);
        }
    }
    merged.rows += found.rows;
    for column in found.unsupported {
        if !merged.unsupported.contains(&column) {
            merged.unsupported.push(column);
        }
    }
    Ok(merged)
}

fn decide(
    source_name: &str,
    source: &Source,
    previous: Option<&SourceState>,
    column: &ColumnSurvey,
    remarks: &mut Vec<String>,
) -> Field {
    let name = &column.name;
    let nullable = column.nulls > 0;
    let field = |data_type| Field { name: name.clone(), data_type, nullable };
    if let Some(declared) = source.types.get(name) {
        return field(*declared);
    }
    let inferred = column.types.narrowest();
    let before = previous.and_then(|state| state.schema.iter().find(|field| field.name == *name));
    if let Some(before) = before {
        if column.types.allow(before.data_type) {
            return field(before.data_type);
        }
        let because = column.witness(before.data_type).map_or_else(String::new, |text| format!(": {text}"));
        remarks.push(format!(
            "column `{name}` of `{source_name}` was {} and is now {}{because}",
            before.data_type.name(),
            inferred.name(),
        ));
        return field(inferred);
    }
    if column.types == Types::ALL {
        remarks.push(format!("column `{name}` of `{source_name}` has no value; it is taken as float"));
    } else if inferred == DataType::String && column.odd > 0 && column.numbers >= 9 * column.odd {
        let odd = column.first_odd.as_deref().unwrap_or_default();
        remarks.push(format!(
            "column `{name}` of `{source_name}` is string because of {odd}; {} of {} values are numbers: \
             list such texts in `nulls`, or declare the type",
            thousands(column.numbers),
            thousands(column.numbers + column.odd),
        ));
    }
    field(inferred)
}

fn list_files(paths: &[SourceFilePath]) -> String {
    names::list(&paths.iter().map(|path| path.relative.as_str()).collect::<Vec<_>>())
}

/// The name under which `path` appears in states and messages: relative to `root` where it lies
/// below it.
fn shown(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
        .replacen("//", "/", 1)
}

/// The absolute form of a configured path.
fn absolute(root: &Path, path: &str) -> PathBuf {
    root.join(path)
}

fn open(file: &SourceFilePath) -> Result<std::fs::File> {
    std::fs::File::open(&file.absolute).attempt(Kind::Data, || format!("cannot read `{}`", file.relative))
}

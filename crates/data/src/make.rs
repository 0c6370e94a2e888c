//! The one table of a data set: from its sources as they are, by SQL, or made by a command.

use datafusion::arrow::array::RecordBatch;
use modelyard_core::config::Make;
use modelyard_core::data::{Loss, SourceState};
use modelyard_core::table::Field;
use modelyard_core::{Fault, Kind, Result};

use crate::ingest::Ingest;
use crate::source::{self, Survey};
use crate::sql::{self, NamedTable, Query};
use crate::{bridge, names, table};

/// The table, canonical, in no particular order.
pub(crate) struct Made {
    pub(crate) table: RecordBatch,
    pub(crate) sources: Vec<SourceState>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) remarks: Vec<String>,
}

/// Makes the table; of each source file at most `limit` rows are read.
pub(crate) fn make(request: &Ingest<'_>, limit: Option<usize>) -> Result<Made> {
    match &request.dataset.make {
        Make::AsIs => as_is(request, limit),
        Make::Sql { text, file } => {
            let query = Query { text, file: file.as_deref() };
            by_sql(request, query, limit)
        }
        Make::Run(_) => by_command(request),
    }
}

fn as_is(request: &Ingest<'_>, limit: Option<usize>) -> Result<Made> {
    let sources = &request.dataset.sources;
    let (Some((name, config)), 1) = (sources.iter().next(), sources.len()) else {
        return Err(Fault::new(
            Kind::Config,
            format!("data set `{}` has {} sources and no `sql`", request.name, sources.len()),
        )
        .hint("name one source, or say in `sql` how one table comes from them"));
    };
    let survey = source::survey(request.root, name, config, previous(request, name), limit)?;
    source::refuse_unsupported(name, &survey.unsupported)?;
    let batches = source::read(request.root, config, &survey, limit)?;
    let table = bridge::concat(&bridge::schema_of(&survey.state.schema), &batches)?;
    Ok(Made { table, sources: vec![survey.state], losses: Vec::new(), remarks: survey.remarks })
}

fn by_sql(request: &Ingest<'_>, query: Query<'_>, limit: Option<usize>) -> Result<Made> {
    let mut tables = Vec::new();
    let mut states = Vec::new();
    let mut remarks = Vec::new();
    for (name, config) in &request.dataset.sources {
        let survey = source::survey(request.root, name, config, previous(request, name), limit)?;
        tables.push(NamedTable {
            name: name.clone(),
            schema: bridge::schema_of(&survey.state.schema),
            batches: source::read(request.root, config, &survey, limit)?,
        });
        let Survey { state, remarks: more, unsupported } = survey;
        remarks.extend(more);
        remarks.extend(unsupported.into_iter().map(|(column, kind)| {
            format!("column `{column}` of `{name}` is left out: it has the type {kind}")
        }));
        states.push(state);
    }
    let answer = sql::run(query, tables)?;
    let fields = result_fields(&answer)?;
    let schema = bridge::schema_of(&fields);
    let mut batches = Vec::with_capacity(answer.batches.len());
    for batch in &answer.batches {
        batches.push(bridge::canonical_batch(batch, &fields)?);
    }
    let table = bridge::concat(&schema, &batches)?;
    Ok(Made { table, sources: states, losses: answer.losses, remarks })
}

/// The table that a command has made; its sources are the command's own affair, so only their
/// files are recorded.
fn by_command(request: &Ingest<'_>) -> Result<Made> {
    let path = request.table.ok_or_else(|| {
        Fault::new(Kind::Usage, format!("data set `{}` is made by a command, not by a query", request.name))
            .hint("`modelyard data ingest` runs it")
    })?;
    let mut states = Vec::new();
    for (name, config) in &request.dataset.sources {
        states.push(SourceState {
            name: name.clone(),
            path: config.path.clone(),
            files: source::fingerprint(request.root, config)?,
            rows: 0,
            schema: Vec::new(),
        });
    }
    let table = table::read_batch(path, None)?;
    Ok(Made { table, sources: states, losses: Vec::new(), remarks: Vec::new() })
}

fn previous<'a>(request: &Ingest<'a>, name: &str) -> Option<&'a SourceState> {
    request.previous?.iter().find(|state| state.name == name)
}

/// The types that the query's columns become.
fn result_fields(answer: &sql::Answer) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    for field in answer.schema.fields() {
        let name = field.name();
        if fields.iter().any(|known| known.name == *name) {
            return Err(sql::duplicate(name));
        }
        let data_type = bridge::core_type(field.data_type()).ok_or_else(|| {
            Fault::new(
                Kind::Config,
                format!("column `{name}` of the SQL has the type {}", bridge::type_name(field.data_type())),
            )
            .hint(format!(
                "a column holds bools, numbers, strings, dates or times: `cast({} as …)`",
                names::quoted(name)
            ))
        })?;
        fields.push(Field { name: name.clone(), data_type, nullable: true });
    }
    if fields.is_empty() {
        return Err(Fault::new(Kind::Config, "the SQL yields no column"));
    }
    Ok(fields)
}

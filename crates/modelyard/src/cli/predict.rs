//! `modelyard predict`: a file's rows, each with its answer, in the memory of a few thousand.

mod logbook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};
use modelyard_data::{Append, TextFormat};
use modelyard_lifecycle::duration_text;
use modelyard_serve::request::{self, Data, Question};
use modelyard_serve::{ErrorCode, PredictError};
use serde_json::json;

use self::logbook::Logbook;
use super::{Context, print, serve, session};
use crate::config::duration;

/// Rows that are read, asked and written at a time.
const CHUNK_ROWS: usize = 8_192;

/// Answer every row of a CSV or Parquet file
#[derive(clap::Args)]
#[command(override_usage = "modelyard predict [OPTIONS] <MODEL|FOLDER> <INPUT> <OUTPUT>\n       \
    modelyard predict [OPTIONS] --environment <ENVIRONMENT> <INPUT> <OUTPUT>")]
pub(crate) struct Args {
    /// NAME, NAME@VERSION, NAME@ALIAS, or the folder of a package; nothing with --environment. Then INPUT, a .csv,
    /// .csv.gz or .parquet file with the model's inputs among its columns, and OUTPUT, which gets all of these, then
    /// `prediction` and `probability of CLASS`
    #[arg(value_names = ["MODEL|FOLDER", "INPUT", "OUTPUT"], num_args = 2..=3, required = true)]
    words: Vec<String>,
    /// Answer with the version that this environment serves, and log it like any other request; OUTPUT gets a column
    /// `prediction_id` too
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// How long a Python model may take to be opened, or over one batch, before it is ended
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse_argument)]
    timeout: Duration,
    /// The ONNX Runtime shared library [default: looked for, else fetched]
    #[arg(long, value_name = "FILE", env = "MODELYARD_ONNX_LIBRARY")]
    onnx_library: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let began = Instant::now();
    let Words { what, input, output } = words(args.words, args.environment.is_some())?;
    if same_file(&input, &output) {
        let message = format!("the answers would overwrite their own input `{}`", input.display());
        return Err(Fault::new(Kind::Usage, message).hint("name another file for the output"));
    }
    let (opened, logbook) = match &args.environment {
        None => (serve::open(&what, ctx).await?, None),
        Some(environment) => {
            let (opened, logbook) = Logbook::open(environment, ctx).await?;
            (opened, Some(logbook))
        }
    };
    let settings = session::settings(args.onnx_library, String::new())?;
    let model = settings
        .open_package(&opened.package, args.timeout, &|text| {
            if !ctx.quiet {
                print::remark(format!("remark: {text}"));
            }
        })
        .await?;
    let manifest = model.manifest().clone();
    let mut read: Vec<_> = manifest
        .signature
        .inputs
        .iter()
        .map(|input| Field { name: input.name.clone(), data_type: input.data_type, nullable: true })
        .collect();
    let mut added = added_fields(&manifest);
    if logbook.is_some() {
        let there = tokio::task::block_in_place(|| modelyard_data::schema(&input))?;
        let is_there = |field: &&Field| there.iter().any(|known| known.name == field.name);
        read.extend(manifest.signature.meta.iter().filter(is_there).cloned());
        added.push(Field { name: "prediction_id".to_owned(), data_type: DataType::String, nullable: false });
    }
    let open = || Append::open(&input, &output, &read, &added, &TextFormat::default(), CHUNK_ROWS);
    let mut file = tokio::task::block_in_place(open)?;
    let bar = bar(ctx);
    let mut rows = 0_u64;
    while let Some(chunk) = tokio::task::block_in_place(|| file.read())? {
        let count = chunk.rows();
        let began = Instant::now();
        let question = checked(&manifest, chunk).map_err(|error| refused(&error, rows))?;
        let asked = logbook.as_ref().map(|_| question.clone());
        let answers = model.predict(question.inputs).await.map_err(|error| refused(&error, rows))?;
        let ids = match (&logbook, asked) {
            (Some(logbook), Some(asked)) => {
                Some(logbook.note(&manifest, model.package_digest(), asked, &answers, began, ctx).await)
            }
            _ => None,
        };
        let mut answers = answer_table(&manifest, answers);
        if let Some(ids) = ids {
            answers.push("prediction_id", Column::String(ids));
        }
        tokio::task::block_in_place(|| file.write(&answers))?;
        rows += count as u64;
        bar.set_position(rows);
    }
    tokio::task::block_in_place(|| file.finish())?;
    bar.finish_and_clear();
    model.close().await;
    if let Some(logbook) = logbook {
        logbook.close().await?;
    }
    let output = output.display().to_string();
    if ctx.json {
        print::json(
            &json!({"model": opened.name, "version": opened.version, "rows": rows, "output": output}),
        );
    } else if !ctx.quiet {
        let time = duration_text(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        print::result(format!("{rows} rows answered in {time}: {output}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the words of the command say.
struct Words {
    what: String,
    input: PathBuf,
    output: PathBuf,
}

fn words(words: Vec<String>, of_environment: bool) -> Result<Words> {
    match (<[String; 3]>::try_from(words), of_environment) {
        (Ok([what, input, output]), false) => Ok(Words { what, input: input.into(), output: output.into() }),
        (Err(words), true) => match <[String; 2]>::try_from(words) {
            Ok([input, output]) => {
                Ok(Words { what: String::new(), input: input.into(), output: output.into() })
            }
            Err(_) => Err(wanted_words()),
        },
        _ => Err(wanted_words()),
    }
}

fn wanted_words() -> Fault {
    Fault::new(Kind::Usage, "cannot tell what is to answer which file")
        .hint("modelyard predict MODEL INPUT OUTPUT, or modelyard predict --environment NAME INPUT OUTPUT")
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The rows by the rules that requests have.
fn checked(manifest: &Manifest, chunk: Table) -> std::result::Result<Question, PredictError> {
    let columns = chunk.columns().map(|(name, column)| (name.to_owned(), Data::Column(column.clone())));
    request::question_of_columns(&manifest.signature, columns.collect())
}

fn refused(error: &PredictError, before: u64) -> Fault {
    let attempt = format!("cannot answer the rows from {} on: {}", before + 1, error.message);
    let kind = if error.code == ErrorCode::Timeout { Kind::Timeout } else { Kind::Data };
    let fault = Fault::new(kind, attempt).detail("code", error.code.as_str());
    match &error.hint {
        None if kind == Kind::Timeout => fault.hint("a model that needs longer may have it: --timeout 1h"),
        Some(hint) => fault.hint(hint.clone()),
        None => fault,
    }
}

fn added_fields(manifest: &Manifest) -> Vec<Field> {
    let field = |name: String, data_type| Field { name, data_type, nullable: false };
    if manifest.classes.is_empty() {
        return vec![field("prediction".into(), DataType::Float)];
    }
    let probabilities =
        manifest.classes.iter().map(|class| field(format!("probability of {class}"), DataType::Float));
    std::iter::once(field("prediction".into(), DataType::String)).chain(probabilities).collect()
}

/// The answers as the columns of [`added_fields`]; probabilities are missing where the model has none.
fn answer_table(manifest: &Manifest, answers: Predictions) -> Table {
    let mut table = Table::new();
    match answers {
        Predictions::Values(values) => {
            table.push("prediction", Column::Float(values.into_iter().map(Some).collect()));
        }
        Predictions::Classes { labels, probabilities } => {
            let names = labels.iter().map(|label| manifest.classes.get(*label).cloned());
            table.push("prediction", Column::String(names.collect()));
            let classes = manifest.classes.len();
            for (class, place) in manifest.classes.iter().zip(0..) {
                let value = |row: usize| probabilities.as_ref().map(|all| all[row * classes + place]);
                let column = Column::Float((0..labels.len()).map(value).collect());
                table.push(format!("probability of {class}"), column);
            }
        }
    }
    table
}

fn bar(ctx: &Context) -> ProgressBar {
    if !ctx.color || ctx.quiet || ctx.json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {human_pos} rows, {per_sec} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

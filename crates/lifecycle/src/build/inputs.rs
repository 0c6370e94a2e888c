//! What the placeholders of a step stand for.

use std::collections::BTreeMap;

use modelyard_core::action::{Output, OutputKind};
use modelyard_core::config::{Step, TableFormat};
use modelyard_core::data::Part;
use modelyard_core::placeholder::Placeholder;
use modelyard_core::{Fault, Kind};
use modelyard_pipeline::{InputFile, Node, Stop, declared, missing_input};

use super::{Build, derived};

/// The inputs that `step`, part of `node`, declares, by placeholder without braces.
///
/// A step that takes both train and validation of a data set whose split has no validation part
/// gets the first 80 % and the last 20 % of train.
///
/// Sources are left to whoever makes a data set: only there may a step see them.
pub(super) async fn of_step(
    build: &Build,
    node: &Node,
    step: &Step,
) -> Result<BTreeMap<String, InputFile>, Stop> {
    let placeholders = declared(&step.run)?;
    let wants =
        |name: &str, part: Part| placeholders.contains(&Placeholder::Data { name: name.to_owned(), part });
    let mut inputs = BTreeMap::new();
    for placeholder in &placeholders {
        let input = match placeholder {
            Placeholder::Data { name, part: Part::Train } if wants(name, Part::Validation) => {
                derived::train_beside_validation(build, node, name).await?
            }
            Placeholder::Data { name, part: Part::Validation } => {
                derived::validation(build, node, name).await?
            }
            Placeholder::Data { name, part } => part_of(build, name, *part)?,
            Placeholder::Step { name, output } => {
                let made = build.step(name)?;
                let super::StepOutcome::Done(result) = &made.outcome else {
                    return Err(missing_input(placeholder).into());
                };
                let found = result.outputs.get(output).ok_or_else(|| missing_input(placeholder))?;
                input(found, format!("steps.{name}.{output}"))
            }
            Placeholder::Package => {
                let package = build.packaged()?;
                let output =
                    package.result.outputs.get("package").ok_or_else(|| missing_input(placeholder))?;
                input(output, "package".to_owned())
            }
            Placeholder::Source(_)
            | Placeholder::Output(_)
            | Placeholder::Param(_)
            | Placeholder::Table
            | Placeholder::Model
            | Placeholder::Artifacts => continue,
        };
        inputs.insert(placeholder.to_string().trim_matches(['{', '}']).to_owned(), input);
    }
    Ok(inputs)
}

/// The rows of `part`, in the data set's format.
pub(super) fn part_of(build: &Build, name: &str, part: Part) -> Result<InputFile, Stop> {
    let made = build.data(name)?;
    table(build, name, &made.result.outputs, part.name(), part.name()).ok_or_else(|| {
        Fault::new(Kind::Config, format!("`{name}` has no {} part", part.name()))
            .hint(format!("set `split` in [data.{name}]"))
            .into()
    })
}

/// The table `output` among `outputs` as the step gets it: Parquet, or CSV where the data set says
/// so; called `NAME.PART.parquet` there.
pub(super) fn table(
    build: &Build,
    name: &str,
    outputs: &BTreeMap<String, Output>,
    output: &str,
    part: &str,
) -> Option<InputFile> {
    let (key, extension) = match build.shop.project.data.get(name).map(|data| data.format) {
        Some(TableFormat::Csv) => (format!("{output}.csv"), "csv"),
        _ => (output.to_owned(), "parquet"),
    };
    Some(input(outputs.get(&key)?, format!("{name}.{part}.{extension}")))
}

pub(super) fn input(output: &Output, file_name: String) -> InputFile {
    InputFile { identity: output.identity, content: output.content, kind: output.kind, file_name }
}

/// A file among an action's outputs.
pub(super) fn file(
    identity: modelyard_core::Digest,
    content: modelyard_core::Digest,
    size_bytes: u64,
) -> Output {
    Output { kind: OutputKind::File, identity, content, size_bytes }
}

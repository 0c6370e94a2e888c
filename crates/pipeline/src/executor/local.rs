//! This machine: a process group in the kernel's sandbox.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use modelyard_core::action::{Output, OutputKind, SandboxMode, Trust};
use modelyard_core::fault::Attempt;
use modelyard_core::placeholder::Placeholder;
use modelyard_core::ports::BlobStore;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_process::python::{StepVariables, step_environment};
use modelyard_process::run::{CommandSpec, Exit, LOG_LIMIT_BYTES, Status, run};
use modelyard_process::sandbox::{SandboxSpec, paths};
use modelyard_process::temporary::PrivateTmp;
use serde_json::{Value, json};

use super::Executor;
use crate::command::{CommandJob, input_name};
use crate::engine::{Cancel, Performed, cancelled};
use crate::explain::undeclared;
use crate::reported::Reported;
use crate::words::substitute;

/// Lines of a failed step's log that its error shows.
const SHOWN_LINES: usize = 12;

/// Of each of these lines.
const SHOWN_CHARACTERS: usize = 500;

/// How much of a log's end is looked at.
const TAIL_BYTES: u64 = 256 << 10;

pub struct Local;

#[async_trait]
impl Executor for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn execute(
        &self,
        job: &CommandJob,
        folder: &Path,
        blobs: &dyn BlobStore,
        cancel: &Cancel,
    ) -> Result<Performed> {
        let place = Place::make(job, folder, blobs).await?;
        let temporary = PrivateTmp::new()?;
        let spec = place.command(job, &temporary)?;
        let mut reported = Reported::default();
        let exit = run(spec, |line| reported.line(line), cancel.cancelled()).await;
        let exit = exit.map_err(|fault| match fault.kind() {
            Kind::Step => fault.detail("step", &job.step),
            _ => fault,
        })?;
        let log = blobs.put_file(&place.log).await?;
        if exit.cancelled {
            return Err(cancelled());
        }
        if !exit.success() {
            return Err(failed(job, &place, &exit, log));
        }
        let of_step = |fault: Fault| fault.with_log(log).detail("step", &job.step);
        reported.file(&place.work).map_err(of_step)?;
        let mut performed = Performed {
            outputs: outputs(job, &place, blobs, log).await?,
            metrics: reported.metrics,
            facts: Value::Null,
            log: Some(log),
            usage: exit.usage,
            trust: trust(job, &exit),
            remarks: remarks(&place, &exit),
        };
        if !reported.series.is_empty() {
            performed.facts = json!({ "series": reported.series });
        }
        Ok(performed)
    }
}

/// The step's folder, filled.
struct Place {
    folder: PathBuf,
    inputs: PathBuf,
    work: PathBuf,
    outputs: PathBuf,
    home: PathBuf,
    log: PathBuf,
    context: PathBuf,
}

impl Place {
    async fn make(job: &CommandJob, folder: &Path, blobs: &dyn BlobStore) -> Result<Self> {
        let place = Self {
            folder: folder.to_owned(),
            inputs: folder.join("inputs"),
            work: folder.join("work"),
            outputs: folder.join("outputs"),
            home: folder.join("home"),
            log: folder.join("log"),
            context: folder.join("inputs/context.json"),
        };
        for folder in [&place.inputs, &place.work, &place.outputs, &place.home] {
            make_folder(folder)?;
        }
        for input in job.inputs.values() {
            let path = place.inputs.join(&input.file_name);
            match input.kind {
                OutputKind::File => blobs.fetch_file(input.content, &path).await?,
                OutputKind::Folder => blobs.fetch_folder(input.content, &path).await?,
            }
        }
        if let Some(code) = job.action.code {
            blobs.fetch_folder(code, &place.work).await?;
        }
        for (name, kind) in &job.command.outputs {
            if *kind == OutputKind::Folder {
                make_folder(&place.output(job, name))?;
            }
        }
        let mut context = json!({
            "version": 1,
            "inputs": job.inputs.iter().map(|(name, input)| (name, place.inputs.join(&input.file_name))).collect::<BTreeMap<_, _>>(),
            "outputs": job.command.outputs.keys().map(|name| (name, place.output(job, name))).collect::<BTreeMap<_, _>>(),
            "params": job.action.params,
            "seed": job.command.seed,
        });
        if job.command.refit {
            context["refit"] = true.into();
        }
        std::fs::write(&place.context, format!("{context:#}\n"))
            .attempt(Kind::Store, || format!("cannot write `{}`", place.context.display()))?;
        Ok(place)
    }

    fn output(&self, job: &CommandJob, name: &str) -> PathBuf {
        // A table is read by its extension, which the data set's format gives.
        match (name, job.table_extension) {
            ("table", Some(extension)) => self.outputs.join(format!("table.{extension}")),
            _ => self.outputs.join(name),
        }
    }

    fn command(&self, job: &CommandJob, temporary: &PrivateTmp) -> Result<CommandSpec> {
        let words = substitute(&job.command.words, |placeholder| self.value(job, placeholder))?;
        let source = self.work.join("src");
        let modules: &[&Path] = if source.is_dir() { &[&source] } else { &[] };
        let mut declared = job.command.variables.clone();
        declared.extend(job.secrets.clone());
        let env = step_environment(StepVariables {
            environment: job.python.as_ref(),
            home: &self.home,
            temporary: temporary.path(),
            context: Some(&self.context),
            module_folders: modules,
            threads: job.command.threads,
            declared: &declared,
        });
        let mut read = vec![self.inputs.clone()];
        read.extend(job.python.iter().flat_map(|python| python.read.clone()));
        read.extend(job.read.clone());
        let write =
            vec![self.work.clone(), self.outputs.clone(), self.home.clone(), temporary.path().to_owned()];
        let mut spec = CommandSpec::new(words.into_iter().map(OsString::from), &self.work, &self.log);
        spec.env = env;
        spec.blotted = job.secrets.values().cloned().collect();
        spec.sandbox = SandboxSpec {
            read,
            write,
            network: job.command.sandbox.network,
            ports: Vec::new(),
            enforce: job.command.sandbox.mode == SandboxMode::On,
        };
        spec.timeout = job.timeout;
        Ok(spec)
    }

    fn value(&self, job: &CommandJob, placeholder: &Placeholder) -> Result<String> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Ok(match placeholder {
            Placeholder::Param(name) => match job.action.params.get(name) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => {
                    return Err(Fault::new(
                        Kind::Config,
                        format!(
                            "the parameter `{name}` can't stand on a command line: it is no single value"
                        ),
                    )
                    .hint("read it from the JSON file that MODELYARD_CONTEXT names"));
                }
                Some(other) => other.to_string(),
            },
            Placeholder::Output(name) => text(self.output(job, name)),
            Placeholder::Table => text(self.output(job, "table")),
            Placeholder::Model => text(self.output(job, "model")),
            Placeholder::Artifacts => text(self.output(job, "artifacts")),
            input => match job.inputs.get(&input_name(input)) {
                Some(file) => text(self.inputs.join(&file.file_name)),
                None => return Err(crate::words::missing_input(input)),
            },
        })
    }
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .attempt(Kind::Store, || format!("cannot make the folder `{}`", path.display()))
}

async fn outputs(
    job: &CommandJob,
    place: &Place,
    blobs: &dyn BlobStore,
    log: Digest,
) -> Result<BTreeMap<String, Output>> {
    let mut outputs = BTreeMap::new();
    for (name, kind) in &job.command.outputs {
        let path = place.output(job, name);
        let missing = |what: &str| {
            Fault::new(Kind::Step, format!("step `{}` ended well, but {what}", job.step))
                .with_log(log)
                .hint("write it to the path that stands in the command line, or in the file MODELYARD_CONTEXT names")
        };
        let strange = |fault: Fault| {
            let strange = Fault::new(
                Kind::Step,
                format!("step `{}` ended well, but its output `{name}` can't be kept", job.step),
            );
            strange.because(fault.report()).with_log(log)
        };
        refuse_leading_out(&path, &place.folder).map_err(strange)?;
        let output = match kind {
            OutputKind::File if !path.is_file() => {
                return Err(missing(&format!("wrote no file where its output `{name}` is declared")));
            }
            OutputKind::File => {
                let content = blobs.put_file(&path).await?;
                let size = path.metadata().map_or(0, |found| found.len());
                Output { kind: OutputKind::File, identity: content, content, size_bytes: size }
            }
            OutputKind::Folder => {
                if !path.is_dir() {
                    return Err(missing(&format!("left no folder where its output `{name}` is declared")));
                }
                let tree = match blobs.put_folder(&path).await {
                    Err(fault) if fault.kind() == Kind::Conflict => return Err(strange(fault)),
                    stored => stored?,
                };
                if tree.files.is_empty() && name != "artifacts" {
                    return Err(missing(&format!("left the folder of its output `{name}` empty")));
                }
                let content = tree.digest();
                Output { kind: OutputKind::Folder, identity: content, content, size_bytes: tree.size_bytes() }
            }
        };
        outputs.insert(name.clone(), output);
    }
    Ok(outputs)
}

/// Refuses an output that is a link to outside of the step's `folder`: this program, which no sandbox
/// holds, would fetch what the step itself may not open. (Links below a folder are the store's to refuse.)
fn refuse_leading_out(path: &Path, folder: &Path) -> Result<()> {
    if !path.is_symlink() {
        return Ok(());
    }
    let inside = || std::fs::canonicalize(folder);
    match std::fs::canonicalize(path) {
        Ok(target) if inside().is_ok_and(|folder| target.starts_with(folder)) => Ok(()),
        Ok(target) => Err(Fault::new(Kind::Conflict, "the link leads out of the step's folder")
            .detail("leads to", target.display().to_string())
            .hint("write the file itself")),
        Err(error) => Err(Fault::new(Kind::Conflict, "the link can't be followed").because(error)),
    }
}

fn failed(job: &CommandJob, place: &Place, exit: &Exit, log: Digest) -> Fault {
    let text = end_of(&place.log);
    if exit.timed_out {
        let allowed = job.timeout.unwrap_or_default().as_secs_f64();
        return Fault::new(
            Kind::Timeout,
            format!("step `{}` took longer than its {allowed} s and was ended", job.step),
        )
        .with_log(log)
        .hint("raise `timeout` of the step, or give it less to do");
    }
    let how = match exit.status {
        Status::Code(code) => format!("exit code {code}"),
        Status::Signal(9) => "signal 9 (killed, perhaps for lack of memory)".to_owned(),
        Status::Signal(signal) => format!("signal {signal}"),
    };
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let tail = tail.iter().map(|line| shortened(line)).collect::<Vec<_>>().join("\n");
    let declare = undeclared(&job.step, &text, &job.root, &place.work);
    let explained = declare.as_ref().is_some_and(|declare| declare.at_end);
    let failed = || Fault::new(Kind::Step, format!("step `{}` failed with {how}", job.step));
    let mut fault = declare.map_or_else(failed, |declare| declare.fault);
    if !tail.is_empty() && !explained {
        fault = fault.detail("output", format!("\n{tail}"));
    }
    fault.with_log(log)
}

/// The last [`TAIL_BYTES`] of what the step printed.
fn end_of(log: &Path) -> String {
    let read = || {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    // The log itself is stored whole; without this the error is a little poorer.
    read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// `line`, of which an error shows so much.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

/// How far this execution can be relied on (contracts: *inputs not complete*, *unsealed*).
fn trust(job: &CommandJob, exit: &Exit) -> Trust {
    let enforced = job.command.sandbox.mode == SandboxMode::On && exit.enforcement.enforced;
    let mut reasons = exit.enforcement.reasons.clone();
    if job.command.sandbox.mode == SandboxMode::Off {
        reasons.push("`sandbox = \"off\"`".to_owned());
    }
    if !job.read.is_empty() {
        reasons.push(format!(
            "`sandbox.read` adds {}",
            job.command.sandbox.read.keys().cloned().collect::<Vec<_>>().join(", ")
        ));
    }
    let below_system = paths::below_system(&job.root).is_some();
    if below_system {
        reasons.push("the project lies below a folder of the system, which every step may read".to_owned());
    }
    if enforced && !below_system {
        reasons.extend(job.unsealed_by.clone());
    }
    Trust {
        enforced,
        inputs_complete: enforced && job.read.is_empty() && !below_system,
        sealed: enforced && job.unsealed_by.is_none() && !below_system,
        reasons,
    }
}

fn remarks(place: &Place, exit: &Exit) -> Vec<String> {
    let mut remarks = Vec::new();
    if exit.leftovers {
        remarks.push("processes outlived the command and were ended".to_owned());
    }
    if exit.log_cut_bytes > 0 {
        let kept = LOG_LIMIT_BYTES >> 20;
        remarks.push(format!(
            "it printed more than {kept} MiB: its log lacks {} bytes in the middle",
            exit.log_cut_bytes
        ));
    }
    for left in ["mlflow.db", "mlruns"] {
        if place.work.join(left).exists() {
            remarks.push(format!(
                "the step wrote its MLflow records to `{left}` in its own folder, which is not kept; report \
                 metrics in metrics.json or as {{\"metric\": NAME, \"value\": N}} on stdout, and files to {{artifacts}}"
            ));
        }
    }
    remarks
}

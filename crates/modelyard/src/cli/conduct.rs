//! Carrying a release through from the command line: the reconciler is whoever holds the home's lock, a
//! server or this command, and either way what happens is shown as it happens.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use modelyard_core::deploy::release::Decision;
use modelyard_core::deploy::{EnvironmentId, Release, ReleaseId, ReleaseStatus, TestRunning, TestsUnderWay};
use modelyard_core::fault::Attempt;
use modelyard_core::ports::{FileStamp, Home, LockGuard};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_lifecycle::deploy::judge::Comparison;
use modelyard_lifecycle::deploy::moves::percent;
use modelyard_lifecycle::deploy::reconcile::alone;
use modelyard_lifecycle::deploy::release::{self, Look, Machine};
use modelyard_lifecycle::deploy::{View, environments};
use serde_json::json;

use super::{Context, print, replicas, serve, session, text};

/// How often what is followed is looked at.
const LOOKED: Duration = Duration::from_millis(200);

/// What a command works with that moves a release.
pub(crate) struct Conduct<'a> {
    ctx: &'a Context,
    pub(crate) home: Home,
    folder: PathBuf,
    pub(crate) id: EnvironmentId,
    /// Held where no server runs: this command does its work.
    lock: Option<Box<dyn LockGuard>>,
}

impl<'a> Conduct<'a> {
    /// For the environment that `name` names.
    ///
    /// # Errors
    /// If there is no project or home.
    pub(crate) async fn new(ctx: &'a Context, name: &str) -> Result<Self> {
        let (home, id) = session::environment(ctx, name).await?;
        Self::of(ctx, home, id).await
    }

    /// For the environment `id` of `home`, the command's home.
    ///
    /// # Errors
    /// If the home can't be locked.
    pub(crate) async fn of(ctx: &'a Context, home: Home, id: EnvironmentId) -> Result<Self> {
        let folder = session::absolute(&session::home_folder(ctx)?);
        let lock = alone::try_alone(&home).await?;
        Ok(Self { ctx, home, folder, id, lock })
    }

    /// Whether a server carries out what is written.
    pub(crate) fn has_server(&self) -> bool {
        self.lock.is_none()
    }

    /// Waits for what becomes of `release`, and shows it; a server that ends and does not come back is stood in
    /// for, and one that comes takes over at once. Without a server at first and without `wait` it ends where people have to act first.
    ///
    /// # Errors
    /// [`Kind::Release`] if it failed, was rolled back or aborted.
    pub(crate) async fn follow(mut self, release: ReleaseId, wait: bool) -> Result<Release> {
        let live = Live::new(self.ctx);
        let mut interrupted = std::pin::pin!(serve::asked_to_end()?);
        let stops = !wait && self.lock.is_some();
        let ended = loop {
            let followed = Following { home: &self.home, ctx: self.ctx, live: &live, id: &self.id };
            if self.lock.is_none() {
                tokio::select! {
                    ended = followed.until_ended(release, stops) => break ended,
                    lock = alone::stand_in(&self.home) => self.lock = Some(lock?),
                    () = &mut interrupted => break Err(self.stopped()),
                }
                continue;
            }
            let target = replicas::target(&self.folder)?;
            let reconciler = replicas::reconciler(&self.home, self.ctx, target).await?;
            let trouble = |fault: &Fault| live.line("trouble", &fault.report());
            tokio::select! {
                ended = followed.until_ended(release, stops) => break ended,
                () = reconciler.run(Some(&self.id), trouble, std::future::pending()) => break Err(self.stopped()),
                awaited = alone::awaited(&self.home) => awaited?,
                () = &mut interrupted => break Err(self.stopped()),
            }
            live.line("server", "a server has come, which goes on with it");
            self.lock = None;
        };
        live.end();
        let ended = ended?;
        if self.lock.is_some() && ended.status == ReleaseStatus::Done && !self.ctx.quiet && !self.ctx.json {
            print::remark(
                "nothing watches the replicas until `modelyard server` starts: one that ends stays ended",
            );
        }
        match ended.status {
            ReleaseStatus::Failed | ReleaseStatus::RolledBack | ReleaseStatus::Aborted => {
                Err(failed(&self.id, &ended))
            }
            _ => Ok(ended),
        }
    }

    fn stopped(&self) -> Fault {
        let name = &self.id.name;
        Fault::new(Kind::Cancelled, "stopped waiting; the release is still under way")
            .hint(format!("`modelyard release status {name}` shows it, `modelyard release abort {name}` ends it; `modelyard server` goes on with it"))
    }
}

fn failed(id: &EnvironmentId, release: &Release) -> Fault {
    let title = release::title(release);
    let what = match release.status {
        ReleaseStatus::RolledBack => "was rolled back from",
        ReleaseStatus::Aborted => "was withdrawn from",
        _ => "was not released to",
    };
    let mut fault = Fault::new(Kind::Release, format!("`{title}` {what} `{}`", id.name));
    if let Some(reason) = &release.reason {
        fault = fault.detail("reason", reason.clone());
    }
    if let Some(serving) = release.before.stable() {
        fault = fault.detail("serves", format!("{}@{}, as before", serving.model, serving.number));
    }
    fault.hint(format!("`modelyard release status {}` shows what it was decided on", id.name))
}

/// The file of the program that runs, also where another one has taken its place meanwhile.
const RUNNING: &str = "/proc/self/exe";

/// What of this machine is compared between environments. `with_onnx`: the library is needed.
///
/// # Errors
/// If this program's file can't be read, or the library not be had.
pub(crate) async fn machine(home: &Home, with_onnx: bool) -> Result<Machine> {
    let onnx_library = match with_onnx {
        true => Some(session::settings(None, String::new())?.find_onnx_library(&|_| {}).await?.digest),
        false => None,
    };
    Ok(Machine { program: program(home).await?, onnx_library })
}

/// Of this program's file.
///
/// # Errors
/// If it can't be read, or the home not written.
pub(crate) async fn program(home: &Home) -> Result<Digest> {
    digest(home, Path::new(RUNNING)).await
}

/// Of a file that is seldom another.
async fn digest(home: &Home, path: &Path) -> Result<Digest> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = File::open(path).attempt(Kind::Internal, failed)?;
    let found = file.metadata().attempt(Kind::Internal, failed)?;
    let nanoseconds = |secs: i64, rest: i64| secs.saturating_mul(1_000_000_000).saturating_add(rest);
    let stamp = FileStamp {
        path: path.to_string_lossy().into_owned(),
        size_bytes: found.len(),
        modified_ns: nanoseconds(found.mtime(), found.mtime_nsec()),
        changed_ns: nanoseconds(found.ctime(), found.ctime_nsec()),
        inode: found.ino(),
    };
    if let Some(digest) = home.stamps.get(&stamp).await? {
        return Ok(digest);
    }
    let digest = Digest::of_reader(std::io::BufReader::with_capacity(1 << 20, file))
        .attempt(Kind::Internal, failed)?;
    home.stamps.put(&[(stamp, digest)]).await?;
    Ok(digest)
}

struct Following<'a> {
    home: &'a Home,
    ctx: &'a Context,
    live: &'a Live,
    id: &'a EnvironmentId,
}

impl Following<'_> {
    /// Shows each decision until the release has ended. `stops`: also where it waits for people.
    async fn until_ended(&self, id: ReleaseId, stops: bool) -> Result<Release> {
        let mut shown = 0;
        let mut tests_shown = 0;
        let mut watch = self.home.observations.watch().await?;
        loop {
            if watch.changed().await? {
                let release = self.home.environments.release(id).await?.ok_or_else(|| {
                    Fault::new(Kind::Internal, format!("release `{id}` is no longer in the home"))
                })?;
                let tests = self.home.observations.tests(self.id).await?;
                let tests = tests.filter(|tests| tests.release == id);
                // Those of decisions that come later in what was read have ended.
                for (place, decision) in release.decisions.iter().enumerate() {
                    if place >= shown {
                        self.live.decision(decision);
                    }
                    if decision.what == "testing"
                        && let Some(tests) = &tests
                    {
                        self.live.tests(tests, &mut tests_shown);
                    }
                }
                shown = shown.max(release.decisions.len());
                if release.status.has_ended() {
                    if release.status == ReleaseStatus::Done {
                        self.until_followed().await?;
                    }
                    return Ok(release);
                }
                let look = release::look(self.home, self.id, self.ctx.clock.now()).await?;
                if let Some(look) = look.filter(|look| look.release.id == id) {
                    let stays = look.missing.is_some() || release.status == ReleaseStatus::Held;
                    // What was asked of it is carried out first.
                    if stops && stays && release.wish.is_none() {
                        return Ok(release);
                    }
                    self.live.state(&look, tests.as_ref());
                }
            }
            tokio::time::sleep(LOOKED).await;
        }
    }

    /// Replicas follow the home by themselves, within a moment: whoever is told that a version serves may ask
    /// it at once. One that does not follow is for `environments show` to tell.
    async fn until_followed(&self) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(50);
        for _ in 0..100 {
            let generation = environments::find(self.home, self.id).await?.state.generation;
            let reports = self.home.observations.reports(self.id).await?;
            let live = View::of(reports, self.ctx.clock.now()).live;
            if live.iter().all(|report| report.generation >= generation) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// A line that moves in a terminal, plain lines of decisions everywhere.
pub(crate) struct Live {
    bar: ProgressBar,
    silent: bool,
    waits: Mutex<Option<String>>,
}

impl Live {
    pub(crate) fn new(ctx: &Context) -> Self {
        let silent = ctx.quiet || ctx.json;
        let bar = if ctx.color && !silent {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("  {prefix:<10} {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, silent, waits: Mutex::default() }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Where something moves: what is waited for.
    pub(crate) fn waits(&self, label: &'static str, text: String) {
        self.bar.set_prefix(label);
        self.bar.set_message(text);
    }

    fn line(&self, label: &str, text: &str) {
        if !self.silent {
            self.bar.suspend(|| print::result(format!("  {label:<10} {text}")));
        }
    }

    fn decision(&self, decision: &Decision) {
        let by = if decision.by == "modelyard" { String::new() } else { format!(", by {}", decision.by) };
        self.line("release", &format!("{}   {}{by}", decision.what, decision.why));
    }

    /// Results beyond the first `shown`, which are, and how far the one that runs is.
    fn tests(&self, tests: &TestsUnderWay, shown: &mut usize) {
        for test in tests.finished.iter().skip(*shown) {
            let outcome = match test.outcome.as_str() {
                "failed" => "FAILED: ",
                "skipped" => "skipped: ",
                _ => "",
            };
            self.line(&test.test, &format!("{outcome}{}", test.sentence));
        }
        *shown = tests.finished.len().max(*shown);
    }

    fn state(&self, look: &Look, tests: Option<&TestsUnderWay>) {
        self.bar.set_prefix(release::status(&look.release, look.missing.is_some()));
        let running = tests.and_then(|tests| tests.running.as_ref());
        self.bar.set_message(match (&look.missing, &look.comparison, running) {
            (Some(missing), ..) => missing.clone(),
            (None, Some(comparison), _) => brief(comparison),
            (None, None, Some(TestRunning { test, of: 0, .. })) => test.clone(),
            (None, None, Some(TestRunning { test, done, of })) => {
                format!("{test} {} of {}", text::count(*done), text::count(*of))
            }
            (None, None, None) => String::new(),
        });
        // What people have to do is said once, also where nothing moves.
        if let Some(missing) = &look.missing {
            let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
            if waits.as_ref() != Some(missing) {
                self.line("waits", missing);
                if look.release.status == ReleaseStatus::Waiting {
                    let title = release::title(&look.release);
                    self.line("", &format!("modelyard models approve {title} --comment \"why\""));
                }
                *waits = Some(missing.clone());
            }
        }
    }
}

fn brief(comparison: &Comparison) -> String {
    format!(
        "{} requests, {} failed; incumbent {}, {} failed",
        text::count(comparison.candidate.requests),
        text::count(comparison.candidate.failed),
        text::count(comparison.incumbent.requests),
        text::count(comparison.incumbent.failed),
    )
}

/// What a release came to, or where it stands, after a command.
pub(crate) fn show(ctx: &Context, id: &EnvironmentId, release: &Release, listen: &str) {
    if ctx.json {
        print::json(&json!({ "release": release, "listen": listen }));
        return;
    }
    if ctx.quiet {
        return;
    }
    let (title, name) = (release::title(release), &id.name);
    let text = match release.status {
        ReleaseStatus::Done => {
            format!("\n{title} serves {name} at http://{listen}/predict/{}", release.model)
        }
        ReleaseStatus::Waiting => format!(
            "\n{title} waits for approval to be released to {name}\n  modelyard models approve {title}"
        ),
        _ => format!(
            "\n{title} → {name}   {}, {}\n  modelyard release status {name}",
            release.strategy.kind.as_str(),
            release::status(release, true)
        ),
    };
    print::result(text);
}

/// `1.9 ms` of microseconds.
pub(crate) fn latency(micros: u64) -> String {
    format!("{} ms", text::number(micros as f64 / 1e3))
}

/// `0.02 %`, and a dash where nothing is known.
pub(crate) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_that_was_replaced_while_it_runs_still_knows_itself() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("modelyard");
        std::fs::copy(std::env::current_exe().unwrap(), &here).unwrap();
        let name = "cli::conduct::tests::replaced";
        let ended = Command::new(&here).args(["--exact", name, "--ignored"]).status().unwrap();
        assert!(ended.success());
        assert!(!here.exists(), "it was not run");
    }

    #[tokio::test]
    #[ignore = "it is what the other test runs"]
    async fn replaced() {
        std::fs::remove_file(std::env::current_exe().unwrap()).unwrap();
        let machine = machine(&modelyard_store::memory(), false).await.unwrap();
        assert_eq!(machine.program, Digest::of(&std::fs::read(RUNNING).unwrap()));
    }
}

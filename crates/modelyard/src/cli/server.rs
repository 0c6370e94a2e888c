//! `modelyard server`: one process on a home, for all of its projects. It brings about what was applied and
//! deployed, and answers the API.
//!
//! The replicas that it starts outlive it: whoever ends the server ends the watching, not the serving.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::fault::Attempt;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result};
use modelyard_deploy::target::{Condition, Target};
use modelyard_http::native::{self, Api, OwnMachine};
use modelyard_lifecycle::deploy::apply::{self, Proposal};
use modelyard_lifecycle::deploy::reconcile::alone;
use modelyard_lifecycle::deploy::release::Machine;
use modelyard_lifecycle::monitor::{Duty, Watcher};
use modelyard_process::temporary::PrivateTmp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::session::{self, Session};
use super::{Context, conduct, duties, print, replicas, serve, text};
use crate::config;

/// Watch over all environments of a home: replicas, releases, the API
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the API answers; an address of this machine alone
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    serve::log_to_stderr(ctx);
    native::check_address(args.listen)?;
    let mut end = std::pin::pin!(serve::asked_to_end()?);
    let folder = session::absolute(&session::home_folder(ctx)?);
    let home = modelyard_store::open(&folder, ctx.clock.clone()).await?;
    let waits = || {
        if !ctx.quiet {
            print::remark("another process works on this home: this server takes over when that one ends");
        }
    };
    let lock = tokio::select! {
        lock = alone::serving(&home, waits) => lock?,
        () = &mut end => return Ok(ExitCode::SUCCESS),
    };
    // What a server left that was killed while it tested.
    PrivateTmp::sweep();
    let listener = bind(args.listen).await?;
    let address = listener.local_addr().attempt(Kind::Internal, || "cannot tell the port".to_owned())?;
    let target = replicas::target(&folder)?;
    let (tell, told) = watch::channel(false);
    let api = Api {
        home: home.clone(),
        clock: ctx.clock.clone(),
        actor: session::actor(),
        address,
        target: target.clone(),
        machine: Arc::new(ThisMachine {
            home: home.clone(),
            folder: folder.clone(),
            clock: ctx.clock.clone(),
        }),
        ending: told.clone(),
    };
    let mut reconciling = reconcile(&home, ctx, &target, told.clone()).await?;
    let mut watching = watch(duties::all(&home, &folder, ctx)?, told);
    if ctx.json {
        print::json(&json!({"listen": address.to_string(), "home": folder}));
    } else if !ctx.quiet {
        print::result(format!("the server of {} answers at http://{address}", folder.display()));
    }
    let answering = tokio::spawn(native::serve(listener, api));
    let result = tokio::select! {
        () = end => Ok(()),
        fault = lost(&mut reconciling) => Err(fault),
        fault = lost(&mut watching) => Err(fault),
    };
    let _ = tell.send(true);
    if result.is_ok() {
        let _ = reconciling.await;
        let _ = watching.await;
    }
    let _ = answering.await;
    // Only now may another one take over.
    drop(lock);
    result?;
    if !ctx.quiet {
        print::remark(farewell(&home, &*target).await?);
    }
    Ok(ExitCode::SUCCESS)
}

/// The address, which a server that was just killed may still have for a moment.
async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut attempts = 20;
    loop {
        match TcpListener::bind(listen).await {
            Ok(listener) => return Ok(listener),
            Err(error) if attempts == 0 || error.kind() != std::io::ErrorKind::AddrInUse => {
                return Err(Fault::new(Kind::Conflict, format!("cannot listen on {listen}"))
                    .because(error)
                    .hint("choose another with --listen ADDRESS:PORT; port 0 takes a free one"));
            }
            Err(_) => attempts -= 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn reconcile(
    home: &Home,
    ctx: &Context,
    target: &Arc<dyn Target>,
    mut told: watch::Receiver<bool>,
) -> Result<JoinHandle<()>> {
    let reconciler = replicas::reconciler(home, ctx, Arc::clone(target)).await?;
    Ok(tokio::spawn(async move {
        let end = async move {
            let _ = told.wait_for(|ending| *ending).await;
        };
        reconciler.run(None, |fault| tracing::warn!("{}", fault.report()), end).await;
    }))
}

/// Looks at what was logged and acts on it, beside the reconciler.
fn watch(duties: Vec<Arc<dyn Duty>>, mut told: watch::Receiver<bool>) -> JoinHandle<()> {
    let watcher = Watcher::new(duties);
    tokio::spawn(async move {
        let end = async move {
            let _ = told.wait_for(|ending| *ending).await;
        };
        watcher.run(|fault| tracing::warn!("{}", fault.report()), end).await;
    })
}

/// Why the reconciler or the watcher ended, which nobody asked it to: a server without it would answer and do
/// nothing.
async fn lost(task: &mut JoinHandle<()>) -> Fault {
    let fault =
        Fault::new(Kind::Internal, "the server can't bring about what is wanted any more, so it ends")
            .hint("start it again: replicas go on meanwhile, and it takes up where it was");
    match task.await {
        Ok(()) => fault,
        Err(error) => fault.because(error),
    }
}

/// As the commands see this machine.
struct ThisMachine {
    home: Home,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl OwnMachine for ThisMachine {
    async fn machine(&self, with_onnx: bool) -> Result<Machine> {
        conduct::machine(&self.home, with_onnx).await
    }

    fn secret(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    async fn propose(&self, folder: &Path) -> Result<Proposal> {
        let loaded = config::load(&folder.join(config::FILE))?;
        let session = Session { loaded, home: self.home.clone(), home_folder: self.folder.clone() };
        apply::propose(&session::looking(session, self.clock.clone())?).await
    }
}

/// What goes on without this server.
async fn farewell(home: &Home, target: &dyn Target) -> Result<String> {
    let mut running = 0;
    for environment in home.environments.environments(None).await? {
        let status = target.status(&environment.id).await?;
        running +=
            status.iter().filter(|replica| matches!(replica.condition, Condition::Running { .. })).count();
    }
    Ok(match running {
        0 => "the server has ended".to_owned(),
        _ => format!(
            "the server has ended; {} on, unwatched\n  a server that starts finds them again; `modelyard \
             environments stop NAME` ends those of an environment",
            match running {
                1 => "1 replica goes".to_owned(),
                _ => format!("{} replicas go", text::count(running as u64)),
            }
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use clap::CommandFactory;

    use super::super::Cli;
    use super::lost;

    /// Commands that work in a folder or on this machine, so that no request could do them; of the others
    /// each has a route.
    const HERE: &[&str] = &[
        "check",
        "ci init",
        "ci run",
        "completions",
        "data ingest",
        "data list",
        "data preview",
        "data profile",
        "data show",
        "diff",
        "doctor",
        "feedback import",
        "graph",
        "home upgrade",
        "lock",
        "logs",
        "models download",
        "monitor prometheus-rules",
        "monitor report",
        "new",
        "predict",
        "predictions query",
        "replay",
        "reproduce",
        "run",
        "runs compare",
        "schema",
        "serve",
        "server",
        "status",
    ];

    #[tokio::test]
    async fn a_reconciler_that_panics_ends_the_server_with_its_reason() {
        let fault = lost(&mut tokio::spawn(async { panic!("no such release") })).await;
        assert!(fault.report().contains("no such release"), "{}", fault.report());
    }

    /// What a command is told about how it shows what it did, or whether it waits for it.
    const SHOWN: &[&str] = &["yes", "wait", "no-wait", "output", "open", "chart"];

    /// The configuration of a run is what commands alone print.
    const COMMANDS_ALONE: &[(&str, &str)] = &[("runs show", "config"), ("show", "config")];

    /// What a route is told in other words: the command's argument, and the word of its routes.
    const IN_OTHER_WORDS: &[(&str, &str, &str)] = &[
        ("alerts silence", "end", "until"),
        ("environments diff", "one", "environment"),
        ("history", "all", "serving"),
        ("models alias", "model", "version"),
        ("models approve", "model", "version"),
        ("models reject", "model", "version"),
        ("monitor status", "name", "project"),
        ("monitor windows", "name", "project"),
        ("models show", "model", "version"),
        ("release", "to", "environment"),
        ("report", "what", "version"),
        ("runs show", "what", "run"),
        ("show", "what", "run"),
    ];

    #[test]
    fn what_a_command_does_a_route_does() {
        let mut commands = BTreeMap::new();
        collect(&Cli::command(), "", &mut commands);
        let mut routes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for route in modelyard_http::native::listed() {
            let Some(command) = route.command else { continue };
            // `rollback --drill` is what `rollback` does with an option.
            let (command, option) = command.split_once(" --").unwrap_or((command, ""));
            let said = routes.entry(command.to_owned()).or_default();
            said.extend(route.says);
            said.insert(option.to_owned());
        }
        for command in routes.keys().map(String::as_str).chain(HERE.iter().copied()) {
            assert!(commands.contains_key(command), "there is no command `{command}`");
        }
        let mut without = Vec::new();
        for (command, arguments) in &commands {
            let Some(said) = routes.get(command) else {
                assert!(HERE.contains(&command.as_str()), "`{command}` has no route");
                continue;
            };
            assert!(!HERE.contains(&command.as_str()), "`{command}` has a route");
            for argument in arguments.iter().filter(|argument| !SHOWN.contains(&argument.as_str())) {
                let other = IN_OTHER_WORDS.iter().find(|(of, known, _)| of == command && known == argument);
                let word = other.map_or(argument.as_str(), |(_, _, word)| word);
                let asked = (command.as_str(), argument.as_str());
                if !said.contains(word) && !COMMANDS_ALONE.contains(&asked) {
                    without.push(asked);
                }
            }
        }
        assert_eq!(without, [], "what no route is told");
    }

    /// `command`, where it does something by itself, with its arguments, and those below it.
    fn collect(command: &clap::Command, before: &str, into: &mut BTreeMap<String, Vec<String>>) {
        let below: Vec<_> = command
            .get_subcommands()
            .filter(|below| below.get_name() != "help" && !below.is_hide_set())
            .collect();
        // Some do something of their own where no further word stands.
        if !before.is_empty() && (!command.is_subcommand_required_set() || below.is_empty()) {
            let own = command.get_arguments().filter(|argument| !argument.is_global_set());
            let names = own.map(|argument| argument.get_id().to_string().replace('_', "-"));
            into.insert(before.to_owned(), names.collect());
        }
        for command in below {
            let name = format!("{before} {}", command.get_name());
            collect(command, name.trim_start(), into);
        }
    }
}

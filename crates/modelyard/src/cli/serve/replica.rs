//! `modelyard serve --environment`: a replica, which follows its environment's state.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_http::{Limits, Served};
use modelyard_lifecycle::deploy::plane::{Options, Plane, Standing};
use modelyard_lifecycle::monitor::feedback::{Feedback, Known};
use modelyard_process::control::{self, Answering, Says};
use modelyard_process::temporary::PrivateTmp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::{Context, conduct, print, session};
use crate::config::duration;

/// What a replica is told by whoever starts it; a person needs none of it.
#[derive(clap::Args)]
pub(super) struct ReplicaArgs {
    /// The number of this replica
    #[arg(long, value_name = "N", hide = true, default_value_t = 0, requires = "environment")]
    replica: u32,
    /// The descriptor of a listening socket
    #[arg(long, value_name = "FD", hide = true, requires = "environment", conflicts_with = "listen")]
    inherited_socket: Option<RawFd>,
    /// Where the listening socket is handed back
    #[arg(long, value_name = "FILE", hide = true, requires = "environment")]
    control: Option<PathBuf>,
    /// How long a version may take to be opened and proven, in place of `limits.start`
    #[arg(long, value_name = "DURATION", hide = true, value_parser = duration::parse_argument,
          requires = "environment")]
    start_limit: Option<Duration>,
}

pub(super) async fn run(environment: &str, args: &super::Args, ctx: &Context) -> Result<ExitCode> {
    let began = Instant::now();
    let (home, id) = session::environment(ctx, environment).await?;
    PrivateTmp::sweep();
    let listener = match args.replica.inherited_socket {
        Some(descriptor) => {
            let socket = control::inherited(descriptor)?;
            TcpListener::from_std(socket).attempt(Kind::Internal, || "cannot use the socket".to_owned())?
        }
        None => {
            let address = match args.listen {
                Some(address) => address,
                None => {
                    let spec = modelyard_lifecycle::deploy::environments::find(&home, &id).await?.spec;
                    let wrong = || format!("`{}` of {id} is no address", spec.listen);
                    spec.listen.parse::<SocketAddr>().attempt(Kind::Config, wrong)?
                }
            };
            super::bind(address).await?
        }
    };
    let address = listener.local_addr().attempt(Kind::Internal, || "cannot tell the port".to_owned())?;
    let answering =
        args.replica.control.as_deref().map(|path| control::answer(path, &listener)).transpose()?;
    let ended = super::asked_to_end()?;
    let settings = session::settings(args.onnx_library.clone(), String::new())?;
    let options = Options {
        environment: id.clone(),
        replica: args.replica.replica,
        listen: address.to_string(),
        // It answers all the same where the home can't keep what was found.
        program: conduct::program(&home).await.ok(),
        began,
        start_limit: args.replica.start_limit,
        note: Arc::new(|text| tracing::warn!("{text}")),
    };
    let plane = Plane::start(home.clone(), settings, ctx.clock.clone(), options).await?;
    if ctx.json {
        print::json(&json!({"environment": id.to_string(), "listen": address.to_string()}));
    } else if !ctx.quiet {
        print::result(format!("{id} answers at http://{address}"));
    }
    let requests = usize::try_from(plane.spec().limits.requests).unwrap_or(usize::MAX);
    let limits = Limits { body_bytes: args.max_body, requests, ..Limits::default() };
    let known = Known::new(&home, &id, Some(plane.log()));
    let feedback = Feedback::start(&home, &id, ctx.clock.clone(), known);
    let served = Served::new(plane.fleet(), limits, ctx.clock.clone()).with_feedback(feedback);
    let served = Arc::new(served);
    let mut ended = Box::pin(ended);
    // Until then another replica may answer on the same socket; a client that is first waits.
    let is_over = tokio::select! {
        () = plane.settled() => false,
        () = &mut ended => true,
        never = say(answering.as_ref(), plane.standing()) => match never {},
    };
    let standing = plane.standing();
    let (tell, told) = tokio::sync::oneshot::channel();
    let ending = async move {
        if !is_over {
            tokio::select! {
                () = ended => {}
                never = say(answering.as_ref(), standing) => match never {},
            }
        }
        // Nobody is handed a socket that is about to be given up by this process alone.
        drop(answering);
        let _ = tell.send(());
    };
    let serving = tokio::spawn(modelyard_http::serve(listener, served, ending));
    let _ = told.await;
    let ending = plane.end().await;
    let result = serving.await.map_err(|error| Fault::new(Kind::Internal, "serving ended").because(error));
    ending.close().await;
    result?;
    Ok(ExitCode::SUCCESS)
}

/// Says to whoever started this replica how it stands, as that changes: only one that answers may take over
/// from another.
async fn say(answering: Option<&Answering>, mut standing: watch::Receiver<Standing>) -> Infallible {
    loop {
        let says = match &*standing.borrow_and_update() {
            Standing::Loading => None,
            Standing::Ready => Some(Says::Ready),
            Standing::Stuck { reason, .. } => {
                // Why a replica did not take over is looked for in such a line of its log.
                print::remark(format!("error: {}", reason.lines().next().unwrap_or(reason)));
                Some(Says::Stuck)
            }
        };
        if let (Some(answering), Some(says)) = (answering, says) {
            answering.say(says);
        }
        if standing.changed().await.is_err() {
            // It follows no more.
            std::future::pending::<()>().await;
        }
    }
}

//! The Build workflow: data ingestion, training, packaging, testing, registering.
//!
//! A node is one file with one function: it reads what earlier nodes made, performs actions through
//! [`Build::perform`], and answers what it made. Nodes start as soon as what they need is there.
//! To add a kind of node: a variant of [`Node`], its edges in `pipeline`'s graph, a file here, an
//! arm in [`Build::make`].

mod data;
mod derived;
mod inputs;
mod made;
mod package;
mod record;
mod register;
mod step;
pub(crate) mod test;
mod train;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use modelyard_core::action::{Action, ActionResult};
use modelyard_core::id::RunId;
use modelyard_core::{Fault, Kind, Result};
use modelyard_pipeline::{Done, Graph, Mode, Node, Performed, Stop};

pub(crate) use package::answers::score_served;

pub use made::{DataMade, Made, PackageMade, RegisterMade, StepMade, StepOutcome, TestMade, TrainMade};

use crate::outcome::Outcome;
use crate::workshop::Workshop;

/// A walk over the graph. Shared by the nodes that run at once.
pub struct Build {
    pub(crate) shop: Arc<Workshop>,
    graph: Graph,
    pub(crate) run: RunId,
    made: Mutex<BTreeMap<Node, Made>>,
    pub(crate) outcome: Mutex<Outcome>,
    /// Results that were needed, by node, as they came.
    results: Mutex<Vec<(Node, ActionResult)>>,
    /// Trials that ended, as they did.
    tried: Mutex<Vec<trial::Tried>>,
    /// What the repeated run had, where this is a repetition.
    repeated: Vec<(Node, ActionResult)>,
    /// Data sets of a repetition that could not be made again.
    pub(crate) stood_in: Mutex<BTreeSet<Node>>,
}

/// What a build came to.
#[derive(Debug)]
pub struct Built {
    pub run: RunId,
    pub made: BTreeMap<Node, Made>,
    pub outcome: Outcome,
    /// Whether no action was executed.
    pub all_cached: bool,
}

/// Builds `target`, or everything, and records it as a pipeline run.
///
/// # Errors
/// The first fault of a node; what others had finished is kept in the cache. The run is recorded
/// either way.
pub async fn build(shop: Arc<Workshop>, target: Option<&Node>) -> Result<Built> {
    let build = Build::new(shop, target)?;
    let recorded = build.begin_record().await?;
    let walked = build.walk().await;
    let outcome = build.finished_outcome();
    build.end_record(recorded, &outcome, walked.as_ref().err()).await?;
    let all_cached = walked?;
    let made = lock(&build.made).clone();
    Ok(Built { run: build.run, made, outcome, all_cached })
}

impl Build {
    pub(crate) fn new(shop: Arc<Workshop>, target: Option<&Node>) -> Result<Self> {
        let whole = Graph::of(&shop.project)?;
        let graph = target.map_or_else(|| whole.clone(), |target| whole.up_to(target));
        Ok(Self {
            graph,
            run: match &shop.settings.triggered {
                Some(triggered) => triggered.run,
                None => RunId::new(&*shop.engine.clock),
            },
            shop,
            made: Mutex::default(),
            outcome: Mutex::default(),
            results: Mutex::default(),
            tried: Mutex::default(),
            repeated: Vec::new(),
            stood_in: Mutex::default(),
        })
    }

    /// A walk that does again what led to `repeated`.
    pub(crate) fn repetition(
        shop: Arc<Workshop>,
        target: &Node,
        repeated: Vec<(Node, ActionResult)>,
    ) -> Result<Self> {
        Ok(Self { repeated, ..Self::new(shop, Some(target))? })
    }

    /// The result that the repeated run had for the last action of `node`.
    pub(crate) fn repeated(&self, node: &Node) -> Option<&ActionResult> {
        self.repeated.iter().rev().find(|(of, _)| of == node).map(|(_, result)| result)
    }

    /// Makes every node one after the other, and records nothing.
    pub(crate) async fn walk_unrecorded(&self) -> Result<()> {
        for node in self.graph.order() {
            match self.make(&node).await {
                Ok(made) => self.insert(node, made),
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(stop) => return Err(unexpected(&node, &stop)),
            }
        }
        Ok(())
    }

    /// Makes every node, dependencies first, others at once. Answers whether all came from the cache.
    async fn walk(&self) -> Result<bool> {
        let mut waiting = self.graph.order();
        let mut done = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        let mut all_cached = true;
        let mut first_fault: Option<Fault> = None;
        loop {
            let ready = |node: &Node| self.graph.needs(node).all(|need| done.contains(need));
            let (startable, rest) = waiting.into_iter().partition::<Vec<_>, _>(ready);
            waiting = rest;
            running.extend(startable.into_iter().map(|node| async move {
                let made = self.make_recorded(&node).await;
                (node, made)
            }));
            let Some((node, made)) = running.next().await else { break };
            match made {
                Ok((made, cached)) => {
                    all_cached &= cached;
                    lock(&self.made).insert(node.clone(), made);
                    done.insert(node);
                }
                Err(fault) => {
                    if first_fault.is_none() {
                        first_fault = Some(fault);
                    }
                    // What runs is ended; its own fault is only that it was cancelled.
                    waiting.clear();
                    self.shop.engine.cancel.cancel();
                }
            }
        }
        first_fault.map_or(Ok(all_cached), Err)
    }

    /// What `node` makes, through the function of its kind.
    pub(crate) async fn make(&self, node: &Node) -> Result<Made, Stop> {
        match node {
            Node::Data(name) => data::make(self, node, name).await.map(|made| Made::Data(Box::new(made))),
            Node::Step(name) => step::make(self, node, name).await.map(|made| Made::Step(Box::new(made))),
            Node::Train => train::make(self, node).await.map(|made| Made::Train(Box::new(made))),
            Node::Package => package::make(self, node).await.map(|made| Made::Package(Box::new(made))),
            Node::Test => test::make(self, node).await.map(|made| Made::Test(Box::new(made))),
            Node::Register => register::make(self).await.map(|made| Made::Register(Box::new(made))),
        }
    }

    /// Performs `action` for `node`, and remembers the result as one that the build needed.
    pub(crate) async fn perform<F, R>(&self, node: &Node, action: Action, execute: F) -> Result<Done, Stop>
    where
        F: FnOnce(PathBuf) -> R,
        R: Future<Output = Result<Performed, Fault>>,
    {
        let forced = self.shop.forced(node);
        let done = self.shop.engine.perform(action, forced, execute).await?;
        lock(&self.results).push((node.clone(), done.result.clone()));
        Ok(done)
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn insert(&self, node: Node, made: Made) {
        lock(&self.made).insert(node, made);
    }

    pub(crate) fn results(&self) -> Vec<(Node, ActionResult)> {
        lock(&self.results).clone()
    }

    /// Whether this walk may write facts other than results: numbers, runs, versions.
    pub(crate) fn records(&self) -> bool {
        self.shop.engine.mode() == Mode::Execute
    }

    /// The results of the graph's order, as the run stores them.
    fn finished_outcome(&self) -> Outcome {
        let mut outcome = lock(&self.outcome).clone();
        let results = self.results();
        for node in self.graph.order() {
            let of_node = results.iter().filter(|(of, _)| *of == node);
            outcome.actions.extend(of_node.map(|(node, result)| (node.to_string(), result.key)));
        }
        outcome
    }

    pub(crate) fn data(&self, name: &str) -> Result<Box<DataMade>, Stop> {
        match self.get(&Node::Data(name.to_owned()))? {
            Made::Data(made) => Ok(made),
            _ => Err(not_made("data").into()),
        }
    }

    pub(crate) fn step(&self, name: &str) -> Result<Box<StepMade>, Stop> {
        match self.get(&Node::Step(name.to_owned()))? {
            Made::Step(made) => Ok(made),
            _ => Err(not_made("step").into()),
        }
    }

    pub(crate) fn trained(&self) -> Result<Box<TrainMade>, Stop> {
        match self.get(&Node::Train)? {
            Made::Train(made) => Ok(made),
            _ => Err(not_made("train").into()),
        }
    }

    pub(crate) fn packaged(&self) -> Result<Box<PackageMade>, Stop> {
        match self.get(&Node::Package)? {
            Made::Package(made) => Ok(made),
            _ => Err(not_made("package").into()),
        }
    }

    pub(crate) fn tested(&self) -> Result<Box<TestMade>, Stop> {
        match self.get(&Node::Test)? {
            Made::Test(made) => Ok(made),
            _ => Err(not_made("test").into()),
        }
    }

    fn get(&self, node: &Node) -> Result<Made, Stop> {
        lock(&self.made).get(node).cloned().ok_or_else(|| not_made(&node.to_string()).into())
    }
}

/// Only looking answers anything but a result or a fault.
fn unexpected(node: &Node, stop: &Stop) -> Fault {
    Fault::new(Kind::Internal, format!("`{node}` was only looked at: {stop:?}"))
}

fn not_made(node: &str) -> Fault {
    Fault::new(Kind::Internal, format!("`{node}` was asked for before it was made"))
}

/// A poisoned lock means that another node panicked; what it held is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

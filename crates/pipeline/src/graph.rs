//! What depends on what in a project: data → steps → train → package → test → register.
//!
//! Edges follow from placeholders alone; the order in the file means nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use modelyard_core::config::{Make, Project, Step};
use modelyard_core::placeholder::Placeholder;
use modelyard_core::{Fault, Kind, Result};

use crate::words::declared;

/// A node of the graph. Their order is that of the workflow, so that equal ranks run as listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    Data(String),
    Step(String),
    Train,
    Package,
    Test,
    Register,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(name) | Self::Step(name) => f.write_str(name),
            Self::Train => f.write_str("train"),
            Self::Package => f.write_str("package"),
            Self::Test => f.write_str("test"),
            Self::Register => f.write_str("register"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Graph {
    needs: BTreeMap<Node, BTreeSet<Node>>,
}

impl Graph {
    /// The graph of `project`.
    ///
    /// # Errors
    /// If steps form a cycle, naming its path, or a placeholder names no node.
    pub fn of(project: &Project) -> Result<Self> {
        let mut needs = BTreeMap::new();
        for (name, data) in &project.data {
            let inputs = match &data.make {
                Make::Run(step) => needs_of(project, step)?,
                Make::AsIs | Make::Sql { .. } => BTreeSet::new(),
            };
            needs.insert(Node::Data(name.clone()), inputs);
        }
        for (name, step) in &project.steps {
            needs.insert(Node::Step(name.clone()), needs_of(project, step)?);
        }
        if let Some(train) = &project.train {
            needs.insert(Node::Train, needs_of(project, &train.step)?);
            let tested = tested_data(project).map(Node::Data);
            needs.insert(Node::Package, [Node::Train].into_iter().chain(tested.clone()).collect());
            needs.insert(Node::Test, [Node::Package].into_iter().chain(tested).collect());
            let steps = project.steps.keys().cloned().map(Node::Step);
            needs.insert(Node::Register, steps.chain([Node::Test]).collect());
        }
        let graph = Self { needs };
        graph.refuse_cycles()?;
        Ok(graph)
    }

    /// Every node, dependencies first, else in the order of the workflow.
    pub fn order(&self) -> Vec<Node> {
        let mut done = BTreeSet::new();
        let mut order = Vec::new();
        while order.len() < self.needs.len() {
            let ready =
                self.needs.iter().find(|(node, needs)| !done.contains(*node) && needs.is_subset(&done));
            let Some((node, _)) = ready else { break };
            done.insert(node.clone());
            order.push(node.clone());
        }
        order
    }

    /// What `node` needs directly.
    pub fn needs(&self, node: &Node) -> impl Iterator<Item = &Node> {
        self.needs.get(node).into_iter().flatten()
    }

    /// `target` and all that it needs, as a graph of its own.
    pub fn up_to(&self, target: &Node) -> Self {
        let mut wanted = BTreeSet::new();
        let mut open = vec![target.clone()];
        while let Some(node) = open.pop() {
            open.extend(self.needs(&node).cloned());
            wanted.insert(node);
        }
        let needs = self.needs.iter().filter(|(node, _)| wanted.contains(*node));
        Self { needs: needs.map(|(node, needs)| (node.clone(), needs.clone())).collect() }
    }

    /// The node that a user calls `name`.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.needs.keys().find(|node| node.to_string() == name)
    }

    pub fn contains(&self, node: &Node) -> bool {
        self.needs.contains_key(node)
    }

    fn refuse_cycles(&self) -> Result<()> {
        let ordered: BTreeSet<_> = self.order().into_iter().collect();
        let Some(start) = self.needs.keys().find(|node| !ordered.contains(*node)) else { return Ok(()) };
        // Every node left over needs another one left over, so following them must come back.
        let mut path = vec![start.clone()];
        loop {
            let last = &path[path.len() - 1];
            let Some(next) = self.needs(last).find(|node| !ordered.contains(*node)).cloned() else {
                return Ok(());
            };
            if let Some(begin) = path.iter().position(|node| *node == next) {
                let mut cycle: Vec<_> = path[begin..].iter().map(Node::to_string).collect();
                cycle.push(next.to_string());
                return Err(Fault::new(Kind::Config, format!("steps form a cycle: {}", cycle.join(" → ")))
                    .hint("remove one of these inputs from a step's `run`"));
            }
            path.push(next);
        }
    }
}

/// The data set whose test part is scored: `[test] data`, else the only one.
pub(crate) fn tested_data(project: &Project) -> Option<String> {
    project.test.data.clone().or_else(|| match project.data.len() {
        1 => project.data.keys().next().cloned(),
        _ => None,
    })
}

fn needs_of(project: &Project, step: &Step) -> Result<BTreeSet<Node>> {
    let mut needs = BTreeSet::new();
    for placeholder in declared(&step.run)? {
        let node = match &placeholder {
            Placeholder::Data { name, .. } => Node::Data(name.clone()),
            Placeholder::Step { name, .. } => Node::Step(name.clone()),
            Placeholder::Package => Node::Package,
            _ => continue,
        };
        let known = match &node {
            Node::Data(name) => project.data.contains_key(name),
            Node::Step(name) => project.steps.contains_key(name),
            _ => project.train.is_some(),
        };
        if !known {
            return Err(Fault::new(Kind::Config, format!("`{placeholder}` names nothing in the project")));
        }
        needs.insert(node);
    }
    Ok(needs)
}

//! `modelyard graph`: what depends on what.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_pipeline::{Graph, Node};
use serde_json::json;

use super::{Context, print};
use crate::config;

/// Show the steps and what each needs
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print Graphviz's language instead
    #[arg(long)]
    dot: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let loaded = config::load(&config::locate(ctx.project.as_deref())?)?;
    let graph = Graph::of(&loaded.project)?;
    let needs = |node: &Node| graph.needs(node).map(Node::to_string).collect::<Vec<_>>();
    let order = graph.order();
    if ctx.json {
        let nodes: Vec<_> =
            order.iter().map(|node| json!({"step": node.to_string(), "needs": needs(node)})).collect();
        print::json(&json!(nodes));
    } else if args.dot {
        let mut text = "digraph {\n  rankdir = LR;\n".to_owned();
        for node in &order {
            text.push_str(&format!("  \"{node}\";\n"));
            for need in needs(node) {
                text.push_str(&format!("  \"{need}\" -> \"{node}\";\n"));
            }
        }
        print::result(text + "}");
    } else {
        let width = order.iter().map(|node| node.to_string().len()).max().unwrap_or(0).max(10);
        for node in &order {
            let needs = needs(node);
            let from = if needs.is_empty() { String::new() } else { format!("← {}", needs.join(", ")) };
            print::result(format!("{:<width$}   {from}", node.to_string()).trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! Driver *code*: the project file, requirements and their lock, the Makefile, Git.

use std::path::Path;

use super::{Row, Subject, makefile, middleware, relative};
use crate::config;

pub(super) async fn look(subject: &Subject) -> Vec<Row> {
    let mut rows = vec![project_file(subject)];
    if let Some(file) = subject.loaded().and_then(|loaded| loaded.project.python.requirements.as_deref()) {
        requirements(&subject.root.join(file), &subject.root, &mut rows);
    }
    makefile_rows(&subject.root, &mut rows);
    rows.push(git(&subject.root).await);
    rows
}

fn project_file(subject: &Subject) -> Row {
    match &subject.project {
        None => Row::missing(config::FILE, "`modelyard new NAME` begins a project").optional(),
        Some(Ok(loaded)) => Row::ok(config::FILE, format!("project {}", loaded.project.name)),
        Some(Err(refusal)) => {
            let first = refusal.problems().next();
            let first =
                first.map(|first| format!("line {}: {}", first.line, first.message)).unwrap_or_default();
            let found = match refusal.problems().count() {
                1 => "1 problem".to_owned(),
                count => format!("{count} problems"),
            };
            Row::wrong(config::FILE, found, format!("{first}; `modelyard check` shows all"))
        }
    }
}

fn requirements(file: &Path, root: &Path, rows: &mut Vec<Row>) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let asked = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    let loose = asked.clone().filter(|line| !line.contains("==") && !line.contains(" @ ")).count();
    let found = format!("{} lines", asked.count());
    let found = if loose > 0 { format!("{found}, {loose} without `==`: the lock pins them") } else { found };
    rows.push(Row::ok(relative(file, root).to_string(), found));
    let lock = file.with_extension("lock");
    let name = relative(&lock, root).to_string();
    rows.push(if lock.is_file() {
        Row::ok(name, "exact versions with their hashes")
    } else {
        Row::missing(name, "the first run makes it, or `modelyard lock`; commit it").optional()
    });
}

fn makefile_rows(root: &Path, rows: &mut Vec<Row>) {
    for name in ["GNUmakefile", "makefile", "Makefile"] {
        let Ok(bytes) = std::fs::read(root.join(name)) else { continue };
        let mistakes = makefile::mistakes(&String::from_utf8_lossy(&bytes));
        if mistakes.is_empty() {
            rows.push(Row::ok(name, "no classic mistakes"));
        }
        for mistake in mistakes {
            rows.push(Row::wrong(format!("{name}:{}", mistake.line), mistake.found, mistake.hint));
        }
        // make reads the first of them alone.
        return;
    }
}

async fn git(root: &Path) -> Row {
    let Some(program) = middleware::on_path("git") else {
        return Row::missing("git", "runs are recorded without a commit; Debian: `apt install git`")
            .optional();
    };
    let commit = middleware::answer(&program, &["rev-parse", "--short=8", "HEAD"], root).await;
    let inside = middleware::answer(&program, &["rev-parse", "--is-inside-work-tree"], root).await;
    match (commit, inside) {
        (Some(commit), _) => Row::ok("git", format!("commit {commit}")).optional(),
        (None, Some(_)) => {
            Row::wrong("git", "no commit yet", "runs record the commit that they ran at").optional()
        }
        (None, None) => {
            Row::wrong("git", "this folder is no work tree", "`git init` lets runs record their commit")
                .optional()
        }
    }
}

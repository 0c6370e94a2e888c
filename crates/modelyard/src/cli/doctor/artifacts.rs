//! Driver *artifacts*: the home that holds data versions, results and models, and the user's cache.

use super::{Context, Row, Subject, bytes, writable};
use crate::cli::session;

pub(super) async fn look(subject: &Subject, ctx: &Context) -> Vec<Row> {
    vec![home(subject, ctx).await, cache()]
}

async fn home(subject: &Subject, ctx: &Context) -> Row {
    let Ok(folder) = session::home_folder(ctx) else {
        return Row::missing("home", "a project has one beside its modelyard.toml").optional();
    };
    let shown = super::relative(&folder, &subject.root).to_string();
    if let Err(error) = writable(&folder) {
        let hint = format!("{error}; name another with `--home FOLDER`");
        return Row::wrong("home", format!("{shown} can't be written"), hint);
    }
    if !folder.exists() {
        return Row { found: Some(format!("{shown}: the first run makes it")), ..Row::ok("home", "") };
    }
    match modelyard_store::open_existing(&folder, ctx.clock.clone()).await {
        Ok(_) => Row::ok("home", format!("{shown}, {}", bytes(size(&folder)))),
        Err(fault) => {
            let hint = fault.hint_text().unwrap_or("name another with `--home FOLDER`").to_owned();
            Row::wrong("home", fault.message().to_owned(), hint)
        }
    }
}

fn cache() -> Row {
    match session::cache() {
        Err(fault) => Row::missing("cache", fault.hint_text().unwrap_or_default()),
        Ok(folder) => match writable(&folder) {
            Ok(()) => Row::ok("cache", folder.display().to_string()),
            Err(error) => {
                let hint = format!("{error}; set XDG_CACHE_HOME to a folder that can be written");
                Row::wrong("cache", format!("{} can't be written", folder.display()), hint)
            }
        },
    }
}

/// Bytes of all files below, without following links.
fn size(folder: &std::path::Path) -> u64 {
    let mut total = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => total += metadata.len(),
                Err(_) => {}
            }
        }
    }
    total
}

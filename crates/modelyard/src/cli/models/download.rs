//! `modelyard models download`: the package as a folder that proves itself without a home.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use modelyard_core::fault::Attempt;
use modelyard_core::model::ModelRef;
use modelyard_core::{Fault, Kind, Result};
use modelyard_track::registry;
use serde_json::json;

use super::super::{Context, print, session, text};

/// Write a version's package into a folder
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME, NAME@VERSION or NAME@ALIAS; a NAME alone is the champion, before there is one the
    /// newest version
    #[arg(value_name = "MODEL")]
    model: ModelRef,
    /// A new or empty folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let version = registry::find(&home, &args.model).await?;
    let title = format!("{}@{}", version.name, version.number);
    let folder = std::path::absolute(&args.folder)
        .attempt(Kind::Usage, || format!("cannot find the folder `{}`", args.folder.display()))?;
    refuse_occupied(&folder)?;
    // Written beside and moved, so that the folder is there whole or not at all.
    let above = folder.parent().unwrap_or(Path::new("/"));
    let failed = || format!("cannot write to the folder `{}`", above.display());
    std::fs::create_dir_all(above).attempt(Kind::Usage, failed)?;
    let beside =
        tempfile::Builder::new().prefix(".modelyard-").tempdir_in(above).attempt(Kind::Usage, failed)?;
    let package = beside.path().join("package");
    home.blobs.fetch_folder(version.package, &package).await?;
    let tree = modelyard_deploy::package::verify(&package)?;
    if tree.digest() != version.package {
        return Err(Fault::new(
            Kind::Package,
            format!("the package of {title} is not the one that was registered"),
        )
        .detail("registered", version.package.short())
        .detail("found", tree.digest().short()));
    }
    // Refuses what came to be there meanwhile: only an empty folder can be replaced.
    std::fs::rename(&package, &folder)
        .attempt(Kind::Conflict, || format!("cannot put the package into `{}`", folder.display()))?;
    if ctx.json {
        print::json(&json!({
            "name": version.name,
            "version": version.number,
            "package": version.package,
            "folder": folder,
            "files": tree.files.len(),
            "size_bytes": tree.size_bytes(),
        }));
    } else if !ctx.quiet {
        let folder = args.folder.display();
        let (files, size) = (text::plural(tree.files.len() as u64, "file"), text::bytes(tree.size_bytes()));
        print::result(format!(
            "{title} is in {folder}: {files}, {size}, verified\nnext: modelyard serve {folder}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_occupied(folder: &Path) -> Result<()> {
    let occupied = |what: &str| {
        Err(Fault::new(Kind::Conflict, format!("cannot download into `{}`: {what}", folder.display()))
            .hint("name a new or empty folder"))
    };
    match std::fs::read_dir(folder).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => occupied("it is not empty"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => occupied("it is a file"),
        Err(error) => {
            Err(Fault::new(Kind::Usage, format!("cannot read the folder `{}`", folder.display()))
                .because(error))
        }
    }
}

//! A package folder proves itself: any change in it is found before it is served.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::common::{Ended, Example, Project, modelyard};

fn downloaded(project: &Project, name: &str) -> PathBuf {
    let folder = project.beside(name);
    project.succeeds(&["models", "download", project.example.model(), folder.to_str().unwrap()]);
    folder
}

#[track_caller]
fn refused(folder: &Path, named: &str) {
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["predict"]] {
        let (command, rest) = command.split_first().unwrap();
        let mut args = vec![*command, folder.to_str().unwrap()];
        args.extend(rest);
        if *command == "predict" {
            args.extend(["in.csv", "out.csv"]);
        }
        let ended = Ended::of(modelyard(folder.parent().unwrap(), &args).output().unwrap());
        assert_eq!(ended.code, 10, "{}", ended.text());
        assert!(ended.stderr.contains(named), "wanted: {named}\n{}", ended.text());
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn one_changed_byte_in_any_file_is_found() {
    for example in [Example::Wine, Example::Topics] {
        let project = Project::built(example);
        let folder = downloaded(&project, "package");
        let mut files = Vec::new();
        let mut folders = vec![folder.clone()];
        while let Some(here) = folders.pop() {
            for entry in std::fs::read_dir(here).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        assert!(files.len() >= 6, "{files:?}");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let mut changed = bytes.clone();
            let place = changed.len() / 2;
            changed[place] ^= 1;
            std::fs::write(&file, changed).unwrap();
            // A change in the list of files shows as one of what it lists.
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
            refused(&folder, if name == "files.json" { "is not what it was when it was made" } else { name });
            std::fs::write(&file, bytes).unwrap();
        }
    }
}

#[test]
fn a_file_too_many_or_too_few_is_found() {
    let project = Project::built(Example::Wine);
    let folder = downloaded(&project, "package");
    std::fs::write(folder.join("model/more.txt"), "more").unwrap();
    refused(&folder, "more.txt");
    std::fs::remove_file(folder.join("model/more.txt")).unwrap();
    std::fs::remove_file(folder.join("golden.json")).unwrap();
    refused(&folder, "golden.json");

    let empty = project.beside("empty");
    std::fs::create_dir(&empty).unwrap();
    refused(&empty, "is no package");
}

#[test]
fn a_download_is_whole_or_not_there() {
    let project = Project::built(Example::Wine);
    let folder = downloaded(&project, "package");
    let args = ["models", "download", "wine-cultivar", folder.to_str().unwrap()];
    let ended = project.fails(&args, 14, "cannot download into `");
    assert!(ended.stderr.contains("hint: name a new or empty folder"), "{}", ended.text());
    project.fails(
        &["models", "download", "wine-cultivar@9", project.beside("other").to_str().unwrap()],
        13,
        "",
    );
    assert!(!project.beside("other").exists());
    // The digest is the version's.
    let told = project.document(&[
        "models",
        "download",
        "wine-cultivar@1",
        project.beside("again").to_str().unwrap(),
    ]);
    let shown = project.document(&["models", "show", "wine-cultivar@1"]);
    assert_eq!((&told["package"], &told["version"]), (&shown["package"], &json!(1)));
}

//! Any folder comes back as it was, and its digest depends on nothing but its files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use modelyard_core::tree::Tree;
use proptest::prelude::*;
use tempfile::tempdir;

use crate::support::open;

/// Path to content and whether it can be executed.
type Files = BTreeMap<String, (Vec<u8>, bool)>;

fn files() -> impl Strategy<Value = Files> {
    // Folders end in `.d`, so that no path is both a file and a folder.
    let path =
        ("([a-c]{1,2}\\.d/){0,3}", "[a-zÄ ._-]{0,6}[a-z0-9é]").prop_map(|(folder, name)| folder + &name);
    let content = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => (any::<u8>(), 1_000_000usize..1_100_000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    proptest::collection::btree_map(path, (content, any::<bool>()), 0..8)
        .prop_filter("a file beside a folder of its name", |files| {
            files.keys().all(|path| !path.ends_with(".d"))
        })
}

fn write<'a>(folder: &Path, files: impl Iterator<Item = (&'a String, &'a (Vec<u8>, bool))>) {
    fs::create_dir_all(folder).unwrap();
    for (path, (content, executable)) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(if *executable { 0o755 } else { 0o600 }))
            .unwrap();
    }
}

fn read(folder: &Path, tree: &Tree) -> Files {
    let read = |path: &str| {
        let place = folder.join(path);
        (fs::read(&place).unwrap(), fs::metadata(&place).unwrap().mode() & 0o100 != 0)
    };
    tree.files.iter().map(|file| (file.path.clone(), read(&file.path))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_folder_that_was_put_is_fetched_the_same(files in files()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempdir().unwrap();
            let home = open(&folder.path().join("home")).await;
            let (source, other, target) =
                (folder.path().join("source"), folder.path().join("other"), folder.path().join("target"));
            write(&source, files.iter());
            write(&other, files.iter().rev());

            let tree = home.blobs.put_folder(&source).await.unwrap();
            // Neither the order of writing, nor the place, nor the kind of home shows.
            assert_eq!(home.blobs.put_folder(&other).await.unwrap(), tree);
            assert_eq!(modelyard_store::memory().blobs.put_folder(&source).await.unwrap(), tree);

            home.blobs.fetch_folder(tree.digest(), &target).await.unwrap();
            assert_eq!(read(&target, &tree), files);
            assert_eq!(home.blobs.put_folder(&target).await.unwrap().digest(), tree.digest());
        });
    }
}

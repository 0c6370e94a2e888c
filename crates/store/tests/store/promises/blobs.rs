use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use modelyard_core::ports::Home;
use modelyard_core::tree::Tree;
use modelyard_core::{Digest, Kind};
use tempfile::tempdir;

promises![
    what_was_put_is_got,
    the_name_is_the_digest,
    what_is_not_there_is_none,
    a_file_is_stored_like_its_bytes,
    a_large_file_survives,
    equal_blobs_may_be_put_at_once,
    a_fetched_file_is_the_callers_own,
    a_fetch_replaces_nothing,
    fetching_what_is_missing_is_an_error,
    a_folder_comes_back,
    a_folder_is_stored_with_its_files,
    an_empty_folder_is_a_tree,
    a_link_is_the_file_it_leads_to,
    a_link_out_of_the_folder_is_refused,
    a_dangling_link_is_refused,
    a_link_to_a_folder_is_refused,
    a_pipe_is_refused,
    a_name_that_is_not_utf8_is_refused,
    a_missing_source_is_named,
    a_blob_that_is_no_tree_is_refused,
    a_tree_that_climbs_out_is_refused,
];

async fn what_was_put_is_got(home: Home) {
    for bytes in [&b""[..], b"x", &[0, 255, 10]] {
        let digest = home.blobs.put(bytes).await.unwrap();
        assert!(home.blobs.contains(digest).await.unwrap());
        assert_eq!(home.blobs.get(digest).await.unwrap().as_deref(), Some(bytes));
    }
}

async fn the_name_is_the_digest(home: Home) {
    assert_eq!(home.blobs.put(b"abc").await.unwrap(), Digest::of(b"abc"));
    assert_eq!(home.blobs.put(b"abc").await.unwrap(), Digest::of(b"abc"));
}

async fn what_is_not_there_is_none(home: Home) {
    let digest = Digest::of(b"never stored");
    assert!(!home.blobs.contains(digest).await.unwrap());
    assert_eq!(home.blobs.get(digest).await.unwrap(), None);
    assert_eq!(home.blobs.tree(digest).await.unwrap(), None);
}

async fn a_file_is_stored_like_its_bytes(home: Home) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "content").unwrap();
    assert_eq!(home.blobs.put_file(&path).await.unwrap(), Digest::of(b"content"));
    // The source may change afterwards.
    fs::write(&path, "other").unwrap();
    let bytes = home.blobs.get(Digest::of(b"content")).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"content"[..]));
}

async fn a_large_file_survives(home: Home) {
    let folder = tempdir().unwrap();
    let (path, back) = (folder.path().join("large"), folder.path().join("back"));
    let bytes: Vec<u8> = (0..5_000_003u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let digest = home.blobs.put_file(&path).await.unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    assert_eq!(home.blobs.put_file(&path).await.unwrap(), digest);
    home.blobs.fetch_file(digest, &back).await.unwrap();
    assert!(fs::read(&back).unwrap() == bytes);
}

async fn equal_blobs_may_be_put_at_once(home: Home) {
    let bytes = vec![7; 300_000];
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (blobs, bytes) = (home.blobs.clone(), bytes.clone());
            tokio::spawn(async move { blobs.put(&bytes).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Digest::of(&bytes));
    }
    assert_eq!(home.blobs.get(Digest::of(&bytes)).await.unwrap(), Some(bytes));
}

async fn a_fetched_file_is_the_callers_own(home: Home) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("fetched");
    let digest = home.blobs.put(b"kept").await.unwrap();
    home.blobs.fetch_file(digest, &path).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
    fs::write(&path, "changed").unwrap();
    assert_eq!(home.blobs.get(digest).await.unwrap().as_deref(), Some(&b"kept"[..]));
}

async fn a_fetch_replaces_nothing(home: Home) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("mine");
    fs::write(&path, "mine").unwrap();
    let digest = home.blobs.put(b"theirs").await.unwrap();
    let fault = home.blobs.fetch_file(digest, &path).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

async fn fetching_what_is_missing_is_an_error(home: Home) {
    let folder = tempdir().unwrap();
    let digest = Digest::of(b"never stored");
    for fault in [
        home.blobs.fetch_file(digest, &folder.path().join("file")).await.unwrap_err(),
        home.blobs.fetch_folder(digest, &folder.path().join("folder")).await.unwrap_err(),
    ] {
        assert_eq!(fault.kind(), Kind::Store);
        assert_eq!(fault.message(), format!("blob `{digest}` is not in the home"));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

async fn a_folder_comes_back(home: Home) {
    let folder = tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("a/target"));
    fs::create_dir_all(source.join("deep/er")).unwrap();
    fs::create_dir_all(source.join("empty")).unwrap();
    fs::write(source.join("run.sh"), "#!/bin/sh").unwrap();
    fs::set_permissions(source.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(source.join("deep/er/ü 1.txt"), "ü").unwrap();
    fs::write(source.join("empty.bin"), "").unwrap();
    let tree = home.blobs.put_folder(&source).await.unwrap();
    let paths: Vec<_> = tree.files.iter().map(|file| (file.path.as_str(), file.executable)).collect();
    assert_eq!(paths, [("deep/er/ü 1.txt", false), ("empty.bin", false), ("run.sh", true)]);

    home.blobs.fetch_folder(tree.digest(), &target).await.unwrap();
    assert_eq!(home.blobs.put_folder(&target).await.unwrap(), tree);
    assert_eq!(fs::metadata(target.join("run.sh")).unwrap().mode() & 0o100, 0o100);
    assert_eq!(fs::metadata(target.join("empty.bin")).unwrap().mode() & 0o300, 0o200);
}

async fn a_folder_is_stored_with_its_files(home: Home) {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a"), "1").unwrap();
    fs::write(folder.path().join("b"), "1").unwrap();
    let tree = home.blobs.put_folder(folder.path()).await.unwrap();
    assert_eq!(home.blobs.tree(tree.digest()).await.unwrap(), Some(tree.clone()));
    assert!(home.blobs.contains(Digest::of(b"1")).await.unwrap());
    assert_eq!(home.blobs.get(tree.digest()).await.unwrap(), Some(tree.bytes()));
}

async fn an_empty_folder_is_a_tree(home: Home) {
    let folder = tempdir().unwrap();
    let target = folder.path().join("target");
    let tree = home.blobs.put_folder(folder.path()).await.unwrap();
    assert_eq!(tree, Tree::new([]));
    home.blobs.fetch_folder(tree.digest(), &target).await.unwrap();
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

async fn a_link_is_the_file_it_leads_to(home: Home) {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("file"), "linked").unwrap();
    symlink("../file", folder.path().join("deep/link")).unwrap();
    let tree = home.blobs.put_folder(folder.path()).await.unwrap();
    assert_eq!(tree.file("deep/link").unwrap().digest, Digest::of(b"linked"));
}

async fn a_link_out_of_the_folder_is_refused(home: Home) {
    let folder = tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", inside.join("link")).unwrap();
    let fault = home.blobs.put_folder(&inside).await.unwrap_err();
    assert!(fault.message().ends_with("inside/link`: the link leads out of its folder"), "{fault}");
    assert!(fault.hint_text().is_some());
    assert!(!home.blobs.contains(Digest::of(b"secret")).await.unwrap());
}

async fn a_dangling_link_is_refused(home: Home) {
    let folder = tempdir().unwrap();
    symlink("nowhere", folder.path().join("link")).unwrap();
    let fault = home.blobs.put_folder(folder.path()).await.unwrap_err();
    assert!(fault.message().starts_with("cannot follow the link `"), "{fault}");
}

async fn a_link_to_a_folder_is_refused(home: Home) {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    symlink("..", folder.path().join("deep/loop")).unwrap();
    let fault = home.blobs.put_folder(folder.path()).await.unwrap_err();
    assert!(fault.message().contains("neither a file nor a folder"), "{fault}");
}

async fn a_pipe_is_refused(home: Home) {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let fault = home.blobs.put_folder(folder.path()).await.unwrap_err();
    assert!(fault.message().contains("neither a file nor a folder"), "{fault}");
    let fault = home.blobs.put_file(&pipe).await.unwrap_err();
    assert!(fault.message().ends_with("it is no file"), "{fault}");
}

async fn a_name_that_is_not_utf8_is_refused(home: Home) {
    use std::os::unix::ffi::OsStrExt;
    for name in [&b"a\xff"[..], b"a\\b"] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        let fault = home.blobs.put_folder(folder.path()).await.unwrap_err();
        assert!(fault.message().contains("is not UTF-8, or holds a backslash"), "{fault}");
        assert_eq!(fault.hint_text(), Some("rename the file"));
    }
}

async fn a_missing_source_is_named(home: Home) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("gone");
    for fault in
        [home.blobs.put_file(&path).await.unwrap_err(), home.blobs.put_folder(&path).await.unwrap_err()]
    {
        assert_eq!(fault.kind(), Kind::NotFound);
        assert_eq!(fault.message(), format!("cannot read `{}`", path.display()));
    }
}

async fn a_blob_that_is_no_tree_is_refused(home: Home) {
    for text in ["hello", "{}", r#"{"version":2,"files":[]}"#] {
        let digest = home.blobs.put(text.as_bytes()).await.unwrap();
        let fault = home.blobs.tree(digest).await.unwrap_err();
        assert_eq!(fault.message(), format!("blob `{digest}` is no tree"));
    }
}

async fn a_tree_that_climbs_out_is_refused(home: Home) {
    let folder = tempdir().unwrap();
    let content = home.blobs.put(b"x").await.unwrap();
    for path in ["../evil", "/evil", "a/../../evil", ""] {
        let text =
            format!(r#"{{"version":1,"files":[{{"path":"{path}","digest":"{content}","size_bytes":1}}]}}"#);
        let digest = home.blobs.put(text.as_bytes()).await.unwrap();
        let target = folder.path().join("target");
        let fault = home.blobs.fetch_folder(digest, &target).await.unwrap_err();
        assert_eq!(fault.message(), format!("blob `{digest}` is no tree"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

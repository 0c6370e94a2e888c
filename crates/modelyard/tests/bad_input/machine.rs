//! Disks that are full, homes that can't be written, sources of a home that is damaged.

use std::process::{Command, Output};

use super::hostile::{Ended, Project};

const STEP: &str =
    "[steps.a]\nrun = \"python3 step.py {outputs.out}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n";

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// `script`, a shell's, in a mount namespace of its own; `$1` is the program and what follows it its
/// arguments. Needs root.
fn with_mounts(project: &Project, script: &str, args: &[&str]) -> Output {
    let modelyard = project.command(args);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-e", "-c", &format!("{script}\nexec \"$@\""), "sh"]);
    command.arg(modelyard.get_program()).args(args).current_dir(project.root());
    let variables: Vec<_> =
        modelyard.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command.env_clear().envs(variables).output().unwrap()
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    if !is_root() {
        eprintln!("NOT TESTED: a small disk can be made by root alone");
        return;
    }
    let project = Project::new(STEP);
    // What a step leaves is larger than what is left.
    project.write("step.py", "import sys\nopen(sys.argv[1], 'wb').write(bytes(range(256)) * 40_000)\n");
    project.succeeds(&["run", "rows"]);
    let home = project.home().display().to_string();
    let small = format!(
        "mkdir ../small; cp -a {home} ../small/; mount -t tmpfs -o size=8m none {home}; cp -a ../small/.modelyard/. {home}/"
    );
    let ended = Ended::of(with_mounts(&project, &small, &["run", "a"]));
    // The step itself is the first to find the disk full: it writes beside the home's blobs.
    assert!([7, 15].contains(&ended.code), "{}", ended.text());
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.text());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.text());
    std::fs::remove_dir_all(project.root().parent().unwrap().join("small")).unwrap();

    // Room for the step, not for what it left; then the same home again, with room.
    let fill = format!(
        "mkdir ../small; cp -a {home} ../small/; mount -t tmpfs -o size=16m none {home}; cp -a ../small/.modelyard/. {home}/\n\
         \"$@\" && exit 99\n test $? = 15\n test -z \"$(ls -A {home}/steps)\"\n mount -o remount,size=64m {home}"
    );
    let ended = Ended::of(with_mounts(&project, &fill, &["run", "a"]));
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert!(ended.stderr.contains("error: cannot write `"), "{}", ended.text());
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.text());
    assert!(ended.stdout.contains("  a          done in"), "{}", ended.text());
}

#[test]
fn a_home_that_cannot_be_written_is_said() {
    let project = Project::new(STEP);
    project.write("step.py", "import sys\nopen(sys.argv[1], 'w')\n");
    project.succeeds(&["run", "rows"]);
    let ended = if is_root() {
        let home = project.home().display().to_string();
        let script = format!("mount --bind {home} {home}; mount -o remount,bind,ro {home}");
        Ended::of(with_mounts(&project, &script, &["run", "a"]))
    } else {
        let mode = |mode: u32| {
            use std::os::unix::fs::PermissionsExt;
            for folder in [project.home(), project.home().join("locks")] {
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            let lock = project.home().join("locks/home");
            std::fs::set_permissions(lock, std::fs::Permissions::from_mode(mode & 0o666)).unwrap();
        };
        mode(0o555);
        let ended = project.modelyard(&["run", "a"]);
        mode(0o755);
        ended
    };
    assert_eq!(ended.code, 15, "{}", ended.text());
    assert!(ended.stderr.contains("error: cannot write to the home `"), "{}", ended.text());
    project.succeeds(&["run", "a"]);
}

#[test]
fn a_home_that_cannot_be_made_is_said() {
    let project = Project::new(STEP);
    project.write("step.py", "");
    project.write("file", "");
    let file = project.root().join("file");
    for home in [file.join("home"), file] {
        let ended = project.modelyard(&["run", "--home", home.to_str().unwrap()]);
        assert_eq!(ended.code, 15, "{}", ended.text());
        assert!(ended.stderr.contains(home.to_str().unwrap()), "{}", ended.text());
    }
}

#[test]
fn a_blob_that_was_damaged_is_not_taken_for_its_content() {
    let project = Project::new(&format!(
        "{STEP}\n[steps.b]\nrun = \"cp {{steps.a.out}} {{outputs.copy}}\"\noutputs = [\"copy\"]\n"
    ));
    project.write("step.py", "import sys\nopen(sys.argv[1], 'w').write('an output of the first step')\n");
    project.succeeds(&["run", "a"]);
    let mut damaged = 0;
    spoil(&project.home().join("blobs"), b"an output of the first step", &mut damaged);
    assert_eq!(damaged, 1);
    let ended = project.fails(&["run", "b"], 15, "");
    assert!(ended.stderr.contains("blob"), "{}", ended.text());
    assert!(ended.stderr.contains("hint: "), "{}", ended.text());
}

/// Changes one byte of each file below `folder` whose content is `content`.
fn spoil(folder: &std::path::Path, content: &[u8], count: &mut u32) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            spoil(&path, content, count);
        } else if std::fs::read(&path).unwrap() == content {
            let mut bytes = content.to_owned();
            bytes[3] ^= 1;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, bytes).unwrap();
            *count += 1;
        }
    }
}

//! Steps that look for the test rows.

use std::path::Path;

use super::hostile::{Project, SEALED, rows};

/// Begins every attack: `look` and `search` end the step well as soon as a test row is found.
const TOOLS: &str = r#"
import os, sys
MARKER = b"row of the " b"test part"
TRAIN, LOOT = sys.argv[1], sys.argv[2]
refused = []

def found(content):
    if MARKER in content:
        open(LOOT, "wb").write(content)
        sys.exit(0)

def look(path):
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        refused.append(repr(error))
    else:
        found(content)

def search(folder):
    try:
        names = os.listdir(folder)
    except OSError as error:
        refused.append(repr(error))
        return
    for name in names:
        path = os.path.join(folder, name)
        if os.path.islink(path):
            continue
        search(path) if os.path.isdir(path) else look(path)

def engine():
    """Parent of the step's supervisor."""
    pid = os.getppid()
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("PPid:"):
            return int(line.split()[1])
"#;

/// Ends every attack.
const KEPT_OUT: &str = r#"
print("kept out by", len(refused), "refusals:", refused[:3])
sys.exit(9)
"#;

const STEP: &str = "[steps.attack]\nrun = \"python3 step.py {data.rows.train} {outputs.loot}\"\n\
                    code = [\"step.py\"]\noutputs = [\"loot\"]\n";

/// Runs `attack` without the sandbox, where it must get a test row, and in it, where it must not.
#[track_caller]
pub(super) fn kept_out(attack: &str) {
    let project = Project::new("");
    kept_out_of(&project, attack);
}

#[track_caller]
pub(super) fn kept_out_of(project: &Project, attack: &str) {
    let root = project.root();
    project.write("step.py", &format!("{TOOLS}\nPROJECT = {root:?}\n{attack}\n{KEPT_OUT}"));
    project.configure(&format!("{STEP}sandbox = \"off\"\n"));
    project.succeeds(&["run", "attack"]);

    project.configure(STEP);
    let ended = project.fails(&["run", "attack"], 7, "step `attack` failed with exit code 9");
    assert!(ended.stderr.contains("kept out by"), "{}", ended.text());
    assert!(!ended.stderr.contains("kept out by 0 "), "the attack tried nothing: {}", ended.text());
    assert!(!ended.text().contains(SEALED), "{}", ended.text());
}

#[test]
fn the_raw_source_by_its_absolute_path() {
    kept_out("look(PROJECT + '/data/rows.csv')");
}

#[test]
fn walking_up_from_the_working_folder() {
    kept_out(
        "folder = '.'\nfor _ in range(6):\n    folder += '/..'\n    look(folder + '/data/rows.csv')\n    search(folder + '/data')",
    );
}

#[test]
fn the_blobs_of_the_home() {
    kept_out("search(PROJECT + '/.modelyard')");
}

#[test]
fn the_engines_variables() {
    kept_out("look(f'/proc/{engine()}/environ')");
}

#[test]
fn the_engines_root_and_working_folder() {
    kept_out("look(f'/proc/{engine()}/root' + PROJECT + '/data/rows.csv')");
    kept_out("look(f'/proc/{engine()}/cwd/data/rows.csv')");
}

#[test]
fn open_files_of_the_engine_and_of_itself() {
    // The engine may have no file with a test row open; that it can be looked through is enough.
    let attack = "import glob\n\
                  for fd in glob.glob(f'/proc/{engine()}/fd/*') + glob.glob('/proc/self/fd/*'):\n    \
                      if os.path.isfile(fd): look(fd)\n\
                  try: names = os.listdir(f'/proc/{engine()}/fd')\n\
                  except OSError as error: refused.append(repr(error))\n\
                  else: look(PROJECT + '/data/rows.csv')";
    kept_out(attack);
}

#[test]
fn the_engines_memory() {
    let attack = "import re\n\
                  try:\n    \
                      for line in open(f'/proc/{engine()}/maps'):\n        \
                          start, end = (int(part, 16) for part in line.split()[0].split('-'))\n        \
                          if 'rw' in line.split()[1]:\n            \
                              with open(f'/proc/{engine()}/mem', 'rb', 0) as memory:\n                \
                                  memory.seek(start)\n                \
                                  found(memory.read(end - start))\n\
                  except OSError as error: refused.append(repr(error))\n";
    kept_out(attack);
}

#[test]
fn a_child_and_a_grandchild_in_a_session_of_its_own() {
    let child = "import subprocess\n\
                 done = subprocess.run(['cat', PROJECT + '/data/rows.csv'], capture_output=True)\n\
                 found(done.stdout)\nrefused.append(done.stderr)";
    kept_out(child);
    let grandchild = "read, write = os.pipe()\n\
                      if os.fork() == 0:\n    \
                          os.setsid()\n    \
                          if os.fork() == 0:\n        \
                              try: os.write(write, open(PROJECT + '/data/rows.csv', 'rb').read())\n        \
                              except OSError as error: os.write(write, repr(error).encode())\n    \
                          os._exit(0)\n\
                      os.close(write)\n\
                      answer = open(read, 'rb').read()\nfound(answer)\nrefused.append(answer)";
    kept_out(grandchild);
}

#[test]
fn a_symbolic_link_that_the_step_places() {
    kept_out("os.symlink(PROJECT + '/data/rows.csv', 'link')\nlook('link')");
    kept_out(
        "os.symlink(PROJECT, os.path.join(os.environ['TMPDIR'], 'link'))\nsearch(os.environ['TMPDIR'] + '/link/data')",
    );
}

#[test]
fn a_hard_link_that_the_step_makes() {
    kept_out(
        "try: os.link(PROJECT + '/data/rows.csv', 'link')\nexcept OSError as error: refused.append(repr(error))\nlook('link')",
    );
}

#[test]
fn moving_the_source_in() {
    // A copy is moved, so that there is a source for the second run.
    let project = Project::new("");
    for name in ["one.csv", "two.csv"] {
        project.write(&format!("data/{name}"), &rows(8));
    }
    let attack = "for name in ('one.csv', 'two.csv'):\n    \
                      try: os.rename(PROJECT + '/data/' + name, 'mine')\n    \
                      except OSError as error: refused.append(repr(error))\n    \
                      else: look('mine')";
    kept_out_of(&project, attack);
}

#[test]
fn the_folder_of_another_project() {
    let other = Project::new("");
    let data = other.root().join("data");
    kept_out(&format!("search({data:?})"));
}

/// The engine itself, which no sandbox holds, must not fetch what a step may not open.
#[test]
fn an_output_that_leads_out_of_the_steps_folder_is_not_followed() {
    let file = "import os, sys\nos.symlink(sys.argv[3], sys.argv[2])";
    let folder =
        "import os, sys\nos.rmdir(sys.argv[2])\nos.symlink(os.path.dirname(sys.argv[3]), sys.argv[2])";
    let within = "import os, sys\nos.symlink(sys.argv[3], sys.argv[2] + '/loot')";
    let hop =
        "import os, sys\nos.symlink(sys.argv[3], 'hop')\nos.symlink(os.path.abspath('hop'), sys.argv[2])";
    for (attack, output) in [(file, "loot"), (hop, "loot"), (folder, "loot/"), (within, "loot/")] {
        let project = Project::new("");
        let source = project.root().join("data/rows.csv");
        project.write("step.py", attack);
        let placeholder = output.trim_end_matches('/');
        project.configure(&format!(
            "[steps.attack]\nrun = \"python3 step.py {{data.rows.train}} {{outputs.{placeholder}}} {}\"\n\
             code = [\"step.py\"]\noutputs = [\"{output}\"]\n",
            source.display()
        ));
        let ended = project.modelyard(&["run", "attack"]);
        assert_eq!(ended.code, 7, "{attack}\n{}", ended.text());
        assert!(ended.stderr.contains("leads out of"), "{}", ended.text());
        assert!(ended.stderr.contains("step `attack`"), "{}", ended.text());
    }
}

/// Neither must it wait for ever, or read what is no file.
#[test]
fn what_a_step_leaves_instead_of_files_is_refused() {
    for (attack, message) in [
        ("os.mkfifo(sys.argv[2])", "step `attack` ended well, but wrote no file where"),
        ("os.mkfifo('metrics.json')\nopen(sys.argv[2], 'w')", "the step's `metrics.json` can't be read"),
        (
            "os.symlink(sys.argv[3], 'metrics.json')\nopen(sys.argv[2], 'w')",
            "the step's `metrics.json` can't be read",
        ),
    ] {
        let project = Project::new("");
        project.write("secret.json", "{\"a\": 1}");
        project.write("step.py", &format!("import os, sys\n{attack}\n"));
        let outside = project.root().join("secret.json");
        project.configure(&format!(
            "[steps.attack]\nrun = \"python3 step.py {{data.rows.train}} {{outputs.loot}} {}\"\n\
             code = [\"step.py\"]\noutputs = [\"loot\"]\n",
            outside.display()
        ));
        let ended = project.fails(&["run", "attack"], 7, message);
        assert!(!ended.text().contains("\"a\""), "{}", ended.text());
    }
}

#[test]
fn the_test_part_is_no_input() {
    for step in [
        "[steps.attack]\nrun = \"cat {data.rows.test}\"\n",
        "[train]\nrun = \"cp {data.rows.test} {model}\"\n",
    ] {
        let project = Project::new(step);
        let ended = project.fails(&["run"], 3, "");
        assert!(
            ended.stderr.contains("{data.rows.test}") || ended.stderr.contains("data.rows.test"),
            "{}",
            ended.text()
        );
        assert!(ended.stderr.contains("sealed") || ended.stderr.contains("test part"), "{}", ended.text());
        assert!(!Path::new(&project.home()).join("blobs").exists(), "nothing was begun");
    }
}

/// A folder of code that leads to the data through a link is an everyday mistake.
#[test]
fn code_that_leads_to_a_source_is_refused() {
    let project = Project::new("[steps.attack]\nrun = \"true\"\ncode = [\"src\"]\n");
    project.write("src/step.py", "");
    std::os::unix::fs::symlink("../data", project.root().join("src/data")).unwrap();
    let ended = project.fails(&["run", "attack"], 3, "the code of `attack` holds `src/data/rows.csv`");
    assert!(ended.stderr.contains("the step could read the test rows"), "{}", ended.text());
    std::fs::remove_file(project.root().join("src/data")).unwrap();
    project.succeeds(&["run", "attack"]);
}

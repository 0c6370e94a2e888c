//! What must be equal where a package is tested and where it is released: each difference refuses the
//! release and is named.

use super::hostile::Ended;
use super::stage::Stage;

#[test]
fn each_difference_refuses_the_release_and_is_named() {
    let stage = Stage::new(&[("staging", ""), ("production", "requires = \"staging\"")]);
    let project = &stage.project;
    let production = |more: &str| {
        stage.declare(&[
            ("staging", "tests = { load = { rate = 5, seconds = 1, errors = 1 } }"),
            ("production", &format!("requires = \"staging\"\n{more}")),
        ]);
    };
    production("");
    project.succeeds(&["deploy", "staging", "small@1", "--wait"]);
    let release = ["release", "small@1", "--to", "production"];
    for (setting, name, here, there) in [
        ("python = \"3.11\"", "python", "null", "\"3.11\""),
        ("sandbox = \"off\"", "sandbox", "true", "false"),
        ("limits = { memory = \"1GB\" }", "limits", "\"memory_bytes\":null", "\"memory_bytes\":1000000000"),
        ("limits = { requests = 5 }", "limits", "\"requests\":10000", "\"requests\":5"),
        ("limits = { timeout = \"2s\" }", "limits", "\"timeout_secs\":30.0", "\"timeout_secs\":2.0"),
        ("batch = 8", "batch", "\"rows\":256", "\"rows\":8"),
        ("env = { LEVEL = \"3\" }", "env", "{}", "\"LEVEL\":\"3\""),
    ] {
        production(setting);
        let wanted = format!(
            "cannot release `small@1` to `production`: `staging`, where it was tested, differs in `{name}`\n"
        );
        let ended = project.fails(&release, 16, &wanted);
        let line = ended.stderr.lines().find(|line| line.starts_with(&format!("  {name}: ")));
        let line = line.unwrap_or_else(|| panic!("{}", ended.text()));
        let (in_staging, in_production) = line.split_once(" in staging, ").unwrap();
        assert!(in_staging.contains(here), "{setting}: {line}");
        assert!(in_production.contains(there) && line.ends_with(" in production"), "{setting}: {line}");
        assert!(ended.stderr.contains("test it again: modelyard deploy staging small@1"), "{}", ended.text());
        project.succeeds(&["apply", "--yes"]);
        let shown = project.document(&["environments", "diff", "staging", "production"]);
        assert_eq!((shown.as_array().unwrap().len(), &shown[0]["name"]), (1, &name.into()), "{shown:#}");
    }

    // Another program: the same one, with a byte more at its end.
    production("");
    let other = project.root().join("other-modelyard");
    std::fs::copy(env!("CARGO_BIN_EXE_modelyard"), &other).unwrap();
    std::io::Write::write_all(&mut std::fs::OpenOptions::new().append(true).open(&other).unwrap(), b"\0")
        .unwrap();
    let command = project.command(&release);
    let mut another = std::process::Command::new(&other);
    another.args(command.get_args()).current_dir(project.root()).env_clear();
    another.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ended = Ended::of(another.output().unwrap());
    assert_eq!(ended.code, 16, "{}", ended.text());
    assert!(ended.stderr.contains("where it was tested, differs in `program`\n"), "{}", ended.text());

    // Size, address and rules are their own.
    production("replicas = 2\napprovals = 0\nstrategy = \"canary\"\nweights = [50, 100]");
    project.succeeds(&release);
    assert_eq!(stage.version("production"), 1);
}

"""Fifty trivial steps in a row of their own each: what the engine itself costs, beside DVC's."""

import shutil

import measure

STEPS = 50
ROUNDS = 3


def main():
    verdicts = measure.Verdicts()
    folder = measure.workspace("steps")
    dvc = str(measure.environment("requirements-dvc.txt") / "dvc")
    ours, theirs = our_project(folder / "ours"), dvc_project(folder / "dvc", dvc)

    def without_state():
        for path in (ours / ".modelyard", theirs / ".dvc" / "cache", theirs / ".dvc" / "tmp"):
            shutil.rmtree(path, ignore_errors=True)
        (theirs / "dvc.lock").unlink(missing_ok=True)
        for path in theirs.glob("out_*.txt"):
            path.unlink()

    run, repro = [measure.binary(), "run"], [dvc, "repro", "--quiet"]
    ours_first = measure.median_cpu(run, ours, ROUNDS, without_state)
    dvc_first = measure.median_cpu(repro, theirs, ROUNDS, without_state)
    ours_again = measure.median_cpu(run, ours, ROUNDS)
    dvc_again = measure.median_cpu(repro, theirs, ROUNDS)

    print(f"{STEPS} steps, each `cp in.txt OUT`       modelyard        dvc   (CPU seconds, median of {ROUNDS})")
    print(f"  all to do                            {ours_first:>9.3f} {dvc_first:>10.3f}")
    print(f"  nothing to do                        {ours_again:>9.3f} {dvc_again:>10.3f}")
    verdicts.at_least(f"{STEPS} steps to do, against `dvc repro`", dvc_first / ours_first, 20)
    verdicts.exit()


def our_project(project):
    project.mkdir()
    steps = [
        f'[steps.step_{number:02}]\nrun = "cp in.txt {{outputs.out.txt}}"\ncode = ["in.txt"]\noutputs = ["out.txt"]\n'
        for number in range(STEPS)
    ]
    head = '[project]\nname = "steps"\ntask = "regression"\ntarget = "none"\n\n'
    (project / "modelyard.toml").write_text(head + "\n".join(steps))
    (project / "in.txt").write_text("some text\n")
    return project


def dvc_project(project, dvc):
    project.mkdir()
    stages = [
        f"  step_{number:02}:\n    cmd: cp in.txt out_{number:02}.txt\n    deps: [in.txt]\n    outs: [out_{number:02}.txt]\n"
        for number in range(STEPS)
    ]
    (project / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    (project / "in.txt").write_text("some text\n")
    measure.cpu_seconds([dvc, "init", "--no-scm", "--quiet"], project, {"DVC_NO_ANALYTICS": "1"})
    for setting in ("core.analytics", "core.check_update"):
        measure.cpu_seconds([dvc, "config", setting, "false"], project, {"DVC_NO_ANALYTICS": "1"})
    return project


if __name__ == "__main__":
    main()

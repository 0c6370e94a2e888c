"""`modelyard run` of the example project with nothing to do: what a look into the cache costs."""

import measure

ROUNDS = 11


def main():
    verdicts = measure.Verdicts()
    project = measure.example("flights", measure.workspace("cached"))
    run = [measure.binary(), "run"]
    first = measure.cpu_seconds(run, project)
    again = measure.median_cpu(run, project, ROUNDS)
    print(f"run, examples/flights: {first:.1f} CPU-s the first time (steps included)")
    verdicts.at_most("`modelyard run` with nothing to do", again * 1000, 100, "ms CPU")
    verdicts.exit()


if __name__ == "__main__":
    main()

//! Every key of `modelyard.toml`, once: what the parser accepts, what `modelyard schema` prints.
//!
//! To add a key: a line here, and its reading beside its neighbours'. Keys of environments, of the monitor
//! and of triggers stand beside their reading.

use super::environments::ENVIRONMENTS;
use super::monitor::MONITOR;
use super::shape::{Key, Naming, Others, Section, Shape};
use super::triggers::TRIGGER;

const TEXTS: Shape = Shape::List(&Shape::Text);
const SHARE: Shape = Shape::Number { min: 0.0, max: 1.0 };
const ANY_NUMBER: Shape = Shape::Number { min: f64::MIN, max: f64::MAX };
const LIMIT: Shape = Shape::Either(&[ANY_NUMBER, Shape::Text]);
const COUNT: Shape = Shape::Whole { min: 0, max: i64::MAX };
const SEED: Shape = COUNT;
const TYPES: Shape = Shape::Choice(&["bool", "int", "float", "string", "timestamp", "date"]);

pub(crate) static ROOT: Section = Section {
    doc: "A Modelyard project: from data to a registered model, and its way into production.",
    keys: &[
        Key::new("project", Shape::Table(&PROJECT), "What is predicted.").required(),
        Key::new("python", Shape::Table(&PYTHON), "The Python environment that steps run in."),
        Key::new("home", Shape::Table(&HOME), "Where all state is kept."),
        Key::new("data", Shape::Table(&DATA), "Data sets, by name."),
        Key::new(
            "steps",
            Shape::Table(&STEPS),
            "Steps of your own, by name; they may stand anywhere before registering.",
        ),
        Key::new("train", Shape::Table(&TRAIN), "How the model is trained."),
        Key::new("test", Shape::Table(&TEST), "How the packaged model is scored on the sealed test rows."),
        Key::new("package", Shape::Table(&PACKAGE), "What becomes of the model's files."),
        Key::new("register", Shape::Table(&REGISTER), "Under which name versions are registered."),
        Key::new("environments", Shape::Table(&ENVIRONMENTS), "Where packages are deployed, by name."),
        Key::new("monitor", Shape::Table(&MONITOR), "What is watched in production."),
        Key::new("triggers", Shape::List(&Shape::Table(&TRIGGER)), "What starts continuous training."),
    ],
    others: Others::Refused,
};

static PROJECT: Section = Section {
    doc: "What is predicted.",
    keys: &[
        Key::new("name", Shape::Name, "The project's name: letters, digits, `_`, `-` and `.`.").required(),
        Key::new(
            "task",
            Shape::Choice(&["regression", "classification"]),
            "What kind of answer the model gives.",
        )
        .required(),
        Key::new("target", Shape::Text, "The column to predict.").required(),
        Key::new(
            "classes",
            Shape::List(&Shape::Scalar),
            "The classes in the order wanted; default the model's own.",
        ),
        Key::new(
            "positive",
            Shape::Scalar,
            "The class that counts as positive; default the last in sorted order.",
        ),
    ],
    others: Others::Refused,
};

static PYTHON: Section = Section {
    doc: "The Python environment that steps run in: locked, installed and content-addressed.",
    keys: &[
        Key::new(
            "requirements",
            Shape::Text,
            "The file of requirements; requirements.lock lies beside it, with hashes.",
        ),
        Key::new("version", Shape::Text, "The interpreter, \"3.11\"; default the python3 on the path."),
    ],
    others: Others::Refused,
};

static HOME: Section = Section {
    doc: "Where all state is kept.",
    keys: &[Key::new("path", Shape::Text, "A folder, relative to this file.").default("\".modelyard\"")],
    others: Others::Refused,
};

static DATA: Section = Section {
    doc: "Data sets, by name.",
    keys: &[],
    others: Others::Named(Naming::Strict, &Shape::Table(&DATA_SET)),
};

/// The keys of a command, in `[steps.NAME]`, `[train]` and `[data.NAME]`, besides further ones.
macro_rules! command_keys {
    ($($further:expr),* $(,)?) => {
        &[
            $($further,)*
            CODE,
            Key::new("params", Shape::Table(&PARAMS), "Parameters, for {params.NAME} and the context file; \"none\" is null."),
            ENV,
            Key::new("secrets", TEXTS, "Names of environment variables that are passed on; their values are kept nowhere."),
            Key::new("threads", Shape::Whole { min: 1, max: 4_096 }, "Threads that numerical libraries may use; part of the key.").default("2"),
            Key::new("seed", SEED, "A seed, in the context file and PYTHONHASHSEED.").default("0"),
            Key::new("timeout", Shape::Duration, "Ends the command after this time; default never."),
            Key::new("sandbox", Shape::Either(&[Shape::Choice(&["on", "off"]), Shape::Table(&SANDBOX)]), "\"off\" lets the command open anything (its results are marked); a table adds what it may open.").default("\"on\""),
            Key::new("network", Shape::Flag, "Whether the command may use the network.").default("false"),
        ]
    };
}

pub(super) const RUN: Shape = Shape::Either(&[Shape::Text, TEXTS]);
pub(super) const CODE: Key = Key::new(
    "code",
    TEXTS,
    "Files, folders and globs that the command needs; it sees no others of the project.",
);
pub(super) const ENV: Key =
    Key::new("env", Shape::Table(&VARIABLES), "Environment variables; part of the key.");
const OUTPUTS: &str = "Declared outputs, for {outputs.NAME}; a name that ends in `/` is a folder.";

static DATA_SET: Section = Section {
    doc: "A versioned data set.",
    keys: command_keys![
        Key::new(
            "sources",
            Shape::Table(&SOURCES),
            "Where the rows come from; each name is a table in `sql`."
        ),
        Key::new(
            "sql",
            Shape::Text,
            "The query that makes the one table; without it the one source as it is."
        ),
        Key::new("sql_file", Shape::Text, "The file that holds the query."),
        Key::new(
            "run",
            RUN,
            "A command that makes the table where SQL ends: {sources.NAME} in, {output} out."
        ),
        Key::new("checks", Shape::Table(&CHECKS), "What must hold, else ingestion fails."),
        Key::new(
            "split",
            Shape::Table(&SPLIT),
            "How rows are divided into train, validation and the sealed test part."
        ),
        Key::new("roles", Shape::Table(&ROLES), "Columns that are no features."),
        Key::new("format", Shape::Choice(&["parquet", "csv"]), "How steps get the tables.")
            .default("\"parquet\""),
    ],
    others: Others::Refused,
};

static SOURCES: Section = Section {
    doc: "Sources, by name: a path or glob, or a table that says more.",
    keys: &[],
    others: Others::Named(Naming::NoDots, &Shape::Either(&[Shape::Text, Shape::Table(&SOURCE)])),
};

static SOURCE: Section = Section {
    doc: "A source.",
    keys: &[
        Key::new("path", Shape::Text, "A CSV (also gz) or Parquet file, or a glob of many.").required(),
        Key::new(
            "delimiter",
            Shape::Text,
            "The one character between fields; default a comma, a tab for .tsv.",
        ),
        Key::new("header", Shape::Flag, "Whether the first line names the columns.").default("true"),
        Key::new("nulls", TEXTS, "Texts that stand for a missing value, besides the empty one.")
            .default("[]"),
        Key::new("types", Shape::Table(&COLUMN_TYPES), "Types of columns; default inferred from all rows."),
    ],
    others: Others::Refused,
};

static COLUMN_TYPES: Section =
    Section { doc: "Types, by column.", keys: &[], others: Others::Named(Naming::Free, &TYPES) };

static CHECKS: Section = Section {
    doc: "What must hold, else ingestion fails.",
    keys: &[
        Key::new("rows", Shape::Table(&ROW_CHECKS), "How many rows there are."),
        Key::new("columns", Shape::Table(&COLUMNS_CHECKS), "Rules, by column."),
    ],
    others: Others::Refused,
};

static ROW_CHECKS: Section = Section {
    doc: "How many rows there are.",
    keys: &[Key::new("min", COUNT, "At least so many."), Key::new("max", COUNT, "At most so many.")],
    others: Others::Refused,
};

static COLUMNS_CHECKS: Section = Section {
    doc: "Rules, by column.",
    keys: &[],
    others: Others::Named(Naming::Free, &Shape::Table(&COLUMN_CHECKS)),
};

static COLUMN_CHECKS: Section = Section {
    doc: "Rules of one column.",
    keys: &[
        Key::new(
            "min",
            LIMIT,
            "No value below; of dates and timestamps a text, \"2013-01-31\" or \"2013-01-31T12:00\".",
        ),
        Key::new("max", LIMIT, "No value above; a day without a time of day counts as a whole."),
        Key::new("nulls", SHARE, "The highest share of missing values."),
        Key::new("unique", Shape::Flag, "No value twice.").default("false"),
        Key::new("values", Shape::List(&Shape::Scalar), "The only values allowed."),
        Key::new("type", TYPES, "The column's type."),
    ],
    others: Others::Refused,
};

static SPLIT: Section = Section {
    doc: "How rows are divided into train, validation and the sealed test part.",
    keys: &[
        Key::new(
            "method",
            Shape::Choice(&["random", "time", "column"]),
            "By a keyed hash, by time (the latest rows are tested), or as a column says.",
        )
        .default("\"random\""),
        Key::new(
            "column",
            Shape::Text,
            "For `time`: the column of instants, default the role `time`. For `column`: the one that says train, validation or test.",
        ),
        Key::new(
            "key",
            TEXTS,
            "For `random`: rows with equal values here stay together; default the role `id`, else the whole row.",
        ),
        Key::new("seed", SEED, "For `random`.").default("0"),
        Key::new("test", SHARE, "The share of rows that only testing sees.").default("0.2"),
        Key::new(
            "validation",
            SHARE,
            "The share of rows for validation; without it the last 20 % of train serve.",
        )
        .default("0"),
    ],
    others: Others::Refused,
};

static ROLES: Section = Section {
    doc: "Columns that are no features.",
    keys: &[
        Key::new("id", Shape::Text, "Identifies a row."),
        Key::new("time", Shape::Text, "When a row came to be."),
        Key::new("private", TEXTS, "Shown in no profile, example, report or log."),
    ],
    others: Others::Refused,
};

static STEPS: Section = Section {
    doc: "Steps of your own, by name.",
    keys: &[],
    others: Others::Named(Naming::NoDots, &Shape::Table(&STEP)),
};

static STEP: Section = Section {
    doc: "A step of your own: a command with declared inputs, code and outputs.",
    keys: command_keys![
        Key::new(
            "run",
            RUN,
            "The command: words, or a text that is split into them; no shell. Placeholders declare inputs."
        )
        .required(),
        Key::new("outputs", TEXTS, OUTPUTS),
        Key::new("gate", Shape::Flag, "Whether a failure stops the line before registering.")
            .default("false"),
    ],
    others: Others::Refused,
};

static TRAIN: Section = Section {
    doc: "How the model is trained.",
    keys: command_keys![
        Key::new(
            "run",
            RUN,
            "The command: words, or a text that is split into them; no shell. {model} is the folder to fill."
        )
        .required(),
        Key::new("outputs", TEXTS, OUTPUTS),
        Key::new("refit", Shape::Flag, "Whether the winner is trained once more, on train and validation.")
            .default("false"),
        Key::new("search", Shape::Table(&SEARCH), "A search for the best parameters."),
    ],
    others: Others::Refused,
};

static PARAMS: Section =
    Section { doc: "Parameters, by name.", keys: &[], others: Others::Named(Naming::Strict, &Shape::Value) };

static VARIABLES: Section = Section {
    doc: "Environment variables, by name.",
    keys: &[],
    others: Others::Named(Naming::Free, &Shape::Scalar),
};

static SANDBOX: Section = Section {
    doc: "What a command may open besides its inputs, its code, its environment and the system.",
    keys: &[
        Key::new("read", TEXTS, "Files and folders that may be read."),
        Key::new("network", Shape::Flag, "Whether the command may use the network.").default("false"),
    ],
    others: Others::Refused,
};

static SEARCH: Section = Section {
    doc: "A search for the best parameters: a trial is a training run with other ones.",
    keys: &[
        Key::new("method", Shape::Choice(&["grid", "random"]), "Every combination, or random ones.")
            .default("\"grid\""),
        Key::new("metric", Shape::Text, "What decides, as training reports it: validation.roc_auc.")
            .required(),
        Key::new(
            "goal",
            Shape::Choice(&["maximize", "minimize"]),
            "Which way is better; known for the metrics of [test].",
        ),
        Key::new("space", Shape::Table(&SPACE), "The values to try, by parameter.").required(),
        Key::new("trials", Shape::Whole { min: 1, max: 1_000_000 }, "For `random`: how many."),
        Key::new("seed", SEED, "For `random`.").default("0"),
    ],
    others: Others::Refused,
};

static SPACE: Section = Section {
    doc: "The values to try, by parameter: a list, or a range.",
    keys: &[],
    others: Others::Named(
        Naming::Strict,
        &Shape::Either(&[Shape::List(&Shape::Value), Shape::Table(&RANGE)]),
    ),
};

static RANGE: Section = Section {
    doc: "A range of numbers, both ends included; whole where both are written whole.",
    keys: &[
        Key::new("min", ANY_NUMBER, "The lowest.").required(),
        Key::new("max", ANY_NUMBER, "The highest.").required(),
        Key::new("log", Shape::Flag, "Whether to draw evenly in the logarithm.").default("false"),
        Key::new("step", ANY_NUMBER, "The distance between values, from `min`; a grid needs it."),
    ],
    others: Others::Refused,
};

static TEST: Section = Section {
    doc: "How the packaged model is scored on the sealed test rows.",
    keys: &[
        Key::new("data", Shape::Text, "The data set that is tested; default the only one."),
        Key::new(
            "metrics",
            TEXTS,
            "Metrics by scikit-learn's names; the first decides. Default: the usual ones of the task.",
        ),
        Key::new("gates", Shape::Table(&GATES), "What must hold, else nothing is registered."),
        Key::new("slices", TEXTS, "Columns by whose values the metrics are broken down."),
    ],
    others: Others::Refused,
};

const COMPARISON: Shape = Shape::Either(&[Shape::Choice(&["better", "not-worse"]), Shape::Table(&MARGIN)]);

static GATES: Section = Section {
    doc: "What must hold, else nothing is registered: bounds by metric, and comparisons.",
    keys: &[
        Key::new("baseline", COMPARISON, "Compared with the trivial model, on the first metric."),
        Key::new("champion", COMPARISON, "Compared with the registered champion, on the first metric."),
    ],
    others: Others::Named(Naming::Strict, &Shape::Table(&BOUND)),
};

static MARGIN: Section = Section {
    doc: "Better by a margin.",
    keys: &[
        Key::new("by", Shape::Number { min: 0.0, max: f64::MAX }, "At least this much better.").required()
    ],
    others: Others::Refused,
};

static BOUND: Section = Section {
    doc: "Bounds of a metric.",
    keys: &[Key::new("min", ANY_NUMBER, "At least this."), Key::new("max", ANY_NUMBER, "At most this.")],
    others: Others::Refused,
};

static PACKAGE: Section = Section {
    doc: "What becomes of the model's files.",
    keys: &[
        Key::new(
            "runtime",
            Shape::Choice(&["auto", "onnx", "python"]),
            "What answers requests; `auto` takes onnx where it answers as the Python model does.",
        )
        .default("\"auto\""),
        Key::new(
            "tolerance",
            Shape::Number { min: 0.0, max: 1.0 },
            "How far answers may differ and still be equal; relative above 1.",
        )
        .default("1e-9"),
        Key::new(
            "features",
            Shape::Either(&[Shape::Text, TEXTS]),
            "The columns the model takes; a single name in quotes hands it a Series. Default its own, else all without a role.",
        ),
        Key::new(
            "entry",
            Shape::Text,
            "The model file or predict.py that is asked, where there are several.",
        ),
        Key::new("code", TEXTS, "Code that comes along; default the training step's."),
        Key::new(
            "timeout",
            Shape::Duration,
            "Ends a Python model that takes longer to be opened, or over one batch, in packaging and test.",
        )
        .default("\"5m\""),
    ],
    others: Others::Refused,
};

static REGISTER: Section = Section {
    doc: "Under which name versions are registered.",
    keys: &[Key::new("name", Shape::Name, "The registered model's name; default the project's.")],
    others: Others::Refused,
};

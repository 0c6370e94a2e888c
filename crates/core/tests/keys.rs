//! What is in a key changes it; the order of anything does not.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind, Command, OutputKind, Sandbox, SandboxMode};
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Digest, canonical};
use proptest::prelude::*;
use serde_json::{Value, json};

fn command() -> Command {
    Command {
        result_version: 1,
        words: vec!["python".into(), "train.py".into()],
        outputs: BTreeMap::from([("model".into(), OutputKind::Folder)]),
        variables: BTreeMap::from([("A".into(), "1".into())]),
        secrets: vec!["TOKEN".into()],
        sandbox: Sandbox { mode: SandboxMode::On, network: false, read: BTreeMap::new() },
        threads: 2,
        seed: 0,
        refit: false,
    }
}

fn action(command: Command) -> Action {
    Action {
        version: 1,
        kind: ActionKind::Command(command),
        params: BTreeMap::from([("depth".into(), json!(3))]),
        inputs: BTreeMap::from([("data.a.train".into(), Digest::of(b"rows"))]),
        code: Some(Digest::of(b"code")),
        environment: Some(Digest::of(b"environment")),
    }
}

#[test]
fn every_part_of_an_action_changes_its_key() {
    let base = action(command()).key();
    let changed_command = |change: fn(&mut Command)| {
        let mut changed = command();
        change(&mut changed);
        action(changed)
    };
    let changed = |change: fn(&mut Action)| {
        let mut changed = action(command());
        change(&mut changed);
        changed
    };
    let others = [
        changed_command(|command| command.result_version = 2),
        changed_command(|command| command.words.push("--fast".into())),
        changed_command(|command| _ = command.outputs.insert("plots".into(), OutputKind::Folder)),
        changed_command(|command| _ = command.outputs.insert("model".into(), OutputKind::File)),
        changed_command(|command| _ = command.variables.insert("A".into(), "2".into())),
        changed_command(|command| command.secrets.clear()),
        changed_command(|command| command.sandbox.mode = SandboxMode::Off),
        changed_command(|command| command.sandbox.network = true),
        changed_command(|command| _ = command.sandbox.read.insert("x".into(), Digest::of(b"x"))),
        changed_command(|command| command.threads = 4),
        changed_command(|command| command.seed = 1),
        changed_command(|command| command.refit = true),
        changed(|action| _ = action.params.insert("depth".into(), json!(3.5))),
        changed(|action| _ = action.params.insert("depth".into(), Value::Null)),
        changed(|action| _ = action.inputs.insert("data.a.train".into(), Digest::of(b"other rows"))),
        changed(|action| _ = action.inputs.insert("data.a.validation".into(), Digest::of(b"rows"))),
        changed(|action| action.code = None),
        changed(|action| action.environment = Some(Digest::of(b"other environment"))),
        changed(|action| action.kind = ActionKind::Builtin { name: "x".into(), result_version: 1 }),
    ];
    let mut keys: Vec<_> = others.iter().map(Action::key).collect();
    keys.push(base);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), others.len() + 1, "no two of these actions share a key");
    assert_eq!(action(command()).key(), base, "and an equal action has an equal key");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |number| number.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Canonical bytes are JSON of the same value, and equal only for equal values.
    #[test]
    fn canonical_bytes_stand_for_the_value(a in json_value(), b in json_value()) {
        let bytes = canonical::bytes(&a);
        let back: Value = serde_json::from_slice(&bytes).expect("canonical bytes are JSON");
        prop_assert_eq!(&back, &a);
        prop_assert_eq!(canonical::bytes(&b) == bytes, a == b);
    }

    /// A tree's digest depends on its files alone, not on the order in which they were found.
    #[test]
    fn a_tree_has_no_order(names in prop::collection::btree_set("[a-z]{1,6}(/[a-z]{1,4})?", 1..8), turn in 0_usize..8) {
        let file = |path: &String| TreeFile { path: path.clone(), digest: Digest::of(path.as_bytes()), size_bytes: 1, executable: false };
        let files: Vec<_> = names.iter().map(file).collect();
        let mut turned = files.clone();
        turned.rotate_left(turn % files.len());
        let tree = Tree::new(files.clone());
        prop_assert_eq!(tree.digest(), Tree::new(turned).digest());
        let mut other = files;
        other[0].executable = true;
        prop_assert_ne!(tree.digest(), Tree::new(other).digest());
    }
}

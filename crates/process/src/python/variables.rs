//! The environment variables of a step.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::Environment;

/// What the variables of a step are made of.
#[derive(Clone, Copy, Debug)]
pub struct StepVariables<'a> {
    pub environment: Option<&'a Environment>,
    /// Writable, below the step's own folder.
    pub home: &'a Path,
    /// Short and private: see [`crate::temporary::PrivateTmp`].
    pub temporary: &'a Path,
    /// The JSON file with inputs, outputs and parameters, if there is one.
    pub context: Option<&'a Path>,
    /// Folders that modules are imported from besides the script's own.
    pub module_folders: &'a [&'a Path],
    /// Declared, never read from the machine.
    pub threads: u32,
    /// `env` and the values of `secrets`; they win over everything else.
    pub declared: &'a BTreeMap<String, String>,
}

/// What libraries read the number of their threads from.
const THREADS: [&str; 11] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    // What joblib takes for the number of cores, as in `n_jobs=-1`; and Python from 3.13 on.
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
];

/// Exactly the variables that a step starts with.
pub fn step_environment(step: StepVariables<'_>) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = BTreeMap::new();
    let mut set = |name: &str, value: OsString| {
        variables.insert(name.into(), value);
    };
    let mut path = OsString::new();
    if let Some(environment) = step.environment {
        path.push(environment.folder.join("bin"));
        path.push(":");
        set("VIRTUAL_ENV", environment.folder.clone().into());
    }
    path.push("/usr/local/bin:/usr/bin:/bin");
    set("PATH", path);
    set("HOME", step.home.into());
    set("TMPDIR", step.temporary.into());
    set("LANG", "C.UTF-8".into());
    set("TZ", "UTC".into());
    set("PYTHONHASHSEED", "0".into());
    set("PYTHONDONTWRITEBYTECODE", "1".into());
    // What a step prints is seen when it is printed.
    set("PYTHONUNBUFFERED", "1".into());
    for name in THREADS {
        set(name, step.threads.to_string().into());
    }
    // Threads that wait by spinning take the cores from the step beside them: two trials on two busy
    // cores took ten times as long.
    set("OMP_WAIT_POLICY", "PASSIVE".into());
    if let Some(context) = step.context {
        set("MODELYARD_CONTEXT", context.into());
    }
    if !step.module_folders.is_empty() {
        let folders = step.module_folders.iter().map(|folder| folder.as_os_str());
        set("PYTHONPATH", folders.collect::<Vec<_>>().join(":".as_ref()));
    }
    for (name, value) in step.declared {
        set(name, value.into());
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_variables_win() {
        let declared = BTreeMap::from([("OMP_NUM_THREADS".to_owned(), "1".to_owned())]);
        let variables = step_environment(StepVariables {
            environment: None,
            home: Path::new("/h"),
            temporary: Path::new("/tmp/my-000000"),
            context: Some(Path::new("/h/context.json")),
            module_folders: &[Path::new("/h/src"), Path::new("/h/lib")],
            threads: 2,
            declared: &declared,
        });
        let value = |name: &str| variables[&OsString::from(name)].to_str().unwrap();
        assert_eq!(value("PATH"), "/usr/local/bin:/usr/bin:/bin");
        assert_eq!(value("OMP_NUM_THREADS"), "1");
        assert_eq!(value("OPENBLAS_NUM_THREADS"), "2");
        assert_eq!(value("PYTHONPATH"), "/h/src:/h/lib");
        assert_eq!(value("MODELYARD_CONTEXT"), "/h/context.json");
        assert!(!variables.contains_key(&OsString::from("VIRTUAL_ENV")));
    }
}

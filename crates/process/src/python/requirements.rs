//! Reading `requirements.txt` and the head of a lock, as far as is needed to tell whether they
//! belong together.

use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result};

use super::interpreter::minor;

/// Begins the line of a lock that holds the digest of the requirements it was made from.
const MARK: &str = "# requirements: ";

/// Begins the line that says which Pythons it serves: `3.11`, or `3.11 or later`.
const PYTHON: &str = "# python: ";
const OR_LATER: &str = " or later";

/// The requirements of a file and of the files it includes, in a form that neither order nor
/// comments nor spaces change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Requirements {
    lines: Vec<String>,
}

impl Requirements {
    /// # Errors
    /// [`Kind::Environment`] if a file can't be read, or if a line names an address or a path: a
    /// lock holds names, versions and hashes, which everybody can install.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut lines = Vec::new();
        collect(path, &mut Vec::new(), &mut lines)?;
        lines.sort();
        lines.dedup();
        Ok(Self { lines })
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::derived("modelyard requirements v1", self.lines.join("\n").as_bytes())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

fn collect(path: &Path, open: &mut Vec<PathBuf>, lines: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(path)
        .attempt(Kind::Environment, || format!("cannot read `{}`", path.display()))?;
    if open.iter().any(|known| known == path) {
        return Err(Fault::new(Kind::Environment, format!("`{}` includes itself", path.display())));
    }
    open.push(path.to_owned());
    for (number, line) in joined(&text) {
        let included = ["-r", "--requirement", "-c", "--constraint"]
            .iter()
            .find_map(|flag| line.strip_prefix(flag)?.strip_prefix([' ', '=']))
            .map(str::trim);
        if let Some(included) = included {
            let constraint =
                if line.starts_with("-c") || line.starts_with("--c") { "constraint " } else { "" };
            let mut inner = Vec::new();
            collect(&path.parent().unwrap_or(Path::new("")).join(included), open, &mut inner)?;
            lines.extend(inner.into_iter().map(|line| format!("{constraint}{line}")));
            continue;
        }
        if let Some(what) = unlockable(&line) {
            return Err(Fault::new(
                Kind::Environment,
                format!("`{}` names {what} in line {number}", path.display()),
            )
            .detail("line", line)
            .hint("a lock holds names, versions and hashes alone; publish the package, or add its files to `code`"));
        }
        lines.push(line);
    }
    open.pop();
    Ok(())
}

/// The lines that say something: continued ones joined, comments and double spaces gone.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let uncommented = match line.find(" #").or_else(|| line.starts_with('#').then_some(0)) {
            Some(at) => &line[..at],
            None => line,
        };
        let (content, continues) = match uncommented.trim_end().strip_suffix('\\') {
            Some(content) => (content, true),
            None => (uncommented, false),
        };
        let (_, so_far) = begun.get_or_insert_with(|| (number, String::new()));
        so_far.push(' ');
        so_far.push_str(content);
        if !continues && let Some((number, line)) = begun.take() {
            all.push((number, line.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    if let Some((number, line)) = begun {
        all.push((number, line.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    all.retain(|(_, line)| !line.is_empty());
    all
}

/// What in `line` could not stand in a lock.
fn unlockable(line: &str) -> Option<&'static str> {
    let editable = ["-e ", "-e=", "--editable"].iter().any(|flag| line.starts_with(flag));
    let requirement = line.split(';').next().unwrap_or(line);
    if editable {
        Some("an editable package")
    } else if line.starts_with('-') {
        // Options such as an index are the tool's to understand, and never reach the lock.
        None
    } else if requirement.contains("://") || requirement.contains(" @ ") {
        Some("an address")
    } else if requirement.starts_with(['.', '/', '~']) || requirement.ends_with(".whl") {
        Some("a path")
    } else {
        None
    }
}

/// Which Pythons a lock serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    /// This major and minor version.
    Only((u32, u32)),
    /// This one and later ones.
    From((u32, u32)),
}

/// Whether the head of `lock` says that it belongs to `requirements` and serves `python`.
pub(super) fn belongs(lock: &str, requirements: &Requirements, python: (u32, u32)) -> bool {
    let head = || lock.lines().take_while(|line| line.starts_with('#'));
    let digest = head().find_map(|line| line.strip_prefix(MARK)?.trim().parse::<Digest>().ok());
    let serves = head().find_map(|line| line.strip_prefix(PYTHON)).is_some_and(|serves| {
        match serves.trim().strip_suffix(OR_LATER) {
            Some(from) => python >= minor(from),
            None => python == minor(serves.trim()),
        }
    });
    serves && digest == Some(requirements.digest())
}

/// A lock's text: its head, and `body` (lines of `name==version` with hashes).
pub(super) fn lock_text(requirements: &Requirements, serves: Serves, body: &str) -> String {
    let (((major, minor), later), digest) = match serves {
        Serves::Only(python) => ((python, ""), requirements.digest()),
        Serves::From(python) => ((python, OR_LATER), requirements.digest()),
    };
    format!(
        "# Made by `modelyard lock`. Commit it; it is made anew when the requirements change.\n\
         {MARK}{digest}\n{PYTHON}{major}.{minor}{later}\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::PrivateTmp;

    fn read(text: &str) -> Result<Requirements> {
        let folder = PrivateTmp::new().unwrap();
        std::fs::write(folder.path().join("more.txt"), "scipy # too\n").unwrap();
        let path = folder.path().join("requirements.txt");
        std::fs::write(&path, text).unwrap();
        Requirements::read(&path)
    }

    #[test]
    fn comments_spaces_and_order_change_nothing() {
        let plain = read("numpy==2.4.6\nsix\n").unwrap();
        let dressed = read("# ours\n\n  six   # for old code\nnumpy==2.4.6 \\\n\n").unwrap();
        assert_eq!(plain.digest(), dressed.digest());
        assert_ne!(plain.digest(), read("numpy==2.4.5\nsix").unwrap().digest());
        assert!(read("# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn included_files_count() {
        assert_eq!(read("-r more.txt\nsix").unwrap(), read("six\nscipy").unwrap());
        assert_ne!(read("-c more.txt\nsix").unwrap(), read("six\nscipy").unwrap());
        assert_eq!(read("-r requirements.txt").unwrap_err().message().split(' ').next_back(), Some("itself"));
    }

    #[test]
    fn what_only_this_machine_could_install_is_refused() {
        for (line, what) in [
            ("six @ https://example.org/six.whl", "an address"),
            ("git+https://example.org/six", "an address"),
            ("-e .", "an editable package"),
            ("./wheels/six", "a path"),
        ] {
            let fault = read(&format!("numpy\n{line}\n")).unwrap_err();
            assert!(fault.message().ends_with(&format!("names {what} in line 2")), "{}", fault.message());
        }
        assert!(read("six ; python_version < '3.12'\n--prefer-binary\n").is_ok());
    }

    #[test]
    fn a_lock_knows_what_it_is_for() {
        let requirements = read("six").unwrap();
        let other = read("six<2").unwrap();
        let lock = |serves| lock_text(&requirements, serves, "six==1.17.0 \\\n    --hash=sha256:00\n");
        for (serves, python, expected) in [
            (Serves::Only((3, 11)), (3, 11), true),
            (Serves::Only((3, 11)), (3, 12), false),
            (Serves::From((3, 9)), (3, 11), true),
            (Serves::From((3, 11)), (3, 9), false),
        ] {
            assert_eq!(belongs(&lock(serves), &requirements, python), expected, "{serves:?} {python:?}");
            assert!(!belongs(&lock(serves), &other, python));
        }
        assert!(!belongs("six==1.17.0\n", &requirements, (3, 11)));
    }
}

//! What there is of the machine for this program.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Memory that this process and all below it may hold: the machine's, or less where a control group says so.
/// `None` where the system does not tell.
pub fn memory_bytes() -> Option<u64> {
    memory_below(Path::new("/"))
}

fn memory_below(root: &Path) -> Option<u64> {
    let text = read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = line.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024);
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let bounds = groups.lines().flat_map(|line| bounds(root, line));
    Some(bounds.fold(machine, u64::min))
}

/// What the group of a line `NUMBER:CONTROLLERS:PATH`, and those around it, may hold; `man 7 cgroups`.
fn bounds(root: &Path, line: &str) -> Vec<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (folder, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        of if of.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let top = root.join(folder);
    let group: PathBuf = top.join(path.trim_start_matches('/'));
    let around = group.ancestors().take_while(|group| group.starts_with(&top));
    around.filter_map(|group| read_to_string(group.join(file)).ok()?.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_machines_or_what_the_tightest_group_may_hold() {
        let root = crate::temporary::PrivateTmp::new().unwrap();
        let check = |files: &[(&str, &str)], wanted: Option<u64>| {
            for (path, text) in files {
                let path = root.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            assert_eq!(memory_below(root.path()), wanted);
        };
        check(&[], None);
        check(&[("proc/meminfo", "MemTotal:       8000 kB\nMemFree:  1 kB\n")], Some(8_192_000));
        check(
            &[
                ("proc/self/cgroup", "0::/pods/one\n"),
                ("sys/fs/cgroup/pods/one/memory.max", "max\n"),
                ("sys/fs/cgroup/pods/memory.max", "5000000\n"),
                ("sys/fs/cgroup/memory.max", "6000000\n"),
            ],
            Some(5_000_000),
        );
        check(
            &[
                ("proc/self/cgroup", "9:cpu,memory:/one\n3:pids:/\n"),
                ("sys/fs/cgroup/memory/one/memory.limit_in_bytes", "4000000\n"),
            ],
            Some(4_000_000),
        );
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}

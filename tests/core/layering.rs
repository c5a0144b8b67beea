//! The map of `src/lib.rs`, kept: which folder may depend on which, and where `unsafe` may stand.

use std::path::{Path, PathBuf};

/// A folder and those of the crate that it may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("arena", &["sync"]),
    ("attributes", &[]),
    ("command", &["args", "filter", "reply", "set", "vector"]),
    ("filter", &["attributes"]),
    ("graph", &["arena", "sync"]),
    ("index", &["arena", "graph", "metrics", "sync", "vector", "workers"]),
    ("json", &["args", "reply"]),
    ("persist", &["graph", "index", "set", "vector"]),
    ("search", &["arena", "args", "index", "json", "metrics", "reply", "sync", "vector", "workers"]),
    ("set", &["arena", "attributes", "filter", "graph", "index", "sync", "vector"]),
    ("vector", &[]),
    ("workers", &["sync"]),
];

/// Faces of the module, each a folder of `server`: they stand beside each other, and the layers that
/// they share depend on none of them.
const FACES: &[&str] = &["json", "kora", "search", "sets"];

/// A face that is made of another, and that other.
const UPON: &[(&str, &str)] = &[("kora", "search")];

const MAY_BE_UNSAFE: &[&str] = &["arena", "server", "vector/kernel"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source with its path below `src`, comments left out.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    assert!(all.len() > 50);
    let read = |path: PathBuf| {
        let relative = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a source");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        (relative, code.collect::<Vec<_>>().join("\n"))
    };
    all.into_iter().map(read).collect()
}

#[test]
fn faces_do_not_depend_on_each_other() {
    for (path, code) in sources() {
        let Some(within) = path.strip_prefix("server/").filter(|within| *within != "mod.rs") else { continue };
        let own = within.split('/').next().expect("a first part");
        for face in FACES.iter().filter(|face| **face != own && !UPON.contains(&(own, **face))) {
            for named in [format!("server::{face}"), format!("super::{face}::")] {
                assert!(
                    FACES.contains(&own) && named.starts_with("super") || !code.contains(&named),
                    "{path}: {named}"
                );
            }
        }
    }
}

#[test]
fn folders_depend_only_on_those_below_them() {
    let mut wrong = Vec::new();
    for (relative, code) in sources() {
        let folder = relative.split('/').next().expect("a first part");
        for (number, line) in code.lines().enumerate() {
            if let Some((_, names)) = MAY_DEPEND_ON.iter().find(|(name, _)| *name == folder) {
                for (_, named) in line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len())) {
                    let named: String = named.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    if !named.is_empty() && named != folder && named != "testing" && !names.contains(&&named[..]) {
                        wrong.push(format!("{relative}: line {number} of code depends on {named}"));
                    }
                }
            }
            let is_unsafe = line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            if is_unsafe && !MAY_BE_UNSAFE.iter().any(|allowed| relative.starts_with(allowed)) {
                wrong.push(format!("{relative}: line {number} of code is unsafe"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! The modules at the top of each crate use each other in one direction only: what is above can be changed,
//! and read, without what is below. And what three crates hold because they share none that could
//! hold it stays the same in all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Folders whose modules are looked at one by one.
const FOLDERS: [&str; 4] = ["cli", "front", "net", "text"];

/// Which module of a crate uses which others, tests left out: those at the top, and in [`FOLDERS`]
/// each by itself.
fn uses(source: &Path) -> Graph {
    let mut graph = Graph::new();
    let mut folders = vec![source.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(source).unwrap().with_extension("");
            let name = inside.to_str().unwrap();
            let is_for_tests =
                ["tests", "fixture", "properties"].iter().any(|of| name.contains(of));
            if ["lib", "main"].contains(&name) || is_for_tests {
                continue;
            }
            let of = module(name.strip_suffix("/mod").unwrap_or(name));
            let text = std::fs::read_to_string(&path).unwrap();
            graph.entry(of).or_default().extend(named(&text));
        }
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, used) in &mut graph {
        *used = std::mem::take(used)
            .into_iter()
            // What is named in a folder is a module of it or an item of the folder's own.
            .map(|other| match other.split_once('/') {
                Some((folder, _)) if !modules.contains(&other) => folder.to_owned(),
                _ => other,
            })
            .filter(|other| other != module && modules.contains(other))
            .collect();
    }
    graph
}

/// The module that a path of a file or an item belongs to.
fn module(path: &str) -> String {
    let mut words = path.split('/');
    let first = words.next().unwrap_or_default();
    match words.next() {
        Some(second) if FOLDERS.contains(&first) => format!("{first}/{second}"),
        _ => first.to_owned(),
    }
}

/// What a file names behind `crate::`, also in braces; its own tests are at its end.
fn named(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim().starts_with("//")).collect();
    let code = code.join("\n");
    let paths = code.split("crate::").skip(1).flat_map(paths);
    paths.map(|path| module(&path)).collect()
}

/// The paths that a text begins with, each with `/` between its words: one, or those in braces.
fn paths(text: &str) -> Vec<String> {
    if let Some(group) = text.strip_prefix('{') {
        return parts(group).into_iter().flat_map(|part| paths(part.trim())).collect();
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(rest) => paths(rest).into_iter().map(|path| format!("{word}/{path}")).collect(),
        None => vec![word.to_owned()],
    }
}

/// What stands between the commas of a group, up to the brace that closes it.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut parts, mut from) = (0, Vec::new(), 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// The modules that are in a circle, or use one that does.
fn circles(mut graph: Graph) -> Graph {
    loop {
        let done: Vec<String> = graph
            .iter()
            .filter(|(_, used)| used.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        if done.is_empty() {
            return graph;
        }
        for name in done {
            graph.remove(&name);
            for used in graph.values_mut() {
                used.remove(&name);
            }
        }
    }
}

#[test]
fn no_modules_of_a_crate_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sample = [
        ("protocol", "audit", "room"),
        ("broker", "session", "check"),
        ("peer", "chat", "command"),
        ("tsa", "http", "stamper"),
    ];
    for (crate_name, module, used) in sample {
        let graph = uses(&root.join(crate_name).join("src"));
        assert!(graph[module].contains(used), "{crate_name}: {graph:?}");
        assert_eq!(circles(graph), Graph::new(), "{crate_name}: these use each other in a circle");
    }
}

#[test]
fn broker_peer_and_tsa_ask_the_machine_and_keep_private_files_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in ["host.rs", "private.rs"] {
        let text =
            |of: &str| std::fs::read_to_string(root.join(of).join("src").join(file)).unwrap();
        for other in ["broker", "tsa"] {
            let same = text(other) == text("peer");
            assert!(same, "{other}/src/{file} is not the peer's; copy it: the three are one text");
        }
    }
}

#[test]
fn a_circle_is_found_through_any_way_of_naming_a_module() {
    let text = "//! crate::no\nuse crate::{a::{b, c}, d};\nfn f() -> crate::e::T { crate::g() }\n\
                #[cfg(test)]\nmod tests { use crate::h; }";
    let names: Vec<String> = named(text).into_iter().collect();
    assert_eq!(names, ["a", "d", "e", "g"]);
    let names =
        named("use crate::net::{Reach, tls::{Roots, x}};\nuse crate::{text::wrap, desk::a};");
    let names: Vec<String> = names.into_iter().collect();
    assert_eq!(names, ["desk", "net/Reach", "net/tls", "text/wrap"]);
    let of = |pairs: &[(&str, &[&str])]| -> Graph {
        let set = |used: &[&str]| used.iter().map(|name| (*name).to_owned()).collect();
        pairs.iter().map(|(name, used)| ((*name).to_owned(), set(used))).collect()
    };
    assert!(circles(of(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])).is_empty());
    assert_eq!(circles(of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])])).len(), 3);
}

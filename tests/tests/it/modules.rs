//! The modules of the peer use each other in one direction only: what is above can be changed, and
//! read, without what is below. And what stands in three crates because they share none that could
//! hold it stays the same in all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Which module at the top of a crate uses which others, tests left out.
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
            let of = inside.iter().next().unwrap().to_str().unwrap().to_owned();
            let name = inside.to_str().unwrap();
            if ["lib", "main"].contains(&name) || name.contains("tests") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            graph.entry(of).or_default().extend(named(&text));
        }
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, used) in &mut graph {
        used.retain(|other| other != module && modules.contains(other));
    }
    graph
}

/// What a file names behind `crate::`, also in braces; its own tests stand at its end.
fn named(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim().starts_with("//")).collect();
    let code = code.join("\n");
    code.split("crate::").skip(1).flat_map(first_names).collect()
}

fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut names, mut name) = (0, Vec::new(), String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut name)),
            other if depth == 0 => name.push(other),
            _ => {}
        }
    }
    names.push(name);
    names.iter().map(|name| word(name.trim())).collect()
}

/// The modules that stand in a circle, or use one that does.
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
fn no_modules_of_the_peer_import_each_other_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("peer/src");
    let graph = uses(&source);
    assert!(graph.len() > 20 && graph["chat"].contains("command"), "{graph:?}");
    assert_eq!(circles(graph), Graph::new(), "these use each other in a circle");
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
    let of = |pairs: &[(&str, &[&str])]| -> Graph {
        let set = |used: &[&str]| used.iter().map(|name| (*name).to_owned()).collect();
        pairs.iter().map(|(name, used)| ((*name).to_owned(), set(used))).collect()
    };
    assert!(circles(of(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])).is_empty());
    assert_eq!(circles(of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])])).len(), 3);
}

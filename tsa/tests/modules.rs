//! No circle of modules: whoever reads one needs to know only those below it.

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of this crate by their paths, `citizen` and `citizen::ocsp`, with what each uses.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let mut sources = BTreeMap::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    let names: BTreeSet<String> = sources.keys().cloned().collect();
    let used = |(name, text): (String, String)| {
        let used = paths(&name, &text).into_iter().filter_map(|path| module(&path, &names));
        let used = used.filter(|other| *other != name).collect();
        (name, used)
    };
    sources.into_iter().map(used).collect()
}

fn collect(folder: &Path, above: &str, sources: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let name = match (above, name) {
            ("", name) => name.to_owned(),
            (above, "mod") => above.to_owned(),
            (above, name) => format!("{above}::{name}"),
        };
        if path.is_dir() {
            collect(&path, &name, sources);
        } else if !["lib", "main"].contains(&name.as_str()) && !name.ends_with("::tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Tests stand last, and may use what they like.
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<&str> =
                text.lines().map(|line| line.split("//").next().unwrap()).collect();
            sources.insert(name, code.join(" "));
        }
    }
}

/// Everything below `crate::` and `super::` that a module names, lists in braces taken apart, and the
/// modules it declares: it is there to use them.
fn paths(name: &str, code: &str) -> Vec<String> {
    let above = name.rsplit_once("::").map_or("", |(above, _)| above);
    let roots = [("crate::", ""), ("super::", above), ("use ", name), ("mod ", name)];
    let mut found = Vec::new();
    for (root, base) in roots {
        for rest in code.split(root).skip(1) {
            let end = rest.find(';').unwrap_or(rest.len());
            spread(base, &rest[..end], &mut found);
        }
    }
    found
}

/// Takes `a::{b, c::d}` apart.
fn spread(base: &str, tree: &str, found: &mut Vec<String>) {
    let head =
        tree.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    let (head, rest) = tree.split_at(head.unwrap_or(tree.len()));
    let path = format!("{base}::{head}");
    let path = path.trim_matches(':').to_owned();
    let Some(list) = rest.strip_prefix('{') else {
        found.push(path);
        return;
    };
    let (mut depth, mut item) = (0_i32, String::new());
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth < 0 || (letter == ',' && depth == 0) {
            spread(&path, item.trim(), found);
            item.clear();
        } else {
            item.push(letter);
        }
        if depth < 0 {
            break;
        }
    }
}

/// The module in which a path ends, if it is one of ours.
fn module(path: &str, names: &BTreeSet<String>) -> Option<String> {
    let mut path = path.to_owned();
    while !names.contains(&path) {
        path.truncate(path.rfind("::")?);
    }
    Some(path)
}

/// A circle that leads through `start`, if there is one.
fn circle<'a>(
    uses: &'a BTreeMap<String, BTreeSet<String>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in uses.get(*way.last()?).into_iter().flatten() {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push(way.iter().copied().chain([next.as_str()]).collect());
            }
        }
    }
    None
}

/// The same with everything inside a module of the first rank counted as that module.
fn outermost(uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let first = |name: &str| name.split("::").next().unwrap().to_owned();
    let mut joined: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, used) in uses {
        let own = first(name);
        let used = used.iter().map(|other| first(other)).filter(|other| *other != own);
        let used: Vec<String> = used.collect();
        joined.entry(own).or_default().extend(used);
    }
    joined
}

#[test]
fn no_module_uses_one_that_uses_it() {
    let uses = uses();
    assert!(uses["http"].contains("state") && uses["http"].contains("http::enrol"), "{uses:?}");
    assert!(uses["http::enrol"].contains("citizen::issuers"), "{uses:?}");
    assert!(uses["citizen"].contains("citizen::ocsp"), "{uses:?}");
    for uses in [&uses, &outermost(&uses)] {
        for name in uses.keys() {
            assert_eq!(circle(uses, name), None);
        }
    }
}

#[test]
fn a_circle_is_found() {
    let uses = |list: &[(&str, &str)]| -> BTreeMap<String, BTreeSet<String>> {
        list.iter().map(|(one, other)| ((*one).to_owned(), [(*other).to_owned()].into())).collect()
    };
    let ring = uses(&[("a", "b"), ("b", "c"), ("c", "b")]);
    assert_eq!(circle(&ring, "a"), None);
    assert_eq!(circle(&ring, "b"), Some(vec!["b", "c"]));
    assert_eq!(circle(&uses(&[("a", "b"), ("b", "c")]), "a"), None);
    let mut found = Vec::new();
    spread("x", "a::{b, c::{d, e as f}, self}", &mut found);
    assert_eq!(found, ["x::a::b", "x::a::c::d", "x::a::c::e", "x::a::self"]);
}

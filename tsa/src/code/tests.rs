//! The codes against the specification.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_specification_lists_every_code_and_each_stands_here_once() {
    let spec = include_str!("../../../protocol/SPEC.md");
    let known: BTreeSet<&str> = ALL.iter().copied().collect();
    assert_eq!(known.len(), ALL.len());
    for code in known {
        assert!(spec.contains(&format!("`{code}`")), "{code}");
    }
}

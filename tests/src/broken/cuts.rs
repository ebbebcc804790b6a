//! Files changed without any key.

use crate::sim::machine::Chance;

fn below(chance: &Chance, bound: usize) -> usize {
    usize::try_from(chance.below(bound.max(1) as u64)).unwrap_or_default()
}

/// One of several, or what is nothing if there are none.
fn pick<T: Copy + Default>(of: &[T], chance: &Chance) -> T {
    of.get(below(chance, of.len())).copied().unwrap_or_default()
}

/// Changes a file in one way; gives the way's name and the changed bytes.
pub(super) fn cut(bytes: &[u8], chance: &Chance) -> (&'static str, Vec<u8>) {
    let mut changed = bytes.to_vec();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (below(chance, lines.len()), below(chance, lines.len()));
    let joined = |lines: Vec<&[u8]>| lines.concat();
    match chance.below(10) {
        0 | 1 => {
            let at = below(chance, changed.len());
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
            ("bit", changed)
        }
        2 => {
            let at = below(chance, changed.len());
            if let Some(byte) = changed.get_mut(at) {
                *byte = pick(b"\"{}:,.\\/ \nA0-_=", chance);
            }
            ("byte", changed)
        }
        3 => {
            changed.truncate(below(chance, bytes.len()));
            ("end", changed)
        }
        4 => {
            let mut lines = lines;
            lines.remove(one);
            ("line-lost", joined(lines))
        }
        5 => {
            let mut lines = lines;
            lines.insert(other, pick(&lines, chance));
            ("line-again", joined(lines))
        }
        6 => {
            let mut lines = lines;
            lines.swap(one, other);
            ("lines-exchanged", joined(lines))
        }
        7 => {
            let start = below(chance, changed.len());
            let end = (start + 1 + below(chance, 8)).min(changed.len());
            changed.drain(start..end);
            ("bytes-lost", changed)
        }
        8 => {
            let at = below(chance, changed.len());
            let added: [&[u8]; 7] =
                [b" ", b"\n", b"\"\"", b"\\u0041", b"\r", b"\xff", b"\xef\xbb\xbf"];
            let added = pick(&added, chance);
            changed.splice(at..at, added.iter().copied());
            ("bytes-added", changed)
        }
        _ => {
            // A letter in another case: many a reader takes it for the same.
            let mut letters: Vec<&mut u8> =
                changed.iter_mut().filter(|byte| byte.is_ascii_alphabetic()).collect();
            let at = below(chance, letters.len());
            if let Some(byte) = letters.get_mut(at) {
                **byte ^= 0x20;
            }
            ("case", changed)
        }
    }
}

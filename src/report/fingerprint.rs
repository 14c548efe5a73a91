//! What names a finding by its content: moved lines leave it as it is, a change of the line itself does not.

use rustc_hash::FxHashMap;

use crate::finding::{Finding, Sources};
use crate::suppress::Split;

/// The fingerprints of the kept and of the suppressed findings, in their order: 32 hexadecimal digits each.
///
/// Equal contents (the same mistake twice in one function, on lines that read the same) are told apart by number, counted
/// in order of place over kept and suppressed ones together: suppressing the first does not rename the second.
pub fn fingerprints(sources: &dyn Sources, split: &Split) -> (Vec<String>, Vec<String>) {
    let suppressed = split.suppressed.iter().map(|(finding, _)| finding);
    let mut all: Vec<(usize, &Finding)> = split.kept.iter().chain(suppressed).enumerate().collect();
    all.sort_by_key(|(_, finding)| (finding.place, finding.rule.name));
    let mut seen: FxHashMap<u128, u32> = FxHashMap::default();
    let mut names = vec![String::new(); all.len()];
    for (index, finding) in all {
        let content = content(sources, finding);
        let occurrence = seen.entry(content.0).or_insert(0);
        names[index] = format!("{:032x}", content.field(&occurrence.to_string()).0);
        *occurrence += 1;
    }
    let quiet = names.split_off(split.kept.len());
    (names, quiet)
}

/// A name for something that is no finding, from its parts.
pub(super) fn name(parts: &[&str]) -> String {
    format!("{:032x}", parts.iter().fold(Hash::NEW, |hash, part| hash.field(part)).0)
}

fn content(sources: &dyn Sources, finding: &Finding) -> Hash {
    let source = sources.source(finding.place.file);
    let line = source.line_text(source.line_of(finding.place.span.start));
    // Indentation and spacing are a formatter's business; an ignore comment added to the line must not rename its finding.
    let code = line.find("asynclint:").map_or(line, |comment| line[..comment].trim_end_matches(['#', '/', ' ', '\t']));
    let words: Vec<&str> = code.split_whitespace().collect();
    Hash::NEW.field(finding.rule.name).field(source.path.as_str()).field(&finding.function).field(&words.join(" "))
}

/// FNV-1a with 128 bits: stable across versions and machines, which the standard library's hasher does not promise.
#[derive(Clone, Copy)]
struct Hash(u128);

impl Hash {
    const NEW: Self = Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    /// Adds a text and its end, so that `a` + `bc` is not `ab` + `c`.
    fn field(self, text: &str) -> Self {
        text.bytes().chain([0]).fold(self, |hash, byte| Self((hash.0 ^ u128::from(byte)).wrapping_mul(Self::PRIME)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The published vector of "a"; `field` adds a zero byte, so that step is undone by hand.
        let a = (Hash::NEW.0 ^ u128::from(b'a')).wrapping_mul(Hash::PRIME);
        assert_eq!(a, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(Hash::NEW.field("a").0, a.wrapping_mul(Hash::PRIME));
    }
}

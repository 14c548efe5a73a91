//! The fingerprint GitHub gives a result by the text from its line on, so that an alert survives moved lines. Its upload
//! action computes the same and warns where a log says otherwise.

use rustc_hash::FxHashMap;

/// How many UTF-16 units a hash looks at.
const WINDOW: usize = 100;

/// The hash of each line of a text, with how often it has occurred up to there: `c129715d7a2bc9a3:1`.
pub(super) struct LineHashes {
    hashes: Vec<(u64, u32)>,
}

impl LineHashes {
    pub fn of(text: &str) -> Self {
        let (units, starts) = squeezed(text);
        let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
        let hashes = starts.into_iter().map(|start| {
            let hash = units[start..start + WINDOW]
                .iter()
                .fold(0_u64, |hash, unit| hash.wrapping_mul(37).wrapping_add(u64::from(*unit)));
            let count = seen.entry(hash).or_insert(0);
            *count += 1;
            (hash, *count)
        });
        Self { hashes: hashes.collect() }
    }

    /// Of a line, counted from 0.
    pub fn of_line(&self, line: usize) -> Option<String> {
        self.hashes.get(line).map(|(hash, count)| format!("{hash:x}:{count}"))
    }
}

/// The text without blanks, every line end a line feed, then an end mark and room for the last window; and where in it
/// each line begins.
fn squeezed(text: &str) -> (Vec<u16>, Vec<usize>) {
    const END: u16 = u16::MAX;
    const RETURN: u16 = b'\r' as u16;
    const FEED: u16 = b'\n' as u16;
    let (mut units, mut starts) = (Vec::with_capacity(text.len() + WINDOW), Vec::new());
    let (mut line_start, mut after_return) = (true, false);
    for unit in text.encode_utf16().chain([END]) {
        if unit == u16::from(b' ') || unit == u16::from(b'\t') || (after_return && unit == FEED) {
            after_return = false;
            continue;
        }
        after_return = unit == RETURN;
        let unit = if unit == RETURN { FEED } else { unit };
        if line_start {
            starts.push(units.len());
        }
        line_start = unit == FEED;
        units.push(unit);
    }
    units.resize(units.len() + WINDOW, 0);
    (units, starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<String> {
        let hashes = LineHashes::of(text);
        (0..).map_while(|line| hashes.of_line(line)).collect()
    }

    /// The vectors of the upload action's own tests.
    #[test]
    fn it_is_what_the_upload_action_computes() {
        assert_eq!(hashes(""), ["c129715d7a2bc9a3:1"]);
        assert_eq!(
            hashes(" a\nb\n  \t\tc\n d"),
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]
        );
        let windows = [
            "e9496ae3ebfced30:1",
            "fb7c023a8b9ccb3f:1",
            "ce8ba1a563dcdaca:1",
            "e20e36e16fcb0cc8:1",
            "b3edc88f2938467e:1",
            "c8e28b0b4002a3a0:1",
            "c129715d7a2bc9a3:1",
        ];
        assert_eq!(hashes(" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n"), windows);
        assert_eq!(hashes(" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n"), windows);
        let repeated = hashes(&"Lorem ipsum dolor sit amet.\n".repeat(10));
        assert_eq!(repeated[..2], ["a7f2ff13bc495cf2:1", "a7f2ff13bc495cf2:2"]);
        assert_eq!(
            repeated[6..],
            [
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                "c129715d7a2bc9a3:1"
            ]
        );
    }
}

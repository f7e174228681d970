//! Which word was probably meant.

/// The candidate nearest to a word that nobody knows, when one is near enough to be a slip of the fingers. Of equally
/// near ones the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| -> Vec<char> {
        text.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).take(128).collect()
    };
    let word = fold(word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        let longer = word.len().max(folded.len());
        let allowed = match longer {
            0..=2 => 0,
            3..=5 => 1,
            6..=9 => 2,
            _ => longer / 3,
        };
        // A word cut short or made plural is near, however long its end is.
        let cut = word.len().min(folded.len()) >= 4 && (folded.starts_with(&word) || word.starts_with(&folded));
        let distance = if cut { 1 } else { edits(&word, &folded) };
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Least number of insertions, deletions, replacements and swaps of neighbours.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_strangers_are_not() {
        let keys = ["schedule", "copies", "method", "to", "keep", "storage_class"];
        assert_eq!(nearest("shedule", keys), Some("schedule"));
        assert_eq!(nearest("storage-class", keys), Some("storage_class"));
        assert_eq!(nearest("kepe", keys), Some("keep"));
        assert_eq!(nearest("Schedules", keys), Some("schedule"));
        assert_eq!(nearest("frequency", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}

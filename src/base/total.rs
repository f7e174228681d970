//! Sums of numbers that were read from files: whoever wrote them.

/// The sum of counts or bytes. One that no machine could hold stays at the largest number instead of starting anew.
pub fn total(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_never_starts_anew() {
        assert_eq!(total([1, 2, 3]), 6);
        assert_eq!(total([u64::MAX, 1]), u64::MAX);
    }
}

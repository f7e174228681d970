//! How large the parts of an upload are. Pure.
//!
//! S3 takes 10,000 parts of 5 MiB to 5 GiB, and a part lies in memory while it is under way. So parts are as small as
//! what is expected allows, and grow once there is more than that.

/// Most parts of an upload.
pub(super) const MOST_PARTS: u32 = 10_000;
const MIB: u64 = 1 << 20;
/// Size of the first parts of an upload that is not expected to be huge; larger ones are no faster.
const USUAL: u64 = 8 * MIB;
/// Largest part that S3 takes.
const LARGEST: u64 = 5 << 30;

/// The sizes of the parts of one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSizes {
    first: u64,
    /// Parts of the first size; what comes after them was not expected.
    flat: u32,
}

impl PartSizes {
    /// For an object that is expected to have so many bytes; 0 when nobody knows. A good quarter more fits without
    /// growth; with it, at least 5 TiB fit whatever was expected, and what was expected fits up to 48 TiB.
    pub fn of(expected: u64) -> PartSizes {
        let first = (expected.saturating_add(expected / 4) / u64::from(MOST_PARTS)).next_multiple_of(MIB);
        let first = first.clamp(USUAL, LARGEST);
        let flat = u32::try_from(expected.div_ceil(first)).unwrap_or(MOST_PARTS).min(MOST_PARTS);
        PartSizes { first, flat }
    }

    /// The same sizes for tests: parts of this size at first.
    pub fn beginning_with(self, first: u64) -> PartSizes {
        PartSizes { first, ..self }
    }

    /// Bytes of a part, numbered from 1.
    pub fn size(self, number: u32) -> u64 {
        let beyond = number.saturating_sub(self.flat.max(1));
        // Doubled so often that the largest size is reached well before the last part.
        let doublings = beyond / (MOST_PARTS.saturating_sub(self.flat) / 20).max(1);
        let size = self.first.checked_shl(doublings.min(20)).unwrap_or(LARGEST);
        size.clamp(self.first, LARGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIB: u64 = 1 << 40;

    fn whole(sizes: PartSizes) -> u64 {
        (1..=MOST_PARTS).map(|number| sizes.size(number)).sum()
    }

    #[test]
    fn forty_eight_tebibytes_fit() {
        assert!(whole(PartSizes::of(48 * TIB)) >= 48 * TIB);
        assert!(whole(PartSizes::of(0)) >= 5 * TIB);
    }

    #[test]
    fn what_is_not_huge_stays_small_in_memory() {
        assert_eq!(PartSizes::of(0).size(1), 8 * MIB);
        assert_eq!(PartSizes::of(2 << 30).size(256), 8 * MIB);
        // The part under way when 100 GiB are written, expected and not.
        assert!(PartSizes::of(100 << 30).size(7_000) <= 16 * MIB);
        let (mut number, mut written) = (1, 0);
        while written < 100 << 30 {
            written += PartSizes::of(0).size(number);
            number += 1;
        }
        assert!(PartSizes::of(0).size(number) <= 256 * MIB);
    }

    proptest! {
        #[test]
        fn what_is_expected_fits_and_parts_only_grow(expected in prop_oneof![0..TIB, 0..48 * TIB]) {
            let sizes = PartSizes::of(expected);
            prop_assert!(whole(sizes) >= expected.max(5 * TIB), "{} of {expected}", whole(sizes));
            // Without growth: a quarter more than expected, as far as S3 goes.
            prop_assert!(sizes.size(1) * u64::from(MOST_PARTS) >= (expected / 4 * 5).min(48 * TIB));
            let all: Vec<u64> = (1..=MOST_PARTS).map(|number| sizes.size(number)).collect();
            prop_assert!(all.is_sorted());
            prop_assert!(all.iter().all(|size| (5 * MIB..=LARGEST).contains(size)));
        }
    }
}

//! Pages of a cluster's relations: their checksum, as PostgreSQL computes it since version 9.3, and what the header says of
//! when they were written.

use crate::base::Lsn;

/// Length of a page in every usual build of PostgreSQL.
pub const PAGE_BYTES: usize = 8192;
/// Pages in a file of a relation that has more than one, in every usual build.
pub const PAGES_IN_SEGMENT: u32 = 131_072;

const LANES: usize = 32;
const PRIME: u32 = 16_777_619;
/// Where the lanes begin: numbers without meaning that PostgreSQL fixed (`src/include/storage/checksum_impl.h`).
const BEGIN: [u32; LANES] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

/// Where in a page its checksum and the begin of its free space stand.
const CHECKSUM: usize = 8;
const UPPER: usize = 14;

/// What is wrong with a page's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Nothing: the checksum is right, or the page was never used and has none.
    Good,
    /// It is wrong; the position of WAL that the page says it was last changed at. A page that is being written while it is
    /// read is wrong too, and replay mends it.
    Wrong(Lsn),
}

/// Judges a page of a cluster with checksums; `number` is its number in its relation, counted over all files.
pub fn judge_page(page: &[u8; PAGE_BYTES], number: u32) -> PageState {
    if page[UPPER] == 0 && page[UPPER + 1] == 0 {
        return PageState::Good;
    }
    let said = u16::from_le_bytes([page[CHECKSUM], page[CHECKSUM + 1]]);
    if said == checksum(page, number) {
        return PageState::Good;
    }
    let half = |at: usize| u64::from(u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]));
    PageState::Wrong(Lsn(half(0) << 32 | half(4)))
}

fn checksum(page: &[u8; PAGE_BYTES], number: u32) -> u16 {
    let mut sums = BEGIN;
    let (words, _) = page.as_chunks::<4>();
    for (at, row) in words.chunks_exact(LANES).enumerate() {
        let mut row_words = [0; LANES];
        row_words.iter_mut().zip(row).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
        if at == 0 {
            // The checksum itself counts as zero.
            row_words[CHECKSUM / 4] &= 0xFFFF_0000;
        }
        mix(&mut sums, &row_words);
    }
    for _ in 0..2 {
        mix(&mut sums, &[0; LANES]);
    }
    let folded = sums.iter().fold(0, |all, sum| all ^ sum) ^ number;
    // One is added, so that 0 can mean that there is none.
    u16::try_from(folded % 65_535 + 1).unwrap_or(u16::MAX)
}

/// Every byte of a cluster passes here. Lanes are counted so that the compiler makes vectors of them, without an iterator
/// that it might not see through.
#[allow(clippy::needless_range_loop, reason = "see above")]
fn mix(sums: &mut [u32; LANES], row: &[u32; LANES]) {
    for lane in 0..LANES {
        let mixed = sums[lane] ^ row[lane];
        sums[lane] = mixed.wrapping_mul(PRIME) ^ (mixed >> 17);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn page() -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        for (at, byte) in page.iter_mut().enumerate() {
            *byte = (at * 7 % 251) as u8;
        }
        let sum = checksum(&page, 5).to_le_bytes();
        page[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum);
        page
    }

    #[test]
    fn any_changed_byte_shows_and_so_does_another_place() {
        assert_eq!(judge_page(&page(), 5), PageState::Good);
        assert!(matches!(judge_page(&page(), 6), PageState::Wrong(_)));
        for at in [0, 8, 9, 13, 4_000, PAGE_BYTES - 1] {
            let mut changed = page();
            changed[at] ^= 0x10;
            assert!(matches!(judge_page(&changed, 5), PageState::Wrong(_)), "{at}");
        }
    }

    #[test]
    fn an_unused_page_has_none() {
        assert_eq!(judge_page(&[0; PAGE_BYTES], 3), PageState::Good);
    }
}

//! Looks at the pages of a relation's file while it is read.

use super::excluded::relation_file;
use crate::base::Lsn;
use crate::catalog::BadPage;
use crate::codec::{PAGE_BYTES, PAGES_IN_SEGMENT, PageState, judge_page};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::Duration;

/// Pages that are told of one file at most: a disk that fails makes many.
const TOLD: usize = 10;
/// How often a page that looks wrong is read again, and how long is waited before: the server may just be writing it.
const READS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The pages of one file.
pub(super) struct Pages {
    path: String,
    /// Number of the file's first page in its relation.
    first: u32,
    /// Pages that were changed since are mended by replay, however they look.
    start: Lsn,
    n_bad: usize,
}

impl Pages {
    /// For a file whose pages carry checksums; `None` for one that has no pages.
    pub(super) fn of(path: &str, start: Lsn) -> Option<Pages> {
        let is_placed = ["base/", "global/", "pg_tblspc/"].iter().any(|folder| path.starts_with(folder));
        let file = relation_file(path.rsplit('/').next()?).filter(|_| is_placed)?;
        let first = file.segment.checked_mul(PAGES_IN_SEGMENT)?;
        Some(Pages { path: path.to_owned(), first, start, n_bad: 0 })
    }

    /// Looks at whole pages that were read from `at` of the file; what is no whole page is passed over.
    pub(super) fn look(&mut self, file: &File, at: u64, bytes: &[u8], bad: &mut Vec<BadPage>) {
        for (index, page) in bytes.as_chunks::<PAGE_BYTES>().0.iter().enumerate() {
            let number = at / PAGE_BYTES as u64 + index as u64;
            let Some(in_relation) = u32::try_from(number).ok().and_then(|number| self.first.checked_add(number)) else {
                return;
            };
            if self.is_bad(file, page, number, in_relation) {
                self.n_bad += 1;
                if self.n_bad <= TOLD {
                    bad.push(BadPage { file: self.path.clone(), page: number });
                }
            }
        }
    }

    fn is_bad(&self, file: &File, page: &[u8; PAGE_BYTES], number: u64, in_relation: u32) -> bool {
        let mut page = *page;
        for _ in 0..READS {
            match judge_page(&page, in_relation) {
                PageState::Good => return false,
                PageState::Wrong(changed) if changed >= self.start && changed.0 != u64::MAX => return false,
                PageState::Wrong(_) => {}
            }
            sleep(PAUSE);
            if file.read_exact_at(&mut page, number * PAGE_BYTES as u64).is_err() {
                // It was cut off meanwhile, which replay does again.
                return false;
            }
        }
        true
    }
}

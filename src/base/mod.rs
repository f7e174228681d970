//! Small nouns that every floor speaks: sizes, periods, digests, secrets, references, names, ids, LSNs.
//!
//! One word per idea in the whole tree: a *backup* is a result, a *repository* the place it lies in, a *store* the
//! keys and bytes under a repository, a *database* an entry of the policy, a *server* the PostgreSQL it runs on,
//! a *step* one deed of a plan, a *verdict* what retention says of one backup.

mod block_digest;
mod causes;
mod crc32c;
mod digest;
mod id;
mod lsn;
mod money;
mod name;
mod period;
mod secret;
mod share;
mod size;
mod system_id;
mod template;
mod total;
mod visible;
mod wal;

pub use block_digest::{BlockDigest, BlockHasher};
pub use causes::causes;
pub use crc32c::Crc32c;
pub use digest::{Blake3, Blake3Hasher, Sha256, Sha256Hasher};
pub use id::{BackupId, InvalidBackupId};
pub use lsn::{InvalidLsn, Lsn};
pub use money::{InvalidMoney, Money};
pub use name::{decode_component, encode_component, is_name};
pub use period::{InvalidPeriod, Period};
pub use secret::Secret;
pub use share::{InvalidShare, Share};
pub use size::{InvalidSize, Size};
pub use system_id::{InvalidSystemId, SystemId};
pub use template::{Lookup, Reference, Template, TemplateError, UnresolvedReference};
pub use total::total;
pub use visible::{quoted, visible};
pub use wal::{InvalidWalFile, SegmentSize, Timeline, WalFile, WalSegment};

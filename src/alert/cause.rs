//! What probably is behind a failure, by its code.

use crate::diag::{Code, codes};

/// What is behind most failures with a code, where the message does not say it itself.
const CAUSES: [(&Code, &str); 20] = [
    (&codes::STORE_FULL, "the store is full"),
    (&codes::BACKUP_WOULD_NOT_FIT, "the store is nearly full"),
    (&codes::STORE_DENIED, "the rights of who runs backstay were changed"),
    (&codes::STORE_FAILED, "the store, its disk or the network to it has trouble"),
    (&codes::REFERENCE_UNRESOLVED, "a secret that the policy refers to is not set where this ran"),
    (&codes::STORE_NOT_MOUNTED, "the disk was not mounted after a restart"),
    (&codes::REPOSITORY_BROKEN, "a file was changed or damaged after it was written"),
    (&codes::BYTES_DAMAGED, "a file was changed or damaged after it was written"),
    (&codes::SERVER_UNREACHABLE, "the server is down or restarting, or the network or a firewall is in between"),
    (&codes::LOGIN_REFUSED, "the password or the rules of pg_hba.conf were changed"),
    (&codes::DATABASE_MISSING, "the database was renamed or dropped"),
    (&codes::PROGRAM_TOO_OLD, "the server was upgraded and this machine's client programs were not"),
    (&codes::WRAPPER_FAILED, "the container or host that `exec` names is not running"),
    (&codes::PERMISSION_DENIED, "the role of the backup lacks a right on something new in the database"),
    (&codes::CONNECTION_LOST, "the server was restarted, or a firewall cuts long connections"),
    (&codes::CONNECTION_INVALID, "a secret that the policy refers to is not set where this ran"),
    (&codes::HOOK_FAILED, "a command of `hooks` failed; its own output says more"),
    (&codes::BUCKET_MISSING, "the bucket was deleted, or the wrong account is logged in"),
    (&codes::AWS_LOGIN_REFUSED, "the access key was deactivated or rotated, or its role cannot be assumed"),
    (&codes::CLOCK_SKEWED, "the clock of this machine is not synchronised"),
];

/// A phrase for what is probably behind a code.
pub(super) fn likely(code: &str) -> Option<String> {
    CAUSES.iter().find(|(known, _)| known.id == code).map(|(_, cause)| (*cause).to_owned())
}

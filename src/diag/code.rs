//! The one table of codes. A code is for ever: it is never given a second meaning, and each has a section of its own
//! in docs/rules.md, which `backstay explain CODE` prints.

use super::Severity;

/// What is fixed about a kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `BS` and three digits: 0 text, 1 meaning of a policy, 2 advice on a policy, 5 the world, 6 guards, 7 reviews,
    /// 8 proofs and moving in, 9 replication.
    pub id: &'static str,
    /// How serious it is, always.
    pub severity: Severity,
    /// The title: lower case, no full stop, the same every time.
    pub title: &'static str,
}

macro_rules! table {
    ($($name:ident = $id:literal, $severity:ident, $title:literal;)*) => {
        /// Every code by name.
        pub mod codes {
            use super::{Code, Severity};
            $(
                #[doc = $title]
                pub static $name: Code = Code { id: $id, severity: Severity::$severity, title: $title };
            )*
        }

        /// Every code, in the order of the table.
        pub static CODES: &[&Code] = &[$(&codes::$name),*];
    };
}

table! {
    // The text of a policy.
    TEXT_NOT_UTF8 = "BS001", Error, "the text is not UTF-8";
    TEXT_TOO_LARGE = "BS002", Error, "the text is too large";
    TEXT_EMPTY = "BS003", Error, "the text is empty";
    YAML_MALFORMED = "BS004", Error, "the YAML is malformed";
    TAB_INDENTS = "BS005", Error, "a tab indents a line";
    KEY_TWICE = "BS006", Error, "a key stands twice";
    SEVERAL_DOCUMENTS = "BS007", Error, "the text holds several documents";
    TAG_UNKNOWN = "BS008", Error, "a tag is not understood";
    TEXT_EXCESSIVE = "BS009", Error, "the text nests or repeats too much";
    ANCHOR_UNKNOWN = "BS010", Error, "an alias has no anchor";
    QUOTES_NEEDED = "BS011", Error, "a value needs quotes";
    NUMBER_AMBIGUOUS = "BS012", Error, "a number is ambiguous";
    KEY_NOT_TEXT = "BS013", Error, "a key is not a text";
    REFERENCE_BARE = "BS014", Info, "a reference inside braces has no quotes";
    BASE_UNREADABLE = "BS015", Error, "a base policy cannot be read";
    BASE_CYCLE = "BS016", Error, "policies extend each other in a circle";
    OVERRIDE_UNUSED = "BS017", Warning, "an override changes nothing";
    IGNORE_UNREASONED = "BS018", Warning, "an ignore comment gives no reason";
    IGNORE_UNUSED = "BS019", Warning, "an ignore comment silences nothing";
    IGNORE_MALFORMED = "BS020", Warning, "an ignore comment is not understood";
    MORE_PROBLEMS = "BS021", Error, "there are more problems";

    // The meaning of a policy.
    KEY_UNKNOWN = "BS101", Error, "a key is not known";
    KEY_ABSENT = "BS102", Error, "a key is missing";
    TYPE_WRONG = "BS103", Error, "a value has the wrong type";
    CHOICE_UNKNOWN = "BS104", Error, "a value is none of the choices";
    OUT_OF_RANGE = "BS105", Error, "a value is out of range";
    DURATION_INVALID = "BS106", Error, "a duration is not understood";
    SIZE_INVALID = "BS107", Error, "a size is not understood";
    SHARE_INVALID = "BS108", Error, "a share is not understood";
    SCHEDULE_INVALID = "BS109", Error, "a schedule is not understood";
    REFERENCE_INVALID = "BS110", Error, "a reference is not understood";
    NAME_INVALID = "BS111", Error, "a name is not allowed";
    ZONE_UNKNOWN = "BS112", Error, "a time zone is not known";
    MODE_INVALID = "BS113", Error, "a mode is not understood";
    EXPECTATION_INVALID = "BS114", Error, "an expectation is not understood";
    FORM_INVALID = "BS115", Error, "a text has the wrong form";
    VERSION_UNSUPPORTED = "BS116", Error, "a version of the policy format is not supported";
    NAME_UNDEFINED = "BS120", Error, "a name is not defined";
    NAME_TWICE = "BS121", Error, "a name stands twice in a list";
    ENCRYPTION_UNCLEAR = "BS122", Error, "an encryption does not say with which key";
    RECIPIENT_INVALID = "BS123", Error, "a recipient is not a public key";
    KEEP_UNCLEAR = "BS124", Error, "how long to keep is not clear";
    SETTING_MISPLACED = "BS125", Error, "a setting does not fit here";
    CREDENTIALS_UNCLEAR = "BS126", Error, "credentials do not say how to log in";
    NAME_RESERVED = "BS127", Error, "a name is reserved";

    // The meaning of a policy: what AWS takes.
    BUCKET_NAME_INVALID = "BS128", Error, "a bucket cannot have this name";
    REGION_INVALID = "BS129", Error, "a region is not understood";
    REGIONS_DIFFER = "BS130", Error, "one thing is in two regions";
    PREFIX_INVALID = "BS131", Error, "a prefix cannot be used";
    ENDPOINT_INVALID = "BS132", Error, "an endpoint is not understood";
    KMS_KEY_INVALID = "BS133", Error, "a key of KMS is not understood";
    TAG_INVALID = "BS134", Error, "a tag cannot be set";
    IAM_NAME_INVALID = "BS135", Error, "IAM takes no such name";
    IDENTITY_TWICE = "BS136", Error, "two entries are one user or role";
    ARN_INVALID = "BS137", Error, "an ARN is not understood";
    SERVICE_INVALID = "BS138", Error, "a service of AWS is not understood";
    GITHUB_TRUST_INVALID = "BS139", Error, "no workflow of GitHub can be meant";
    VERSIONS_NEEDED = "BS140", Error, "a setting needs old versions to be kept";
    LOCK_OUT_OF_RANGE = "BS141", Error, "a lock has no possible length";
    REPLICATION_INVALID = "BS142", Error, "a bucket cannot replicate there";
    TOO_MANY_RULES = "BS143", Error, "a bucket takes no more lifecycle rules";
    LOG_TARGET_INVALID = "BS144", Error, "a bucket cannot take an access log";

    // Advice on a policy.
    SECRET_WRITTEN = "BS201", Error, "a secret is written in the policy";
    SECRET_ON_ARGV = "BS202", Warning, "a secret stands on a command line";
    IDENTITY_IS_PATH = "BS203", Error, "a path stands where a key belongs";
    OFFSITE_UNENCRYPTED = "BS204", Warning, "copies leave this machine in clear";
    PLAIN_TRANSPORT = "BS205", Warning, "a connection is not encrypted";
    TRUST_TOO_WIDE = "BS206", Warning, "a role can be assumed too widely";
    FOLDER_OPEN = "BS207", Warning, "a storage is open to other users";
    FOLDER_VOLATILE = "BS208", Warning, "a storage does not last";
    TIER_UNUSED = "BS209", Warning, "no database has a tier";
    STORAGE_UNUSED = "BS210", Warning, "nothing is written to a storage";
    STORAGES_OVERLAP = "BS211", Error, "two storages overlap";
    ONE_PLACE = "BS212", Warning, "all copies lie in one place";
    SAME_HOST = "BS213", Warning, "all copies lie on the database's own machine";
    NEVER_SCHEDULED = "BS214", Warning, "a database is never backed up by schedule";
    NEVER_DUE = "BS215", Error, "a schedule never fires";
    CLOCK_CHANGE = "BS216", Warning, "a schedule meets the change of clocks";
    DUE_TOO_OFTEN = "BS217", Info, "a schedule fires every few minutes";
    RPO_MISSED = "BS218", Warning, "the schedule cannot meet the recovery point objective";
    RTO_MISSED = "BS219", Warning, "the storage class cannot meet the recovery time objective";
    THAW_BEYOND_RTO = "BS220", Info, "older backups take longer than the recovery time objective";
    WAL_WITHOUT_BASE = "BS221", Warning, "WAL is archived without a physical backup";
    KEEP_BELOW_INTERVAL = "BS222", Warning, "backups expire before the next one is made";
    FLOOR_NOT_HELD = "BS223", Warning, "a floor under deletion does not hold";
    FLOOR_DECIDES = "BS224", Info, "the number of backups decides, not their age";
    LIFECYCLE_HAS_NO_FLOOR = "BS225", Info, "S3 deletes the last backups too";
    LOCK_OUTLIVES_KEEP = "BS226", Warning, "a lock lasts longer than the copy is kept";
    VERSIONS_NEVER_END = "BS227", Warning, "deleted backups stay as old versions";
    TRANSITION_ORDER = "BS228", Error, "transitions are out of order";
    TRANSITION_TOO_LATE = "BS229", Error, "a transition comes after expiry";
    EARLY_DELETION = "BS230", Warning, "days of a storage class are paid for nothing";
    DRILL_WITHOUT_CHECKS = "BS231", Warning, "a drill checks nothing";
    FAILURE_UNHEARD = "BS232", Warning, "nobody is told when backups fail";
    FOLDER_RELATIVE = "BS233", Warning, "a folder is not an absolute path";
    PRUNE_WAITS_IN_VAIN = "BS234", Warning, "deletion waits for a drill that never comes";
    REGION_UNKNOWN = "BS240", Warning, "a region is not known";
    BUCKET_NAME_DOTTED = "BS241", Info, "a bucket's name has dots";
    AGE_ROUNDED_UP = "BS242", Info, "an age is rounded up to whole days";
    MOVE_TOO_EARLY = "BS243", Warning, "a server may refuse an early transition";
    LOCK_NOT_ENABLED = "BS244", Warning, "a lock has no bucket that locks";
    REPLICA_NOT_READY = "BS245", Warning, "a replica may not be taken";
    NEVER_REPLICATED = "BS246", Warning, "copies are not replicated";
    GRANTS_TOO_LONG = "BS247", Error, "grants are longer than IAM takes";
    FOLDER_IN_POD = "BS250", Warning, "a folder is gone with its pod";
    HOST_MISSING = "BS251", Warning, "no host does the work of a database";
    CLUSTER_FOR_DATABASE = "BS260", Error, "a physical tier is given to single databases";
    ALWAYS_FULL = "BS262", Warning, "no backup of a tier is incremental";
    TRANSPORT_OF_ENDPOINT = "BS263", Warning, "a bucket is to refuse the transport that it is reached by";

    // The world, below the IO line: storage.
    OBJECT_MISSING = "BS501", Error, "an object is missing from a store";
    OBJECT_CHANGED = "BS502", Error, "an object was changed by someone else";
    STORE_FULL = "BS503", Error, "a store is full";
    STORE_DENIED = "BS504", Error, "a store refuses access";
    STORE_FAILED = "BS505", Error, "a store failed";
    REFERENCE_UNRESOLVED = "BS506", Error, "a reference has no value";
    OBJECT_LOCKED = "BS507", Error, "an object is locked";
    OBJECT_ARCHIVED = "BS508", Error, "an object lies in a cold class";

    // The world, below the IO line: repositories.
    REPOSITORY_BROKEN = "BS510", Error, "a file of a repository is damaged";
    REPOSITORY_NEWER = "BS511", Error, "a repository was written by a newer version";
    DATABASE_LOCKED = "BS512", Error, "another run works on the database";
    LOCK_LOST = "BS513", Error, "a lock was lost";
    NOT_LEFTOVER = "BS514", Error, "a leftover belongs to a backup now";

    STORE_NOT_MOUNTED = "BS509", Error, "the disk of a store is not mounted";

    // The world, below the IO line: streams.
    STREAM_FAILED = "BS515", Error, "bytes could not be moved";
    BYTES_DAMAGED = "BS516", Error, "stored bytes are damaged";
    KEY_MISSING = "BS517", Error, "no key opens the bytes";
    CODEC_PROGRAM = "BS518", Error, "a program that encrypts or decrypts failed";
    INTERRUPTED = "BS519", Error, "the run was interrupted";

    // The world, below the IO line: PostgreSQL.
    SERVER_UNREACHABLE = "BS520", Error, "a server cannot be reached";
    LOGIN_REFUSED = "BS521", Error, "a server refuses the login";
    DATABASE_MISSING = "BS522", Error, "a database does not exist";
    PROGRAM_MISSING = "BS523", Error, "a PostgreSQL program is missing";
    PROGRAM_TOO_OLD = "BS524", Error, "a PostgreSQL program is older than the server";
    WRAPPER_FAILED = "BS525", Error, "a command of `exec` does not work";
    PERMISSION_DENIED = "BS526", Error, "a server denies permission";
    CONNECTION_LOST = "BS527", Error, "a connection to a server broke";
    STATEMENT_FAILED = "BS528", Error, "a statement or program of PostgreSQL failed";
    CONNECTION_INVALID = "BS529", Error, "a connection cannot be used";

    // The world, below the IO line: backups, restores, verification.
    BACKUP_UNKNOWN = "BS530", Error, "the policy has no such database or tier";
    BACKUP_UNSUPPORTED = "BS531", Error, "this version cannot make such a backup";
    BACKUP_NOT_ENCRYPTED = "BS532", Error, "a backup cannot be encrypted";
    HOOK_FAILED = "BS533", Error, "a hook failed";
    DUMP_NOT_WHOLE = "BS534", Error, "a dump is not whole";
    BACKUP_WOULD_NOT_FIT = "BS535", Error, "a backup would not fit";
    LOCAL_FILE = "BS536", Error, "a file of this machine cannot be written";
    NO_REPOSITORY = "BS537", Error, "a storage is not a repository";
    OUTPUT_LOST = "BS538", Error, "output could not be written";
    NOTHING_TO_RESTORE = "BS540", Error, "there is no such backup to restore";
    TABLE_NOT_IN_BACKUP = "BS541", Error, "a backup has no such table";
    DUMP_UNUSABLE = "BS542", Error, "a dump cannot be restored like this";
    TARGET_TAKEN = "BS543", Error, "the target of a restore is taken";
    ROLES_MISSING = "BS544", Error, "roles are missing where a backup goes";
    TABLES_TIED = "BS545", Error, "other objects hold on to a table";
    RESTORED_DIFFERS = "BS546", Error, "what was restored is not what was backed up";
    SAFETY_BACKUP_FAILED = "BS547", Error, "the safety backup failed";
    NOT_RESTORABLE = "BS920", Error, "a moment cannot be restored";
    BACKUP_NOT_LOCAL = "BS921", Error, "a cluster's files are not on this host";
    NEEDS_THAW = "BS548", Error, "a backup must be thawed first";
    THAW_TOO_FAST = "BS549", Error, "a class does not thaw that fast";
    THAW_GOES_ON = "BS580", Error, "a backup is being thawed";

    // S3 as a place for backups.
    BUCKET_MISSING = "BS550", Error, "a bucket does not exist";
    BUCKET_ELSEWHERE = "BS551", Error, "a bucket is in another region";
    AWS_LOGIN_REFUSED = "BS552", Error, "credentials for S3 are not accepted";
    CLOCK_SKEWED = "BS553", Error, "this machine's clock is wrong";
    STORE_LACKS = "BS554", Warning, "a store cannot do what the policy asks";

    // Buckets and identities of AWS.
    AWS_DENIED = "BS560", Error, "AWS refuses an action";
    BUCKET_FOREIGN = "BS561", Error, "a bucket belongs to someone else";
    AWS_THROTTLED = "BS562", Error, "AWS asks to slow down";
    AWS_NOT_SEEN = "BS563", Error, "a change does not show";
    AWS_MOVED = "BS564", Error, "something foreign came since the plan";
    AWS_FAILED = "BS565", Error, "a call of AWS failed";
    KEY_NOT_DELIVERED = "BS566", Error, "an access key could not be delivered";

    // The world, below the IO line: AWS beside its stores.
    PRICES_UNUSABLE = "BS575", Error, "a table of prices cannot be used";
    INSTALL_FAILED = "BS590", Error, "a file that starts scheduled work could not be installed";

    // Plans, guards and their application.
    PRUNE_UNSAFE = "BS601", Error, "pruning stops while the newest backup is not good";
    PRUNE_TOO_MANY = "BS602", Error, "too many backups would be deleted at once";
    PLAN_STALE = "BS603", Error, "the plan is stale";
    PLAN_UNREADABLE = "BS604", Error, "the plan file cannot be used";
    APPROVAL_MISSING = "BS605", Error, "approval is missing";
    STEPS_FAILED = "BS606", Error, "some steps failed";
    PRUNE_TOO_MUCH_WAL = "BS607", Error, "too much WAL would be deleted at once";
    IRREVERSIBLE = "BS610", Error, "a step cannot be taken back";
    RULE_FOREIGN = "BS611", Error, "a foreign lifecycle rule takes what the policy promises";

    // Moving in from scripts.
    ADOPTION_EMPTY = "BS840", Error, "no file has such a name";
    ADOPTION_IMPOSSIBLE = "BS841", Error, "dumps cannot be adopted there";
    DUMPS_REFUSED = "BS842", Error, "some dumps were not adopted";
    SETTINGS_UNREADABLE = "BS843", Error, "old settings cannot be read";
    SETTINGS_EMPTY = "BS844", Error, "old settings say nothing of a backup";

    // The archive of WAL.
    WAL_NOT_WANTED = "BS860", Error, "the policy archives no WAL of that database";
    WAL_REFUSED = "BS861", Error, "a file is not the WAL that its name says";
    WAL_CONTENT_DIFFERS = "BS862", Error, "a store has another content of a WAL file";
    WAL_NOT_STORED = "BS863", Error, "a WAL file is not in every storage";
    WAL_UNCERTAIN = "BS864", Error, "whether a WAL file is archived is not known";
    WAL_DAMAGED = "BS865", Error, "a stored WAL file is damaged";
    WAL_CLUSTER_UNKNOWN = "BS866", Error, "which cluster is meant is not known";
    WAL_UNREADABLE = "BS867", Error, "a WAL file of this machine cannot be read";
    WAL_SPOOL_FULL = "BS868", Error, "the spool of WAL is full";
    WAL_GIVEN_UP = "BS869", Warning, "WAL was given up for a storage";

    // Incremental backups.
    REFERENCE_LACKING = "BS872", Error, "a backup refers to one that is not there";
    REFERENCE_NEEDED = "BS873", Error, "another backup refers to it";

    // What a plan does, where only remarks can be shown.
    PLAN_NOT_WHOLE = "BS850", Error, "a plan is not whole";
    PLAN_DELETES = "BS851", Warning, "a plan deletes backups";
    PLAN_LOOSENS = "BS852", Warning, "a step of a plan protects less";
    PLAN_CHANGES = "BS853", Info, "a plan changes something outside";

    // What a change of a policy does: reviews.
    DATABASE_LOST = "BS700", Error, "a database is no longer backed up";
    DATABASE_GAINED = "BS701", Info, "a database is backed up that was not";
    RENAMED = "BS702", Error, "backups get another name";
    TIER_LOST = "BS703", Warning, "a database loses a tier";
    TIER_GAINED = "BS704", Info, "a database gains a tier";
    CONNECTION_CHANGED = "BS705", Warning, "a database is reached another way";
    SCOPE_LESS = "BS706", Error, "less of a database is backed up";
    SCOPE_MORE = "BS707", Info, "more of a database is backed up";
    SCHEDULE_LOST = "BS708", Error, "no schedule starts backups any more";
    SCHEDULE_GAINED = "BS709", Info, "a schedule starts backups";
    LOSS_LARGER = "BS710", Warning, "more could be lost";
    LOSS_SMALLER = "BS711", Info, "less could be lost";
    RESTORE_SLOWER = "BS712", Warning, "getting data back takes longer";
    RESTORE_FASTER = "BS713", Info, "getting data back takes less time";
    OBJECTIVE_LOOSER = "BS714", Warning, "an objective is loosened";
    OBJECTIVE_TIGHTER = "BS715", Info, "an objective is tightened";
    POINTS_LOST = "BS716", Error, "restore points disappear sooner";
    POINTS_KEPT = "BS717", Info, "restore points stay longer";
    KEEP_SHORTER = "BS718", Warning, "copies are kept for less";
    KEEP_LONGER = "BS719", Info, "copies are kept for longer";
    COPY_LOST = "BS720", Warning, "a tier writes one copy less";
    COPY_GAINED = "BS721", Info, "a tier writes one copy more";
    CLASS_COLDER = "BS722", Warning, "copies lie in a colder class";
    CLASS_WARMER = "BS723", Info, "copies lie in a warmer class";
    STORAGE_LOST = "BS724", Warning, "a storage leaves the policy";
    STORAGE_GAINED = "BS725", Info, "a storage joins the policy";
    STORAGE_MOVED = "BS726", Error, "a storage lies elsewhere";
    PRUNER_CHANGED = "BS727", Warning, "someone else deletes expired backups";
    STORAGE_LOOSER = "BS728", Error, "a storage is protected less";
    STORAGE_TIGHTER = "BS729", Info, "a storage is protected more";
    LOCK_WEAKER = "BS730", Error, "object lock holds less";
    LOCK_STRONGER = "BS731", Warning, "object lock holds more";
    FLOOR_LOWER = "BS732", Error, "a floor under deletion is lowered";
    FLOOR_HIGHER = "BS733", Info, "a floor under deletion is raised";
    ENCRYPTION_LOST = "BS734", Error, "backups are no longer encrypted";
    ENCRYPTION_GAINED = "BS735", Info, "backups are encrypted that were not";
    ENCRYPTION_CHANGED = "BS736", Warning, "backups are encrypted another way";
    READER_GAINED = "BS737", Warning, "another key opens backups";
    READER_LOST = "BS738", Warning, "a key no longer opens new backups";
    ACCESS_WIDER = "BS739", Warning, "someone may do more with backups";
    ACCESS_NARROWER = "BS740", Info, "someone may do less with backups";
    TRUST_WIDER = "BS741", Error, "more may assume a role";
    TRUST_NARROWER = "BS742", Info, "fewer may assume a role";
    ALERT_LOST = "BS743", Warning, "less is told when something fails";
    ALERT_GAINED = "BS744", Info, "more is told when something fails";
    PROOF_RARER = "BS745", Warning, "backups are proven less";
    PROOF_OFTENER = "BS746", Info, "backups are proven more";
    COMMAND_CHANGED = "BS747", Warning, "other commands are run";
    IGNORE_ADDED = "BS748", Warning, "advice is silenced";
    SETTING_CHANGED = "BS749", Info, "a setting has another value";
    LOG_LOST = "BS770", Warning, "the log cannot be written";
    METRICS_LOST = "BS771", Warning, "metrics cannot be written";

    // Who is told: alerts.
    REQUEST_FAILED = "BS750", Error, "a request over HTTP failed";
    CHANNEL_FAILED = "BS751", Error, "a channel does not take an alert";
    ALERTS_FORGOTTEN = "BS752", Warning, "what was told cannot be remembered";
    // Drills and migrations.
    DRILL_FAILED = "BS800", Error, "a backup did not pass its drill";
    DRILL_SERVER = "BS801", Error, "there is no server for a drill";
    PRUNE_UNPROVEN = "BS802", Error, "no newer backup has passed a drill";
    COMMAND_FAILED = "BS803", Error, "a guarded command failed";
    DRILL_UNKEPT = "BS804", Warning, "the record of a drill could not be kept";
    AGENT_NOT_WANTED = "BS820", Error, "no policy wants an agent";
    AGENT_DEAF = "BS821", Error, "the agent cannot be asked";
    AGENT_KEEPS_POLICY = "BS822", Error, "an older policy stays in force";
    HOST_UNKNOWN = "BS823", Error, "no database names this host";

    // The replication protocol and what comes by it.
    REPLICATION_DENIED = "BS900", Error, "a role may not replicate";
    REPLICATION_UNSUPPORTED = "BS901", Error, "a connection for replication asks for what only libpq can do";
    WAL_GONE = "BS902", Error, "the server has removed WAL that is needed";
    RECEIVER_BUSY = "BS903", Error, "another process receives that WAL";
    WAL_NOT_RECEIVABLE = "BS904", Error, "WAL of a database cannot be received";
    SLOT_UNUSABLE = "BS905", Error, "a replication slot cannot be used";
    STREAM_BROKEN = "BS906", Error, "a stream of WAL does not fit what is held";
    CLUSTER_CHANGED = "BS907", Error, "a connection leads to another cluster than before";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for code in CODES {
            assert!(code.id.len() == 5 && code.id.starts_with("BS"), "{}", code.id);
            assert!(seen.insert(code.id), "{} stands twice", code.id);
            assert!(!code.title.ends_with('.') && !code.title.is_empty(), "{}", code.id);
        }
    }
}

//! The words of `backstay restore DATABASE`.

use super::restore_cluster::ClusterArgs;
use super::thaw::ThawArgs;
use crate::base::BackupId;
use crate::restore::TableName;

/// Bring data back from a backup, or from a dump of any tool
///
/// One of --in-place, --into, --to-connection and --target-dir says where to. In place, the data goes into a new database beside
/// the old one, is compared with the manifest, and takes its place by a rename; the old one is kept as
/// `<name>_before_<id>`. A restore that fails changes nothing. --dry-run shows what would happen. With --target-dir a
/// whole cluster comes back from a physical backup, into a folder.
///
/// Examples:
///   backstay restore app --into app_yesterday            look at the data beside the live database
///   backstay restore app --in-place                      the newest good backup replaces the database
///   backstay restore app --in-place --dry-run            what that would do
///   backstay restore app --from 20261120T020000Z-k3f9 --into app_then
///   backstay restore app --in-place --table users --table public.orders
///   backstay restore app --to-connection '${env:STAGING_URL}' --no-owner --jobs 4
///   backstay restore app --from /tmp/old.sql.gz --into app_old
///   backstay restore main --table orders --to-time '2026-11-27 14:30' --into shop --as orders_before
///   backstay restore main --target-dir /srv/pg --to-time '2026-11-27 14:30' --start
///   backstay restore app --into app_then --thaw bulk           from GLACIER: asks for the thaw, exits 7
///   backstay restore app --into app_then --thaw standard --wait
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("destination").required(true).args(["in_place", "into", "to_connection", "target_dir"])))]
pub struct Args {
    /// Name of the database in the policy
    #[arg(value_name = "DATABASE")]
    pub(super) database: String,

    /// What to restore: `latest`, the id of a backup, or the path of a dump (.sql, .dump, .gz, .zst, .xz, .bz2, .age,
    /// .gpg)
    #[arg(long, value_name = "BACKUP", default_value = "latest")]
    pub(super) from: String,

    /// Only backups of this tier
    #[arg(short, long)]
    pub(super) tier: Option<String>,

    /// Only copies at this storage
    #[arg(long, value_name = "STORAGE")]
    pub(super) storage: Option<String>,

    /// Replace the database itself; the old one is kept under another name
    #[arg(long)]
    pub(super) in_place: bool,

    /// Restore into a new database on the same server
    #[arg(long, value_name = "NEW_DB")]
    pub(super) into: Option<String>,

    /// Restore into a database elsewhere that does not exist or is empty; a URL, or a reference such as `${env:URL}`
    #[arg(long, value_name = "URL")]
    pub(super) to_connection: Option<String>,

    /// Only this table, with its data, indexes and constraints; may be given several times
    #[arg(long = "table", value_name = "TABLE")]
    pub(super) tables: Vec<TableName>,

    /// Processes that restore at once; more than one needs room for the dump in $TMPDIR
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: u32,

    /// Leave out owners and grants: everything belongs to the connecting role
    #[arg(long)]
    pub(super) no_owner: bool,

    /// Put everything into the default tablespace, for a server that lacks those of the backup
    #[arg(long)]
    pub(super) no_tablespaces: bool,

    /// Show what would happen and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Do not ask before replacing
    #[arg(short, long)]
    pub(super) yes: bool,

    /// Drop the old database or tables once the new ones stand
    #[arg(long, requires = "in_place")]
    pub(super) drop_old: bool,

    /// Do not back up what is there now before replacing it
    #[arg(long, requires = "in_place")]
    pub(super) skip_safety_backup: bool,

    #[command(flatten)]
    pub(super) thaw: ThawArgs,

    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

impl Args {
    /// A restore in place of exactly this backup.
    pub(super) fn in_place(database: &str, id: &BackupId, yes: bool, is_dry_run: bool) -> Args {
        Args {
            database: database.to_owned(),
            from: id.to_string(),
            tier: None,
            storage: None,
            in_place: true,
            into: None,
            to_connection: None,
            tables: Vec::new(),
            jobs: 1,
            no_owner: false,
            no_tablespaces: false,
            dry_run: is_dry_run,
            yes,
            drop_old: false,
            skip_safety_backup: false,
            thaw: ThawArgs::default(),
            cluster: ClusterArgs::default(),
        }
    }
}

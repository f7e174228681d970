//! `backstay review`: what a change of a policy means.

use super::review_sides::{SidePolicy, pairs, read_side};
use super::{Context, Exit, prices};
use crate::diag::{Severity, Sources};
use crate::report::{self, Style};
use crate::review::{Judged, Recorded, Review, review};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Explain what a change of the policy means; needs no server, no store and no secret
///
/// Compares two policies by what they mean: databases that are no longer backed up, how much could
/// be lost and how soon it is back, restore points that disappear and the first day on which one
/// does, copies, classes, locks, encryption, access, alerts. Worst first, with the questions that a
/// reviewer should ask. BASE and HEAD are files, folders, revisions of git (of the files that
/// `--policy` names), REV:PATH, or `-`. Nothing of a revision is run, nothing is fetched, and no
/// reference is looked up: it is safe on anyone's pull request. A word that git knows is a revision;
/// a file ends in `.yaml` or begins with `./`, a folder ends in `/`.
///
/// Exits 0 whatever it finds, 3 when the policy after the change is invalid, and 4 with `--fail-on`.
///
/// Examples:
///   backstay review main                            the work tree, compared with main
///   backstay review origin/main HEAD --format markdown > comment.md
///   backstay review old.yaml new.yaml --catalog list.json
///   backstay review origin/main HEAD --format sarif > review.sarif
///   backstay review main HEAD --fail-on error
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The policy before the change: a file, a folder, a revision of git, REV:PATH, or `-`
    #[arg(value_name = "BASE")]
    base: String,

    /// The policy after the change [default: the files of the work tree that `--policy` names]
    #[arg(value_name = "HEAD")]
    head: Option<String>,

    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "human", hide_possible_values = false)]
    format: Format,

    /// What exists now, as `backstay list --json` printed it: names restore points, and gives the sizes for costs
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,

    /// Estimate costs by this table of prices instead of the one built in; docs/aws.md has the format
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Exit 4 when a finding is at least so bad
    #[arg(long, value_name = "LEVEL", default_value = "never", hide_possible_values = false)]
    fail_on: FailOn,
}

/// Formats of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for a terminal
    Human,
    /// A comment for a pull request, at most 60,000 bytes
    Markdown,
    /// One document, as schemas/review.v1.json describes it
    Json,
    /// SARIF 2.1.0 for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// What is as bad as a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Nothing: a review informs
    Never,
    /// Errors: something that could be restored or was protected no longer is
    Error,
    /// Errors and warnings
    Warning,
}

/// Reads both sides, compares and shows.
pub fn run(args: &Args, context: &Context) -> Exit {
    match judge(args, context) {
        Ok(review) => show(args, &review, context),
        Err(exit) => exit,
    }
}

fn judge(args: &Args, context: &Context) -> Result<Review, Exit> {
    if args.base == "-" && args.head.as_deref() == Some("-") {
        context.complain("standard input can be one side only", None);
        return Err(Exit::Usage);
    }
    let prices = prices::prices(args.prices.as_deref(), context)?;
    let recorded = args.catalog.as_deref().map(|file| recorded(file, context)).transpose()?;
    let mut sources = Sources::default();
    let base = read_side(Some(&args.base), &mut sources, context)?;
    let head = read_side(args.head.as_deref(), &mut sources, context)?;
    let pairs = pairs(&base, &head);
    if pairs.is_empty() {
        context.complain("neither side has a policy", Some("Name the policy's file with `--policy FILE`."));
        return Err(Exit::InvalidPolicy);
    }
    let now = Timestamp::now();
    let compare = |(base, head)| review(&judged(base), &judged(head), &sources, recorded.as_ref(), &prices, now);
    Ok(Review { policies: pairs.into_iter().map(compare).collect() })
}

fn judged(side: Option<&SidePolicy>) -> Judged<'_> {
    side.map_or(Judged::Absent, SidePolicy::judged)
}

fn recorded(file: &Path, context: &Context) -> Result<Recorded, Exit> {
    let hint = Some("Write it with `backstay list --json > FILE`.");
    let bytes = std::fs::read(file).map_err(|problem| {
        context.complain(format_args!("cannot read the catalog `{}`: {problem}", file.display()), hint);
        Exit::Failed
    })?;
    Recorded::parse(&bytes).map_err(|problem| {
        context.complain(format_args!("`{}` cannot be used: {problem}", file.display()), hint);
        Exit::Failed
    })
}

fn show(args: &Args, review: &Review, context: &Context) -> Exit {
    let style = Style { colour: context.colour, width: context.width };
    context.say(match if context.json { Format::Json } else { args.format } {
        Format::Human => report::review(review, style),
        Format::Markdown => report::review_markdown(review),
        Format::Json => report::review_json(review),
        Format::Sarif => report::review_sarif(review),
        Format::Github => report::review_annotations(review),
    });
    let worst = review.worst();
    let is_too_bad = match args.fail_on {
        FailOn::Never => false,
        FailOn::Error => worst >= Some(Severity::Error),
        FailOn::Warning => worst >= Some(Severity::Warning),
    };
    match (review.is_valid(), is_too_bad) {
        (false, _) => Exit::InvalidPolicy,
        (true, true) => Exit::Refused,
        (true, false) => Exit::Done,
    }
}

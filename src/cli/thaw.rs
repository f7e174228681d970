//! The part of `restore` that is about cold backups: asking for a thaw, waiting for it, saying when to come back.

use super::{Context, Exit, state};
use crate::base::Period;
use crate::catalog::{Choice, RestorePoint, Wish, nearest_readable};
use crate::plan::{AskedThaw, Prices, RestoreOrigin, ThawPlan, ThawStage, thaw};
use crate::report::{self, Style};
use crate::resource::{Availability, ThawSpeed};
use crate::restore::{
    ColdError, Hands, Nearest, RestoreError, ask_for, remember_thaw, remembered_thaw, thaw_files, wait_for,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;

/// What the user typed about thawing.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ThawArgs {
    /// Thaw a backup that lies in a cold class: `expedited` takes minutes, `standard` hours, `bulk` up to two days and
    /// costs least
    #[arg(long, value_name = "SPEED", value_parser = speeds())]
    thaw: Option<ThawSpeed>,

    /// Wait until it is thawed, then restore; without it exit 7 says when to come back
    #[arg(long, requires = "thaw")]
    wait: bool,

    /// Days that the thawed copy can be read
    #[arg(long, value_name = "N", default_value_t = 7, requires = "thaw", value_parser = clap::value_parser!(u32).range(1..=365))]
    thaw_days: u32,
}

fn speeds() -> impl TypedValueParser<Value = ThawSpeed> {
    let of = |word: String| ThawSpeed::ALL.into_iter().find(|speed| speed.word() == word).unwrap_or_default();
    PossibleValuesParser::new(ThawSpeed::ALL.map(ThawSpeed::word)).map(of)
}

/// What is to be restored, and everything that could be restored instead.
pub(super) struct Cold<'a> {
    /// The database entry.
    pub(super) database: &'a str,
    /// The copy that was chosen.
    pub(super) choice: &'a Choice<'a>,
    /// Every backup.
    pub(super) points: &'a [RestorePoint],
    /// What was asked for.
    pub(super) wish: &'a Wish<'a>,
    /// Prices, where they are those of the store.
    pub(super) prices: Option<&'a Prices>,
    /// Nothing is to be changed.
    pub(super) is_dry_run: bool,
}

/// Sees to it that the chosen copy can be read. `None`: it can. `Some`: the run ends here.
pub(super) async fn make_readable(
    args: &ThawArgs,
    context: &Context,
    cold: &Cold<'_>,
    hands: &Hands<'_>,
) -> Result<Option<Exit>, RestoreError> {
    let Choice { copy, .. } = cold.choice;
    let availability = copy.backup.availability;
    let (None, Some(repository)) = (readable_without_a_word(args, availability), hands.repositories.get(&copy.storage))
    else {
        return Ok(None);
    };
    let is_under_way = matches!(availability, Availability::Thawing(_));
    let now = Timestamp::now();
    if args.thaw.is_none() && !cold.is_dry_run && !is_under_way {
        return Err(needs_thaw(cold, now).into());
    }
    let files = thaw_files(repository, &copy.backup).await?;
    let speed = args.thaw.unwrap_or_default();
    let Some(mut wanted) = thaw(&files, speed, args.thaw_days, now).map_err(ColdError::from)? else { return Ok(None) };
    let memory = state::repository();
    let asked = match &memory {
        Some(memory) if is_under_way => remembered_thaw(memory.store.as_ref(), &copy.storage, &copy.backup).await,
        _ => None,
    };
    // Asked for again, a thaw can only become faster.
    let is_faster = args.thaw.is_some() && asked.is_some_and(|asked| speed < asked.speed);
    let stage = if is_under_way && !is_faster { ThawStage::UnderWay } else { ThawStage::Planned };
    if let (ThawStage::UnderWay, Some(asked)) = (stage, asked) {
        wanted.take_as(asked);
    }
    let cost = cold.prices.filter(|_| stage == ThawStage::Planned).map(|prices| wanted.estimate(prices));
    let mut plan =
        ThawPlan { database: cold.database.to_owned(), origin: origin(cold), cost, stage, asked, thaw: wanted };
    if cold.is_dry_run {
        show(&plan, context, now);
        if args.thaw.is_none() && !is_under_way {
            tell_hint(&needs_thaw(cold, now), context);
        }
        return Ok(Some(Exit::Done));
    }
    if args.thaw.is_some() {
        // Of one that another machine asked for nobody knows how quickly it goes: this may make it faster.
        if stage == ThawStage::Planned || asked.is_none() {
            ask_for(repository, &copy.backup, &plan.thaw).await?;
        }
        if plan.thaw.is_prolongation() {
            return Ok(None);
        }
        if stage == ThawStage::Planned {
            plan.stage = ThawStage::Asked;
            if let Some(memory) = &memory {
                remember_thaw(memory.store.as_ref(), &copy.storage, &copy.backup, AskedThaw { at: now, speed }).await;
            }
        }
    }
    if args.wait {
        context.tell(report::thaw(&plan, now, style(context, context.colour_err)).trim_end());
        wait_for(repository, &copy.backup, &plan, hands).await?;
        return Ok(None);
    }
    show(&plan, context, now);
    Err(goes_on(cold, &plan, now).into())
}

/// A copy that can be read, and stays so for long enough that nobody has to ask for more.
fn readable_without_a_word(args: &ThawArgs, availability: Availability) -> Option<()> {
    match availability {
        Availability::Ready => Some(()),
        Availability::Thawed { .. } if args.thaw.is_none() => Some(()),
        _ => None,
    }
}

fn origin(cold: &Cold<'_>) -> RestoreOrigin {
    let Choice { point, copy, reasons, passed_over } = cold.choice;
    RestoreOrigin::Backup {
        id: point.id.clone(),
        tier: point.tier.clone(),
        storage: copy.storage.clone(),
        taken_at: point.started_at,
        reasons: reasons.clone(),
        passed_over: passed_over.clone(),
    }
}

fn needs_thaw(cold: &Cold<'_>, now: Timestamp) -> ColdError {
    let Choice { point, copy, .. } = cold.choice;
    let nearest = nearest_readable(cold.points, point, cold.wish, now);
    let nearest = nearest.map(|(near, at)| Nearest {
        id: near.id.clone(),
        tier: near.tier.clone(),
        storage: at.storage.clone(),
        taken_at: near.started_at,
        instead_of: point.started_at,
    });
    ColdError::NeedsThaw {
        id: point.id.clone(),
        storage: copy.storage.clone(),
        class: copy.backup.class(),
        nearest: nearest.map(Box::new),
    }
}

fn goes_on(cold: &Cold<'_>, plan: &ThawPlan, now: Timestamp) -> ColdError {
    let n = plan.thaw.files.len();
    let files = if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
    let state = match plan.stage {
        ThawStage::Asked => format!("{files} asked for now, speed `{}`, {}", plan.thaw.speed, plan.thaw.time),
        _ => match plan.asked {
            Some(AskedThaw { at, speed }) => {
                format!(
                    "{files} asked for {} ago, speed `{speed}`, {}",
                    Period::between(at, now).human(),
                    plan.thaw.time
                )
            }
            None => format!("{files} asked for by an earlier run"),
        },
    };
    let ready_by = plan.ready_by(now);
    ColdError::GoesOn { id: cold.choice.point.id.clone(), storage: cold.choice.copy.storage.clone(), state, ready_by }
}

fn show(plan: &ThawPlan, context: &Context, now: Timestamp) {
    if context.json {
        context.say(report::thaw_json(plan, now));
    } else {
        context.say(report::thaw(plan, now, style(context, context.colour)));
    }
}

fn tell_hint(error: &ColdError, context: &Context) {
    use crate::diag::Explain as _;
    if let Some(hint) = error.hint() {
        context.tell(format_args!("nothing was changed. {hint}"));
    }
}

fn style(context: &Context, colour: bool) -> Style {
    Style { colour, width: context.width }
}

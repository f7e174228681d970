//! Databases: their own words, then `defaults`, then what holds everywhere.

use crate::base::{Share, Template};
use crate::catalog::VerifyLevel;
use crate::policy::desired::{
    CheckSpec, ConnectionSpec, DatabaseSpec, DrillSpec, DumpSpec, HookSpec, MatchSpec, ObjectivesSpec, SafetySpec,
    VerifySpec, WalSpec, WalSpoolSpec,
};
use crate::policy::model::{
    Argv, Check, Connection, ConnectionParts, Database, Defaults, Drill, Dump, Exec, Hooks, Objectives, Policy, Port,
    Safety, SslMode, Verify, Wal, WhenFull, Written,
};
use indexmap::IndexMap;

/// Floors under deletion where the policy sets none.
const KEEP_AT_LEAST: u32 = 3;
const MAX_PRUNE: Share = Share::percent(30);

pub(super) fn database(policy: &Policy, database: &Database) -> DatabaseSpec {
    let defaults = policy.defaults.as_ref();
    let name = own_or(database.encryption.as_ref(), defaults, |d| d.encryption.as_ref()).map(Written::text);
    DatabaseSpec {
        connection: connection(&database.connection),
        exec: own_or(database.exec.as_ref(), defaults, |d| d.exec.as_ref()).map(exec).unwrap_or_default(),
        matching: database.matching.as_ref().map(|matching| MatchSpec {
            include: matching.include.clone(),
            exclude: matching.exclude.clone().unwrap_or_default(),
        }),
        host: own_or(database.host.as_ref(), defaults, |d| d.host.as_ref()).cloned(),
        tiers: own_or(database.tiers.as_ref(), defaults, |d| d.tiers.as_ref())
            .into_iter()
            .flatten()
            .map(|name| name.text().to_owned())
            .collect(),
        encryption: name.filter(|name| *name != "none").map(str::to_owned),
        dump: dump(own_or(database.dump.as_ref(), defaults, |d| d.dump.as_ref())),
        wal: database.wal.as_ref().map(wal),
        verify: own_or(database.verify.as_ref(), defaults, |d| d.verify.as_ref()).map(verify),
        drill: own_or(database.drill.as_ref(), defaults, |d| d.drill.as_ref()).map(drill),
        objectives: objectives([
            database.objectives.as_ref(),
            defaults.and_then(|defaults| defaults.objectives.as_ref()),
        ]),
        hooks: hooks(own_or(database.hooks.as_ref(), defaults, |d| d.hooks.as_ref())),
        safety: safety([
            database.safety.as_ref(),
            defaults.and_then(|defaults| defaults.safety.as_ref()),
            policy.safety.as_ref(),
        ]),
    }
}

fn own_or<'a, T>(
    own: Option<&'a T>,
    defaults: Option<&'a Defaults>,
    default: impl Fn(&'a Defaults) -> Option<&'a T>,
) -> Option<&'a T> {
    own.or_else(|| defaults.and_then(default))
}

fn connection(connection: &Connection) -> ConnectionSpec {
    match connection {
        Connection::Url(url) => ConnectionSpec::Url(url.value().clone()),
        Connection::Parts(parts) => ConnectionSpec::Parts(connection_parts(parts)),
    }
}

fn connection_parts(parts: &ConnectionParts) -> IndexMap<String, Template> {
    let text = |value: &Option<Written<Template>>| value.as_ref().map(|written| written.value().clone());
    let port = parts.port.as_ref().map(|port| match port {
        Port::Number(number) => Template::literal(number.to_string()),
        Port::Reference(reference) => reference.value().clone(),
    });
    [
        ("host", text(&parts.host)),
        ("port", port),
        ("user", text(&parts.user)),
        ("password", text(&parts.password)),
        ("database", text(&parts.database)),
        ("sslmode", parts.sslmode.map(|mode| Template::literal(ssl_mode(mode)))),
        ("sslrootcert", text(&parts.sslrootcert)),
        ("passfile", text(&parts.passfile)),
        ("service", text(&parts.service)),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.map(|value| (key.to_owned(), value)))
    .collect()
}

fn ssl_mode(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}

fn argv(words: &[Written<Template>]) -> Vec<Template> {
    words.iter().map(|word| word.value().clone()).collect()
}

fn exec(exec: &Exec) -> Vec<Vec<Template>> {
    match exec {
        Exec::One(words) => vec![argv(words)],
        Exec::Fallbacks(commands) => commands.iter().map(|command| argv(&command.0)).collect(),
    }
}

fn dump(dump: Option<&Dump>) -> DumpSpec {
    let list = |of: fn(&Dump) -> &Option<Vec<String>>| dump.and_then(|dump| of(dump).clone()).unwrap_or_default();
    DumpSpec {
        exclude_tables: list(|dump| &dump.exclude_tables),
        exclude_table_data: list(|dump| &dump.exclude_table_data),
        schemas: list(|dump| &dump.schemas),
        exclude_schemas: list(|dump| &dump.exclude_schemas),
        globals: dump.and_then(|dump| dump.globals).unwrap_or(true),
    }
}

fn wal(wal: &Wal) -> WalSpec {
    WalSpec {
        mode: wal.mode,
        to: wal.to.iter().map(|name| name.text().to_owned()).collect(),
        archive_timeout: wal.archive_timeout.as_deref().copied(),
        manages: wal.manage.unwrap_or(false),
        slot: wal.slot.clone(),
        is_synchronous: wal.synchronous.unwrap_or(false),
        spool: wal.spool.as_ref().map(|spool| WalSpoolSpec {
            path: spool.path.value().clone(),
            max: *spool.max.value(),
            when_full: spool.when_full.unwrap_or(WhenFull::Block),
        }),
    }
}

fn verify(verify: &Verify) -> VerifySpec {
    VerifySpec { schedule: verify.schedule.value().clone(), level: verify.level.unwrap_or(VerifyLevel::Checksum) }
}

fn drill(drill: &Drill) -> DrillSpec {
    let check = |check: &Check| CheckSpec {
        sql: check.sql.clone(),
        expect: check.expect.value().clone(),
        said: check.expect.text().to_owned(),
    };
    DrillSpec {
        schedule: drill.schedule.value().clone(),
        tier: drill.tier.as_ref().map(|tier| tier.text().to_owned()),
        checks: drill.checks.iter().flatten().map(check).collect(),
        max_duration: drill.max_duration.as_deref().copied(),
    }
}

fn objectives(said: [Option<&Objectives>; 2]) -> ObjectivesSpec {
    let said = || said.into_iter().flatten();
    ObjectivesSpec {
        rpo: said().find_map(|objectives| objectives.rpo.as_deref().copied()),
        rto: said().find_map(|objectives| objectives.rto.as_deref().copied()),
    }
}

fn hooks(hooks: Option<&Hooks>) -> HookSpec {
    let list = |of: fn(&Hooks) -> &Option<Vec<Argv>>| {
        let commands = hooks.and_then(|hooks| of(hooks).as_ref());
        commands.into_iter().flatten().map(|command| argv(&command.0)).collect()
    };
    HookSpec {
        before_backup: list(|hooks| &hooks.before_backup),
        after_backup: list(|hooks| &hooks.after_backup),
        before_restore: list(|hooks| &hooks.before_restore),
        after_restore: list(|hooks| &hooks.after_restore),
        on_failure: list(|hooks| &hooks.on_failure),
    }
}

fn safety(said: [Option<&Safety>; 3]) -> SafetySpec {
    let said = || said.into_iter().flatten();
    SafetySpec {
        keep_at_least: said().find_map(|safety| safety.keep_at_least).unwrap_or(KEEP_AT_LEAST),
        max_prune: said().find_map(|safety| safety.max_prune.as_deref().copied()).unwrap_or(MAX_PRUNE),
    }
}

//! Where a connection or a URL leads: to this machine, to another, or nobody can tell from the policy.

use super::text::{UNKNOWN, basename, masked};
use crate::base::Template;
use crate::policy::desired::{ConnectionSpec, DatabaseSpec};

/// Where something is, seen from the machine that runs this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Reach {
    /// On this machine.
    Here,
    /// On another machine.
    Elsewhere,
    /// The policy does not say: a reference hides it, or it depends on a command.
    Unknown,
}

/// Where the server of a database runs.
pub(in crate::policy) fn reach(database: &DatabaseSpec) -> Reach {
    let host = match &database.connection {
        ConnectionSpec::Url(url) => url_reach(url),
        ConnectionSpec::Parts(parts) => match (parts.get("host"), parts.get("service")) {
            (Some(host), _) => host_reach(&masked(host)),
            (None, Some(_)) => Reach::Unknown,
            (None, None) => Reach::Here,
        },
    };
    let mut commands = database.exec.iter().map(|argv| command_reach(argv));
    let Some(first) = commands.next() else { return host };
    let client = if commands.all(|other| other == first) { first } else { Reach::Unknown };
    match (client, host) {
        // Behind a command, "here" is wherever the command runs the client.
        (client, Reach::Here) => client,
        (Reach::Elsewhere, _) => Reach::Elsewhere,
        // A host name that only a container network knows says nothing about the machine.
        _ => Reach::Unknown,
    }
}

/// Where the host of a URL is; of several hosts all must agree.
pub(in crate::policy) fn url_reach(url: &Template) -> Reach {
    let Some(hosts) = url_host(url) else { return Reach::Unknown };
    let mut found = hosts.split(',').map(host_reach);
    let first = found.next().unwrap_or(Reach::Unknown);
    if found.all(|other| other == first) { first } else { Reach::Unknown }
}

/// The host part of a URL without user, password and ports, empty when it has none; of several hosts all, with
/// commas. `None` when the text is not a URL in clear.
pub(in crate::policy) fn url_host(url: &Template) -> Option<String> {
    let text = masked(url);
    let (_, rest) = text.split_once("://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some(host) = query.split('&').find_map(|p| p.strip_prefix("host=").or_else(|| p.strip_prefix("hostaddr="))) {
        return Some(host.replace("%2F", "/").replace("%2f", "/"));
    }
    if query.split('&').any(|parameter| parameter.starts_with("service=")) {
        return None;
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    Some(hosts.split(',').map(without_port).collect::<Vec<_>>().join(",").replace("%2F", "/").replace("%2f", "/"))
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

fn host_reach(host: &str) -> Reach {
    if host.contains(UNKNOWN) {
        return Reach::Unknown;
    }
    let host = host.trim().trim_end_matches('.');
    let here = host.is_empty()
        || host.starts_with(['/', '@'])
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.starts_with("127.")
        || matches!(host, "::1" | "0.0.0.0" | "::");
    if here { Reach::Here } else { Reach::Elsewhere }
}

/// Where a wrapper such as `docker exec` or `ssh` runs the client programs.
fn command_reach(argv: &[Template]) -> Reach {
    let words: Vec<String> = argv.iter().map(masked).collect();
    let transparent = |word: &&String| {
        matches!(basename(word), "sudo" | "doas" | "env" | "nice" | "ionice" | "timeout" | "runuser" | "su" | "chroot")
    };
    let Some(first) = words.first() else { return Reach::Here };
    match basename(first) {
        "docker" | "podman" | "nerdctl" | "docker-compose" => {
            let other = ["-H", "--host", "--context", "-c", "--url", "--connection", "--remote"];
            let named = |word: &String| other.iter().any(|o| word == o || word.starts_with(&format!("{o}=")));
            // Options of docker itself stand before its verb.
            let options = words.iter().skip(1).take_while(|word| *word != "exec" && *word != "run");
            if options.into_iter().any(named) { Reach::Unknown } else { Reach::Here }
        }
        "ssh" | "kubectl" | "oc" | "gcloud" | "aws" | "flyctl" | "fly" | "heroku" | "az" => Reach::Elsewhere,
        _ if transparent(&first) && words.iter().skip(1).all(|word| !looks_like_wrapper(word)) => Reach::Here,
        _ => Reach::Unknown,
    }
}

fn looks_like_wrapper(word: &str) -> bool {
    matches!(basename(word), "docker" | "podman" | "nerdctl" | "ssh" | "kubectl" | "oc" | "sh" | "bash")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn of(url: &str) -> Reach {
        url_reach(&url.parse().unwrap())
    }

    #[test]
    fn urls_lead_somewhere() {
        for here in [
            "postgresql:///shop",
            "postgresql://localhost/shop",
            "postgres://app:${env:PW}@127.0.0.1:5433/shop",
            "postgres://app@[::1]:5432/shop",
            "postgresql:///shop?host=/run/postgresql",
            "postgresql://%2Frun%2Fpostgresql/shop",
        ] {
            assert_eq!(of(here), Reach::Here, "{here}");
        }
        for elsewhere in ["postgres://app@db1.internal/shop", "postgres://10.0.0.7:6432/shop", "http://minio:9000"] {
            assert_eq!(of(elsewhere), Reach::Elsewhere, "{elsewhere}");
        }
        for unknown in ["${env:DATABASE_URL}", "postgres://${env:HOST}/x", "postgres://localhost,db2/x", "shop"] {
            assert_eq!(of(unknown), Reach::Unknown, "{unknown}");
        }
    }

    #[test]
    fn wrappers_move_the_client() {
        let of = |words: &[&str]| command_reach(&words.iter().map(|w| w.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(of(&["docker", "exec", "-i", "pg"]), Reach::Here);
        assert_eq!(of(&["docker", "-H", "ssh://db1", "exec", "pg"]), Reach::Unknown);
        assert_eq!(of(&["/usr/bin/ssh", "db1"]), Reach::Elsewhere);
        assert_eq!(of(&["sudo", "-u", "postgres"]), Reach::Here);
        assert_eq!(of(&["sudo", "ssh", "db1"]), Reach::Unknown);
        assert_eq!(of(&["./wrap"]), Reach::Unknown);
    }
}

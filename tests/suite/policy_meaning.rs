//! What policies mean: defaults and their order, the digest, what is not acted on, and text of any kind.

use backstay::base::{Period, Share};
use backstay::catalog::Keep;
use backstay::diag::Sources;
use backstay::policy::{Compression, Desired, Loaded, load, resolve};
use proptest::prelude::*;

const GOOD: &str = include_str!("../fixtures/policy/good/full.yaml");

fn meaning(text: &str) -> Desired {
    let mut sources = Sources::default();
    let Loaded { document, found, .. } = load(&mut sources, "p.yaml", text.as_bytes(), &|_| Err("no".to_owned()));
    resolve(&document.unwrap_or_else(|| panic!("{found:?}")), "p.yaml", &sources)
}

const SMALL: &str = r#"
version: 1
name: shop
storage: { local: { type: filesystem, path: /b } }
tiers:
  daily: { schedule: "@daily", copies: [{ to: local, keep: 7d }] }
  manual: { schedule: manual, copies: [{ to: local, keep: { last: 2 } }] }
databases:
  a: { connection: "postgres://h/a", tiers: [daily] }
  b: { connection: { host: h, database: b }, tiers: [daily, manual] }
"#;

#[test]
fn defaults_are_filled_in() {
    let desired = meaning(SMALL);
    assert_eq!(desired.timezone.iana_name(), Some("UTC"));
    assert_eq!(desired.tiers["daily"].compression, Compression::Zstd(3));
    assert_eq!(desired.tiers["manual"].copies[0].keep, Keep::Last(2));
    let a = &desired.databases["a"];
    assert_eq!((a.safety.keep_at_least, a.safety.max_prune), (3, Share::percent(30)));
    assert!(a.dump.globals && a.encryption.is_none() && a.exec.is_empty());
    assert!(desired.unmanaged.is_empty());
}

#[test]
fn a_database_speaks_before_defaults_and_defaults_before_the_policy() {
    let desired = meaning(
        &format!(
            "{SMALL}
defaults: {{ encryption: p, objectives: {{ rpo: 1d, rto: 1h }}, safety: {{ keep_at_least: 5 }}, compression: gzip }}
safety: {{ keep_at_least: 9, max_prune: 10% }}
encryption: {{ p: {{ type: gpg, passphrase: \"${{env:P}}\" }} }}
"
        )
        .replace(
            "tiers: [daily] }",
            "tiers: [daily], encryption: none, objectives: { rpo: 2d }, safety: { max_prune: 50% } }",
        ),
    );
    let (a, b) = (&desired.databases["a"], &desired.databases["b"]);
    assert_eq!((a.encryption.as_deref(), b.encryption.as_deref()), (None, Some("p")));
    assert_eq!((a.objectives.rpo, a.objectives.rto), (Some(Period::days(2)), Some(Period::hours(1))));
    assert_eq!((a.safety.keep_at_least, a.safety.max_prune), (5, Share::percent(50)));
    assert_eq!((b.safety.keep_at_least, b.safety.max_prune), (5, Share::percent(10)));
    assert_eq!(desired.tiers["daily"].compression, Compression::Gzip(6));
}

#[test]
fn equal_meaning_has_an_equal_digest() {
    let hash = meaning(SMALL).hash;
    for same in [
        format!("# a comment\n{SMALL}\ntimezone: UTC\n"),
        SMALL.replace("keep: 7d", "keep: 168h"),
        SMALL.replace(
            "copies: [{ to: local, keep: 7d }]",
            "compression: { type: zstd }, copies: [{ keep: 1w, to: local }]",
        ),
        SMALL.replace("path: /b", "path: /b, manage: { create: true, mode: \"700\" }"),
        format!("{SMALL}\nsafety: {{ keep_at_least: 3, max_prune: 30% }}\n"),
        SMALL.replace("\n", "\r\n"),
    ] {
        assert_eq!(meaning(&same).hash, hash, "{same}");
    }
    for other in [
        SMALL.replace("7d", "8d"),
        SMALL.replace("path: /b", "path: /c"),
        SMALL.replace("host: h", "host: i"),
        format!("{SMALL}\ntimezone: Europe/Berlin\n"),
        format!("{SMALL}\nmetrics: {{ textfile: /m }}\n"),
    ] {
        assert_ne!(meaning(&other).hash, hash, "{other}");
    }
}

#[test]
fn what_is_not_acted_on_is_named() {
    let desired = meaning(GOOD);
    let paths: Vec<String> =
        desired.unmanaged.iter().map(|part| format!("{}: {}", part.path, part.consequence)).collect();
    insta::assert_snapshot!(paths.join("\n"));
}

#[test]
fn every_value_has_an_origin() {
    let text = format!("{SMALL}\ndefaults: {{ verify: {{ schedule: \"@daily\" }}, safety: {{ keep_at_least: 4 }} }}\n")
        .replace("host: h,", "host: h, password: hunter2,")
        .replace("postgres://h/a", "postgres://u:hunter2@h/a");
    let desired = meaning(&text);
    let lines: Vec<String> =
        desired.explained.iter().map(|value| format!("{} = {}  ({})", value.path, value.value, value.origin)).collect();
    assert!(!lines.join("\n").contains("hunter2"));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn bases_are_merged_wherever_they_stand() {
    let fetch = |path: &str| match path {
        "policies/base.yaml" => Ok(SMALL.as_bytes().to_vec()),
        "common/small.yaml" => Ok(b"safety: { keep_at_least: 8 }\n".to_vec()),
        other => Err(format!("asked for {other}")),
    };
    let mut sources = Sources::default();
    let text = b"extends: [base.yaml, ../common/./small.yaml]\nname: production\ntiers: { manual: null }\ndatabases: { b: null }\n";
    let Loaded { document, found, .. } = load(&mut sources, "policies/production.yaml", text, &fetch);
    let document = document.unwrap_or_else(|| panic!("{found:?}"));
    let desired = resolve(&document, "policies/production.yaml", &sources);
    assert_eq!(desired.name, "production");
    assert_eq!(desired.databases.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(desired.databases["a"].safety.keep_at_least, 8);
    assert_eq!(desired.tiers.len(), 1);
    assert!(document.remarks.0.is_empty(), "{:?}", document.remarks);
    let origin = |path: &str| desired.explained.iter().find(|value| value.path == path).map(|v| v.origin.as_str());
    assert_eq!(origin("tiers.daily.schedule"), Some("policies/base.yaml:6"));
    assert_eq!(origin("name"), Some("policies/production.yaml:2"));
}

/// A text that is broken in some place, as people break it.
fn broken() -> impl Strategy<Value = String> {
    let splice = prop_oneof![
        Just(String::new()),
        Just("\t".to_owned()),
        Just("{".to_owned()),
        Just("]".to_owned()),
        Just("\"".to_owned()),
        Just("${".to_owned()),
        Just("${env:X}".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        Just("# backstay: ignore[BS017]".to_owned()),
        Just("é😀".to_owned()),
        Just("\n".to_owned()),
        Just("|\n".to_owned()),
        "[ -~]{0,6}",
    ];
    (0..GOOD.len(), 0..40_usize, splice).prop_map(|(at, removed, splice)| {
        let whole = |mut at: usize| {
            while !GOOD.is_char_boundary(at.min(GOOD.len())) {
                at -= 1;
            }
            at.min(GOOD.len())
        };
        format!("{}{splice}{}", &GOOD[..whole(at)], &GOOD[whole(at + removed)..])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is typed: no panic, an error or a document, and places inside the text.
    #[test]
    fn any_text_gets_an_answer(text in prop_oneof![broken(), "[ -~\n\t]{0,200}", any::<String>()]) {
        let mut sources = Sources::default();
        let Loaded { document, found, .. } = load(&mut sources, "p.yaml", text.as_bytes(), &|_| Err("no".to_owned()));
        prop_assert_eq!(document.is_none(), found.has_errors());
        backstay::report::diagnostics(&found, &sources, backstay::report::Style::PLAIN);
        backstay::report::diagnostics_json(&found, &sources);
    }
}

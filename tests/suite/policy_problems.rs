//! Fixtures of wrong policies and what is said about each: code, line, column, route, particulars.
//! `BLESS=1 cargo test --test suite policy_problems` writes the `.expected` files anew.

use backstay::diag::{CODES, Diagnostics, Severity, Sources};
use backstay::policy::{Loaded, Subject, lint, lint_rest, load, resolve};
use backstay::report::{self, Style};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy").join(name)
}

fn policies(name: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    paths
}

/// Everything that `validate` would say of text and meaning, with names relative to the folder of fixtures.
fn judge(path: &Path) -> (Sources, Diagnostics) {
    let inside = path.parent().unwrap().to_owned();
    let fetch = move |name: &str| std::fs::read(inside.join(name)).map_err(|_| "there is no such file".to_owned());
    let mut sources = Sources::default();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let Loaded { document, mut found, .. } = load(&mut sources, &name, &std::fs::read(path).unwrap(), &fetch);
    assert_eq!(document.is_none(), found.has_errors(), "{name}");
    if let Some(document) = document {
        let desired = resolve(&document, &name, &sources);
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let advice = lint(&Subject { document: &document, desired: &desired, sources: &sources, now });
        // Rules have fixtures of their own.
        found.0.extend(advice.0.into_iter().filter(|diagnostic| diagnostic.code.id < "BS200"));
    }
    (sources, found)
}

fn lines(sources: &Sources, found: &Diagnostics) -> String {
    let mut out = String::new();
    for diagnostic in found.iter() {
        let place = diagnostic.span.map(|span| {
            let start = sources.start(span);
            format!("{}:{}:{}", sources.get(span.source).name, start.line, start.column)
        });
        let place = place.unwrap_or_else(|| "-".to_owned());
        out.push_str(&format!("{} {place} [{}] {}\n", diagnostic.code.id, diagnostic.path, diagnostic.detail));
        if let Some(hint) = &diagnostic.hint {
            out.push_str(&format!("      {hint}\n"));
        }
    }
    out
}

fn compare(path: &Path) -> Vec<&'static str> {
    let (sources, found) = judge(path);
    let said = lines(&sources, &found);
    let expected = path.with_extension("expected");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&expected, &said).unwrap();
    }
    let stored = std::fs::read_to_string(&expected).unwrap_or_default();
    assert!(said == stored, "{}:\n{said}\nexpected:\n{stored}", path.display());
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code.id).collect();
    let name = path.file_name().unwrap().to_string_lossy();
    if let Some(code) = name.split('-').next().filter(|start| start.starts_with("BS")) {
        assert!(codes.contains(&code) || name.contains("silenced"), "{name} does not raise {code}: {codes:?}");
    }
    for (source, text) in sources.iter() {
        for diagnostic in found.iter().filter(|d| d.span.is_some_and(|span| span.source == source)) {
            let span = diagnostic.span.unwrap();
            assert!(text.text.is_char_boundary(span.start) && span.start <= span.end, "{diagnostic:?}");
            assert!(span.end <= text.text.len() || text.text.is_empty(), "{diagnostic:?}");
        }
    }
    // Nothing that is said may break the way it is shown.
    assert!(report::diagnostics(&found, &sources, Style::PLAIN).len() >= said.len() / 4);
    report::diagnostics_json(&found, &sources).parse::<serde_json::Value>().unwrap();
    codes
}

/// Codes of texts and meanings that only an input too large for a fixture raises.
const WITHOUT_FIXTURE: [&str; 3] = ["BS002", "BS021", "BS143"];

#[test]
fn every_wrong_policy_says_what_is_expected() {
    let mut raised: Vec<&str> = policies("bad").iter().flat_map(|path| compare(path)).collect();
    raised.extend(policies("advice").iter().flat_map(|path| compare(path)));
    for code in CODES.iter().filter(|code| code.id < "BS200") {
        assert!(raised.contains(&code.id) || WITHOUT_FIXTURE.contains(&code.id), "no fixture raises {}", code.id);
    }
}

#[test]
fn ten_mistakes_are_ten_diagnostics_in_one_run() {
    let (sources, found) = judge(&folder("bad").join("ten-mistakes.yaml"));
    assert_eq!(found.count(Severity::Error), 10);
    insta::assert_snapshot!(report::diagnostics(&found, &sources, Style::PLAIN));
}

#[test]
fn a_bucket_takes_a_thousand_rules_and_not_one_more() {
    let codes = |n_tiers: usize, more: &str| -> Vec<&'static str> {
        let tier =
            |n| format!("  t{n}: {{ schedule: manual, copies: [{{ to: a, keep: 7d }}, {{ to: b, keep: 7d }}] }}\n");
        let tiers: String = (0..n_tiers).map(tier).collect();
        let storage =
            |name| format!("  {name}: {{ type: s3, bucket: shop, prefix: {name}, prune: lifecycle{more} }}\n");
        let text = format!(
            "version: 1\nname: shop\nstorage:\n{}{}tiers:\n{tiers}databases: {{ x: {{ connection: \"postgres://h/x\", tiers: [t0] }} }}\n",
            storage("a"),
            storage("b"),
        );
        let Loaded { found, .. } = load(&mut Sources::default(), "p.yaml", text.as_bytes(), &|_| Err(String::new()));
        found.iter().map(|diagnostic| diagnostic.code.id).collect()
    };
    assert_eq!(codes(250, ""), [""; 0]);
    assert_eq!(codes(250, ", manage: { abort_incomplete_uploads: 7d }"), ["BS143"]);
    assert_eq!(codes(251, ""), ["BS143"]);
}

#[test]
fn a_text_that_is_wrong_all_over_is_bounded() {
    let text: String = (0..5000).map(|i| format!("key{i}: value\n")).collect();
    let mut sources = Sources::default();
    let Loaded { found, .. } = load(&mut sources, "keys.yaml", text.as_bytes(), &|_| Err(String::new()));
    assert_eq!((found.0.len(), found.0[300].code.id), (301, "BS021"));
}

#[test]
fn a_file_of_ten_megabytes_is_refused_before_it_is_read() {
    let mut sources = Sources::default();
    let Loaded { document, found, .. } =
        load(&mut sources, "big.yaml", &vec![b'a'; 10_000_001], &|_| Err(String::new()));
    assert!(document.is_none());
    assert_eq!(found.0[0].code.id, "BS002");
}

#[test]
fn advice_on_sound_entries_is_told_beside_errors_elsewhere() {
    let text = "version: 1
name: shop
storage:
  near: { type: filesystem, path: backups }
  broken: { type: filesystem, pth: /x }
tiers:
  daily: { schedule: '0 5 31 2 *', copies: [{ to: near, keep: 7d }] }
  weekly: { schedule: '@weekly', copies: [{ to: broken, keep: 60d }, { to: near, keep: 3d }] }
  monthly: { schedule: '@weekly', copies: [{ to: near, keep: 3d }] }
databases:
  shop: { connection: postgresql://h/shop, tiers: [daily, weekly] }
";
    let mut sources = Sources::default();
    let Loaded { found, rest, .. } = load(&mut sources, "shop.yaml", text.as_bytes(), &|_| Err(String::new()));
    assert!(found.has_errors());
    let rest = rest.unwrap();
    assert_eq!(rest.model.tiers.len(), 2, "the tier that copies to the broken storage is out, too");
    let desired = resolve(&rest, "shop.yaml", &sources);
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let advice = lint_rest(&Subject { document: &rest, desired: &desired, sources: &sources, now });
    let told = lines(&sources, &advice);
    assert!(told.contains("shop.yaml:4:") && told.contains("shop.yaml:7:") && told.contains("shop.yaml:9:"), "{told}");
    assert!(!told.contains("[storage.broken") && !told.contains("[databases"), "{told}");
}

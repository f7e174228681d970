//! The rules of the house, held by reading its source: storeys, headers, sizes, forbidden words, documented codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path.as_ref())).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The modules of the table in docs/architecture.md, ground floor first, and how many are above the IO line.
fn storeys() -> (Vec<String>, usize) {
    let text = read("docs/architecture.md");
    let mut modules = Vec::new();
    let mut pure = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        if line.contains("**IO line**") {
            pure = modules.len();
        }
        let cell = line.split('|').nth(2).unwrap_or_default().trim();
        if let Some(module) = cell.strip_prefix('`').and_then(|c| c.strip_suffix('`')) {
            modules.push(module.to_owned());
        }
    }
    (modules, pure)
}

fn module_of(file: &Path) -> Option<String> {
    let mut parts = file.components().skip(1);
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    parts.next().is_some().then_some(first)
}

/// The code of a file without its tests and comments.
fn code_of(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_module_stands_in_the_table() {
    let (modules, pure) = storeys();
    assert!(modules.len() > 10 && pure > 5, "the table was not understood: {modules:?}");
    for entry in std::fs::read_dir(root().join("src")).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(modules.contains(&name), "module `{name}` is missing in docs/architecture.md");
        }
    }
    for module in modules {
        assert!(root().join("src").join(&module).join("mod.rs").exists(), "`{module}` is in the table, not in src");
    }
}

#[test]
fn modules_import_only_modules_listed_above_them() {
    let (modules, _) = storeys();
    let floor: BTreeMap<&str, usize> = modules.iter().enumerate().map(|(i, m)| (m.as_str(), i)).collect();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(module) = module_of(&file) else { continue };
        for (number, line) in read(&file).lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if floor.get(used.as_str()).is_some_and(|theirs| *theirs > floor[module.as_str()]) {
                    wrong.push(format!("{}:{}: `{module}` reaches up to `{used}`", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn above_the_io_line_nothing_touches_the_world() {
    const FORBIDDEN: [&str; 14] = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::thread",
        "tokio",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "getrandom",
        "async fn",
        "async_trait",
        "rustix",
    ];
    let (modules, pure) = storeys();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(module) = module_of(&file) else { continue };
        if !modules[..pure].contains(&module) {
            continue;
        }
        let code = code_of(&read(&file));
        for word in FORBIDDEN {
            if code.contains(word) {
                wrong.push(format!("{}: `{word}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_the_face_prints_and_exits() {
    for file in rust_files("src") {
        if module_of(&file).is_none_or(|module| module == "cli") {
            continue;
        }
        let code = code_of(&read(&file));
        for word in ["println!", "eprintln!", "process::exit", "env::var", "env::args"] {
            assert!(!code.contains(word), "{}: `{word}` belongs into src/cli", file.display());
        }
    }
}

#[test]
fn files_have_a_header_and_an_end() {
    let mut sizes = Vec::new();
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{}: the first line says what the file is", file.display());
        let lines = text.lines().count();
        assert!(lines <= 600, "{}: {lines} lines; 600 is the end", file.display());
        for word in ["TODO", "FIXME", "XXX"] {
            let found = file.ends_with("tidy.rs") || !text.contains(word);
            assert!(found, "{}: `{word}`", file.display());
        }
        if file.starts_with("src") {
            sizes.push(lines);
        }
    }
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] < 200, "the median file has {} lines", sizes[sizes.len() / 2]);
}

#[test]
fn names_say_what_things_are() {
    for file in rust_files("src") {
        for line in code_of(&read(&file)).lines() {
            let line = line.trim_start().trim_start_matches("pub ");
            let name = ["struct ", "enum ", "trait "].iter().find_map(|kind| line.strip_prefix(kind));
            let name: String = name.unwrap_or_default().chars().take_while(|c| c.is_alphanumeric()).collect();
            for ending in ["Manager", "Helper", "Util", "Utils", "Handler"] {
                assert!(!name.ends_with(ending), "{}: `{name}`", file.display());
            }
        }
    }
}

#[test]
fn every_code_has_its_section_in_the_rules() {
    let rules = read("docs/rules.md");
    for code in backstay::diag::CODES {
        let heading = format!("\n## {}: {}\n", code.id, code.title);
        assert!(rules.contains(&heading), "docs/rules.md has no section `{}`", heading.trim());
    }
    for heading in rules.lines().filter_map(|line| line.strip_prefix("## BS")) {
        let id = format!("BS{}", &heading[..3]);
        assert!(
            backstay::diag::CODES.iter().any(|code| code.id == id),
            "docs/rules.md describes {id}, which is no code"
        );
    }
}

//! What docs/deploy hands out passes the linters of those who read it, and `make install` puts everything where it belongs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn ran(command: &mut Command) -> Output {
    let output = command.current_dir(root()).output().unwrap_or_else(|problem| panic!("{problem}: run scripts/setup"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn server(name: &str) -> PathBuf {
    root().join("target/servers/bin").join(name)
}

#[test]
fn the_image_and_the_compose_file_pass_their_linters() {
    if cfg!(target_arch = "x86_64") {
        ran(Command::new(server("hadolint")).arg("docs/deploy/Dockerfile"));
    }
    ran(Command::new(server("check-jsonschema")).args([
        "--builtin-schema",
        "vendor.compose-spec",
        "docs/deploy/compose.yaml",
    ]));
    // The policy is valid and silences what it has to; the shell parses.
    let validated =
        ran(Command::new(env!("CARGO_BIN_EXE_backstay")).args(["--policy", "docs/deploy/backstay.yaml", "validate"]));
    assert!(!String::from_utf8_lossy(&validated.stdout).contains("warning"), "{validated:?}");
    let checked = ran(Command::new("scripts/deploy-check")
        .arg(env!("CARGO_BIN_EXE_backstay"))
        // Images are built where somebody asks for it.
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock"));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("the shell of the Dockerfile parses"), "{checked:?}");
}

#[test]
fn make_install_puts_the_program_its_pages_and_completions_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    ran(Command::new("make")
        .args(["install", "PREFIX=/usr", &format!("BINARY={}", env!("CARGO_BIN_EXE_backstay"))])
        .arg(format!("DESTDIR={}", folder.path().display())));
    let version = Command::new(folder.path().join("usr/bin/backstay")).arg("--version").output().unwrap();
    assert!(version.status.success());
    for file in [
        "bash-completion/completions/backstay",
        "zsh/site-functions/_backstay",
        "fish/vendor_completions.d/backstay.fish",
        "man/man1/backstay.1",
        "man/man1/backstay-agent.1",
    ] {
        let text = std::fs::read_to_string(folder.path().join("usr/share").join(file)).unwrap();
        assert!(text.contains("backstay"), "{file}");
    }
}

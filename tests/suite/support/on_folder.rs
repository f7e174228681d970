//! Programs of a server on data directories of others.

use super::Server;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

impl Server {
    /// Runs a program of this server on a folder, its last argument, as the folder's owner. What it said, if it ended well.
    pub fn run_on(&self, folder: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
        let owner = fs::metadata(folder).unwrap();
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).arg(folder).current_dir("/").uid(owner.uid()).gid(owner.gid());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}

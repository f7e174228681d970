//! The file that holds an access key, in the format of AWS credentials files: a section for each profile, named after
//! the user. Whatever else the file holds stays.

use crate::base::Secret;
use crate::diag::{Code, Explain, codes};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A key cannot be put into its file, or could not.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The operating system refused.
    #[error("cannot write `{file}`: {problem}")]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What it said.
        problem: io::Error,
    },
    /// The file is something else.
    #[error("`{file}` is not a credentials file of AWS: {problem}")]
    NotCredentials {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: &'static str,
    },
    /// The user's name cannot be the name of a profile.
    #[error("`{0}` cannot be the name of a profile in a credentials file")]
    Name(String),
}

impl Explain for DeliveryError {
    fn code(&self) -> &'static Code {
        &codes::KEY_NOT_DELIVERED
    }

    fn hint(&self) -> Option<String> {
        match self {
            DeliveryError::Unwritable { file, .. } => {
                let folder = file.parent().unwrap_or(Path::new("/"));
                Some(format!("Let the user who runs backstay write in `{}`, then run it again.", folder.display()))
            }
            DeliveryError::NotCredentials { .. } => Some("Name another file in `access_key.deliver_to`.".to_owned()),
            DeliveryError::Name(_) => {
                Some("Use letters, digits and `_-.@+` only in the user's name, or `deliver_to: stdout`.".to_owned())
            }
        }
    }
}

/// A place for a key, ready: the new file stands beside the old one, private and with its owner, and lacks the key only.
#[derive(Debug)]
pub struct Delivery {
    file: PathBuf,
    temporary: tempfile::NamedTempFile,
    before: String,
    after: String,
    profile: String,
}

/// The id of the key in a file, if it is there, can be read, and has a section of this name.
pub fn delivered_key(file: &Path, profile: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, section, _) = split(&text, profile);
    section.iter().find_map(|line| value(line, "aws_access_key_id")).map(str::to_owned)
}

/// A key as a section of a credentials file.
pub fn credentials_section(profile: &str, id: &str, secret: &Secret) -> String {
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {}\n", secret.expose())
}

/// Makes everything ready for a key, so that what can fail fails before there is one.
pub fn prepare_delivery(file: &Path, profile: &str) -> Result<Delivery, DeliveryError> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_-.@+".contains(&b);
    if profile.is_empty() || !profile.bytes().all(is_name) {
        return Err(DeliveryError::Name(profile.to_owned()));
    }
    let unwritable = |problem| DeliveryError::Unwritable { file: file.to_owned(), problem };
    let not = |problem| DeliveryError::NotCredentials { file: file.to_owned(), problem };
    // Behind a link the file itself is replaced.
    let target = match fs::canonicalize(file) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(unwritable(error)),
    };
    let (text, owner) = match fs::metadata(&target) {
        Ok(meta) if !meta.is_file() => return Err(not("it is no file")),
        Ok(meta) => (fs::read_to_string(&target).map_err(unwritable)?, Some((meta.uid(), meta.gid()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(unwritable(error)),
    };
    let is_said = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']);
    if text.lines().find(is_said).is_some_and(|line| !line.trim_start().starts_with('[')) {
        return Err(not("it does not begin with a profile"));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Temporary files are for their owner only from the first moment.
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    if let Some((uid, gid)) = owner {
        let mine = temporary.as_file().metadata().map_err(unwritable)?;
        if (mine.uid(), mine.gid()) != (uid, gid) {
            std::os::unix::fs::fchown(temporary.as_file(), Some(uid), Some(gid)).map_err(unwritable)?;
        }
    }
    let (before, section, after) = split(&text, profile);
    let keys = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
    let others = section.iter().filter(|line| keys.iter().all(|key| value(line, key).is_none()));
    let after: Vec<&str> = others.copied().chain(after).collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Ok(Delivery {
        file: target,
        temporary,
        before: joined(&before),
        after: joined(&after),
        profile: profile.to_owned(),
    })
}

impl Delivery {
    /// Puts the key into its place. It is there after a crash of the machine too, or the old file still is.
    pub fn deliver(self, id: &str, secret: &Secret) -> Result<PathBuf, DeliveryError> {
        let Delivery { file, mut temporary, before, after, profile } = self;
        let section = credentials_section(&profile, id, secret);
        let write = |temporary: &mut tempfile::NamedTempFile| {
            temporary.write_all(before.as_bytes())?;
            temporary.write_all(section.as_bytes())?;
            temporary.write_all(after.as_bytes())?;
            temporary.as_file().sync_all()
        };
        let unwritable = |problem| DeliveryError::Unwritable { file: file.clone(), problem };
        write(&mut temporary).map_err(unwritable)?;
        temporary.persist(&file).map_err(|error| unwritable(error.error))?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
        Ok(file)
    }
}

/// The lines before a profile's section, those in it without its title, and those after it.
fn split<'a>(text: &'a str, profile: &str) -> (Vec<&'a str>, Vec<&'a str>, Vec<&'a str>) {
    let lines: Vec<&str> = text.lines().collect();
    let title = |line: &&str| {
        let inside = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        inside.map(|(name, _)| name.trim().to_owned())
    };
    let Some(start) = lines.iter().position(|line| title(line).as_deref() == Some(profile)) else {
        return (lines, Vec::new(), Vec::new());
    };
    let end = lines[start + 1..].iter().position(|line| title(line).is_some()).map_or(lines.len(), |n| start + 1 + n);
    (lines[..start].to_vec(), lines[start + 1..end].to_vec(), lines[end..].to_vec())
}

/// The value of a line `key = value`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == key).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn deliver(file: &Path, profile: &str, id: &str) -> Result<PathBuf, DeliveryError> {
        prepare_delivery(file, profile)?.deliver(id, &Secret::new(format!("secret of {id}")))
    }

    #[test]
    fn a_key_is_delivered_and_replaced_and_others_stay() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("credentials");
        assert_eq!(delivered_key(&file, "writer"), None);
        deliver(&file, "writer", "A1").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "[writer]\naws_access_key_id = A1\naws_secret_access_key = secret of A1\n");
        fs::write(
            &file,
            "# mine\n[other]\naws_access_key_id=O\n\n[writer]\nregion = x\naws_access_key_id=A1\n[z]\nk=v\n",
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        deliver(&file, "writer", "A2").unwrap();
        let expected = "# mine\n[other]\naws_access_key_id=O\n\n[writer]\naws_access_key_id = A2\n\
                        aws_secret_access_key = secret of A2\nregion = x\n[z]\nk=v\n";
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(delivered_key(&file, "writer").as_deref(), Some("A2"));
        assert_eq!(delivered_key(&file, "other").as_deref(), Some("O"));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn behind_a_link_the_file_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        deliver(&link, "writer", "A1").unwrap();
        assert_eq!(delivered_key(&file, "writer").as_deref(), Some("A1"));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_written_is_told_before_there_is_a_key() {
        let place = tempfile::tempdir().unwrap();
        let refused = |file: &Path, profile| prepare_delivery(file, profile).unwrap_err();
        assert!(matches!(refused(&place.path().join("no/file"), "w"), DeliveryError::Unwritable { .. }));
        assert!(matches!(refused(place.path(), "w"), DeliveryError::NotCredentials { .. }));
        assert!(matches!(refused(&place.path().join("f"), "a=b"), DeliveryError::Name(_)));
        let text = place.path().join("text");
        fs::write(&text, "password\n").unwrap();
        assert!(matches!(refused(&text, "w"), DeliveryError::NotCredentials { .. }));
        let error = refused(Path::new("/proc/none"), "w");
        assert_eq!(error.code().id, "BS566");
        assert!(error.hint().is_some());
    }
}

//! What the server says when it refuses or warns, and which of our errors that is.

use crate::postgres::PostgresError;
use std::collections::BTreeMap;

/// The fields of an error or a notice.
#[derive(Debug, Default)]
pub(super) struct Refusal(BTreeMap<u8, String>);

impl Refusal {
    /// Reads the fields; what is cut off is left out.
    pub(super) fn parse(body: &[u8]) -> Refusal {
        let fields = body.split(|byte| *byte == 0).filter_map(|field| {
            let (kind, text) = field.split_first()?;
            Some((*kind, String::from_utf8_lossy(text).into_owned()))
        });
        Refusal(fields.collect())
    }

    fn field(&self, kind: u8) -> &str {
        self.0.get(&kind).map_or("", String::as_str)
    }

    /// The SQLSTATE, or nothing.
    pub(super) fn sqlstate(&self) -> &str {
        self.field(b'C')
    }

    /// True for a warning, as opposed to what is merely told.
    pub(super) fn is_warning(&self) -> bool {
        // The severity that is not translated.
        [b'V', b'S'].iter().any(|kind| self.field(*kind) == "WARNING")
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {}", self.field(b'S'), self.field(b'M'));
        for kind in [b'D', b'H'] {
            if !self.field(kind).is_empty() {
                text.push_str("; ");
                text.push_str(self.field(kind));
            }
        }
        text
    }

    /// The error that it is to us.
    pub(super) fn into_error(self, server: &str) -> PostgresError {
        let (server, problem) = (server.to_owned(), self.text());
        match self.sqlstate() {
            "28000" | "28P01" => PostgresError::LoginRefused { server, problem },
            "3D000" => PostgresError::DatabaseMissing { server, database: "replication".to_owned() },
            // Not only whoever lacks the attribute: a slot may be another's, too.
            "42501" => PostgresError::ReplicationDenied { server, problem },
            "58P01" => PostgresError::WalGone { server, problem },
            "53300" | "57P03" => PostgresError::Unreachable { server, problem },
            "57P01" | "57P02" | "57P05" | "08006" | "08P01" => PostgresError::Lost { server, problem },
            state => PostgresError::Failed {
                program: "replication".to_owned(),
                server,
                sqlstate: Some(state.to_owned()).filter(|state| !state.is_empty()),
                problem,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Explain;

    #[test]
    fn states_decide() {
        for (state, code) in [
            ("28P01", "BS521"),
            ("42501", "BS900"),
            ("58P01", "BS902"),
            ("57P03", "BS520"),
            ("57P01", "BS527"),
            ("42601", "BS528"),
        ] {
            let body = format!("SFATAL\0VFATAL\0C{state}\0Mno\0Dwhy\0\0");
            let error = Refusal::parse(body.as_bytes()).into_error("h:1");
            assert_eq!(error.code().id, code);
            assert!(error.to_string().contains("FATAL: no; why"), "{error}");
        }
    }
}

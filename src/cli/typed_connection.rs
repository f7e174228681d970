//! A connection as it is typed on a command line.

use super::{Context, Exit};
use crate::base::Template;
use crate::postgres::{Connection, PostgresError};

/// The connection that a URL typed means; references in it are resolved. The inner result is about the world, the outer
/// about the words typed.
pub(super) fn typed_connection(url: &str, context: &Context) -> Result<Result<Connection, PostgresError>, Exit> {
    let template: Template = url.parse().map_err(|error| {
        context.complain(error, Some("Write a URL, or a reference to one such as `${env:TARGET_URL}`."));
        Exit::Usage
    })?;
    if template.references().next().is_none() && url.rsplit_once('@').is_some_and(|(login, _)| has_password(login)) {
        context.warn(
            "a password on the command line can be read by everybody on this machine; write `${env:NAME}` instead",
        );
    }
    let resolved = template.resolve(context.lookup.as_ref()).map_err(PostgresError::from);
    Ok(resolved.and_then(|url| Connection::from_url(&url)))
}

fn has_password(login: &str) -> bool {
    login.split_once("://").is_some_and(|(_, login)| login.contains(':'))
}

//! Encryptions: one kind of key each, and public keys that are public keys.

use super::names::{entries, items};
use crate::base::Template;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::policy::route::Route;
use crate::policy::tree::Node;

/// Every encryption without a clear key and every recipient that is no public key.
pub(super) fn check(tree: &Node) -> Diagnostics {
    let mut found = Diagnostics::default();
    for (route, entry) in entries(tree, &Route::of(["encryption"])) {
        if entry.get("type").and_then(Node::text) != Some("age") {
            continue;
        }
        let (recipients, passphrase) = (entry.get("recipients"), entry.get("passphrase"));
        let unclear = match (recipients, passphrase) {
            (Some(recipients), Some(passphrase)) => Some(
                Diagnostic::new(&codes::ENCRYPTION_UNCLEAR, format!("`{route}` has `recipients` and `passphrase`"))
                    .with_span(passphrase.key)
                    .with_label(recipients.key, "recipients stand here")
                    .with_why("The age format encrypts to public keys or by passphrase, never both at once.")
                    .with_hint("Remove one of the two."),
            ),
            (None, None) => Some(
                Diagnostic::new(
                    &codes::ENCRYPTION_UNCLEAR,
                    format!("`{route}` has neither `recipients` nor `passphrase`"),
                )
                .with_span(Some(entry.place()))
                .with_hint("Add `recipients` with a public key; `age-keygen` makes one."),
            ),
            _ => None,
        };
        found.0.extend(unclear.map(|diagnostic| diagnostic.with_path(route.to_string())));
        for (index, recipient) in items(recipients) {
            found.0.extend(wrong_recipient(&route.key("recipients").index(index), recipient));
        }
    }
    found
}

/// Says nothing of the text itself: it may be a private key.
fn wrong_recipient(route: &Route, recipient: &Node) -> Option<Diagnostic> {
    let template: Template = recipient.text()?.parse().ok()?;
    let text = template.as_literal()?;
    if text.parse::<age::x25519::Recipient>().is_ok() {
        return None;
    }
    let (detail, hint) = if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        ("this is a private key", "Make a new key pair: this one is no longer a secret once it is committed.")
    } else if text.starts_with("ssh-") || text.starts_with("age1yubikey") || text.starts_with("age1plugin") {
        ("only X25519 keys of age are supported", "Make a key with `age-keygen` and write its `age1…` public key.")
    } else if text.starts_with("age1") {
        ("its check letters do not agree: a letter is wrong or missing", "Copy the public key again.")
    } else {
        ("public keys of age begin with `age1`", "Write the line that `age-keygen -y KEYFILE` prints.")
    };
    Some(
        Diagnostic::new(&codes::RECIPIENT_INVALID, detail)
            .with_path(route.to_string())
            .with_span(Some(recipient.span))
            .with_hint(hint),
    )
}

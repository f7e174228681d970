//! The path of a key file stands where the key itself, or a reference to it, belongs.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::Encryption;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::policy::secrets::is_path;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::IDENTITY_IS_PATH, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, encryption) in &subject.document.model.encryption {
        let (identity, passphrase) = match encryption {
            Encryption::Age(age) => (age.identity.as_ref(), age.passphrase.as_ref()),
            Encryption::Gpg(gpg) => (None, Some(&gpg.passphrase)),
        };
        for (key, value) in [("identity", identity), ("passphrase", passphrase)] {
            let Some(path) = value.and_then(|value| value.as_literal()).filter(|text| is_path(text)) else { continue };
            let route = Route::of(["encryption", name, key]);
            let reference = format!("${{file:{path}}}");
            found.push(
                subject
                    .document
                    .diagnostic(&codes::IDENTITY_IS_PATH, &route, format!("`{path}` is used as the {key} itself"))
                    .with_why("Only a reference is looked up; any other text is taken as it stands.")
                    .with_hint(format!("Write `{reference}`."))
                    .with_fix(subject.document.span_of(&route), reference),
            );
        }
    }
    found
}

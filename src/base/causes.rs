//! An error with what is behind it.

use std::error::Error;

/// What layers of libraries say of every cause below them. It tells people nothing.
const LAYERS: [&str; 3] = ["dispatch failure", "io error", "client error (Connect)"];

/// The error and its causes in one line, outermost first: alone it often says only that something went wrong. A cause
/// whose words stand there already is left out, and so is a layer that has a cause below.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if LAYERS.contains(&text.as_str()) {
            text = words;
        } else if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn each_cause_is_said_once() {
        let inner = Said("no route to host", None);
        let middle = Said("connect: no route to host", Some(Box::new(inner)));
        assert_eq!(
            causes(&Said("request failed", Some(Box::new(middle)))),
            "request failed: connect: no route to host"
        );
    }

    #[test]
    fn layers_are_not_said() {
        let inner = Said("connection refused", None);
        let outer = Said("dispatch failure", Some(Box::new(Said("io error", Some(Box::new(inner))))));
        assert_eq!(causes(&outer), "connection refused");
        assert_eq!(causes(&Said("io error", None)), "io error");
    }
}

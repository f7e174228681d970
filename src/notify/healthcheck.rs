//! A dead man's switch: told when a run begins and how it ended; raises the alarm itself when nothing comes.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::base::{Secret, Template};
use crate::http::{Method, Request, persistently};

/// What a run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// It begins.
    Start,
    /// It ended, and everything is as it should be.
    Success,
    /// It ended, and something is not.
    Fail,
}

/// Pings once. `words` are for whoever looks at the switch.
pub async fn ping(url: &Template, pulse: Pulse, words: &str, means: Means<'_>) -> Result<(), NotifyError> {
    let url = address(means.value(url)?.expose(), pulse);
    let request = Request::new(Method::Post, Secret::new(url)).with_body("text/plain; charset=utf-8", words.to_owned());
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}

/// The URL with `/start` or `/fail` at the end of its path.
fn address(url: &str, pulse: Pulse) -> String {
    let word = match pulse {
        Pulse::Start => "/start",
        Pulse::Fail => "/fail",
        Pulse::Success => return url.to_owned(),
    };
    let (path, query) = url.find('?').map_or((url, ""), |at| url.split_at(at));
    format!("{}{word}{query}", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_says_stands_at_the_end_of_the_path() {
        assert_eq!(address("https://hc.example.com/uuid", Pulse::Success), "https://hc.example.com/uuid");
        assert_eq!(address("https://hc.example.com/uuid/", Pulse::Start), "https://hc.example.com/uuid/start");
        assert_eq!(
            address("https://hc.example.com/key/slug?create=1", Pulse::Fail),
            "https://hc.example.com/key/slug/fail?create=1"
        );
    }
}

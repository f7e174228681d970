//! Trying again what may succeed a moment later.

use super::{Answer, Client, HttpError, Request};
use std::time::Duration;

/// How often a request is sent at most.
pub const ATTEMPTS: u32 = 3;

/// The longest pause that a server's `Retry-After` is heeded for; whoever asks for more is given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Sends a request until it is taken, refused for good, or was sent [`ATTEMPTS`] times. `limit` holds for each.
pub async fn persistently(client: &Client, request: &Request, limit: Duration) -> Result<Answer, HttpError> {
    let mut attempt = 1;
    loop {
        let (error, asked) = match client.send(request, limit).await {
            Ok(answer) if answer.is_good() => return Ok(answer),
            Ok(answer) => (client.refusal(request, &answer), answer.retry_after),
            Err(error) => (error, None),
        };
        let pause = asked.unwrap_or(Duration::from_millis(500) * 2_u32.pow(attempt - 1));
        if attempt == ATTEMPTS || !error.is_passing() || pause > LONGEST_PAUSE {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

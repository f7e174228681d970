//! How long to wait before something is tried again where the SDK cannot do it by itself.

use std::time::Duration;

/// Times that something is tried.
pub(super) const ATTEMPTS: u32 = 6;

/// Pause after the failed attempt of this number, from 1: anything up to a bound that doubles, so that many who failed
/// together do not come back together.
pub(super) async fn pause(attempt: u32) {
    let most = 100_u64 << attempt.min(6);
    let random = getrandom::u64().unwrap_or(most / 2);
    tokio::time::sleep(Duration::from_millis(random % most)).await;
}

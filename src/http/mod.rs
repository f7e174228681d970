//! Single requests over HTTP to places that are not stores: channels of alerts, a Pushgateway.
//!
//! A request has a time limit and a bounded answer, follows no redirect and keeps no connection. Servers are trusted by
//! the certificates of the system, or those in the file that `SSL_CERT_FILE` names. Proxies come from `HTTPS_PROXY`,
//! `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` as for curl, through the lookup that everything else comes from.
//!
//! URLs and headers carry secrets here (a webhook's URL is one), so no error shows more of them than the host.

mod client;
mod error;
mod request;
mod tries;

pub use client::Client;
pub use error::HttpError;
pub use request::{Answer, Method, Request};
pub use tries::{ATTEMPTS, persistently};

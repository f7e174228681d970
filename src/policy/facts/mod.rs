//! Questions about a policy that several rules ask: where a connection leads, which storages lie where, which of them are
//! in AWS, how long a copy lives, what a storage class costs in time.

mod argv;
mod aws;
mod class;
mod host;
mod interval;
mod lifetime;
mod place;
mod text;
mod written;

pub(super) use argv::{Argument, arguments};
pub(super) use aws::{bucket_in_endpoint, buckets_of_aws, is_endpoint_of_aws, is_in_aws, region_of_endpoint};
pub(super) use class::{Stay, needs_thaw, stays};
pub(super) use host::{Reach, reach, url_reach};
pub use interval::longest_gap;
pub(super) use interval::{interval, intervals, scheduled_tiers, schedules};
pub(super) use lifetime::{keep_route, lifetime};
pub(super) use place::{Place, copy_places, place_of_s3};
pub(super) use text::{UNKNOWN, listed, masked, plural};
pub(super) use written::written;

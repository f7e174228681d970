//! From bytes to a tree with places: encoding, YAML, bases.

mod bare;
mod bytes;
mod extends;
mod fault;
mod yaml;

pub(super) use extends::assemble;

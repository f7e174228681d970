//! Every value of the floors below, said to a human or a machine. The only serialiser of views; it knows no terminal:
//! colour and width are arguments.

mod paint;
mod plan;

pub use paint::Style;
pub use plan::plan;

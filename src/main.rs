//! Runtime and exit code only.
fn main() {}

//! Runtime and exit code only.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    microalign::cli::run().await
}

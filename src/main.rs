//! The program's entry point. The commands are in [`microalign::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    microalign::cli::run().await
}

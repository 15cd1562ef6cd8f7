//! `microalign serve`: the service.

use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArgs, Failure, LogFormat, start_logs};
use crate::app::App;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// How logs are written
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    log: LogFormat,
}

pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let config = args.config.load()?;
    start_logs(args.log, "info");
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let mut app = App::start(config).await?;
    if let Some(address) = app.console {
        tracing::info!(%address, "the console is listening");
    }
    tracing::info!(address = %app.address, "listening");
    let failed = loop {
        tokio::select! {
            _ = term.recv() => break None,
            _ = int.recv() => break None,
            _ = hup.recv() => app.reload(),
            failed = app.failed() => break Some(failed),
        }
    };
    tracing::info!("stopping: finishing what is under way");
    app.stop().await;
    match failed {
        Some(failed) => Err(Failure::Wrong(format!("{failed}; nothing that was accepted is lost: restart it"))),
        None => Ok(()),
    }
}

//! The console's part of the service: who comes in, and where it is.

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretSlice;
use tokio::net::TcpListener;

use super::{Common, StartError, at_port, bind};
use crate::channel::Channels;
use crate::config::Config;
use crate::console::{Console, Gate};
use crate::http::Entrance;
use crate::store::Lanes;

/// Where the console listens, if it has an address of its own.
///
/// # Errors
/// [`StartError::Listen`]
pub(super) async fn listener(config: &Config) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(wanted) = config.access.as_ref().and_then(|access| access.listen) else { return Ok(None) };
    let listener = bind(wanted).await?;
    let address = listener.local_addr().unwrap_or(wanted);
    Ok(Some((listener, address)))
}

/// The console at an address, and who lets people in; `None` if nobody may see it.
///
/// # Errors
/// [`StartError::Client`]
pub(super) async fn entrance(
    common: &Common,
    address: SocketAddr,
    (channels, lanes): (&Arc<Channels>, &Lanes),
    links: &SecretSlice<u8>,
) -> Result<Option<Entrance>, StartError> {
    let Common { config, store, rulebook, settings, .. } = common.clone();
    if !config.console && config.access.is_none() {
        return Ok(None);
    }
    let mut access = config.access.clone();
    if let Some(access) = &mut access {
        access.public_url = access.public_url.as_deref().map(|url| at_port(url, address));
    }
    let gate = Gate::new(store.clone(), rulebook.clone(), (config.console, access), links).await;
    let gate = gate.map_err(StartError::Client)?;
    let console = Arc::new(Console::new(store, rulebook, Arc::clone(channels), (settings, lanes.clone())));
    Ok(Some(Entrance { gate, console }))
}

//! One configuration for each host of an address. The client tries them one after another, but waits for ever for one that takes
//! the connection and says nothing.

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The same configuration for each of its hosts alone.
pub(super) fn each(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let each = (0..hosts.len().max(addresses.len())).map(|index| {
        let mut one = without_hosts(config);
        match hosts.get(index) {
            Some(Host::Tcp(host)) => drop(one.host(host)),
            Some(Host::Unix(folder)) => drop(one.host_path(folder)),
            None => {}
        }
        if let Some(address) = addresses.get(index) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(index).or(ports.first()) {
            one.port(*port);
        }
        one
    });
    each.collect()
}

/// Its hosts can't be taken out, so all else is put in.
fn without_hosts(config: &Config) -> Config {
    let mut one = Config::new();
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    config.get_connect_timeout().map(|limit| one.connect_timeout(*limit));
    config.get_tcp_user_timeout().map(|limit| one.tcp_user_timeout(*limit));
    config.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn each_host_is_tried_with_all_that_the_address_says() {
        const ALL: &str = "ma:s3cret@HOST/ma?options=-c%20a%3Db&application_name=ours&sslmode=require&sslnegotiation=direct&\
                           connect_timeout=7&tcp_user_timeout=8&keepalives=0&keepalives_idle=9&keepalives_interval=10&\
                           keepalives_retries=11&target_session_attrs=read-write&channel_binding=require&\
                           load_balance_hosts=random";
        let config = |hosts: &str| format!("postgres://{}", ALL.replace("HOST", hosts)).parse::<Config>().unwrap();
        for (all, alone) in [
            ("db1", vec!["db1:5432"]),
            ("db1:6001,db2:6002", vec!["db1:6001", "db2:6002"]),
            ("db1,%2Frun%2Fpostgresql", vec!["db1:5432", "%2Frun%2Fpostgresql:5432"]),
            ("[::1]:6001,db2:6001", vec!["[::1]:6001", "db2:6001"]),
        ] {
            assert_eq!(each(&config(all)), alone.into_iter().map(config).collect::<Vec<_>>(), "{all}");
        }
        let by_address = "hostaddr=10.0.0.1,10.0.0.2 port=6001 dbname=ma".parse::<Config>().unwrap();
        let alone = ["10.0.0.1", "10.0.0.2"].map(|one| format!("hostaddr={one} port=6001 dbname=ma").parse().unwrap());
        assert_eq!(each(&by_address), alone);
    }
}

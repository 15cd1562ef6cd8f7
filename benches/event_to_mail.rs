//! How long it takes from a webhook to its mail, and how many mails a second go out, over 50 teams.

#![expect(clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use support::{CONNECTIONS, Service, limit, load, percentile};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const EVENTS: u64 = 3000;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let (arrived, mut mails) = mpsc::unbounded_channel();
    let sink = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = sink.local_addr().unwrap();
    tokio::spawn(accept(sink, arrived));
    let teams = (0..50).map(|n| {
        let rule =
            format!("[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\nrepo = [\"acme/service-{n}\"]\n");
        let team = format!("team = \"t{n}\"\nto = [\"email:t{n}@example.test\"]\nsettle = \"0s\"\n{rule}");
        (format!("t{n}.toml"), team)
    });
    let email = format!("[email]\nfrom = \"m <m@example.test>\"\nsmtp = \"smtp://{address}\"\n");
    let (bare, _) = load(&limit().await, 0, EVENTS).await;
    let service = Service::start(&teams.collect::<Vec<_>>(), &email);
    let (run, began) = load(&service.url, 0, EVENTS).await;
    let mut times = HashMap::new();
    while u64::try_from(times.len()).unwrap() < EVENTS {
        let (number, at): (u64, Instant) = tokio::time::timeout(PATIENCE, mails.recv()).await.unwrap().unwrap();
        times.entry(number).or_insert(at);
    }
    let last = times.values().max().unwrap().duration_since(began);
    let waits = times.values().map(|at| at.duration_since(began)).collect::<Vec<_>>();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate = EVENTS as f64 / last.as_secs_f64();
    println!("{EVENTS} webhooks over {CONNECTIONS} connections, 50 teams, a mail server that takes no time\n");
    println!("acks/s {:>8.0}   p50 {:?}   p99 {:?}", run.rate, run.percentile(0.5), run.percentile(0.99));
    println!("mails/s {rate:>7.0}   half of the mails after {:?}, the last after {last:?}", percentile(&waits, 0.5));
    println!("\nmails/s to the acks/s of a bare receiver: {:.2}", rate / bare.rate);
}

/// A mail server that takes everything and notes when the mail about each pull request came.
async fn accept(sink: TcpListener, arrived: mpsc::UnboundedSender<(u64, Instant)>) {
    loop {
        let (stream, _) = sink.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(converse(stream, arrived.clone()));
    }
}

/// Until the client hangs up, in whatever way.
async fn converse(stream: TcpStream, arrived: mpsc::UnboundedSender<(u64, Instant)>) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    answer(&mut stream, "220 bench\r\n").await?;
    while let Some(line) = line(&mut stream).await? {
        let said = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-bench\r\n250 8BITMIME\r\n",
            "DATA" => {
                answer(&mut stream, "354 go on\r\n").await?;
                let mut number = None;
                while let Some(line) = self::line(&mut stream).await?.filter(|line| line != ".") {
                    let pull = line.split_once("/pull/").map(|(_, rest)| rest);
                    let digits = pull.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
                    number = number.or_else(|| digits?.parse().ok());
                }
                arrived.send((number.unwrap(), Instant::now())).unwrap();
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        answer(&mut stream, said).await?;
    }
    Ok(())
}

async fn line(stream: &mut BufStream<TcpStream>) -> std::io::Result<Option<String>> {
    // A client that writes a mail in pieces waits for our system's word on each, which it puts off for 40 ms.
    socket2::SockRef::from(stream.get_ref()).set_tcp_quickack(true)?;
    let mut line = String::new();
    let length = stream.read_line(&mut line).await?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

async fn answer(stream: &mut BufStream<TcpStream>, said: &str) -> std::io::Result<()> {
    stream.write_all(said.as_bytes()).await?;
    stream.flush().await
}

//! W8 · invocation overhead: functions that do nothing, one connection, one request at a time.

use std::time::Instant;

use anyhow::ensure;

use crate::Pace;
use crate::http_client::HttpClient;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::{Bound, Server};

/// What is called: a title, the endpoint and the function.
const CALLS: [(&str, &str, &str); 4] = [
    ("a query that does nothing", "/api/query", "small:look"),
    (
        "a mutation that does nothing",
        "/api/mutation",
        "small:touch",
    ),
    ("a mutation of one insert", "/api/mutation", "small:add"),
    (
        "a mutation of 100 inserts, one after the other",
        "/api/mutation",
        "small:fill",
    ),
];

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    for realms in ["watched", "fresh"] {
        let server = Server::start(&["--realms", realms])?;
        let bound = Bound::start("--static-bound")?;
        for (title, endpoint, function) in CALLS {
            let name = format!("{title}, {realms} realms");
            if !pace.wants(&name) {
                continue;
            }
            let (mut ours, mut fixed) = (Vec::new(), Vec::new());
            for round in 0..pace.rounds {
                // No argument comes twice: the answer must not be in the cache.
                let first = (round as u64) << 32;
                ours.push(
                    calls(
                        server.port,
                        pace,
                        || server.cpu(),
                        endpoint,
                        function,
                        first,
                    )
                    .await?,
                );
                fixed.push(
                    calls(bound.port, pace, || bound.cpu(), endpoint, function, first).await?,
                );
            }
            report.add("W8", &name, &ours, "hyper static", &fixed);
        }
    }
    Ok(())
}

async fn calls(
    port: u16,
    pace: Pace,
    cpu: impl Fn() -> f64,
    endpoint: &str,
    function: &str,
    mut n: u64,
) -> anyhow::Result<Sample> {
    let mut client = HttpClient::connect(port).await?;
    let mut latencies = Vec::new();
    let warm = Instant::now();
    let (mut start, mut cpu_before) = (warm, cpu());
    let mut counting = false;
    while !counting || start.elapsed() < pace.measure {
        if !counting && warm.elapsed() >= pace.warm_up {
            (start, cpu_before, counting) = (Instant::now(), cpu(), true);
        }
        n += 1;
        let body = format!(r#"{{"path":"{function}","args":{{"n":{n}}},"format":"json"}}"#);
        let begin = Instant::now();
        let answer = client.post(endpoint, &body).await?;
        if counting {
            latencies.push(begin.elapsed());
        }
        ensure!(answer.starts_with("{\"status\":\"success\""), "{answer}");
    }
    Ok(Sample {
        operations: latencies.len() as u64,
        elapsed: start.elapsed(),
        latencies,
        cpu: cpu() - cpu_before,
    })
}

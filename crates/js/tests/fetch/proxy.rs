//! Actions behind a proxy, which is one of this test's own.

use std::sync::Mutex;

use lentil_js::{Bundle, ModuleEnvironment, ModuleSource, NodeOptions, Proxy};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the proxy was asked, head by head.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

/// A proxy that knows the name `inside.example` and refuses `refused.example`; gives its address.
async fn proxy(asked: Asked, inside: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (asked, inside) = (asked.clone(), inside.clone());
            tokio::spawn(async move { tunnel(socket, asked, inside).await });
        }
    });
    address.to_string()
}

async fn tunnel(socket: TcpStream, asked: Asked, inside: String) {
    let mut client = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await.unwrap() == 0 {
            return;
        }
    }
    let authority = head.split(' ').nth(1).unwrap().to_owned();
    asked.0.lock().unwrap().push(head);
    if authority.starts_with("refused.example") {
        let answer = b"HTTP/1.1 403 Not for you\r\nContent-Length: 0\r\n\r\n";
        client.write_all(answer).await.unwrap();
        return;
    }
    let target = match authority.starts_with("inside.example") {
        true => inside,
        false => authority,
    };
    let mut server = TcpStream::connect(target).await.unwrap();
    let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
    client.write_all(answer).await.unwrap();
    // Either side may end it.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// Runs checks behind a proxy; gives what it was asked.
async fn behind(body: &str, user: &str, network: impl FnOnce(&str) -> Network) -> Vec<String> {
    let asked = Asked::default();
    let outside = serve(Dropped::default()).await;
    let inside = outside.trim_start_matches("http://").to_owned();
    let address = proxy(asked.clone(), inside).await;
    let outcome = run_with(body, Dropped::default(), |at| ActionOptions {
        network: network(at),
        proxy: Some(Proxy::new(&format!("http://{user}{address}"))),
        ..ActionOptions::default()
    })
    .await;
    assert_eq!(json(&outcome), serde_json::json!([]));
    asked.0.lock().unwrap().clone()
}

#[tokio::test]
async fn everything_goes_through_the_proxy() {
    let body = "same('by address', (await fetch(at + '/missing')).status, 404);
         const echoed = await (await fetch('http://inside.example/echo', {method: 'POST', body: 'through'})).json();
         same('by a name that the proxy knows', [echoed.method, echoed.body], ['POST', 'through']);
         same('redirects', (await fetch('http://inside.example/moved')).url, 'http://inside.example/echo');
         const error = await fetch('https://refused.example/').catch((e) => e);
         same('refused', error.cause?.code, 'ERR_PROXY_REFUSED');
         same('why', /does not connect to refused.example:443: 403 Not for you/.test(error.cause?.message), true);
         same('no password', /secret/.test(String(error.cause?.message)), false);";
    let asked = behind(body, "me:secret%21@", |_| Network::Open).await;
    assert!(asked.len() >= 3, "{asked:?}");
    for head in &asked {
        assert!(head.starts_with("CONNECT "), "{head}");
        let head = head.to_ascii_lowercase();
        // `me:secret!`
        assert!(
            head.contains("proxy-authorization: basic bwu6c2vjcmv0iq=="),
            "{head}"
        );
    }
    assert!(
        asked
            .iter()
            .any(|head| head.contains(" inside.example:80 "))
    );
}

#[tokio::test]
async fn private_addresses_are_refused_before_the_proxy_is_asked() {
    let body = "const error = await fetch(at + '/echo').catch((e) => e);
         same('an address', error.cause?.code, 'ERR_ADDRESS_NOT_PUBLIC');
         same('a name', (await fetch('http://inside.example/missing')).status, 404);";
    let network = |_: &str| Network::PublicOnly {
        allowed: Vec::new(),
    };
    let asked = behind(body, "", network).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("CONNECT inside.example:80 "));
}

#[tokio::test]
async fn exceptions_are_reached_directly() {
    let body = "same('direct', (await fetch(at + '/missing')).status, 404);";
    let network = |address: &str| Network::PublicOnly {
        allowed: vec![address.trim_start_matches("http://").to_owned()],
    };
    assert_eq!(behind(body, "", network).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let body = "const error = await fetch('http://inside.example/').catch((e) => e);
         same('code', error.cause?.code, 'ECONNREFUSED');
         same('named', /the proxy 127.0.0.1:\\d+ \\(--action-proxy\\) cannot be used/.test(error.cause?.message), true);";
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let outcome = run_with(body, Dropped::default(), |_| ActionOptions {
        proxy: Some(Proxy::new(&format!("http://{closed}"))),
        ..ActionOptions::default()
    })
    .await;
    assert_eq!(json(&outcome), serde_json::json!([]));
}

/// A Node action with this body; `at` is the server's address.
fn node_action(body: &str, at: &str) -> Arc<Bundle> {
    let source = format!(
        "import {{action}} from './_deps/node/sdk.js';
         export const f = action(async () => {{ const at = {at:?};\n{body}\n}});"
    );
    let sources = [("a.js", source.as_str()), ("_deps/node/sdk.js", SDK)];
    let sources = sources.map(|(path, source)| ModuleSource {
        environment: ModuleEnvironment::Node,
        ..module(path, source)
    });
    Arc::new(Bundle::link(sources.into(), [7; 32], IMPORT_TIME).unwrap())
}

/// What a Node action returns behind a proxy, and what that was asked.
async fn node_behind(body: &str, direct: bool) -> (ActionOutcome, Vec<String>) {
    let asked = Asked::default();
    let outside = serve(Dropped::default()).await;
    let inside = outside.trim_start_matches("http://").to_owned();
    let address = proxy(asked.clone(), inside.clone()).await;
    let proxy = Proxy::new(&format!("http://me:secret%21@{address}"));
    let host = Host::start(HostOptions {
        node_actions: NodeOptions {
            actions: ActionOptions {
                processes: 1,
                proxy: Some(proxy.except(if direct { vec![inside] } else { vec![] })),
                ..NodeOptions::default().actions
            },
            ..NodeOptions::default()
        },
        ..options()
    })
    .unwrap();
    let call = invocation(&node_action(body, &outside), "f", FunctionKind::Action);
    let outcome = host.action(&call, Arc::new(Nothing)).await.unwrap();
    let asked = asked.0.lock().unwrap().clone();
    (outcome, asked)
}

/// Whether the Node of this test knows proxies; one that does not has to say so.
fn refused_for_its_age(outcome: &ActionOutcome) -> bool {
    matches!(&outcome.result, CallResult::Error(error)
        if error.rendered.contains("(--action-proxy)") && error.rendered.contains("Set node.nodeVersion"))
}

/// Major and minor version of the Node of this test.
fn node_version() -> (u32, u32) {
    let output = std::process::Command::new(node()).arg("--version").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut parts = text.trim_start_matches('v').split('.');
    let mut next = || parts.next().unwrap().parse().unwrap();
    (next(), next())
}

#[tokio::test]
async fn node_actions_fetch_through_the_proxy_too() {
    let body = "const echoed = await (await fetch('http://inside.example/echo', {method: 'POST', body: 'through'})).json();
         const refused = await fetch('https://refused.example/').then(() => 'fetched', () => 'refused');
         return [echoed.method, echoed.body, (await fetch(at + '/missing')).status, refused];";
    let (outcome, asked) = node_behind(body, false).await;
    let (major, minor) = node_version();
    if major == 23 || (major, minor) < (22, 21) {
        assert!(refused_for_its_age(&outcome), "{outcome:?}");
        assert_eq!(asked, Vec::<String>::new());
        return;
    }
    assert_eq!(
        json(&outcome),
        serde_json::json!(["POST", "through", 404, "refused"])
    );
    assert!(asked.len() >= 3, "{asked:?}");
    for head in &asked {
        assert!(head.starts_with("CONNECT "), "{head}");
        let head = head.to_ascii_lowercase();
        // `me:secret!`
        let login = "proxy-authorization: basic bwu6c2vjcmv0iq==";
        assert!(head.contains(login), "{head}");
    }

    let body = "return (await fetch(at + '/missing')).status;";
    let (outcome, asked) = node_behind(body, true).await;
    assert_eq!(json(&outcome), 404);
    assert_eq!(
        asked,
        Vec::<String>::new(),
        "an exception is reached directly"
    );
}

#[tokio::test]
async fn exceptions_are_reached_directly_where_the_network_is_open() {
    let asked = Asked::default();
    let outside = serve(Dropped::default()).await;
    let inside = outside.trim_start_matches("http://").to_owned();
    let address = proxy(asked.clone(), inside.clone()).await;
    let body = format!("same('direct', (await fetch('{outside}/missing')).status, 404);");
    let outcome = run_with(&body, Dropped::default(), |_| ActionOptions {
        proxy: Some(Proxy::new(&format!("http://{address}")).except(vec![inside])),
        ..ActionOptions::default()
    })
    .await;
    assert_eq!(json(&outcome), serde_json::json!([]));
    assert_eq!(*asked.0.lock().unwrap(), Vec::<String>::new());
}

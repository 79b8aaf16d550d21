//! Actions behind a proxy, which is one of this test's own.

use std::sync::Mutex;

use lentil_js::Proxy;
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

//! The dashboard: files that are built into the binary, on a port of their own and under
//! `/_console/` (dashboard C1). What it shows it asks the API for, like any other client.

mod assets;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lentil_identity::AdminKeys;
use serde_json::json;

use self::assets::Found;

/// Where it is on the main port.
const PREFIX: &str = "/_console/";
/// The page that starts it.
const INDEX: &str = "index.html";
/// The line of that page which says what other names are relative to.
const BASE: &str = "<base href=\"./\">";
/// Parts of the API beyond what dashboards have always asked for.
const FEATURES: [&str; 6] = [
    "metrics",
    "introspection",
    "explain",
    "logs",
    "usage",
    "backups",
];
/// Names of deployments that the CLI makes for developers who have no account.
const ANONYMOUS: &str = "anonymous-";

/// What the dashboard is told before it asks anything.
#[derive(Clone, Debug)]
pub(crate) struct Console(Arc<About>);

/// The parts of a [`Console`].
#[derive(Debug)]
pub(crate) struct About {
    /// The deployment's name.
    pub(crate) name: String,
    /// Where clients reach the API.
    pub(crate) cloud_url: String,
    /// Where HTTP actions are reached.
    pub(crate) site_url: String,
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Origins of pages that may show it in a frame.
    pub(crate) parents: Vec<String>,
    /// Mints the key that the dashboard of an anonymous local deployment is given.
    pub(crate) keys: AdminKeys,
}

/// A place where the dashboard is served.
#[derive(Clone)]
struct Place {
    console: Console,
    /// The path of its page.
    base: &'static str,
}

impl Console {
    pub(crate) fn new(about: About) -> Console {
        Console(Arc::new(about))
    }

    /// Its routes under the main port.
    pub(crate) fn nested(&self) -> Router {
        let here = |console| Place {
            console,
            base: PREFIX,
        };
        Router::new()
            .route("/_console", get(redirect))
            .route("/_console/", get(index))
            .route("/_console/{*path}", get(file))
            .with_state(here(self.clone()))
    }

    /// Its routes on a port of their own.
    pub(crate) fn alone(&self) -> Router {
        let place = Place {
            console: self.clone(),
            base: "/",
        };
        Router::new()
            .route("/", get(index))
            .route("/api/current_deployment", get(current_deployment))
            .route("/{*path}", get(file))
            .with_state(place)
    }
}

impl Place {
    /// Where the API is for a browser that came by this request. Under the main port that is where
    /// the page came from; a machine that is not this one knows it by the name it has asked for.
    fn api_url(&self, headers: &HeaderMap) -> Option<String> {
        if self.base == PREFIX {
            return None;
        }
        let about = &self.console.0;
        let own = about.cloud_url.clone();
        let host = host_of(headers).filter(|host| !is_loopback(host));
        match host {
            Some(host) if is_loopback(authority_host(&own)) => {
                Some(format!("http://{host}:{}", about.api.port()))
            }
            _ => Some(own),
        }
    }

    /// The page may load what is its own and talk to its deployment, and nothing else.
    fn policy(&self, headers: &HeaderMap) -> String {
        let api = self.api_url(headers).unwrap_or_default();
        let sockets = match self.base {
            // Not every browser takes 'self' for sockets.
            PREFIX => headers
                .get(HOST)
                .and_then(|host| host.to_str().ok())
                .map_or_else(String::new, |host| format!("ws://{host} wss://{host}")),
            _ => api.replacen("http", "ws", 1),
        };
        let parents = match &self.console.0.parents[..] {
            [] => "'none'".to_owned(),
            parents => parents.join(" "),
        };
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: {api}; \
             font-src 'self'; media-src 'self' blob: {api}; connect-src 'self' {api} {sockets}; worker-src 'self' blob:; \
             manifest-src 'self'; base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors {parents}"
        )
    }

    fn config(&self, headers: &HeaderMap) -> Response {
        let about = &self.console.0;
        let config = json!({
            "url": self.api_url(headers),
            "siteUrl": about.site_url,
            "name": about.name,
            "version": env!("CARGO_PKG_VERSION"),
            "parentOrigins": about.parents,
            "features": FEATURES,
        });
        let body = Body::from(config.to_string());
        self.answer(headers, "application/json", body)
    }

    fn answer(&self, headers: &HeaderMap, kind: &str, body: Body) -> Response {
        let mut response = Response::new(body);
        let set = response.headers_mut();
        let mut put = |name: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                set.insert(name, value);
            }
        };
        put(CONTENT_TYPE, kind);
        put(CONTENT_SECURITY_POLICY, &self.policy(headers));
        put(X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(REFERRER_POLICY, "no-referrer");
        put(CACHE_CONTROL, "no-cache");
        response
    }

    fn page(&self, headers: &HeaderMap) -> Response {
        let html = match assets::find(INDEX, "") {
            Some(Found { content, .. }) => String::from_utf8_lossy(&content).into_owned(),
            None => assets::NOT_BUILT.to_owned(),
        };
        let base = format!("<base href=\"{}\">", self.base);
        let html = html.replacen(BASE, &base, 1);
        self.answer(headers, "text/html; charset=utf-8", Body::from(html))
    }
}

async fn redirect() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, PREFIX)]).into_response()
}

async fn index(State(place): State<Place>, headers: HeaderMap) -> Response {
    place.page(&headers)
}

/// A file; what has no extension is a page of the dashboard, which finds its way itself.
async fn file(
    State(place): State<Place>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    if path == "config.json" {
        return place.config(&headers);
    }
    let encodings = headers.get(ACCEPT_ENCODING);
    let encodings = encodings.and_then(|value| value.to_str().ok());
    let Some(found) = assets::find(&path, encodings.unwrap_or_default()) else {
        let last = path.rsplit('/').next().unwrap_or_default();
        if last.contains('.') {
            let text = format!("the dashboard has no file {path:?}\n");
            return (StatusCode::NOT_FOUND, text).into_response();
        }
        return place.page(&headers);
    };
    let body = Body::from(found.content);
    let mut response = place.answer(&headers, found.kind, body);
    let set = response.headers_mut();
    set.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = found.encoding {
        set.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if path.starts_with("assets/") {
        // Their names hold a hash of what they hold.
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        set.insert(CACHE_CONTROL, forever);
    }
    response
}

/// Name, address and key of the deployment, for the dashboard of a developer who works without an
/// account on this machine alone. Nobody else is given a key: not another machine, not a page of
/// another origin, not a name that somebody has made to point here.
async fn current_deployment(State(place): State<Place>, headers: HeaderMap) -> Response {
    let about = &place.console.0;
    let local =
        about.api.ip().is_loopback() && host_of(&headers).is_some_and(|host| is_loopback(&host));
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let own = matches!(site, None | Some(b"same-origin" | b"none"));
    if !about.name.starts_with(ANONYMOUS) || !local || !own {
        let text = "only the dashboard of an anonymous deployment on this machine is given a key\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(1, |elapsed| elapsed.as_secs().max(1));
    let answer = json!({
        "name": about.name,
        "url": about.cloud_url,
        "adminKey": about.keys.mint(0, false, now),
    });
    let mut response = axum::Json(answer).into_response();
    let none = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, none);
    response
}

/// The host that a request names, without its port.
fn host_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(HOST)?.to_str().ok()?;
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    text.chars()
        .all(plain)
        .then(|| without_port(text).to_owned())
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The host of a URL.
fn authority_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    without_port(rest.split('/').next().unwrap_or_default())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use lentil_identity::InstanceSecret;

    use super::*;

    fn place(base: &'static str, name: &str) -> Place {
        let console = Console::new(About {
            name: name.to_owned(),
            cloud_url: "http://127.0.0.1:3210".to_owned(),
            site_url: "http://127.0.0.1:3211".to_owned(),
            api: ([127, 0, 0, 1], 3210).into(),
            parents: Vec::new(),
            keys: AdminKeys::new(name, InstanceSecret::random()),
        });
        Place { console, base }
    }

    fn headers(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])
    }

    #[test]
    fn browsers_elsewhere_find_the_api_by_the_name_they_know() {
        let url = |host| place("/", "x").api_url(&headers(host));
        assert_eq!(
            url("localhost:6791").as_deref(),
            Some("http://127.0.0.1:3210")
        );
        assert_eq!(url("box.lan:6791").as_deref(), Some("http://box.lan:3210"));
        assert_eq!(url("[::1]:6791").as_deref(), Some("http://127.0.0.1:3210"));
        assert_eq!(url("a\"b:6791").as_deref(), Some("http://127.0.0.1:3210"));
        assert_eq!(place(PREFIX, "x").api_url(&headers("box.lan:3210")), None);
    }

    #[test]
    fn s041_scripts_come_from_the_server_alone() {
        let policy = place("/", "x").policy(&headers("localhost:6791"));
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("ws://127.0.0.1:3210"), "{policy}");
    }

    #[tokio::test]
    async fn keys_are_given_to_anonymous_developers_on_this_machine_only() {
        let status = async |name: &str, host, site: Option<&'static str>| {
            let mut headers = headers(host);
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            current_deployment(State(place("/", name)), headers)
                .await
                .status()
        };
        let (given, refused) = (StatusCode::OK, StatusCode::NOT_FOUND);
        assert_eq!(
            status("anonymous-agent", "127.0.0.1:6791", None).await,
            given
        );
        assert_eq!(
            status("anonymous-agent", "localhost:6791", Some("same-origin")).await,
            given
        );
        assert_eq!(status("carnitas", "127.0.0.1:6791", None).await, refused);
        assert_eq!(
            status("anonymous-agent", "evil.example:6791", None).await,
            refused
        );
        assert_eq!(
            status("anonymous-agent", "127.0.0.1:6791", Some("cross-site")).await,
            refused
        );
    }
}

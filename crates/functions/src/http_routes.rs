//! Which HTTP action a request is for (sync-and-http 5.2), from the routes that a push declared.

use crate::deploy::AnalyzedModuleJson;
use crate::{FunctionFailure, Functions};

/// What the routes of a deployment say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpRoute {
    /// The deployment has no `http.js`.
    NoRouter,
    /// It has, and no route of it matches.
    NoMatch,
    /// A route matches.
    Match,
}

impl Functions {
    /// Looks up a request by method and raw path, case-sensitive and without the query string.
    /// `HEAD` is served by routes for `GET`.
    pub async fn http_route(&self, method: &str, path: &str) -> Result<HttpRoute, FunctionFailure> {
        let inner = self.inner().clone();
        let (method, path) = (method.to_owned(), path.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let live = inner.live(&mut inner.database.begin())?;
            let module = live
                .image
                .as_deref()
                .and_then(|image| image.analysis.get("http.js"));
            Ok(find(module, &method, &path))
        });
        looked
            .await
            .map_err(|error| FunctionFailure::internal("a route could not be looked up", &error))?
    }
}

fn find(module: Option<&AnalyzedModuleJson>, method: &str, path: &str) -> HttpRoute {
    let Some(routes) = module.and_then(|module| module.http_routes.as_ref()) else {
        return HttpRoute::NoRouter;
    };
    let method = if method == "HEAD" { "GET" } else { method };
    let matches = routes.iter().any(|route| {
        let route = &route.route;
        route.method == method && covers(&route.path, path)
    });
    if matches {
        HttpRoute::Match
    } else {
        HttpRoute::NoMatch
    }
}

/// A route that ends in `/*` was declared as a prefix, which ends in `/`.
fn covers(route: &str, path: &str) -> bool {
    match route.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('/') => path.starts_with(prefix),
        _ => route == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> AnalyzedModuleJson {
        let routes = [("/exact", "GET"), ("/profile/*", "POST")];
        let routes: Vec<_> = routes
            .iter()
            .map(|(path, method)| serde_json::json!({"route": {"path": path, "method": method}, "pos": null}))
            .collect();
        serde_json::from_value(serde_json::json!({
            "functions": [], "httpRoutes": routes, "cronSpecs": null, "sourceMapped": null
        }))
        .expect("the form in which analyses are kept")
    }

    #[test]
    fn method_and_path_must_match() {
        let module = module();
        for (method, path, found) in [
            ("GET", "/exact", HttpRoute::Match),
            ("HEAD", "/exact", HttpRoute::Match),
            ("POST", "/exact", HttpRoute::NoMatch),
            ("GET", "/Exact", HttpRoute::NoMatch),
            ("GET", "/exact/", HttpRoute::NoMatch),
            ("POST", "/profile/", HttpRoute::Match),
            ("POST", "/profile/a/b", HttpRoute::Match),
            ("POST", "/profile", HttpRoute::NoMatch),
            ("OPTIONS", "/profile/", HttpRoute::NoMatch),
        ] {
            assert_eq!(find(Some(&module), method, path), found, "{method} {path}");
        }
        assert_eq!(find(None, "GET", "/exact"), HttpRoute::NoRouter);
    }
}

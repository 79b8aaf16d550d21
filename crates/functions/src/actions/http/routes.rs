//! Which component's `http.js` a request is for (function-runtime 11.6).
//!
//! The app's own routes may have a prefix; mounts are absolute. An exact route beats all mounts, the
//! longer prefix the shorter, a mount a route of the same.

use std::sync::Arc;

use super::{HttpFailure, ROUTER};
use crate::ComponentPath;
use crate::deploy::DeploymentImage;

/// The `http.js` that takes a request, and the path by which it routes it.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) image: Arc<DeploymentImage>,
    pub(super) path: String,
}

/// Follows mounts from the root as far as they lead.
pub(super) fn route(
    deployment: &Arc<DeploymentImage>,
    method: &str,
    path: &str,
) -> Result<Routed, HttpFailure> {
    // As routers do; the handler still sees what was asked.
    let method = if method == "HEAD" { "GET" } else { method };
    let (mut image, mut path) = (deployment, path.to_owned());
    loop {
        let own = own_path(image, &path);
        let Some((prefix, child)) = mount_for(image, method, own.as_deref(), &path) else {
            if routes(image).is_none() {
                return Err(HttpFailure::NoRouter);
            }
            return Ok(Routed {
                image: image.clone(),
                path: own.ok_or(HttpFailure::NoRoute)?,
            });
        };
        // One slash of the prefix stays.
        path = path[prefix.len() - 1..].to_owned();
        image = deployment.component(child).ok_or(HttpFailure::NoRouter)?;
    }
}

/// The path without the prefix that the app has declared for its own routes; `None` if it does not
/// begin with it.
fn own_path(image: &DeploymentImage, path: &str) -> Option<String> {
    let Some(prefix) = &image.http_prefix else {
        return Some(path.to_owned());
    };
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    rest.starts_with('/').then(|| rest.to_owned())
}

/// The routes of a component's own `http.js`: method and path.
fn routes(image: &DeploymentImage) -> Option<impl Iterator<Item = (&str, &str)>> {
    let routes = image.analysis.get(ROUTER)?.http_routes.as_ref()?;
    Some(
        routes
            .iter()
            .map(|route| (&*route.route.method, &*route.route.path)),
    )
}

/// The mount that the request is for, unless the component's own routes have it.
fn mount_for<'a>(
    image: &'a DeploymentImage,
    method: &str,
    own: Option<&str>,
    path: &str,
) -> Option<(&'a str, &'a ComponentPath)> {
    let mounts = image.mounts.iter();
    let fitting = mounts.filter(|(prefix, _)| path.starts_with(prefix.as_str()));
    let (prefix, child) = fitting.max_by_key(|(prefix, _)| prefix.len())?;
    // How much of the path is not the router's.
    let cut = path.len() - own.map_or(0, str::len);
    for (of, route) in own.into_iter().flat_map(|own| {
        let routes = routes(image).into_iter().flatten();
        routes.filter(move |(_, route)| fits(route, own))
    }) {
        if of == method && (!route.ends_with('*') || cut + route.len() - 1 > prefix.len()) {
            return None;
        }
    }
    Some((prefix, child))
}

/// Whether a route takes a path; one that ends in `*` takes all that begin so.
fn fits(route: &str, path: &str) -> bool {
    match route.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => route == path,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::Place;

    fn image(path: &str, routes: &[&str], mounts: &[&str]) -> DeploymentImage {
        let routes: Vec<_> = routes
            .iter()
            .map(|path| json!({ "route": { "path": path, "method": "GET" }, "pos": null }))
            .collect();
        let module = json!({
            "functions": [], "httpRoutes": routes, "cronSpecs": null, "sourceMapped": null,
        });
        let component = ComponentPath(path.to_owned());
        let mounts = mounts.iter().map(|prefix| {
            let name = prefix.trim_matches('/').replace('/', "_");
            ((*prefix).to_owned(), component.child(&name))
        });
        DeploymentImage {
            mounts: mounts.collect(),
            place: Arc::new(Place {
                component: component.clone(),
                ..Place::root()
            }),
            analysis: Arc::new(match routes.is_empty() {
                true => BTreeMap::new(),
                false => {
                    let module = serde_json::from_value(module).expect("an analysis");
                    BTreeMap::from([(ROUTER.to_owned(), module)])
                }
            }),
            ..DeploymentImage::empty()
        }
    }

    /// The component and the path that a request is routed by.
    fn asked(root: &Arc<DeploymentImage>, path: &str) -> (String, String) {
        match route(root, "GET", path) {
            Ok(routed) => (routed.image.place.component.0.clone(), routed.path),
            Err(failure) => ("!".to_owned(), format!("{failure:?}")),
        }
    }

    fn app(root: DeploymentImage, others: Vec<DeploymentImage>) -> Arc<DeploymentImage> {
        let others = others.into_iter().map(Arc::new);
        let others = others.map(|image| (image.place.component.clone(), image));
        Arc::new(DeploymentImage {
            components: Arc::new(others.collect()),
            ..root
        })
    }

    #[test]
    fn s074_mounts_exact_routes_and_prefixes() {
        let root = app(
            image("", &["/*", "/c/x", "/c/long/*"], &["/c/"]),
            vec![
                image("c", &["/x", "/y"], &["/deep/"]),
                image("c/deep", &["/z"], &[]),
            ],
        );
        let pair = |component: &str, path: &str| (component.to_owned(), path.to_owned());
        assert_eq!(asked(&root, "/c/y"), pair("c", "/y"));
        assert_eq!(
            asked(&root, "/c/x"),
            pair("", "/c/x"),
            "an exact route wins"
        );
        assert_eq!(asked(&root, "/c/long/a"), pair("", "/c/long/a"));
        assert_eq!(asked(&root, "/c"), pair("", "/c"), "not below the prefix");
        assert_eq!(asked(&root, "/c/deep/z"), pair("c/deep", "/z"));
        assert_eq!(asked(&root, "/other"), pair("", "/other"));
        let head = route(&root, "HEAD", "/c/x").expect("it is routed as GET");
        assert_eq!(&*head.image.place.component.0, "", "an exact route wins");
    }

    #[test]
    fn the_apps_prefix_is_for_its_own_routes_only() {
        let mut root = image("", &["/a"], &["/c/"]);
        root.http_prefix = Some("/api/".to_owned());
        let root = app(root, vec![image("c", &["/x"], &[])]);
        let pair = |component: &str, path: &str| (component.to_owned(), path.to_owned());
        assert_eq!(asked(&root, "/api/a"), pair("", "/a"));
        assert_eq!(asked(&root, "/a"), pair("!", "NoRoute"));
        assert_eq!(asked(&root, "/c/x"), pair("c", "/x"));
        let bare = app(image("", &[], &["/c/"]), vec![image("c", &["/x"], &[])]);
        assert_eq!(asked(&bare, "/c/x"), pair("c", "/x"));
        assert_eq!(asked(&bare, "/x"), pair("!", "NoRouter"));
    }
}

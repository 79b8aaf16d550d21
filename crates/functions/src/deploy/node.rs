//! What a push says about Node actions (cli-and-deploy 4.2, 4.4): the version of Node, the packages to
//! install, and which modules may not be Node's.

use lentil_catalog::Deployment;
use lentil_js::{NodePackage, NodeSettings};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::DeployError;

/// Versions of Node that a deployment may ask for.
const VERSIONS: [&str; 3] = ["20", "22", "24"];
/// Packages of a push.
const PACKAGES_MAX: usize = 1_000;
/// Modules with a meaning of their own, which only the default runtime has.
const NEVER_NODE: [&str; 5] = [
    "http.js",
    "crons.js",
    "schema.js",
    "auth.config.js",
    "convex.config.js",
];

/// A package as the CLI names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(expecting = "a package with a name and a version")]
pub(super) struct PushedPackage {
    name: String,
    version: String,
}

/// Checks the version of Node and the list of packages.
pub(super) fn settings(
    version: Option<&str>,
    packages: &[PushedPackage],
) -> Result<NodeSettings, DeployError> {
    let version = match version {
        None => None,
        Some(text) if VERSIONS.contains(&text) => text.parse().ok(),
        Some(text) => {
            return Err(DeployError::bad(
                "NodeVersionNotSupported",
                format!(
                    "convex.json asks for Node.js {text:?} (node.nodeVersion); there are {}",
                    VERSIONS.join(", ")
                ),
            ));
        }
    };
    if packages.len() > PACKAGES_MAX {
        let count = packages.len();
        return Err(DeployError::bad(
            "InvalidNodeDependencies",
            format!("the push has {count} external packages; at most {PACKAGES_MAX} are allowed"),
        ));
    }
    let packages = packages.iter().map(checked).collect::<Result<_, _>>()?;
    Ok(NodeSettings { version, packages })
}

/// Names and versions only: what npm takes for a folder or an address would be the server's.
fn checked(package: &PushedPackage) -> Result<NodePackage, DeployError> {
    let PushedPackage { name, version } = package;
    let part = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        !text.is_empty() && !text.starts_with(['.', '_']) && text.chars().all(good)
    };
    let good_name = name.len() <= 214
        && match name.strip_prefix('@') {
            Some(scoped) => scoped
                .split_once('/')
                .is_some_and(|(scope, name)| part(scope) && part(name)),
            None => part(name),
        };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    let good_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.len() <= 256
        && version.chars().all(good);
    if good_name && good_version {
        return Ok(NodePackage {
            name: name.clone(),
            version: version.clone(),
        });
    }
    Err(DeployError::bad(
        "InvalidNodeDependencies",
        format!("{name:?} in version {version:?} is not a package of npm with an exact version"),
    ))
}

/// Whether a module may say `"use node"`.
pub(super) fn check_module(path: &str) -> Result<(), DeployError> {
    if NEVER_NODE.contains(&path) {
        return Err(DeployError::bad(
            "InvalidModules",
            format!(
                "{path} must not say \"use node\": it runs in the default runtime; remove the directive to push"
            ),
        ));
    }
    Ok(())
}

/// The live list of packages, as the CLI sends it.
pub(super) fn dependencies_json(deployment: &Deployment) -> Result<Json, DeployError> {
    match &deployment.node_dependencies {
        Some(text) => serde_json::from_str(text).map_err(|error| DeployError::internal(&error)),
        None => Ok(json!([])),
    }
}

/// Keeps what the Node modules of a push run with.
pub(super) fn store(deployment: &mut Deployment, node: &NodeSettings) {
    deployment.node_version = node.version.map(|version| version.to_string());
    let list = node.packages.iter();
    let list: Vec<Json> = list
        .map(|package| json!({ "name": package.name, "version": package.version }))
        .collect();
    deployment.node_dependencies = (!list.is_empty()).then(|| Json::from(list).to_string());
}

/// What the live Node modules run with.
pub(super) fn load(deployment: &Deployment) -> Result<NodeSettings, DeployError> {
    let packages: Vec<PushedPackage> = serde_json::from_value(dependencies_json(deployment)?)
        .map_err(|error| DeployError::internal(&error))?;
    settings(deployment.node_version.as_deref(), &packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> PushedPackage {
        PushedPackage {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn packages_are_names_with_exact_versions() {
        for (name, version, good) in [
            ("sharp", "0.34.5", true),
            ("@aws-sdk/client-s3", "3.1.0-beta.1+build", true),
            ("JSONStream", "1.3.5", true),
            ("sharp", "file:/etc", false),
            ("sharp", "https://example.com/a.tgz", false),
            ("sharp", "", false),
            ("sharp", "^1.0.0", false),
            ("../sharp", "1.0.0", false),
            ("@a/b/c", "1.0.0", false),
            ("@a", "1.0.0", false),
            ("-g", "1.0.0 --foo", false),
        ] {
            let settings = settings(None, &[package(name, version)]);
            assert_eq!(settings.is_ok(), good, "{name} {version}");
        }
    }

    #[test]
    fn three_versions_of_node_are_known() {
        assert_eq!(settings(None, &[]).unwrap().version, None);
        assert_eq!(settings(Some("22"), &[]).unwrap().version, Some(22));
        for version in ["18", "21", "lts", "20.1", ""] {
            let error = settings(Some(version), &[]).unwrap_err();
            assert_eq!(error.code, "NodeVersionNotSupported");
            assert!(error.message.contains("20, 22, 24"), "{}", error.message);
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let wanted = settings(
            Some("20"),
            &[package("a", "1.0.0"), package("@b/c", "2.0.0")],
        )
        .unwrap();
        let mut deployment = Deployment::empty();
        store(&mut deployment, &wanted);
        assert_eq!(load(&deployment).unwrap(), wanted);
        store(&mut deployment, &NodeSettings::default());
        assert_eq!(deployment.node_dependencies, None);
        assert_eq!(load(&deployment).unwrap(), NodeSettings::default());
    }

    #[test]
    fn configuration_is_not_nodes() {
        assert!(check_module("emails.js").is_ok());
        let error = check_module("http.js").unwrap_err();
        assert!(
            error.message.contains("http.js must not say"),
            "{}",
            error.message
        );
    }
}

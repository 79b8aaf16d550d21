//! Components at work in one process: what the app's own settings mean for functions that were never
//! pushed.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use serde_json::{Value as Json, json};

use pushed::{module, plain_module, push, push_of};
use support::{App, admin, call_as, host_options};

/// What a `convex.config.js` has to export.
fn config(exported: Json) -> Json {
    let source = format!("export default {{ export() {{ return {exported}; }} }};");
    plain_module("convex.config.js", &source)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_was_never_pushed_has_the_environment_of_those_that_were() {
    let app = App::empty(host_options()).await;
    let site = "export const site = query(() => process.env.CONVEX_SITE_URL);";
    let mut body = push_of(&[module("m.js", site)], None);
    body["appDefinition"]["definition"] = config(json!({
        "definitionType": { "type": "app" }, "childComponents": [], "httpMounts": {},
        "httpPrefix": "/api/",
    }));
    push(&app, body).await;
    let pushed = app.ask("m:site", json!({})).await;
    assert_eq!(pushed, json!("http://127.0.0.1:3211/api"));
    let source = r#"import { query } from "convex:/_system/repl/wrappers.js";
        export default query({ handler: () => process.env.CONVEX_SITE_URL });"#;
    let asked = app
        .functions
        .one_off_query(source.into(), call_as(admin(), "m:x", json!({})));
    let result = asked.await.result.expect("it runs");
    assert_eq!(&*result, pushed.to_string());
}

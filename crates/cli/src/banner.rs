//! What the person who starts the server reads first.

/// Tells where the server is; at first start also the key and what to do next.
pub(crate) fn print(urls: [&str; 3], data: &std::path::Path, key: Option<&str>) {
    let [cloud_url, site_url, dashboard] = urls;
    println!("Lentil {}", env!("CARGO_PKG_VERSION"));
    println!("  API and sync   {cloud_url}");
    println!("  HTTP actions   {site_url}");
    println!("  Dashboard      {dashboard}");
    println!("  Data           {}", data.display());
    let Some(key) = key else { return };
    println!("  Admin key      {key}");
    println!(
        "                 (shown once; `lentil keys --data {}` prints another)",
        data.display()
    );
    println!();
    println!(
        "Push an app: in its folder, put these lines into .env.local and run `npx convex dev`."
    );
    println!("  CONVEX_SELF_HOSTED_URL={cloud_url}");
    println!("  CONVEX_SELF_HOSTED_ADMIN_KEY='{key}'");
    println!();
}

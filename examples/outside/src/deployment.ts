// Where the server is, as the browser sees it.

import { ConvexClient } from "convex/browser";

/** The API: from .env, else what the CLI wrote, else the default port on this machine. */
const deploymentUrl: string =
  import.meta.env.VITE_CONVEX_SELF_HOSTED_URL || import.meta.env.VITE_CONVEX_URL || "http://127.0.0.1:3210";

/** HTTP actions. */
export const siteUrl: string = import.meta.env.VITE_CONVEX_SITE_URL || "http://127.0.0.1:3211";

/** The one connection that everything on the page shares. */
export const client = new ConvexClient(deploymentUrl);

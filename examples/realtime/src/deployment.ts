// Where the server is, as the browser sees it.

/** The server's URL: from .env, else what the CLI wrote, else the default port on this machine. */
export const deploymentUrl =
  import.meta.env.VITE_CONVEX_SELF_HOSTED_URL ||
  import.meta.env.VITE_CONVEX_URL ||
  "http://127.0.0.1:3210";

/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Where this example's .env says the server is. */
  readonly VITE_CONVEX_SELF_HOSTED_URL?: string;
  /** Where `npx convex dev` pushed to; it writes this into .env.local. */
  readonly VITE_CONVEX_URL?: string;
}

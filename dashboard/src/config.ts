// Where the dashboard is served from and which deployment it belongs to: the server says so in
// config.json beside index.html, so that one build works at / on 6791 and at /_console/.

export interface Config {
  deploymentUrl: string;
  deploymentName: string | null;
  siteUrl: string | null;
  version: string | null;
  /** Who may embed the dashboard and hand it credentials, besides its own origin. */
  embedOrigins: string[];
  /** Optional parts that the server has: metrics, introspection, explain. */
  features: Set<string>;
}

/** The path below which all pages stand, without the slash at the end. */
export const mountPath = new URL(document.baseURI).pathname.replace(/\/$/, "");

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** The server knows itself as 127.0.0.1; a browser elsewhere needs the name it came by. */
function reachable(address: string): string {
  const url = new URL(address);
  if (LOOPBACK.test(url.hostname) && !LOOPBACK.test(location.hostname)) url.hostname = location.hostname;
  return url.origin;
}

export async function loadConfig(): Promise<Config> {
  let given: Partial<Record<string, unknown>> = {};
  try {
    const response = await fetch(new URL("config.json", document.baseURI), { cache: "no-store" });
    if (response.ok) given = (await response.json()) as Record<string, unknown>;
  } catch {
    // A static host without the file: the page's own origin is the deployment.
  }
  const text = (name: string) => (typeof given[name] === "string" ? (given[name] as string) : null);
  const list = (name: string) => (Array.isArray(given[name]) ? (given[name] as string[]) : []);
  const url = text("url");
  return {
    deploymentUrl: url ? reachable(url) : location.origin,
    deploymentName: text("name"),
    siteUrl: text("siteUrl"),
    version: text("version"),
    embedOrigins: list("parentOrigins"),
    features: new Set(list("features")),
  };
}

// Who is logged in: the admin key lives in the tab's session storage and memory, nowhere else.

export interface Session {
  url: string;
  key: string;
  name: string;
  /** Names of allowed operations; empty means all. */
  operations: string[];
  readOnly: boolean;
  /** Pages to show when embedded; null means all. */
  visiblePages: string[] | null;
}

export const CLIENT = "console-0.1.0";

const STORED = "lentil-session";
const REMEMBERED = "lentil-deployments";
const ATTEMPTS = 3;
const PAUSE_MS = 500;
const REMEMBERED_MAX = 8;

export class LoginError extends Error {}

export function restoreSession(): Session | null {
  try {
    const text = sessionStorage.getItem(STORED);
    return text ? (JSON.parse(text) as Session) : null;
  } catch {
    return null;
  }
}

export function keepSession(session: Session | null) {
  if (session) sessionStorage.setItem(STORED, JSON.stringify(session));
  else sessionStorage.removeItem(STORED);
}

/** Addresses of deployments that were opened in this browser; never their keys. */
export function rememberedDeployments(): string[] {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]") as string[];
  } catch {
    return [];
  }
}

export function rememberDeployment(url: string) {
  const others = rememberedDeployments().filter((known) => known !== url);
  localStorage.setItem(REMEMBERED, JSON.stringify([url, ...others].slice(0, REMEMBERED_MAX)));
}

export function forgetDeployment(url: string) {
  localStorage.setItem(REMEMBERED, JSON.stringify(rememberedDeployments().filter((known) => known !== url)));
}

interface Rights {
  allowedOps?: string[];
  isReadOnly?: boolean;
}

async function rightsOf(url: string, key: string): Promise<Rights> {
  const headers = { Authorization: `Convex ${key}`, "Convex-Client": CLIENT };
  for (let attempt = 1; ; attempt++) {
    let response: Response;
    try {
      response = await fetch(`${url}/api/check_admin_key`, { headers });
    } catch {
      if (attempt < ATTEMPTS) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        continue;
      }
      throw new LoginError(`No server answers at ${url}. Is it running, and can this browser reach it?`);
    }
    if (response.ok) return (await response.json().catch(() => ({}))) as Rights;
    if (response.status === 404) return {};
    if (response.status < 500) {
      throw new LoginError("This deployment does not accept that key. Print one with: lentil keys");
    }
    if (attempt === ATTEMPTS) throw new LoginError(`The server answered ${response.status}; try again.`);
  }
}

/** What a key says its deployment is for; keys that `lentil keys` prints say nothing of it. */
export const deploymentType = (key: string) => /^(prod|dev|preview):/.exec(key)?.[1] ?? null;

/** The part of an admin key before `|`, without the decoration some tools add. */
const nameInKey = (key: string) => (key.includes("|") ? key.split("|")[0]!.replace(/^(prod|dev|preview):/, "") : null);

async function instanceName(url: string): Promise<string | null> {
  try {
    const response = await fetch(`${url}/instance_name`);
    return response.ok ? (await response.text()).trim() : null;
  } catch {
    return null;
  }
}

export async function login(url: string, typedKey: string): Promise<Session> {
  const key = typedKey.trim();
  if (!key) throw new LoginError("Paste an admin key. Print one with: lentil keys");
  const rights = await rightsOf(url, key);
  const session: Session = {
    url,
    key,
    name: (await instanceName(url)) ?? nameInKey(key) ?? new URL(url).host,
    operations: rights.allowedOps ?? [],
    readOnly: rights.isReadOnly ?? false,
    visiblePages: null,
  };
  keepSession(session);
  rememberDeployment(url);
  return session;
}

/** Embedded in a page that may do so: asks it for credentials, as the stock dashboard does. */
export function askParent(allowedOrigins: string[], receive: (url: string, key: string, pages: string[] | null) => void) {
  if (window.parent === window) return () => {};
  const allowed = new Set([location.origin, ...allowedOrigins]);
  const listen = (event: MessageEvent) => {
    if (event.source !== window.parent || !allowed.has(event.origin)) return;
    const data = event.data as Record<string, unknown> | null;
    if (data?.type !== "dashboard-credentials" || typeof data.adminKey !== "string") return;
    const url = typeof data.deploymentUrl === "string" ? new URL(data.deploymentUrl).origin : "";
    receive(url, data.adminKey, Array.isArray(data.visiblePages) ? (data.visiblePages as string[]) : null);
  };
  window.addEventListener("message", listen);
  // The request names nothing secret, so that it may go to whoever the parent is.
  window.parent.postMessage({ type: "dashboard-credentials-request" }, "*");
  return () => window.removeEventListener("message", listen);
}

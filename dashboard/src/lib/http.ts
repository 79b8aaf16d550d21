// The admin HTTP interface of a deployment.

import { CLIENT } from "../session";

export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class AdminHttp {
  constructor(
    readonly url: string,
    /** Some requests carry it in their body as well. */
    readonly key: string,
  ) {}

  headers(identity?: Record<string, unknown>): Record<string, string> {
    const bytes = identity && new TextEncoder().encode(JSON.stringify(identity));
    const as = bytes ? `:${btoa(String.fromCharCode(...bytes))}` : "";
    return { Authorization: `Convex ${this.key}${as}`, "Convex-Client": CLIENT };
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, { ...init, headers: { ...this.headers(), ...init.headers } });
    if (response.ok) return response;
    const text = await response.text();
    let body: { code?: string; message?: string } = {};
    try {
      body = JSON.parse(text) as typeof body;
    } catch {
      // Not every refusal is JSON; its text is shown then.
    }
    throw new HttpError(response.status, body.code ?? "", body.message ?? (text || `the server answered ${response.status}`));
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await (await this.request(path, { signal })).json()) as T;
  }

  async post<T = unknown>(path: string, body: unknown): Promise<T> {
    const init = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const text = await (await this.request(path, init)).text();
    return (text ? JSON.parse(text) : null) as T;
  }
}

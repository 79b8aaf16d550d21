// The way in: an admin key for the deployment this dashboard belongs to.

import { ArrowRight, Copy, X } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { Config } from "../config";
import { lockedAfter, noteLocked } from "../lib/idle";
import { copy } from "../lib/toasts";
import { forgetDeployment, login, rememberedDeployments, type Session } from "../session";
import { Logo } from "./Logo";

export function Login({ config, onLogin }: { config: Config; onLogin: (session: Session) => void }) {
  const [key, setKey] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [locked] = useState(lockedAfter);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const session = await login(config.deploymentUrl, key);
      noteLocked(null);
      onLogin(session);
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <form className="login-box" onSubmit={(event) => void submit(event)} data-testid="login">
        <Logo size={36} />
        <h1>{config.deploymentName ?? "Lentil"}</h1>
        <p className="muted mono">{config.deploymentUrl}</p>
        {locked !== null && (
          <p className="locked" role="status" data-testid="locked">
            Locked after {locked} {locked === 1 ? "minute" : "minutes"} without input, and the key is forgotten. Unlocking leads back to where you were.
          </p>
        )}
        <label className="field">
          <span>Admin key</span>
          <input
            type="password"
            autoComplete="off"
            autoFocus
            spellCheck={false}
            value={key}
            onChange={(event) => setKey(event.target.value)}
            data-testid="login-key"
            aria-invalid={error !== null}
            aria-describedby="login-error"
          />
        </label>
        <p className="error-text" id="login-error" role="alert" data-testid="login-error">
          {error}
        </p>
        <button type="submit" className="button primary large" disabled={busy} data-testid="login-submit">
          {busy ? "Checking…" : locked === null ? "Open dashboard" : "Unlock"}
          <ArrowRight size={16} />
        </button>
        <div className="login-help">
          <span>Print a key on the machine that runs the server:</span>
          <button type="button" className="code-line" onClick={() => void copy("lentil keys")}>
            <code>lentil keys</code>
            <Copy size={13} />
          </button>
          <span className="muted">The key stays in this tab and is forgotten when it closes.</span>
        </div>
        <Others current={config.deploymentUrl} />
      </form>
    </main>
  );
}

/** Every deployment serves its own dashboard, so others are links and not logins. */
function Others({ current }: { current: string }) {
  const [urls, setUrls] = useState(() => rememberedDeployments().filter((url) => url !== current));
  if (urls.length === 0) return null;
  return (
    <div className="login-others">
      <h2>Other deployments</h2>
      <ul>
        {urls.map((url) => (
          <li key={url}>
            <a href={`${url}/_console/`}>{url}</a>
            <button
              type="button"
              className="icon-button"
              aria-label={`Forget ${url}`}
              onClick={() => {
                forgetDeployment(url);
                setUrls(urls.filter((other) => other !== url));
              }}
            >
              <X size={13} />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

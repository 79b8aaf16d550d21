// Addresses and versions, each to copy.

import { Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useDeployment } from "../../lib/deployment";
import { useLive } from "../../lib/live";
import { system } from "../../lib/system";
import { copy } from "../../lib/toasts";
import { KeyUses } from "./KeyUses";
import { Lock } from "./Lock";

export function General() {
  const { session, config, http } = useDeployment();
  const siteUrl = useLive(system.siteUrl, {}).data;
  const packageVersion = useLive(system.version, {}).data;
  const [version, setVersion] = useState<string | null>(config.version);
  useEffect(() => {
    void http
      .request("/version")
      .then((response) => response.text())
      .then(setVersion, () => undefined);
  }, [http]);
  const rows: [string, string | null | undefined, string][] = [
    ["Deployment URL", session.url, "CONVEX_SELF_HOSTED_URL of the CLI, and the address clients connect to"],
    ["HTTP actions URL", siteUrl, "where routes of convex/http.ts answer"],
    ["Name", session.name, "the part of admin keys before the |"],
  ];
  return (
    <>
      <section className="card">
        <h2>Addresses</h2>
        {rows.map(
          ([label, value, help]) =>
            value && (
              <div className="field setting" key={label}>
                <span>{label}</span>
                <button type="button" className="code-line" onClick={() => void copy(value)}>
                  <code>{value}</code>
                  <Copy size={14} />
                </button>
                <small className="muted">{help}</small>
              </div>
            ),
        )}
      </section>
      <section className="card">
        <h2>Versions</h2>
        <dl className="kv">
          <dt>Lentil</dt>
          <dd>{version ?? "…"}</dd>
          <dt>convex package of the last push</dt>
          <dd>{packageVersion ?? "nothing was pushed yet"}</dd>
        </dl>
      </section>
      <section className="card">
        <h2>Your key</h2>
        <p>
          {session.readOnly
            ? "It may look at everything and change nothing."
            : session.operations.length === 0
              ? "It may do everything."
              : `It may: ${session.operations.join(", ")}.`}
        </p>
      </section>
      <KeyUses />
      <Lock />
    </>
  );
}

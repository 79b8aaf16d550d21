// Providers of the pushed convex/auth.config.ts.

import { Empty, Loading, Problem } from "../../components/ui";
import { Tree } from "../../components/Tree";
import { useLive } from "../../lib/live";
import { system } from "../../lib/system";

export function Authentication() {
  const { data, error } = useLive(system.authProviders, {});
  if (error) return <Problem error={error} />;
  if (!data) return <Loading />;
  if (data.length === 0) {
    return (
      <Empty title="No providers">
        Tokens are accepted from the providers in <code>convex/auth.config.ts</code>; there are none yet.
      </Empty>
    );
  }
  return (
    <section className="card">
      <h2>Providers</h2>
      {data.map((provider, index) => (
        <Tree key={index} value={provider} open />
      ))}
    </section>
  );
}

// A query that fails throws where it is used. This shows why, and goes on by itself once it works.

import { useConvex } from "convex/react";
import { Component, useEffect, type ReactNode } from "react";
import { api } from "../../convex/_generated/api";

interface State {
  error: Error | null;
}

/** Shows the error of a failed query in place of its children. */
export class QueryErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <QueryError error={this.state.error} onRecovered={() => this.setState({ error: null })} />
    );
  }
}

function QueryError({ error, onRecovered }: { error: Error; onRecovered: () => void }) {
  const client = useConvex();
  useEffect(() => {
    // The failed query stays subscribed, so a push that repairs it brings the page back.
    const watch = client.watchQuery(api.functions.list, {});
    return watch.onUpdate(() => {
      try {
        if (watch.localQueryResult() !== undefined) onRecovered();
      } catch {
        // It still fails; the next result will be looked at again.
      }
    });
  }, [client, onRecovered]);
  const unknownFunction = error.message.includes("Could not find");
  return (
    <section className="notice notice-bad" role="alert" data-testid="query-error">
      <h1>{unknownFunction ? "The functions are not on the server yet" : "The query failed"}</h1>
      {unknownFunction && (
        <p>
          Run <code>npm run push</code>; this page goes on as soon as they are there.
        </p>
      )}
      <pre>{error.message}</pre>
      <button type="button" onClick={onRecovered} data-testid="retry-button">
        Try again
      </button>
    </section>
  );
}

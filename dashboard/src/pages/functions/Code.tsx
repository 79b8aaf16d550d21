// The module of a function, as its author wrote it where the push brought a source map.

import { useEffect, useMemo, useRef } from "react";
import { Empty, Loading, Problem } from "../../components/ui";
import { useLiveHere } from "../../lib/component";
import type { AppFunction } from "../../lib/modules";
import { system } from "../../lib/system";

interface SourceMap {
  sources?: string[];
  sourcesContent?: (string | null)[];
}

/** The original file in a source map: the one named like the module. */
export function originalSource(module: string, text: string | null): string | null {
  if (!text) return null;
  try {
    const map = JSON.parse(text) as SourceMap;
    const at = (map.sources ?? []).findIndex((source) => source.replace(/\.[cm]?[jt]sx?$/, "").endsWith(`/${module}`));
    return map.sourcesContent?.[at] ?? null;
  } catch {
    return null;
  }
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The line on which a name is exported. */
export function lineOfExport(lines: string[], name: string): number {
  const pattern = name === "default" ? /export default/ : new RegExp(`export (const|let|var|async function|function) ${escape(name)}\\b`);
  return lines.findIndex((line) => pattern.test(line));
}

export function Code({ fn }: { fn: AppFunction }) {
  const { data, error, loading } = useLiveHere(system.source, { path: `${fn.module}.js` });
  const lines = useMemo(() => (data ? (originalSource(fn.module, data.sourceMap) ?? data.source).split("\n") : []), [data, fn.module]);
  const at = useMemo(() => lineOfExport(lines, fn.name), [lines, fn.name]);
  const chosen = useRef<HTMLLIElement>(null);
  useEffect(() => chosen.current?.scrollIntoView({ block: "center" }), [at]);
  if (error) return <Problem error={error} />;
  if (loading) return <Loading />;
  if (!data) return <Empty title="The server has no source of this module" />;
  return (
    <section className="card flush code-card code-view" data-testid="code">
      <ol className="code">
        {lines.map((line, index) => (
          <li key={index} ref={index === at ? chosen : undefined} className={index === at ? "chosen" : ""}>
            {line}
          </li>
        ))}
      </ol>
    </section>
  );
}

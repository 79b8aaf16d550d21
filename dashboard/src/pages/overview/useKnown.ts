// Everything that advice is made of, from the places that know it.

import { useEffect, useMemo, useState } from "react";
import type { Known } from "../../lib/advice";
import { useBackups } from "../../lib/backups";
import { useDeployment } from "../../lib/deployment";
import { useLive } from "../../lib/live";
import { useSchema } from "../../lib/schema";
import { useSnapshot } from "../../lib/snapshots";
import { system } from "../../lib/system";
import { userTables } from "../../lib/tables";
import { useUsage } from "../../lib/usage";

/** Long enough to know whether an index has been idle for a week. */
const USAGE_DAYS = 15;

/** What does not change while a page is open, from the admin interface; null until it is there. */
function useOnce<T>(path: string): T | null {
  const { http } = useDeployment();
  const [value, setValue] = useState<T | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    http.get<T>(path, stop.signal).then(setValue, () => undefined);
    return () => stop.abort();
  }, [http, path]);
  return value;
}

export function useKnown(): Known {
  const { snapshot } = useSnapshot();
  const { schema } = useSchema();
  const { usage } = useUsage(USAGE_DAYS);
  const backups = useBackups();
  const mapping = useLive(system.tables, {}).data;
  const runs = useLive(system.cronRuns, {}).data;
  const review = useLive(system.review, {}).data;
  const variables = useLive(system.environment, {}).data;
  const keyUses = useLive(system.keyUses, {}).data;
  const limits = useOnce<{ limits: { name: string; value: number }[] }>("/api/limits");
  const key = useOnce<{ issuedSecs?: number }>("/api/check_admin_key");
  return useMemo(() => {
    const limit = (name: string) => limits?.limits.find((one) => one.name === name)?.value ?? Infinity;
    const last = backups.data?.last?.at ?? null;
    return {
      snapshot,
      schema,
      usage,
      tables: mapping ? userTables(mapping) : [],
      limits: limits && { documents_read: limit("documents_read"), bytes_read: limit("bytes_read") },
      cronRuns: runs ?? [],
      withoutArguments: review?.withoutArguments ?? [],
      environment: review && variables ? { named: review.environment, set: variables.map(({ name }) => name) } : null,
      // A server without data has nothing to lose.
      lastBackup: backups.data && snapshot?.tables.some(({ docs }) => docs > 0) ? last : undefined,
      keyIssued: key?.issuedSecs ? key.issuedSecs * 1000 : null,
      keyUses: keyUses ?? [],
      now: Date.now(),
    };
  }, [snapshot, schema, usage, backups.data, mapping, runs, review, variables, keyUses, limits, key]);
}

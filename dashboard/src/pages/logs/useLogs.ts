// The tail of the deployment that is shown, as state of a component.

import { useSyncExternalStore } from "react";
import { useDeployment } from "../../lib/deployment";
import type { AdminHttp } from "../../lib/http";
import { LogTail, type LogRow } from "../../lib/logs";

const tails = new WeakMap<AdminHttp, LogTail>();

export function useTail(): LogTail {
  const { http } = useDeployment();
  let tail = tails.get(http);
  if (!tail) tails.set(http, (tail = new LogTail(http)));
  return tail;
}

export function useRowsOfTail(tail: LogTail): LogRow[] {
  return useSyncExternalStore(tail.subscribe, () => tail.rows);
}

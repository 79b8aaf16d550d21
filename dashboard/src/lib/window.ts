// The span of time metrics are asked for.

const BUCKETS_MAX = 60;
const BUCKETS_MIN = 5;

export function timeWindow(seconds: number): string {
  const end = Math.floor(Date.now() / 1000);
  const at = (secs: number) => ({ secs_since_epoch: secs, nanos_since_epoch: 0 });
  const buckets = Math.min(BUCKETS_MAX, Math.max(BUCKETS_MIN, Math.floor(seconds / 60)));
  return JSON.stringify({ start: at(end - seconds), end: at(end), num_buckets: buckets });
}

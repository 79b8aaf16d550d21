// When lines came, errors in red, over the time that is shown.

import { useMemo } from "react";
import { clock } from "../../lib/format";
import { isError, type LogRow } from "../../lib/logs";

const BARS = 80;
const SPAN_MS_MIN = 60_000;

export function Histogram({ rows }: { rows: LogRow[] }) {
  const { bars, from, to } = useMemo(() => {
    const end = rows[rows.length - 1]?.at ?? Date.now();
    const start = Math.min(rows[0]?.at ?? end, end - SPAN_MS_MIN);
    const counts = Array.from({ length: BARS }, () => ({ all: 0, errors: 0 }));
    for (const row of rows) {
      const bar = counts[Math.max(0, Math.min(BARS - 1, Math.floor(((row.at - start) / (end - start + 1)) * BARS)))]!;
      bar.all++;
      if (isError(row)) bar.errors++;
    }
    return { bars: counts, from: start, to: end };
  }, [rows]);
  const high = Math.max(1, ...bars.map(({ all }) => all));
  const scale = (value: number) => (value === 0 ? 0 : Math.max(1.5, (value / high) * 30));
  return (
    <svg
      className="histogram"
      viewBox={`0 0 ${BARS * 4} 32`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Lines from ${clock(from)} to ${clock(to)}: at most ${high} in one bar`}
    >
      {bars.map(({ all, errors }, index) => (
        <g key={index}>
          <rect x={index * 4} y={32 - scale(all)} width={3} height={scale(all)} className="bar" />
          <rect x={index * 4} y={32 - scale(errors)} width={3} height={scale(errors)} className="bar error" />
        </g>
      ))}
    </svg>
  );
}

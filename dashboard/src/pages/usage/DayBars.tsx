// One bar a day; a click chooses the day. Days of which nothing is known have no bar.

const DAY_MS = 86_400_000;

export const dayName = (ms: number) => new Date(ms).toISOString().slice(0, 10);

interface Props {
  points: { day: number; value: number }[];
  /** Days that are shown, up to today. */
  span: number;
  format: (value: number) => string;
  chosen: number | null;
  onChoose: (day: number) => void;
}

export function DayBars({ points, span, format, chosen, onChoose }: Props) {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const values = new Map(points.map(({ day, value }) => [day, value]));
  const days = Array.from({ length: span }, (_, at) => today - (span - 1 - at) * DAY_MS);
  const most = Math.max(1, ...points.map(({ value }) => value));
  return (
    <>
      <div className="day-bars" role="group" aria-label="Days">
        {days.map((day) => {
          const value = values.get(day);
          const text = `${dayName(day)}: ${value === undefined ? "nothing known" : format(value)}`;
          return (
            <button
              key={day}
              type="button"
              className={day === chosen ? "chosen" : ""}
              disabled={value === undefined}
              title={text}
              aria-label={text}
              aria-pressed={day === chosen}
              onClick={() => onChoose(day)}
              data-testid="usage-day"
              data-value={value ?? ""}
            >
              <i style={{ height: `${(100 * (value ?? 0)) / most}%` }} />
            </button>
          );
        })}
      </div>
      <div className="day-bars-ends muted">
        <span>{dayName(days[0]!)}</span>
        <span>at most {format(Math.max(0, ...points.map(({ value }) => value)))}</span>
        <span>today</span>
      </div>
    </>
  );
}

// Which moment is shown: stop, slow down, and go back over the last five minutes.

import { Pause, Play } from "lucide-react";
import { useMemo } from "react";
import { Button } from "../../components/ui";
import { ago, clock as timeOf } from "../../lib/format";
import { atSpeed, goLive, pause, play, seek, shownAt, SPEEDS, WINDOW_MS, type Clock } from "../../lib/moment";
import { perSecond, type Feed, type Span, type Tick } from "../../lib/stream";

const WINDOW_S = WINDOW_MS / 1000;
const STEP_S = 0.5;

interface Props {
  feed: Feed;
  clock: Clock;
  onChange: (next: Clock) => void;
}

export function ClockBar({ feed, clock, onChange }: Props) {
  const now = feed.now();
  const shown = shownAt(clock, now);
  const behind = Math.max(0, now - shown);
  const told = clock.live ? "live" : `${timeOf(shown)}, ${ago(shown, now)}`;
  const change = (how: (clock: Clock, now: number) => Clock) => onChange(how(clock, feed.now()));
  return (
    <div className="live-clock" role="group" aria-label="The moment that is shown" data-testid="live-clock" data-at={clock.live ? "" : shown} data-live={clock.live}>
      <Button
        icon={clock.playing ? <Pause size={14} /> : <Play size={14} />}
        aria-pressed={!clock.playing}
        onClick={() => change(clock.playing ? pause : play)}
        data-testid="live-pause"
      >
        {clock.playing ? "Pause" : "Go on"}
      </Button>
      <div className="segmented" role="group" aria-label="Speed">
        {SPEEDS.map((speed) => (
          <button key={speed} type="button" aria-pressed={clock.speed === speed} onClick={() => change((old, at) => atSpeed(old, speed, at))} data-testid={`live-speed-${speed}`}>
            {speed}×
          </button>
        ))}
      </div>
      <div className="scrubber">
        <Noted ticks={feed.ticks} spans={feed.whole()} now={Math.floor(now / 1000) * 1000} />
        <input
          type="range"
          aria-label="Moment of the last five minutes"
          aria-valuetext={told}
          min={-WINDOW_S}
          max={0}
          step={STEP_S}
          value={-Math.min(WINDOW_S, behind / 1000)}
          onChange={(event) => {
            const seconds = Number(event.target.value);
            change((old, at) => seek(old, at + seconds * 1000, at));
          }}
          data-testid="live-scrubber"
        />
      </div>
      <output data-testid="live-shown">{told}</output>
      <Button look="quiet" disabled={clock.live} onClick={() => onChange(goLive(clock))} data-testid="live-now">
        Live
      </Button>
    </div>
  );
}

interface NotedProps {
  ticks: Tick[];
  spans: Span[];
  now: number;
}

/** What is known of the five minutes: how busy the server was, and nothing where no page looked. */
function Noted({ ticks, spans, now }: NotedProps) {
  const x = (t: number) => Math.max(0, Math.min(WINDOW_S, (t - now) / 1000 + WINDOW_S));
  const area = useMemo(() => {
    const seconds = perSecond(ticks);
    const high = Math.max(1, ...seconds.map(({ total }) => total));
    return seconds.map(({ t, total }) => ({ t, height: total === 0 ? 0 : 0.15 + 0.85 * (total / high) }));
  }, [ticks]);
  return (
    <svg viewBox={`0 0 ${WINDOW_S} 1`} preserveAspectRatio="none" aria-hidden="true">
      {spans.map(({ from, to }) => (
        <rect key={from} className="noted" x={x(from)} width={Math.max(0, x(to ?? now) - x(from))} y={0} height={1} />
      ))}
      <path className="busy" d={area.map(({ t, height }) => (x(t) > 0 ? `M${x(t)},1v${-height}` : "")).join("")} />
    </svg>
  );
}

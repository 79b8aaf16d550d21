// The one clock of the live pages: which moment they show. It follows the server, stands still, or
// goes on from an earlier moment, as fast as time or slower. Times are the server's, in ms.

/** How far back one can go. */
export const WINDOW_MS = 5 * 60_000;

export const SPEEDS = [1, 0.25] as const;
export type Speed = (typeof SPEEDS)[number];

/** Nearer to now than this is now. */
const NOW_MS = 300;

export interface Clock {
  /** Shows all that has come, at the speed of time. */
  live: boolean;
  playing: boolean;
  speed: Speed;
  /** The moment that was shown at `since`. */
  at: number;
  since: number;
  /** How often it went elsewhere other than by the passing of time. */
  jumps: number;
}

/** What the live pages are told of the clock. */
export interface Moment {
  /** What came later has not happened yet; infinite if live. */
  until: number;
  live: boolean;
  /** How fast it goes: 0 if it stands still. */
  rate: number;
  jumps: number;
}

export const LIVE: Clock = { live: true, playing: true, speed: 1, at: 0, since: 0, jumps: 0 };

/** The moment that is shown. What stands still is left alone, however old it grows. */
export function shownAt(clock: Clock, now: number): number {
  if (clock.live) return now;
  if (!clock.playing) return clock.at;
  return Math.min(now, Math.max(now - WINDOW_MS, clock.at + (now - clock.since) * clock.speed));
}

export const momentOf = (clock: Clock, now: number): Moment => ({
  until: clock.live ? Infinity : shownAt(clock, now),
  live: clock.live,
  rate: clock.playing ? clock.speed : 0,
  jumps: clock.jumps,
});

const from = (clock: Clock, now: number): Clock => ({ ...clock, live: false, at: shownAt(clock, now), since: now });

export const pause = (clock: Clock, now: number): Clock => ({ ...from(clock, now), playing: false });

/** From where it stands. */
export const play = (clock: Clock, now: number): Clock => (clock.live ? clock : { ...from(clock, now), playing: true });

/** A slower clock falls behind; a clock that stands still stays where it is. */
export function atSpeed(clock: Clock, speed: Speed, now: number): Clock {
  if (clock.live && speed === 1) return clock;
  return { ...from(clock, now), speed };
}

export function seek(clock: Clock, at: number, now: number): Clock {
  const jumps = clock.jumps + 1;
  if (at > now - NOW_MS && clock.playing && clock.speed === 1) return { ...LIVE, jumps };
  return { ...clock, live: false, at: Math.min(now, Math.max(now - WINDOW_MS, at)), since: now, jumps };
}

/** Stands still at a moment that somebody has pointed at. */
export const freeze = (clock: Clock, at: number, now: number): Clock => ({ ...clock, live: false, playing: false, at: Math.min(at, now), since: now, jumps: clock.jumps + 1 });

export const goLive = ({ jumps }: Clock): Clock => ({ ...LIVE, jumps: jumps + 1 });

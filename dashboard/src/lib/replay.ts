// A conflict on an axis of time: how long each of the two had run, and when the winner committed.

import type { Conflict } from "./stream";

export interface Bar {
  /** Percent of the axis. */
  left: number;
  width: number;
}

export interface Replay {
  loser: Bar;
  /** null if it is not known who won. */
  winner: Bar | null;
  /** Where the winner committed. */
  committed: number | null;
  ms: number;
}

/** What is too short to be seen is shown this wide. */
const LEAST = 1.5;

export function replayOf({ t, loser, winner }: Conflict): Replay {
  const lost: [number, number] = [t - (loser.ranMs ?? 0), t];
  const at = winner.commitTs ? Number(winner.commitTs) / 1e6 : null;
  const won: [number, number] | null = at === null ? null : [at - (winner.ranMs ?? 0), at];
  const from = Math.min(lost[0], won?.[0] ?? lost[0]);
  const to = Math.max(lost[1], won?.[1] ?? lost[1]);
  const share = (moment: number) => (to > from ? (100 * (moment - from)) / (to - from) : 0);
  const bar = ([start, end]: [number, number]): Bar => {
    const width = Math.max(LEAST, share(end) - share(start));
    return { left: Math.min(share(start), 100 - width), width };
  };
  return { loser: bar(lost), winner: won && bar(won), committed: at === null ? null : share(at), ms: to - from };
}

// What the clock does.

import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();
crons.interval("rounds", { seconds: 10 }, internal.rounds.make, {});
crons.daily("tidy", { hourUTC: 3, minuteUTC: 0 }, internal.rounds.tidy, {});
export default crons;

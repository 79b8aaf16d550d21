// The dock in which functions are run: any page can open it for a function.

import { createContext, useContext } from "react";

export interface RunnerTarget {
  /** `messages:list`; without it the dock opens as it was left. */
  path?: string;
  /** The id of its component; null is the app itself, and without it that of the page. */
  component?: string | null;
}

export interface RunnerState {
  target: RunnerTarget | null;
  open: (target: RunnerTarget | null) => void;
}

export const RunnerContext = createContext<RunnerState>({ target: null, open: () => undefined });
export const useRunner = () => useContext(RunnerContext);

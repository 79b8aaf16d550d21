// Forgets the key when nobody has touched the dashboard for as long as this browser was told.

import { useEffect, useState } from "react";
import { flushSync } from "react-dom";
import { useDeployment } from "../lib/deployment";
import { canLock, Idle, noteLocked, NOTICE_MS, useLockMinutes } from "../lib/idle";

const INPUT = ["pointerdown", "pointermove", "click", "keydown", "wheel", "touchstart"] as const;
const LOOK_MS = 1_000;
const ANSWER_MS = 3_000;

/** The address stays, and with it the page to come back to. Loading it anew leaves nothing in memory that a page has held. */
async function forget(minutes: number, logout: () => void) {
  noteLocked(minutes);
  // At once: the rest of a click that came too late finds nothing to click.
  flushSync(logout);
  try {
    const answer = await fetch(new URL("config.json", document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.ok) window.location.reload();
  } catch {
    // A server that is away could not serve it again: the way in is shown as it is.
  }
}

export function IdleLock() {
  const minutes = useLockMinutes();
  return minutes > 0 && canLock() ? <Watch key={minutes} minutes={minutes} /> : null;
}

function Watch({ minutes }: { minutes: number }) {
  const { logout } = useDeployment();
  const [soon, setSoon] = useState(false);
  useEffect(() => {
    const idle = new Idle(minutes * 60_000, Date.now());
    let locked = false;
    const lock = () => {
      if (locked) return;
      locked = true;
      void forget(minutes, logout);
    };
    const look = () => {
      const left = idle.leftMs(Date.now());
      if (left <= 0) lock();
      else setSoon(left <= NOTICE_MS);
    };
    const touch = (event: Event) => {
      if (idle.touched(Date.now())) return setSoon(false);
      // What was meant for the page goes nowhere: it is locked already.
      event.preventDefault();
      event.stopImmediatePropagation();
      lock();
    };
    const timer = window.setInterval(look, LOOK_MS);
    for (const name of INPUT) window.addEventListener(name, touch, { capture: true, passive: false });
    document.addEventListener("visibilitychange", look);
    return () => {
      window.clearInterval(timer);
      for (const name of INPUT) window.removeEventListener(name, touch, { capture: true });
      document.removeEventListener("visibilitychange", look);
    };
  }, [minutes, logout]);
  if (!soon) return null;
  return (
    <div className="toasts lock-soon" role="status">
      <div className="toast" data-testid="lock-soon">
        Nobody seems to be here: the dashboard locks in less than {NOTICE_MS / 1000} s. Move the pointer or press a key to stay.
      </div>
    </div>
  );
}

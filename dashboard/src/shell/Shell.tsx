// What stands around every page: the rail, the top bar, banners, the runner's dock and the palette.

import { Command, LogOut, Menu as MenuIcon, Moon, Play, Sun, SunMoon } from "lucide-react";
import { Suspense, lazy, useEffect, useMemo, useState } from "react";
import { NavLink, Outlet, useLocation } from "react-router";
import { Menu } from "../components/Menu";
import { RangeSlot } from "../components/RangePicker";
import { IconButton } from "../components/ui";
import { SKEW_NOTICE_MS, useConnection, type Connection } from "../lib/connection";
import { useScope } from "../lib/component";
import { useDeployment } from "../lib/deployment";
import { useLive } from "../lib/live";
import { RunnerContext, type RunnerTarget } from "../lib/runner";
import { system } from "../lib/system";
import { setTheme, useTheme } from "../lib/theme";
import { deploymentType } from "../session";
import { Disconnected } from "./Disconnected";
import { EditQuestion } from "./EditQuestion";
import { IdleLock } from "./IdleLock";
import { Logo } from "./Logo";
import { NAV } from "./nav";

const Runner = lazy(() => import("../pages/functions/Runner"));
const Palette = lazy(() => import("./Palette"));

export function Shell() {
  const { session, has } = useDeployment();
  const { to } = useScope();
  const { state, skewMs } = useConnection();
  const paused = useLive(system.state, {}).data?.state === "paused";
  const [target, setTarget] = useState<RunnerTarget | null>(sharedTarget);
  const [palette, setPalette] = useState(false);
  const [railOpen, setRailOpen] = useState(false);
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  const location = useLocation();
  useEffect(() => setRailOpen(false), [location.pathname]);
  useShortcuts(setTarget, setPalette);
  const runner = useMemo(() => ({ target, open: setTarget }), [target]);

  const shown = NAV.filter(
    ({ key, needs }) =>
      (needs === undefined || has(needs)) &&
      (session.visiblePages === null || session.visiblePages.includes(key)),
  );
  return (
    <RunnerContext.Provider value={runner}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <div className={`shell ${shown.length === 0 ? "no-rail" : ""}`}>
        <TopBar state={state} onSlot={setSlot} onPalette={() => setPalette(true)} onRail={() => setRailOpen(!railOpen)} onRun={() => setTarget({})} />
        {shown.length > 0 && (
          <nav className={`rail ${railOpen ? "open" : ""}`} aria-label="Pages">
            {shown.map(({ id, label, path, icon: Icon, scoped }) => (
              <NavLink key={id} to={scoped ? to(path) : path} end={path === "/"} data-testid={`nav-${id}`} className="rail-item" title={label}>
                <Icon size={17} />
                <span>{label}</span>
              </NavLink>
            ))}
          </nav>
        )}
        <main id="main" className="main" tabIndex={-1}>
          {paused && (
            <div className="banner warn" role="alert" data-testid="paused-banner">
              This deployment is paused: calls of functions fail and scheduled work waits. Resume it in{" "}
              <NavLink to="/settings/pause">Settings</NavLink>.
            </div>
          )}
          {Math.abs(skewMs) > SKEW_NOTICE_MS && (
            <div className="banner" data-testid="clock-skew">
              This computer's clock is {Math.round(Math.abs(skewMs) / 1000)} s {skewMs > 0 ? "ahead of" : "behind"} the
              server's; times shown as “ago” are off by as much.
            </div>
          )}
          <RangeSlot.Provider value={slot}>
            <Outlet />
          </RangeSlot.Provider>
        </main>
        {target && (
          <Suspense>
            <Runner />
          </Suspense>
        )}
      </div>
      <EditQuestion />
      <IdleLock />
      {state === "down" && <Disconnected />}
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
    </RunnerContext.Provider>
  );
}

/** A shared link to a call opens the dock with it. */
function sharedTarget(): RunnerTarget | null {
  const path = new URLSearchParams(window.location.search).get("run");
  return path === null ? null : { path };
}

type SetTarget = (change: (old: RunnerTarget | null) => RunnerTarget | null) => void;

function useShortcuts(setTarget: SetTarget, setPalette: (open: boolean) => void) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key === "`") {
        event.preventDefault();
        setTarget((old) => (old ? null : {}));
      } else if (command && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette(true);
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [setTarget, setPalette]);
}

const STATES: Record<Connection, string> = {
  connected: "Connected",
  reconnecting: "Reconnecting",
  down: "No connection",
};

const TYPES: Record<string, string> = { prod: "production", dev: "development", preview: "preview" };

interface TopBarProps {
  state: Connection;
  /** Tells where a page may put its time range. */
  onSlot: (slot: HTMLElement | null) => void;
  onPalette: () => void;
  onRail: () => void;
  onRun: () => void;
}

function TopBar({ state, onSlot, onPalette, onRail, onRun }: TopBarProps) {
  const { session, logout } = useDeployment();
  const { chosen } = useTheme();
  const type = deploymentType(session.key);
  const next = { system: "light", light: "dark", dark: "system" } as const;
  const icons = { system: <SunMoon size={17} />, light: <Sun size={17} />, dark: <Moon size={17} /> };
  return (
    <header className={`topbar ${type ?? ""}`} data-testid="topbar" data-type={type ?? ""}>
      <IconButton label="Pages" className="rail-toggle" onClick={onRail}>
        <MenuIcon size={18} />
      </IconButton>
      <Logo />
      <span className="deployment-name" data-testid="deployment-name" title={session.url}>
        {session.name}
      </span>
      {type && <span className={`badge ${type === "prod" ? "error" : "plain"}`}>{TYPES[type]}</span>}
      {session.readOnly && <span className="badge warn">read only</span>}
      <span className={`conn ${state}`} data-testid="conn-state" data-state={state} role="status">
        <i aria-hidden="true" />
        <span className="conn-text">{STATES[state]}</span>
        <span className="sr-only">{state}</span>
      </span>
      <span className="grow" />
      <span className="range-slot" ref={onSlot} />
      <button type="button" className="palette-button" onClick={onPalette} data-testid="palette-button">
        <Command size={14} />
        <span>Go to…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <button type="button" className="button plain" onClick={onRun} data-testid="runner-button" title="Run a function (Ctrl `)">
        <Play size={14} />
        <span className="wide-only">Run</span>
      </button>
      <IconButton label={`Theme: ${chosen}`} onClick={() => setTheme(next[chosen])} data-testid="theme">
        {icons[chosen]}
      </IconButton>
      <Menu
        trigger={
          <button type="button" className="icon-button" aria-label="Account">
            <LogOut size={17} />
          </button>
        }
        items={[{ label: "Log out", run: logout, testId: "logout" }]}
      />
    </header>
  );
}

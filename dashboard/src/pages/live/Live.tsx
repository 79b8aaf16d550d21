// /live/<view>: six looks at what the server does right now, from one stream of events.

import { useCallback, useEffect, useMemo, useState, type ComponentType } from "react";
import { NavLink, useParams } from "react-router";
import { DATA_VIEW } from "../../components/NeedsRight";
import { Tabs } from "../../components/Tabs";
import { Badge, Empty } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { count } from "../../lib/format";
import { freeze, goLive, LIVE, momentOf, type Moment } from "../../lib/moment";
import { useNoting } from "../../lib/snapshots";
import { useFeed, type Feed } from "../../lib/stream";
import { Cache } from "./Cache";
import { ClockBar } from "./ClockBar";
import { Conflicts } from "./Conflicts";
import { Pulse } from "./Pulse";
import { Reactivity } from "./Reactivity";
import { Subscriptions } from "./Subscriptions";
import { Tables } from "./Tables";

export interface ViewProps {
  moment: Moment;
  /** Stands still at a moment; null goes on with what happens now. */
  onFreeze: (at: number | null) => void;
}

const VIEWS: [string, string, ComponentType<ViewProps>][] = [
  ["pulse", "Pulse", Pulse],
  ["reactivity", "Reactivity", Reactivity],
  ["subscriptions", "Subscriptions", Subscriptions],
  ["cache", "Cache", Cache],
  ["conflicts", "Conflicts", Conflicts],
  ["tables", "Tables & indexes", Tables],
];

/** Those that show arguments or documents where the key may see them. */
const OF_DATA = new Set(["reactivity", "subscriptions", "conflicts"]);

export default function Live() {
  const { has } = useDeployment();
  if (!has("introspection")) {
    return (
      <div className="page">
        <h1>Live</h1>
        <Empty title="This server has no live events">It was built without them.</Empty>
      </div>
    );
  }
  return <LiveViews />;
}

/** How often a clock that is not live is looked at. */
const LOOK_MS = 100;

/** One clock for all views. */
function useClock(feed: Feed) {
  const [clock, setClock] = useState(LIVE);
  const [, look] = useState(0);
  const goes = clock.playing && !clock.live;
  useEffect(() => {
    if (!goes) return;
    const timer = window.setInterval(() => look((n) => n + 1), LOOK_MS);
    return () => window.clearInterval(timer);
  }, [goes]);
  const { until, live, rate, jumps } = momentOf(clock, feed.now());
  const moment = useMemo(() => ({ until, live, rate, jumps }), [until, live, rate, jumps]);
  const onFreeze = useCallback((at: number | null) => setClock((old) => (at === null ? goLive(old) : freeze(old, at, feed.now()))), [feed]);
  return { clock, setClock, moment, onFreeze };
}

function LiveViews() {
  const { view = "pulse" } = useParams();
  const feed = useFeed("all");
  const { seesData } = useDeployment();
  useNoting();
  const { clock, setClock, moment, onFreeze } = useClock(feed);
  const [, label, View] = VIEWS.find(([path]) => path === view) ?? VIEWS[0]!;
  return (
    <div className="page full" data-testid="live" data-open={feed.open}>
      <div className="page-head">
        <h1>{label}</h1>
        {feed.error && <Badge kind="error">{feed.error.message}; trying again</Badge>}
        {feed.lost > 0 && <Badge kind="warn">{count(feed.lost)} events were left out</Badge>}
      </div>
      <Tabs label="Live views">
        {VIEWS.map(([path, name]) => (
          <NavLink key={path} className="tab" to={`/live/${path}`} data-testid={`live-${path}`}>
            {name}
          </NavLink>
        ))}
      </Tabs>
      {!seesData && OF_DATA.has(view) && (
        <p className="banner" data-testid="data-hidden">
          Your key is limited: arguments of calls, and ids and ranges of documents, need the right <code>{DATA_VIEW}</code> and are left out here. Everything else is shown.
        </p>
      )}
      <ClockBar feed={feed} clock={clock} onChange={setClock} />
      <View key={view} moment={moment} onFreeze={onFreeze} />
    </div>
  );
}

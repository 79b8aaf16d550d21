// /live/<view>: six looks at what the server does right now, from one stream of events.

import { Pause, Play } from "lucide-react";
import { useState, type ComponentType } from "react";
import { NavLink, useParams } from "react-router";
import { DATA_VIEW } from "../../components/NeedsRight";
import { Badge, Button, Empty } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { count } from "../../lib/format";
import { useFeed } from "../../lib/stream";
import { Cache } from "./Cache";
import { Conflicts } from "./Conflicts";
import { Pulse } from "./Pulse";
import { Reactivity } from "./Reactivity";
import { Subscriptions } from "./Subscriptions";
import { Tables } from "./Tables";

export interface ViewProps {
  paused: boolean;
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

function LiveViews() {
  const { view = "pulse" } = useParams();
  const feed = useFeed("all");
  const [paused, setPaused] = useState(false);
  const { seesData } = useDeployment();
  const [, label, View] = VIEWS.find(([path]) => path === view) ?? VIEWS[0]!;
  return (
    <div className="page full" data-testid="live" data-open={feed.open}>
      <div className="page-head">
        <h1>{label}</h1>
        {feed.error && <Badge kind="error">{feed.error.message}; trying again</Badge>}
        {feed.lost > 0 && <Badge kind="warn">{count(feed.lost)} events were left out</Badge>}
        <span className="grow" />
        <Button icon={paused ? <Play size={14} /> : <Pause size={14} />} aria-pressed={paused} onClick={() => setPaused(!paused)} data-testid="live-pause">
          {paused ? "Go on" : "Pause"}
        </Button>
      </div>
      <nav className="tabs" aria-label="Live views">
        {VIEWS.map(([path, name]) => (
          <NavLink key={path} className="tab" to={`/live/${path}`} data-testid={`live-${path}`}>
            {name}
          </NavLink>
        ))}
      </nav>
      {!seesData && OF_DATA.has(view) && (
        <p className="banner" data-testid="data-hidden">
          Your key is limited: arguments of calls, and ids and ranges of documents, need the right <code>{DATA_VIEW}</code> and are left out here. Everything else is shown.
        </p>
      )}
      <View key={view} paused={paused} />
    </div>
  );
}

// Three lanes: causes, touched ranges, queries. Nodes are elements, lines are SVG, and the dots
// that travel when something happens are drawn on a canvas over them. A dot is a commit, and a click
// on it stops at that commit.

import { memo, useEffect, useRef, useState, type MouseEvent, type RefObject } from "react";
import { count } from "../../lib/format";
import type { LaneEdge, LaneNode, Lanes } from "../../lib/reactivity";
import { reducedMotion } from "../../lib/theme";

const NODE_HEIGHT = 38;
const TRAVEL_MS = 700;
const DOTS_MAX = 400;

/** Whoever points this near to a dot means it. */
const DOT_REACH = 14;
/** A run is shown for so long before the newest. */
const FRESH_MS = 1_500;
/** As long as its ring takes: a query that never rests lights up that often, and not with every run. */
const RING_MS = 900;

interface Props {
  lanes: Lanes;
  /** How fast time goes, and how often it went elsewhere. */
  rate: number;
  jumps: number;
  chosen: Chosen | null;
  /** The nodes of the commit at which it stands still. */
  lit: Set<string> | null;
  onChoose: (chosen: Chosen | null) => void;
  onCommit: (commitTs: string) => void;
}

interface Dot {
  edge: string;
  commitTs: string;
  /** Of its way; negative before it leaves. */
  at: number;
}

/** A cause or a query that somebody wants to know more of. */
export interface Chosen {
  lane: 0 | 2;
  label: string;
}

interface Curve {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

function geometry(width: number) {
  const node = Math.min(300, width * 0.27);
  const left = [0, (width - node) / 2, width - node] as const;
  const middle = (one: LaneNode) => one.y + NODE_HEIGHT / 2;
  const curve = (from: LaneNode, to: LaneNode): Curve => ({ x1: left[from.lane] + node, y1: middle(from), x2: left[to.lane], y2: middle(to) });
  return { node, left, curve };
}

const pathOf = ({ x1, y1, x2, y2 }: Curve) => {
  const bend = (x2 - x1) / 2;
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
};

function pointOn({ x1, y1, x2, y2 }: Curve, at: number): [number, number] {
  const bend = (x2 - x1) / 2;
  const [a, b, c, d] = [(1 - at) ** 3, 3 * (1 - at) ** 2 * at, 3 * (1 - at) * at ** 2, at ** 3];
  return [a * x1 + b * (x1 + bend) + c * (x2 - bend) + d * x2, (a + b) * y1 + (c + d) * y2];
}

export function LanePicture({ lanes, rate, jumps, chosen, lit, onChoose, onCommit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const flying = useRef<Dot[]>([]);
  const [width, setWidth] = useState(900);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { node, left, curve } = geometry(width);
  const byId = new Map(lanes.nodes.map((one) => [one.id, one]));
  const curves = new Map(lanes.edges.map((edge) => [edge.id, curve(byId.get(edge.from)!, byId.get(edge.to)!)]));
  const busiest = Math.max(1, ...lanes.edges.map((edge) => edge.perMinute));
  const newest = Math.max(0, ...lanes.nodes.map(({ ranAt }) => ranAt));
  const near = lit ?? neighbours(lanes, chosen);
  /** The dot under the pointer. */
  const pointed = (event: MouseEvent) => {
    const { left: x, top: y } = box.current!.getBoundingClientRect();
    return nearest(flying.current, curves, event.clientX - x, event.clientY - y);
  };
  return (
    <div className="lanes-scroll">
      <div className="lane-titles" aria-hidden="true">
        <span>Causes</span>
        <span>Touched ranges</span>
        <span>Queries</span>
      </div>
      <div
        ref={box}
        className="lanes"
        style={{ height: lanes.height }}
        onClick={(event) => {
          const dot = pointed(event);
          if (dot) onCommit(dot.commitTs);
        }}
        onMouseMove={(event) => (box.current!.style.cursor = pointed(event) ? "pointer" : "")}
        data-testid="reactivity-picture"
      >
        <svg width={width} height={lanes.height} aria-hidden="true">
          {lanes.edges.map((edge) => (
            <Line
              key={edge.id}
              d={pathOf(curves.get(edge.id)!)}
              faint={near !== null && !(near.has(edge.from) && near.has(edge.to))}
              width={1 + Math.round((5 * edge.perMinute) / busiest)}
            />
          ))}
        </svg>
        <Dots edges={lanes.edges} curves={curves} flying={flying} width={width} height={lanes.height} rate={rate} jumps={jumps} />
        {lanes.nodes.map((one) => (
          <Node
            key={one.id}
            lane={one.lane}
            label={one.label}
            detail={one.detail}
            count={one.count}
            wasted={one.wasted * 2 > one.count}
            ran={one.lane === 2 && one.ranAt > newest - FRESH_MS ? Math.ceil(one.ranAt / RING_MS) : 0}
            changed={one.changed}
            faint={near !== null && !near.has(one.id)}
            chosen={chosen !== null && one.lane === chosen.lane && one.label === chosen.label}
            left={left[one.lane]}
            top={one.y}
            width={node}
            onChoose={onChoose}
          />
        ))}
      </div>
    </div>
  );
}

/** Lines and nodes that look as before are left alone: on a busy server there are hundreds. */
const Line = memo(function Line({ d, faint, width }: { d: string; faint: boolean; width: number }) {
  return <path d={d} className={faint ? "faint" : ""} strokeWidth={width} />;
});

interface NodeProps {
  lane: 0 | 1 | 2;
  label: string;
  detail: string;
  count: number;
  wasted: boolean;
  /** In which ring's time it ran, if that was just now, and whether its result was another one. */
  ran: number;
  changed: boolean;
  faint: boolean;
  chosen: boolean;
  left: number;
  top: number;
  width: number;
  onChoose: (chosen: Chosen | null) => void;
}

const Node = memo(function Node({ lane, label, detail, count: times, wasted, ran, changed, faint, chosen, left, top, width, onChoose }: NodeProps) {
  return (
    <button
      type="button"
      className={`lane-node lane-${lane} ${faint ? "faint" : ""} ${chosen ? "chosen" : ""}`}
      style={{ left: 0, top: 0, transform: `translate(${left}px, ${top}px)`, width, height: NODE_HEIGHT }}
      aria-pressed={lane === 1 ? undefined : chosen}
      onClick={() => onChoose(lane === 1 || chosen ? null : { lane, label })}
      title={`${label} ${detail}`}
    >
      <span>
        <strong>{label}</strong>
        {detail && <small>{detail}</small>}
      </span>
      <em className={wasted ? "wasted" : ""}>{count(times)}</em>
      {ran > 0 && <i key={ran} className={`ran ${changed ? "changed" : "same"}`} aria-hidden="true" />}
    </button>
  );
});

/** The nodes on the way to a chosen query, or from a chosen cause. */
function neighbours(lanes: Lanes, chosen: Chosen | null): Set<string> | null {
  if (!chosen) return null;
  const near = new Set(lanes.nodes.filter((one) => one.lane === chosen.lane && one.label === chosen.label).map(({ id }) => id));
  if (chosen.lane === 0) {
    for (const lane of [0, 1]) {
      for (const edge of lanes.edges) if (near.has(edge.from) && edge.from.startsWith(String(lane))) near.add(edge.to);
    }
    return near;
  }
  for (const lane of [2, 1]) {
    for (const edge of lanes.edges) if (near.has(edge.to) && edge.to.startsWith(String(lane))) near.add(edge.from);
  }
  return near;
}

function nearest(dots: Dot[], curves: Map<string, Curve>, x: number, y: number): Dot | null {
  let [found, least] = [null as Dot | null, DOT_REACH];
  for (const dot of dots) {
    const curve = curves.get(dot.edge);
    if (!curve || dot.at < 0) continue;
    const [left, top] = pointOn(curve, dot.at);
    const far = Math.hypot(left - x, top - y);
    if (far < least) [found, least] = [dot, far];
  }
  return found;
}

interface DotsProps {
  edges: LaneEdge[];
  curves: Map<string, Curve>;
  flying: RefObject<Dot[]>;
  width: number;
  height: number;
  rate: number;
  jumps: number;
}

/** What is older than this when it is first seen has been long ago. */
const RECENT_MS = 2_000;

/** A dot leaves along an edge whenever something newer went that way. */
function useDepartures({ edges, flying, jumps }: DotsProps) {
  const seen = useRef(new Map<string, LaneEdge>());
  const jumped = useRef(jumps);
  useEffect(() => {
    const newest = Math.max(0, ...edges.map(({ last }) => last));
    const elsewhere = jumped.current !== jumps;
    jumped.current = jumps;
    if (elsewhere) flying.current = [];
    for (const edge of edges) {
      const before = seen.current.get(edge.id);
      seen.current.set(edge.id, edge);
      const isNew = !before || edge.last > before.last || (edge.last === before.last && edge.commitTs !== before.commitTs);
      if (elsewhere || !isNew || edge.last < newest - RECENT_MS || reducedMotion() || flying.current.length >= DOTS_MAX) continue;
      // The second leg leaves when the first has arrived.
      flying.current.push({ edge: edge.id, commitTs: edge.commitTs, at: edge.from.startsWith("1") ? -1 : 0 });
    }
  }, [edges, flying, jumps]);
}

function Dots(props: DotsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;
  useDepartures(props);
  const { width, height, flying } = props;
  useEffect(() => {
    let frame = 0;
    let before = performance.now();
    const draw = (now: number) => {
      frame = requestAnimationFrame(draw);
      const context = canvas.current?.getContext("2d");
      const { curves, rate, width, height } = latest.current;
      const passed = ((now - before) * rate) / TRAVEL_MS;
      before = now;
      if (!context) return;
      context.clearRect(0, 0, width, height);
      if (flying.current.length === 0) return;
      context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--c2");
      for (const dot of flying.current) dot.at += passed;
      flying.current = flying.current.filter(({ edge, at }) => at < 1 && curves.has(edge));
      for (const { edge, at } of flying.current) {
        if (at < 0) continue;
        const [x, y] = pointOn(curves.get(edge)!, at);
        context.beginPath();
        context.arc(x, y, 4, 0, 2 * Math.PI);
        context.fill();
      }
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [flying]);
  return <canvas ref={canvas} width={width} height={height} aria-hidden="true" />;
}

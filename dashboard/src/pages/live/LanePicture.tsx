// Three lanes: causes, touched ranges, queries. Nodes are elements, lines are SVG, and the dots
// that travel when something happens are drawn on a canvas over them.

import { memo, useEffect, useRef, useState } from "react";
import { count } from "../../lib/format";
import type { LaneEdge, LaneNode, Lanes } from "../../lib/reactivity";
import { reducedMotion } from "../../lib/theme";

const NODE_HEIGHT = 38;
const TRAVEL_MS = 700;
const DOTS_MAX = 400;

interface Props {
  lanes: Lanes;
  paused: boolean;
  chosen: Chosen | null;
  onChoose: (chosen: Chosen | null) => void;
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

export function LanePicture({ lanes, paused, chosen, onChoose }: Props) {
  const box = useRef<HTMLDivElement>(null);
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
  const busiest = Math.max(1, ...lanes.edges.map((edge) => edge.count));
  const near = neighbours(lanes, chosen);
  return (
    <div className="lanes-scroll">
      <div className="lane-titles" aria-hidden="true">
        <span>Causes</span>
        <span>Touched ranges</span>
        <span>Queries</span>
      </div>
      <div ref={box} className="lanes" style={{ height: lanes.height }} data-testid="reactivity-picture">
        <svg width={width} height={lanes.height} aria-hidden="true">
          {lanes.edges.map((edge) => (
            <Line
              key={edge.id}
              d={pathOf(curves.get(edge.id)!)}
              faint={near !== null && !(near.has(edge.from) && near.has(edge.to))}
              width={1 + Math.round((5 * edge.count) / busiest)}
            />
          ))}
        </svg>
        <Dots edges={lanes.edges} curves={curves} width={width} height={lanes.height} paused={paused} />
        {lanes.nodes.map((one) => (
          <Node
            key={one.id}
            lane={one.lane}
            label={one.label}
            detail={one.detail}
            count={one.count}
            wasted={one.wasted * 2 > one.count}
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
  faint: boolean;
  chosen: boolean;
  left: number;
  top: number;
  width: number;
  onChoose: (chosen: Chosen | null) => void;
}

const Node = memo(function Node({ lane, label, detail, count: times, wasted, faint, chosen, left, top, width, onChoose }: NodeProps) {
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

interface DotsProps {
  edges: LaneEdge[];
  curves: Map<string, Curve>;
  width: number;
  height: number;
  paused: boolean;
}

/** A dot leaves along an edge whenever its count has grown. */
function Dots({ edges, curves, width, height, paused }: DotsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const flying = useRef<{ edge: string; start: number }[]>([]);
  const seen = useRef(new Map<string, number>());
  const latest = useRef({ curves, width, height });
  latest.current = { curves, width, height };
  useEffect(() => {
    if (paused || reducedMotion()) return;
    const now = performance.now();
    for (const edge of edges) {
      const before = seen.current.get(edge.id) ?? 0;
      seen.current.set(edge.id, edge.count);
      // The second leg leaves when the first has arrived.
      const delay = edge.from.startsWith("1") ? TRAVEL_MS : 0;
      if (edge.count > before && flying.current.length < DOTS_MAX) flying.current.push({ edge: edge.id, start: now + delay });
    }
  }, [edges, paused]);
  useEffect(() => {
    let frame = 0;
    const draw = (now: number) => {
      frame = requestAnimationFrame(draw);
      const context = canvas.current?.getContext("2d");
      if (!context) return;
      const size = latest.current;
      context.clearRect(0, 0, size.width, size.height);
      if (flying.current.length === 0) return;
      context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--c2");
      flying.current = flying.current.filter(({ edge, start }) => now - start < TRAVEL_MS && size.curves.has(edge));
      for (const { edge, start } of flying.current) {
        if (now < start) continue;
        const [x, y] = pointOn(size.curves.get(edge)!, (now - start) / TRAVEL_MS);
        context.beginPath();
        context.arc(x, y, 4, 0, 2 * Math.PI);
        context.fill();
      }
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, []);
  return <canvas ref={canvas} width={width} height={height} aria-hidden="true" />;
}

// The graph of tables: laid out by dagre, moved by hand, remembered per deployment.

import { graphlib, layout } from "@dagrejs/dagre";
import {
  applyNodeChanges,
  Background,
  Controls,
  Handle,
  MarkerType,
  MiniMap,
  Position,
  ReactFlow,
  type Edge,
  type Node,
  type NodeProps,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useEffect, useMemo, useState } from "react";
import { fieldsOf, referencesOf, typeText, type SchemaDefinition, type TableSchema } from "../../lib/schema";
import { useTheme } from "../../lib/theme";

const WIDTH = 230;
const HEAD_PX = 34;
const LINE_PX = 21;
const LINES_MAX = 12;

type TableNode = Node<{ table: TableSchema; declared: boolean }, "table">;
type Places = Record<string, { x: number; y: number }>;

interface Props {
  schema: SchemaDefinition;
  declared: Set<string>;
  storageKey: string;
  chosen: string | null;
  onChoose: (table: string | null) => void;
}

function recall(key: string): Places {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Places;
  } catch {
    return {};
  }
}

function TableBox({ data, selected }: NodeProps<TableNode>) {
  const fields = Object.entries(fieldsOf(data.table.documentType));
  return (
    <div className={`table-node ${selected ? "selected" : ""} ${data.declared ? "" : "undeclared"}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <strong>{data.table.tableName}</strong>
      <ul>
        {fields.slice(0, LINES_MAX).map(([name, field]) => (
          <li key={name} className={referencesOf(field.fieldType).length ? "reference" : ""}>
            <span>
              {name}
              {field.optional ? "?" : ""}
            </span>
            <small>{typeText(field.fieldType)}</small>
          </li>
        ))}
        {fields.length > LINES_MAX && <li className="muted">… {fields.length - LINES_MAX} more</li>}
        {fields.length === 0 && <li className="muted">{data.declared ? "anything" : "not in the schema"}</li>}
      </ul>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

const NODE_TYPES = { table: TableBox };

const heightOf = (table: TableSchema) =>
  HEAD_PX + LINE_PX * Math.max(1, Math.min(LINES_MAX + 1, Object.keys(fieldsOf(table.documentType)).length)) + 12;

function edgesOf(schema: SchemaDefinition): Edge[] {
  const names = new Set(schema.tables.map(({ tableName }) => tableName));
  return schema.tables.flatMap((table) =>
    Object.entries(fieldsOf(table.documentType)).flatMap(([field, { fieldType }]) =>
      [...new Set(referencesOf(fieldType))]
        .filter((target) => names.has(target))
        .map((target) => ({
          id: `${table.tableName}.${field}-${target}`,
          source: table.tableName,
          target,
          label: field,
          markerEnd: { type: MarkerType.ArrowClosed },
          ariaLabel: `${table.tableName}.${field} refers to ${target}`,
        })),
    ),
  );
}

function arrange(schema: SchemaDefinition, edges: Edge[]): Places {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 36, ranksep: 90, marginx: 20, marginy: 20 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const table of schema.tables) graph.setNode(table.tableName, { width: WIDTH, height: heightOf(table) });
  for (const edge of edges) if (edge.source !== edge.target) graph.setEdge(edge.source, edge.target);
  layout(graph);
  const places: Places = {};
  for (const table of schema.tables) {
    const { x, y } = graph.node(table.tableName) as { x: number; y: number };
    places[table.tableName] = { x: x - WIDTH / 2, y: y - heightOf(table) / 2 };
  }
  return places;
}

export function Graph({ schema, declared, storageKey, chosen, onChoose }: Props) {
  const { shown } = useTheme();
  const edges = useMemo(() => edgesOf(schema), [schema]);
  const arranged = useMemo(() => arrange(schema, edges), [schema, edges]);
  const [nodes, setNodes] = useState<TableNode[]>([]);
  const isDeclared = [...declared].join(" ");
  useEffect(() => {
    const moved = recall(storageKey);
    const names = new Set(isDeclared.split(" "));
    setNodes((old) => {
      // Boxes are measured once, when they appear or change: what was measured goes on with the new ones,
      // for without it the graph hides a box and may wait for ever for it to be measured again.
      const measured = new Map(old.map((node) => [node.id, node.measured]));
      return schema.tables.map((table) => ({
        id: table.tableName,
        type: "table",
        position: moved[table.tableName] ?? arranged[table.tableName] ?? { x: 0, y: 0 },
        data: { table, declared: names.has(table.tableName) },
        width: WIDTH,
        initialHeight: heightOf(table),
        measured: measured.get(table.tableName),
        connectable: false,
        deletable: false,
      }));
    });
  }, [schema, arranged, storageKey, isDeclared]);
  const save = (node: TableNode) =>
    localStorage.setItem(storageKey, JSON.stringify({ ...recall(storageKey), [node.id]: node.position }));
  return (
    <div className="schema-graph" data-testid="schema-graph">
      <ReactFlow<TableNode>
        nodes={nodes.map((node) => ({ ...node, selected: node.id === chosen }))}
        edges={edges}
        nodeTypes={NODE_TYPES}
        colorMode={shown === "dark" ? "dark" : "light"}
        onNodesChange={(changes) => setNodes((old) => applyNodeChanges(changes, old))}
        onNodeDragStop={(_, node) => save(node)}
        onNodeClick={(_, node) => onChoose(node.id)}
        onPaneClick={() => onChoose(null)}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.15 }}
        minZoom={0.1}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} />
        <Controls showInteractive={false} />
        {schema.tables.length > 6 && <MiniMap pannable zoomable />}
      </ReactFlow>
      <ul className="sr-only" data-testid="schema-edges">
        {edges.map((edge) => (
          <li key={edge.id}>{edge.ariaLabel}</li>
        ))}
      </ul>
    </div>
  );
}

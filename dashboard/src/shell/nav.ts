// The pages of the rail, in its order.

import {
  Activity,
  Archive,
  CalendarClock,
  ChartColumn,
  Database,
  FolderOpen,
  FunctionSquare,
  History,
  LayoutDashboard,
  ScrollText,
  Settings,
  Workflow,
  type LucideIcon,
} from "lucide-react";

export interface NavItem {
  id: string;
  /** The name an embedding page uses in `visiblePages`. */
  key: string;
  label: string;
  path: string;
  icon: LucideIcon;
  /** The optional part of the server that it shows. */
  needs?: string;
  /** It is about one component at a time: the way to it keeps which. */
  scoped?: boolean;
}

export const NAV: NavItem[] = [
  { id: "overview", key: "health", label: "Overview", path: "/", icon: LayoutDashboard },
  { id: "data", key: "data", label: "Data", path: "/data", icon: Database, scoped: true },
  { id: "schema", key: "schema", label: "Schema", path: "/schema", icon: Workflow, scoped: true },
  { id: "functions", key: "functions", label: "Functions", path: "/functions", icon: FunctionSquare, scoped: true },
  { id: "logs", key: "logs", label: "Logs", path: "/logs", icon: ScrollText },
  { id: "live", key: "live", label: "Live", path: "/live", icon: Activity, needs: "introspection" },
  { id: "files", key: "files", label: "Files", path: "/files", icon: FolderOpen, scoped: true },
  { id: "schedules", key: "schedules", label: "Schedules", path: "/schedules", icon: CalendarClock, scoped: true },
  { id: "history", key: "history", label: "History", path: "/history", icon: History },
  { id: "usage", key: "usage", label: "Usage", path: "/usage", icon: ChartColumn, needs: "usage" },
  { id: "backups", key: "backups", label: "Backups", path: "/backups", icon: Archive, needs: "backups" },
  { id: "settings", key: "settings", label: "Settings", path: "/settings", icon: Settings },
];

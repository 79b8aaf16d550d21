// The start of the dashboard.

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/data.css";
import "./styles/pages.css";
import "./styles/live.css";
import "./styles/runner.css";
import "./styles/phone.css";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { loadConfig } from "./config";
import { startTheme } from "./lib/theme";

startTheme();
const root = createRoot(document.getElementById("root")!);
void loadConfig().then((config) => root.render(<App config={config} />));

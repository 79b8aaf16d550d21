// /settings/<view>: what belongs to the deployment as a whole.

import { NavLink, useParams } from "react-router";
import { Tabs } from "../../components/Tabs";
import { Authentication } from "./Authentication";
import { Components } from "./Components";
import { Environment } from "./Environment";
import { General } from "./General";
import { PauseDeployment } from "./PauseDeployment";

const VIEWS = [
  ["", "General", General],
  ["environment-variables", "Environment variables", Environment],
  ["authentication", "Authentication", Authentication],
  ["components", "Components", Components],
  ["pause", "Pause", PauseDeployment],
] as const;

export default function Settings() {
  const { view = "" } = useParams();
  const [, , View] = VIEWS.find(([path]) => path === view) ?? VIEWS[0];
  return (
    <div className="page narrow">
      <h1>Settings</h1>
      <Tabs label="Settings">
        {VIEWS.map(([path, label]) => (
          <NavLink key={path} className="tab" to={`/settings${path && `/${path}`}`} end data-testid={`settings-${path || "general"}`}>
            {label}
          </NavLink>
        ))}
      </Tabs>
      <View />
    </div>
  );
}

// /schedules/functions and /schedules/crons: what is going to run.

import { NavLink, useParams } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { useScope } from "../../lib/component";
import { Crons } from "./Crons";
import { Scheduled } from "./Scheduled";

export default function Schedules() {
  const { view } = useParams();
  const { id, to } = useScope();
  return (
    <div className="page">
      <div className="page-head">
        <h1>Schedules</h1>
        <ComponentPicker />
      </div>
      <nav className="tabs" aria-label="Schedules">
        <NavLink className="tab" to={to("/schedules/functions")}>
          Scheduled functions
        </NavLink>
        <NavLink className="tab" to={to("/schedules/crons")}>
          Cron jobs
        </NavLink>
      </nav>
      {view === "crons" ? <Crons key={id ?? ""} /> : <Scheduled key={id ?? ""} />}
    </div>
  );
}

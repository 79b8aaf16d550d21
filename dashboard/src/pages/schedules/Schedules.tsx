// /schedules/functions and /schedules/crons: what is going to run.

import { NavLink, useParams } from "react-router";
import { Crons } from "./Crons";
import { Scheduled } from "./Scheduled";

export default function Schedules() {
  const { view } = useParams();
  return (
    <div className="page">
      <h1>Schedules</h1>
      <nav className="tabs" aria-label="Schedules">
        <NavLink className="tab" to="/schedules/functions">
          Scheduled functions
        </NavLink>
        <NavLink className="tab" to="/schedules/crons">
          Cron jobs
        </NavLink>
      </nav>
      {view === "crons" ? <Crons /> : <Scheduled />}
    </div>
  );
}

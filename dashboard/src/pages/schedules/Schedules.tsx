// /schedules/functions, /schedules/crons and /schedules/failed: what is going to run, when, and what
// has failed.

import { NavLink, useParams } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { RangePicker } from "../../components/RangePicker";
import { Tabs } from "../../components/Tabs";
import { useScope } from "../../lib/component";
import { Coming } from "./Coming";
import { Crons } from "./Crons";
import { Failed } from "./Failed";
import { Scheduled } from "./Scheduled";

export default function Schedules() {
  const { view } = useParams();
  const { id, to } = useScope();
  const View = view === "crons" ? Crons : view === "failed" ? Failed : Scheduled;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Schedules</h1>
        <ComponentPicker />
        <RangePicker />
      </div>
      <Coming key={`coming ${id ?? ""}`} />
      <Tabs label="Schedules">
        <NavLink className="tab" to={to("/schedules/functions")}>
          Scheduled functions
        </NavLink>
        <NavLink className="tab" to={to("/schedules/crons")}>
          Cron jobs
        </NavLink>
        <NavLink className="tab" to={to("/schedules/failed")}>
          Failed
        </NavLink>
      </Tabs>
      <View key={id ?? ""} />
    </div>
  );
}

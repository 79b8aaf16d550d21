// Stop and resume the deployment.

import { useState } from "react";
import { Badge, Button, Confirm, Loading, Problem } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { messageOf, useLive } from "../../lib/live";
import { system } from "../../lib/system";
import { toast } from "../../lib/toasts";

export function PauseDeployment() {
  const { http } = useDeployment();
  const { data, error } = useLive(system.state, {});
  const [asking, setAsking] = useState(false);
  if (error) return <Problem error={error} />;
  if (!data) return <Loading rows={2} />;
  const paused = data.state !== "running";
  const resume = async () => {
    try {
      await http.post("/api/v1/unpause_deployment", {});
      toast("The deployment runs again");
    } catch (problem) {
      toast(messageOf(problem), "error");
    }
  };
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          This deployment is <Badge kind={paused ? "warn" : "ok"}>{data.state}</Badge>
        </h2>
      </div>
      <p>While it is paused, every call of a function fails, and scheduled functions and cron jobs wait. Data stays readable here.</p>
      <div className="row">
        {paused ? (
          <Button look="primary" needs="UnpauseDeployment" onClick={() => void resume()} data-testid="resume">
            Resume
          </Button>
        ) : (
          <Button look="danger" needs="PauseDeployment" onClick={() => setAsking(true)} data-testid="pause">
            Pause…
          </Button>
        )}
      </div>
      {asking && (
        <Confirm
          title="Pause this deployment?"
          button="Pause"
          onClose={() => setAsking(false)}
          run={async () => {
            await http.post("/api/v1/pause_deployment", {});
            toast("Paused");
          }}
        >
          <p>Users of the app get errors until you resume it.</p>
        </Confirm>
      )}
    </section>
  );
}

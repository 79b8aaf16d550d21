// A page that broke: what happened, and the way on.

import { useNavigate, useRouteError } from "react-router";

export function PageError() {
  const error = useRouteError();
  const navigate = useNavigate();
  return (
    <div className="page">
      <h1>This page broke</h1>
      <div className="problem" role="alert">
        <strong>An error in the dashboard itself, not in your app.</strong>
        <span>{error instanceof Error ? error.message : String(error)}</span>
        <button type="button" className="button plain" onClick={() => navigate(0)}>
          Load it again
        </button>
      </div>
    </div>
  );
}

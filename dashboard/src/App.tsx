// Login or pages; which page is where.

import { lazy, Suspense, useCallback, useEffect, useState, type ComponentType } from "react";
import { createBrowserRouter, Navigate, RouterProvider, useLocation } from "react-router";
import { Toasts } from "./components/Toasts";
import { Loading } from "./components/ui";
import { mountPath, type Config } from "./config";
import { DeploymentProvider } from "./lib/deployment";
import { askParent, keepSession, login, restoreSession, type Session } from "./session";
import { Login } from "./shell/Login";
import { PageError } from "./shell/PageError";
import { Shell } from "./shell/Shell";

type Loader = () => Promise<{ default: ComponentType }>;

const page = (load: Loader) => {
  const Page = lazy(load);
  return (
    <Suspense fallback={<Loading />}>
      <Page />
    </Suspense>
  );
};

/** What the address says beside the page is kept. */
function ToScheduled() {
  return <Navigate to={`/schedules/functions${useLocation().search}`} replace />;
}

const children = [
  { index: true, element: page(() => import("./pages/overview/Overview")) },
  { path: "data", element: page(() => import("./pages/data/Data")) },
  { path: "schema", element: page(() => import("./pages/schema/Schema")) },
  { path: "functions", element: page(() => import("./pages/functions/Functions")) },
  { path: "logs", element: page(() => import("./pages/logs/Logs")) },
  { path: "files", element: page(() => import("./pages/files/Files")) },
  { path: "schedules", element: <ToScheduled /> },
  { path: "schedules/:view", element: page(() => import("./pages/schedules/Schedules")) },
  { path: "history", element: page(() => import("./pages/history/History")) },
  { path: "live", element: <Navigate to="/live/pulse" replace /> },
  { path: "live/:view", element: page(() => import("./pages/live/Live")) },
  { path: "usage", element: page(() => import("./pages/usage/Usage")) },
  { path: "backups", element: page(() => import("./pages/backups/Backups")) },
  { path: "settings", element: page(() => import("./pages/settings/Settings")) },
  { path: "settings/:view", element: page(() => import("./pages/settings/Settings")) },
  { path: "*", element: <Navigate to="/" replace /> },
].map((route) => ({ ...route, errorElement: <PageError /> }));

const router = createBrowserRouter([{ element: <Shell />, errorElement: <PageError />, children }], {
  basename: mountPath || "/",
});

export function App({ config }: { config: Config }) {
  const [session, setSession] = useState<Session | null>(restoreSession);
  const logout = useCallback(() => {
    keepSession(null);
    setSession(null);
  }, []);
  useEffect(
    () =>
      askParent(config.embedOrigins, (url, key, visiblePages) => {
        void login(url || config.deploymentUrl, key).then(
          (next) => {
            const embedded = { ...next, visiblePages };
            keepSession(embedded);
            setSession(embedded);
          },
          () => undefined,
        );
      }),
    [config],
  );
  return (
    <>
      {session ? (
        <DeploymentProvider key={session.url + session.key} session={session} config={config} logout={logout}>
          <RouterProvider router={router} />
        </DeploymentProvider>
      ) : (
        <Login config={config} onLogin={setSession} />
      )}
      <Toasts />
    </>
  );
}

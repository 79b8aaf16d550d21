// The frame around both pages: head, navigation, connection badge, routes.

import { Link, NavLink, Navigate, Route, Routes } from "react-router";
import { ConnectionBadge, OfflineNotice } from "./components/Connection";
import { QueryErrorBoundary } from "./components/QueryErrorBoundary";
import { UpdateData } from "./pages/UpdateData";
import { ViewData } from "./pages/ViewData";

export function App() {
  return (
    <>
      <header className="head">
        <Link to="/view" className="brand">
          Corner shop
        </Link>
        <nav aria-label="Pages">
          <NavLink to="/view" data-testid="nav-view">
            View
          </NavLink>
          <NavLink to="/update" data-testid="nav-update">
            Update
          </NavLink>
        </nav>
        <ConnectionBadge />
      </header>
      <main className="page">
        <OfflineNotice />
        <QueryErrorBoundary>
          <Routes>
            <Route path="/" element={<Navigate to="/view" replace />} />
            <Route path="/view" element={<ViewData />} />
            <Route path="/update" element={<UpdateData />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </QueryErrorBoundary>
      </main>
    </>
  );
}

function NotFound() {
  return (
    <section className="notice">
      <h1>There is no such page</h1>
      <p>
        <Link to="/view">See the items</Link> or <Link to="/update">change them</Link>.
      </p>
    </section>
  );
}

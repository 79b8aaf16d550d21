import { defineApp } from "convex/server";
import { v } from "convex/values";
import notes from "./notes/convex.config";

const app = defineApp({ env: { SECRET: v.string() } });
app.use(notes, { name: "notes", httpPrefix: "/notes/", env: { SECRET: app.env.SECRET, FIXED: "text" } });
app.use(notes, { name: "drafts", env: { SECRET: app.env.SECRET, FIXED: "text" } });
export default app;

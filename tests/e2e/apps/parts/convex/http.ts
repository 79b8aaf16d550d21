import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({ path: "/notes/exact", method: "GET", handler: httpAction(async () => new Response("root has it")) });
http.route({ pathPrefix: "/", method: "GET", handler: httpAction(async () => new Response("root")) });
export default http;

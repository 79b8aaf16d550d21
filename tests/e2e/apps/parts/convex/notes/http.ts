import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({
  path: "/hello",
  method: "GET",
  handler: httpAction(async () => new Response(`notes says hello at ${process.env.CONVEX_SITE_URL}`)),
});
http.route({ path: "/exact", method: "GET", handler: httpAction(async () => new Response("never")) });
export default http;

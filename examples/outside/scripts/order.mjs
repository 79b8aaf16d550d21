// Plays the shop: sends a signed order to the webhook. `npm run order [customer] [cents]`, with the
// WEBHOOK_SECRET of the deployment in the environment.

import crypto from "node:crypto";

const [customer = "Grace", cents = "1250"] = process.argv.slice(2);
const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error("WEBHOOK_SECRET must be what `npx convex env set WEBHOOK_SECRET …` was given.");
  process.exit(1);
}
const site = process.env.VITE_CONVEX_SITE_URL ?? "http://127.0.0.1:3211";
const body = JSON.stringify({ event: crypto.randomUUID(), customer, cents: Number(cents) });
const t = Math.floor(Date.now() / 1_000);
const v1 = crypto.createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
const response = await fetch(`${site}/webhooks/orders`, {
  method: "POST",
  headers: { "content-type": "application/json", "x-signature": `t=${t},v1=${v1}` },
  body,
});
console.log(response.status, await response.text());
if (!response.ok) process.exitCode = 1;

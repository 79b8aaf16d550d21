// The page: papers and letters, the shop's orders, the clock's rounds, and a report read out.

import { api } from "../convex/_generated/api";
import { client, siteUrl } from "./deployment";
import "./letters";
import { byTestId, element, showRows } from "./page";
import "./papers";
import "./styles.css";

const orders = byTestId("orders");
client.onUpdate(api.orders.list, {}, (list) => {
  const rows = list.map(({ event, customer, cents }) => {
    const row = element("li", {}, element("span", {}, customer), element("span", { className: "number" }, (cents / 100).toFixed(2)));
    row.dataset.event = event;
    return row;
  });
  showRows(orders, rows, "No orders yet.");
});

const badge = byTestId("rounds");
const badgeText = byTestId("rounds-text");
client.onUpdate(api.rounds.last, {}, (round) => {
  if (round === null) return;
  badge.dataset.state = "live";
  badgeText.textContent = `last round ${new Date(round.at).toLocaleTimeString()}, ${round.waiting} waiting`;
});

const start = byTestId<HTMLButtonElement>("report-start");
const report = byTestId("report");
start.addEventListener("click", () => {
  report.textContent = "";
  start.disabled = true;
  const events = new EventSource(`${siteUrl}/report`);
  const end = (text: string) => {
    events.close();
    start.disabled = false;
    report.dataset.state = "ended";
    report.append(text);
  };
  report.dataset.state = "reading";
  events.addEventListener("message", ({ data }) => report.append(`${JSON.parse(data)}\n`));
  events.addEventListener("end", () => end(""));
  events.addEventListener("error", () => end("The report broke off.\n"));
});

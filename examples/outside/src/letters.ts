// The letters: posted by a form, sent later by the server.

import { api } from "../convex/_generated/api";
import type { Doc } from "../convex/_generated/dataModel";
import { client } from "./deployment";
import { byTestId, element, explain, say, showRows } from "./page";

const form = byTestId<HTMLFormElement>("mail-form");
const note = byTestId("mail-note");
const list = byTestId("letters");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  try {
    await client.mutation(api.letters.post, {
      to: String(fields.get("to")),
      subject: String(fields.get("subject")),
      delay: Number(fields.get("delay")),
    });
    form.reset();
    say(note, "");
  } catch (error) {
    explain(note, error);
  }
});

function stateText({ state, attempts }: Doc<"letters">) {
  switch (state.kind) {
    case "waiting":
      return attempts === 0 ? "waiting" : `tried ${attempts} times, waiting`;
    case "sent":
      return `sent, ${state.receipt}`;
    case "failed":
      return `given up: ${state.reason}`;
  }
}

client.onUpdate(api.letters.list, {}, (letters) => {
  const rows = letters.map((letter) => {
    const state = element("span", { className: "state" }, stateText(letter));
    const row = element("li", {}, element("span", {}, letter.subject), element("span", { className: "quiet" }, letter.to), state);
    row.dataset.state = letter.state.kind;
    row.dataset.subject = letter.subject;
    return row;
  });
  showRows(list, rows, "No letters yet.");
});

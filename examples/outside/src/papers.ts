// The papers: files go straight to storage, with their progress.

import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";
import { client } from "./deployment";
import { byTestId, element, explain, say, showRows } from "./page";

const input = byTestId<HTMLInputElement>("file-input");
const note = byTestId("file-note");
const list = byTestId("files");

function sizeText(bytes: number) {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Sends a file, which `fetch` could do as well but not say how far it is. */
function send(url: string, file: File): Promise<Id<"_storage">> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => say(note, `${Math.floor((100 * loaded) / total)} %`);
    request.onerror = () => reject(new Error("the server cannot be reached"));
    request.onload = () => {
      if (request.status === 200) resolve(request.response.storageId);
      else reject(new Error(request.response?.message ?? `the server answered ${request.status}`));
    };
    request.send(file);
  });
}

input.addEventListener("change", async () => {
  const file = input.files?.[0];
  if (file === undefined) return;
  input.value = "";
  try {
    const url = await client.mutation(api.papers.uploadUrl, {});
    const storageId = await send(url, file);
    await client.mutation(api.papers.add, { name: file.name, file: storageId });
    say(note, `${file.name} is on file`);
  } catch (error) {
    explain(note, error);
  }
});

const archive = byTestId<HTMLButtonElement>("archive");
archive.addEventListener("click", async () => {
  archive.disabled = true;
  try {
    const { url, papers, bytes } = await client.action(api.archive.make, {});
    const link = element("a", { href: url ?? "" }, `${papers} papers in ${sizeText(bytes)}`);
    link.dataset.testid = "archive-link";
    say(note, "Packed: ");
    note.append(link);
  } catch (error) {
    explain(note, error);
  } finally {
    archive.disabled = false;
  }
});

client.onUpdate(api.papers.list, {}, (papers) => {
  const rows = papers.map(({ _id, name, url, size }) => {
    const remove = element("button", { className: "plain", title: `Remove ${name}` }, "Remove");
    remove.addEventListener("click", () => client.mutation(api.papers.remove, { id: _id }).catch((error) => explain(note, error)));
    const link = element("a", { href: url ?? "", target: "_blank", rel: "noreferrer" }, name);
    const row = element("li", {}, link, element("span", { className: "quiet" }, sizeText(size)), remove);
    row.dataset.name = name;
    return row;
  });
  showRows(list, rows, "Nothing on file yet.");
});

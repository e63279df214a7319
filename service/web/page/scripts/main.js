// The built-in page: an ordinary client of the API, put together here.

import { access } from "./access.js";
import { AccessForm } from "./access_form.js";
import { call, stubbornly } from "./api.js";
import { Entry } from "./entry.js";
import { chosen, dropped, picked } from "./files.js";
import { remembered } from "./memory.js";
import { OptionsForm } from "./options.js";
import { View } from "./view.js";
import { leftOut } from "./words.js";

const BETWEEN_DOWNLOADS = 400; // milliseconds, or the browser drops some
const $ = (id) => document.getElementById(id);
const entries = new Map(); // by id, the oldest first
const options = new OptionsForm($("order"));

const actions = {
  titleOf: (format) => options.titleOf(format),
  typeOf: (format) => options.typeOf(format),
  keepsCover: (format) => options.keepsCover(format),
  choose: () => $("file").click(),
  settled: (_, text) => {
    say(text);
    count();
  },
  again(entry) {
    if (!options.check()) return;
    const { name, size, upload_id, media } = entry.record;
    const another = new Entry({ name, size, upload_id, media, uploaded: true, ...options.wanted });
    show(another);
    another.order();
  },
  removed(entry, next) {
    entries.delete(entry.record.id);
    count();
    (next ?? $("jobs-title")).focus();
  },
};

function add({ found, left }) {
  if (!options.check()) return;
  for (const { file, handle } of found) {
    const known = [...entries.values()].find((entry) => entry.wants(file));
    const entry = known ?? new Entry({
      name: file.name, size: file.size, modified: file.lastModified, handle, ...options.wanted,
    });
    if (!known) show(entry);
    else if (handle) entry.record.handle = handle;
    entry.bring(file);
  }
  note(leftOut(found.length, left));
}

// Says it beside the field too, for visitors who see.
function note(text) {
  $("left").textContent = text;
  $("left").hidden = !text;
  say(text);
}

function show(entry) {
  entries.set(entry.record.id, entry);
  $("jobs").prepend(new View(entry, $("entry"), actions).node);
  count();
}

function count() {
  const done = [...entries.values()].filter((entry) => entry.record.phase === "succeeded");
  $("none").hidden = entries.size > 0;
  $("download-all").hidden = done.length < 2;
}

async function downloadAll() {
  for (const link of document.querySelectorAll("#jobs [data-phase=succeeded] .download")) {
    link.click();
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS));
  }
}

function say(text) {
  $("says").textContent = text;
}

async function start() {
  stubbornly(() => call("GET", "/v1/status")).catch(() => {}); // asks for a key before there is a file
  await options.load(await stubbornly(() => call("GET", "/v1/formats"), { trouble: (problem) => problem && say("No connection.") }));
  for (const record of await remembered()) {
    if (!options.titleOf(record.format) || !record.name) continue;
    const entry = new Entry(record);
    show(entry);
    entry.restore();
  }
  $("order").dataset.ready = "yes";
  pageHasStarted();
}

for (const [id, folder] of [["file", false], ["folder", true]]) {
  $(id).addEventListener("change", () => {
    add(chosen($(id).files, folder));
    $(id).value = "";
  });
}
let canPick = true; // until it was tried in vain
$("file").addEventListener("click", async (event) => {
  if (!canPick || !globalThis.showOpenFilePicker) return;
  event.preventDefault();
  try {
    const files = await picked();
    if (files) add(files);
  } catch {
    canPick = false;
    $("file").click();
  }
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => $("drop").classList.remove("over"));
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  add(await dropped(event.dataTransfer));
});
new AccessForm($("access"), $("key-used"), { say, done: () => $("file").focus() });
const touchAll = () => entries.forEach((entry) => entry.touch());
access.onChange(touchAll);
for (const kind of ["online", "offline"]) addEventListener(kind, touchAll);
$("order").addEventListener("submit", (event) => event.preventDefault());
$("download-all").addEventListener("click", downloadAll);
start().catch((problem) => say(problem.message));

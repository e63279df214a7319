// Server-sent events by fetch(), because EventSource cannot send a key.

import { keyHeader } from "./access.js";
import { Problem } from "./api.js";

const SILENCE = 35_000; // milliseconds after which a stream is dead; the service says something every ten seconds

// Calls `told(name, data)` for each event until the stream ends, and `opened()` when it has begun. Throws when it breaks.
export async function events(path, { signal, opened, told }) {
  const quiet = new AbortController();
  let timer = null;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(), SILENCE);
  };
  const end = () => quiet.abort();
  signal.addEventListener("abort", end);
  try {
    heard();
    const headers = { Accept: "text/event-stream", ...keyHeader(path) };
    const answer = await fetch(path, { headers, cache: "no-store", signal: quiet.signal });
    if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null));
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const take = reading(told);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      take(value);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

// Puts pieces of text together to lines, and lines to events.
function reading(told) {
  let rest = "", name = "message", data = [];
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines.map((one) => one.replace(/\r$/, ""))) {
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === "event") name = value;
      if (field === "data") data.push(value);
      if (line) continue;
      if (data.length) told(name, JSON.parse(data.join("\n")));
      [name, data] = ["message", []];
    }
  };
}

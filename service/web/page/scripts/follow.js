// Following a job: by an event stream, of which a few are open at once, else by asking now and then.

import { Broken, call } from "./api.js";

const STREAMS = 2; // event streams at once; browsers allow six connections to one host
const EVERY = 2000; // milliseconds between two questions
const PATIENCE = 4000; // milliseconds until a stream that broke off is worth a word; each is reopened now and then
let streams = 0;

// `told` has `reading(progress)`, `ended(job)`, `lost(whether)` and `gone()`. Returns what ends it.
export function follow(jobId, told) {
  const path = `/v1/jobs/${jobId}`;
  let closed = false, source = null, timer = null, doubt = null;

  function listen() {
    if (source) return;
    source = new EventSource(`${path}/events`);
    streams += 1;
    source.addEventListener("open", found);
    source.addEventListener("progress", (event) => told.reading(JSON.parse(event.data)));
    source.addEventListener("done", (event) => {
      end();
      told.ended(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      doubt ??= setTimeout(() => told.lost(true), PATIENCE);
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      hang();
      timer = setTimeout(ask, EVERY); // and hears why
    });
  }

  async function ask() {
    clearTimeout(timer);
    try {
      const reading = await call("GET", `${path}/progress`);
      if (closed) return;
      found();
      if (["queued", "running"].includes(reading.state)) told.reading(reading);
      else {
        const job = await call("GET", path);
        if (closed) return;
        end();
        return told.ended(job);
      }
    } catch (problem) {
      if (closed) return;
      if (problem.status === 404 || problem.status === 410) return void (end(), told.gone());
      if (problem instanceof Broken) told.lost(true);
      timer = setTimeout(ask, EVERY);
      return;
    }
    if (streams < STREAMS) listen();
    else timer = setTimeout(ask, EVERY);
  }

  function found() {
    clearTimeout(doubt);
    doubt = null;
    told.lost(false);
  }

  // A stream may hang on without a network; and when that is back, the browser would wait before it tries again.
  function away() {
    hang();
    told.lost(true);
    clearTimeout(timer);
    timer = setTimeout(ask, EVERY);
  }

  function hang() {
    if (!source) return;
    source.close();
    source = null;
    streams -= 1;
  }

  function end() {
    closed = true;
    removeEventListener("offline", away);
    removeEventListener("online", ask);
    clearTimeout(timer);
    clearTimeout(doubt);
    hang();
  }

  addEventListener("offline", away);
  addEventListener("online", ask);
  ask();
  return end;
}

// Following a job: by an event stream, of which a few are open at once, else by asking now and then.

import { access } from "./access.js";
import { Broken, call } from "./api.js";
import { events } from "./events.js";

const STREAMS = 2; // event streams at once; browsers allow six connections to one host
const EVERY = 2000; // milliseconds between two questions
const PATIENCE = 4000; // milliseconds until a stream that broke off is worth a word; each is reopened now and then
let streams = 0;

// `told` has `reading(progress)`, `ended(job)`, `lost(whether)` and `gone()`. Returns what ends it.
export function follow(jobId, told) {
  const path = `/v1/jobs/${jobId}`;
  let closed = false, stream = null, timer = null, doubt = null;

  async function listen() {
    if (stream) return;
    const mine = (stream = new AbortController());
    streams += 1;
    let broken = false;
    try {
      await events(`${path}/events`, { signal: mine.signal, opened: found, told: heard });
    } catch {
      broken = true;
    }
    if (stream !== mine) return; // this end has hung up
    hang();
    if (broken) doubt ??= setTimeout(() => told.lost(true), PATIENCE);
    later(broken ? EVERY : 0); // and hears why
  }

  function heard(name, data) {
    if (closed) return;
    if (name === "progress") told.reading(data);
    if (name !== "done") return;
    end();
    told.ended(data);
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
      return later(EVERY);
    }
    if (streams < STREAMS) listen();
    else later(EVERY);
  }

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(ask, milliseconds);
  }

  function found() {
    clearTimeout(doubt);
    doubt = null;
    told.lost(false);
  }

  // A stream may hang on without a network.
  function away() {
    hang();
    told.lost(true);
    later(EVERY);
  }

  // What was opened with a key that is forgotten or replaced is closed.
  function locked() {
    if (closed || !access.wanted || !stream) return;
    hang();
    later(0);
  }

  function hang() {
    if (!stream) return;
    stream.abort();
    stream = null;
    streams -= 1;
  }

  function end() {
    closed = true;
    removeEventListener("offline", away);
    removeEventListener("online", ask);
    access.offChange(locked);
    clearTimeout(timer);
    clearTimeout(doubt);
    hang();
  }

  addEventListener("offline", away);
  addEventListener("online", ask);
  access.onChange(locked);
  ask();
  return end;
}

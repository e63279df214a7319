// Talking to the API: requests, the problems that it answers with, and calls that are repeated until they are answered.

import { access, keyHeader } from "./access.js";

const LONGEST_PAUSE = 8000; // milliseconds between two tries
const STALLED = 90_000; // milliseconds without a byte sent, or an answer, after which a connection is taken for dead
const TRIES = 8; // of a call that the service fails at, rather than one that does not get through

export class Problem extends Error {
  constructor(status, document) {
    super(document?.detail || `The service answered ${status}.`);
    this.status = status;
    this.code = document?.code ?? `http_${status}`;
    this.pause = document?.retry_after; // seconds
    this.document = document ?? {};
  }

  // Whether sending the same again would bring the same answer.
  get settled() {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }
}

// No answer came: the network, the service or the store is away.
export class Broken extends Error {}

// Asks the service. Where it wants a key, that is waited for.
export function call(method, path, options = {}) {
  return withKey(options.signal, (key) => request(method, path, { ...options, key }));
}

// Asks once, with this key.
export async function request(method, path, { body, headers = {}, signal, key } = {}) {
  const options = { method, signal, headers: { ...headers, ...keyHeader(path, key) } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer, document;
  try {
    answer = await fetch(path, options);
    document = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Broken("No answer came.");
  }
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

// Sends bytes, to the service or to the storage. fetch() does not tell how much has been sent; this does.
export function send(method, url, bytes, options = {}) {
  return withKey(options.signal, (key) => sendOnce(method, url, bytes, key, options));
}

// Does `work(key)`, again with another key if the service wants one.
export async function withKey(signal, work) {
  for (;;) {
    const { key } = access;
    try {
      return await work(key);
    } catch (problem) {
      if (problem.code !== "unauthorized") throw problem;
      await access.another(key, signal);
    }
  }
}

function sendOnce(method, url, bytes, key, { progress = () => {}, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let timer = null;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, STALLED);
    };
    const stop = (outcome, value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      outcome(value);
    };
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", abort);
    request.open(method, url);
    for (const [name, value] of Object.entries(keyHeader(url, key))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      alive();
      progress(event.loaded);
    });
    request.addEventListener("load", () => {
      const document = parsed(request);
      if (request.status >= 200 && request.status < 300) stop(resolve, document);
      else stop(reject, new Problem(request.status, document));
    });
    request.addEventListener("error", () => stop(reject, new Broken("The connection broke.")));
    request.addEventListener("abort", () => stop(reject, signal?.aborted ? signal.reason : new Broken("Stopped.")));
    alive();
    request.send(bytes);
  });
}

// For calls that may be repeated: until there is an answer, or one that will not change. `trouble` is told of each
// failure, and of nothing (null) when it is over.
export async function stubbornly(attempt, { signal, trouble = () => {} } = {}) {
  for (let tries = 1, refused = 0; ; tries += 1) {
    try {
      const answer = await attempt();
      if (tries > 1) trouble(null);
      return answer;
    } catch (problem) {
      if (signal?.aborted || !(problem instanceof Broken || problem instanceof Problem) || problem.settled) throw problem;
      if (problem.status >= 500 && problem.status !== 503) refused += 1;
      if (refused === TRIES) throw problem;
      trouble(problem);
      await pause(1000 * (problem.pause ?? 0) || Math.min(500 * tries, LONGEST_PAUSE), signal);
    }
  }
}

// Ends sooner when the browser says that the network is back.
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

// 128 random bits; crypto.randomUUID exists on https only.
export function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function parsed(request) {
  try {
    return request.responseText ? JSON.parse(request.responseText) : null;
  } catch {
    return null; // what S3 answers is XML
  }
}

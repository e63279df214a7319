"use strict";
// The page is an ordinary client of the API. It keeps nothing but the ids of this browser's jobs.

const STREAMS = 3; // event streams at once; browsers allow six connections to one host
const KEY = "reprise.jobs";
const LARGE = 32 * 1024 * 1024; // bytes; what is larger goes in parts
const TRIES = 8; // of a part; they take about a quarter of a minute
const $ = (id) => document.getElementById(id);
const drop = $("drop"), file = $("file"), format = $("format"), bitrate = $("bitrate"), list = $("jobs");
let formats = [];
let streams = 0;

// ── talking to the API ──────────────────────────────────────────────────────────────────────────────────────────

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const document = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

class Problem extends Error {
  constructor(status, document) {
    super(document?.detail || `The service answered ${status}.`);
    this.status = status;
    this.pause = document?.retry_after; // seconds
  }
}

// A small file goes in one request. A large one goes in parts, and a connection that breaks costs one of them.
async function upload(blob, progress) {
  if (blob.size <= LARGE) {
    return send("POST", `/v1/uploads?filename=${encodeURIComponent(blob.name)}`, blob, (sent) => progress(sent / blob.size));
  }
  const description = { filename: blob.name, type: blob.type, size: blob.size };
  const begun = await stubbornly(() => call("POST", "/v1/s3/multipart", description));
  for (let at = 0, number = 1; at < blob.size; at += begun.part_size, number += 1) {
    const part = blob.slice(at, at + begun.part_size);
    await stubbornly(() => send("PUT", begun.links.parts + number, part, (sent) => progress((at + sent) / blob.size)));
  }
  return stubbornly(() => call("POST", begun.links.complete));
}

// fetch() does not tell how much has been sent; this does.
function send(method, path, body, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else reject(new Problem(request.status, request.response));
    });
    request.addEventListener("error", () => reject(new Error("The connection broke while uploading.")));
    request.send(body);
  });
}

// For calls that may be repeated: until there is an answer, or one that will not change.
async function stubbornly(attempt) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (problem) {
      const settled = problem.status >= 400 && problem.status < 500 && problem.status !== 429;
      if (settled || tries === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (problem.pause ?? tries / 2)));
    }
  }
}

// ── one entry of the list ───────────────────────────────────────────────────────────────────────────────────────

class Entry {
  constructor(name, target) {
    this.node = $("entry").content.firstElementChild.cloneNode(true);
    this.jobId = null;
    this.closed = false;
    this.part(".name").textContent = name;
    this.part(".target").textContent = `→ ${target}`;
    this.part("progress").setAttribute("aria-label", `Progress of ${name}`);
    this.part(".cancel").addEventListener("click", () => this.act("POST", "/cancel"));
    this.part(".remove").addEventListener("click", () => this.remove());
    list.prepend(this.node);
    $("none").hidden = true;
  }

  part(selector) {
    return this.node.querySelector(selector);
  }

  show(percent, text) {
    this.part("progress").value = percent;
    this.part(".state").textContent = text;
  }

  fail(message) {
    this.part("progress").hidden = true;
    this.part(".problem").textContent = message;
    this.part(".problem").hidden = false;
    this.part(".cancel").hidden = true;
    this.part(".remove").hidden = false;
    say(message);
  }

  progress(reading) {
    const again = reading.resumed ? `, resumed (attempt ${reading.attempt})` : "";
    this.show(reading.percent, reading.state === "queued" ? "waiting" : `${reading.percent.toFixed(1)} %${again}`);
    this.part(".cancel").hidden = false;
  }

  job(job) {
    if (job.state === "queued" || job.state === "running") {
      this.progress(job);
      return false;
    }
    const name = this.part(".name").textContent;
    this.part(".cancel").hidden = true;
    this.part(".remove").hidden = false;
    if (job.state === "succeeded") {
      this.show(100, `done, ${size(job.size)}`);
      this.part(".download").href = job.links.download;
      this.part(".download").setAttribute("aria-label", `Download ${job.filename}`);
      this.part(".download").hidden = false;
      say(`${name} is converted.`);
    } else {
      this.show(job.percent, job.state);
      if (job.error) this.fail(job.error.detail);
    }
    return true;
  }

  follow(jobId) {
    this.jobId = jobId;
    if (streams < STREAMS) this.listen();
    else this.poll();
  }

  listen() {
    const source = new EventSource(`/v1/jobs/${this.jobId}/events`);
    const close = () => {
      source.close();
      streams -= 1;
    };
    streams += 1;
    source.addEventListener("progress", (event) => (this.closed ? close() : this.progress(JSON.parse(event.data))));
    source.addEventListener("done", (event) => {
      close();
      this.job(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      close();
      this.poll(); // and hears why
    });
  }

  async poll() {
    if (this.closed) return;
    try {
      if (this.job(await call("GET", `/v1/jobs/${this.jobId}`))) return;
    } catch (problem) {
      if (problem.status === 404 || problem.status === 410) return this.remove();
    }
    setTimeout(() => this.poll(), 2000);
  }

  async act(method, path) {
    try {
      this.job(await call(method, `/v1/jobs/${this.jobId}${path}`));
    } catch (problem) {
      say(problem.message);
    }
  }

  async remove() {
    this.closed = true;
    this.node.remove();
    $("none").hidden = list.childElementCount > 0;
    if (!this.jobId) return;
    remember(remembered().filter((one) => one.id !== this.jobId));
    await call("DELETE", `/v1/jobs/${this.jobId}`).catch(() => {}); // it expires in any case
  }
}

// ── what can be done ────────────────────────────────────────────────────────────────────────────────────────────

async function convert(blob) {
  const wanted = format.value;
  const options = bitrate.value ? { bitrate_kbps: Number(bitrate.value) } : {};
  const entry = new Entry(blob.name, wanted);
  try {
    entry.show(0, "uploading");
    const stored = await upload(blob, (share) => {
      const percent = Math.floor(100 * share);
      entry.show(percent, `uploading, ${percent} %`);
    });
    const job = await call("POST", "/v1/jobs", { upload_id: stored.upload_id, format: wanted, options });
    remember([{ id: job.job_id, name: blob.name, target: wanted }, ...remembered()].slice(0, 50));
    entry.job(job);
    entry.follow(job.job_id);
  } catch (problem) {
    entry.fail(problem.message);
  }
}

function remembered() {
  try {
    const jobs = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(jobs) ? jobs.filter((one) => /^[a-z0-9]{16,40}$/.test(one?.id)) : [];
  } catch {
    return [];
  }
}

function remember(jobs) {
  try {
    localStorage.setItem(KEY, JSON.stringify(jobs));
  } catch {
    // Without storage the list lasts as long as the page.
  }
}

function say(text) {
  $("says").textContent = text;
}

function size(bytes) {
  const steps = ["B", "KiB", "MiB", "GiB"];
  let step = 0;
  for (; bytes >= 1024 && step < steps.length - 1; step += 1) bytes /= 1024;
  return `${bytes.toFixed(step ? 1 : 0)} ${steps[step]}`;
}

function choices(select, values, empty) {
  select.replaceChildren(...empty, ...values.map(([value, text]) => new Option(text, value)));
  select.disabled = values.length === 0;
}

function showBitrates() {
  const chosen = formats.find((one) => one.format === format.value);
  const limits = chosen?.options.bitrate_kbps;
  const usual = [32, 48, 64, 96, 128, 160, 192, 256, 320];
  const rates = limits?.allowed ?? usual.filter((rate) => limits && rate >= limits.min && rate <= limits.max);
  choices(bitrate, rates.map((rate) => [rate, `${rate} kbit/s`]), [new Option("as the encoder likes", "")]);
}

async function start() {
  for (const { id, name, target } of remembered().reverse()) new Entry(String(name), String(target)).follow(id);
  formats = (await call("GET", "/v1/formats")).output;
  choices(format, formats.map((one) => [one.format, one.title]), []);
  showBitrates();
}

format.addEventListener("change", showBitrates);
file.addEventListener("change", () => {
  for (const blob of file.files) convert(blob);
  file.value = "";
});
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  for (const blob of event.dataTransfer.files) convert(blob);
});
start().catch((problem) => say(problem.message));

// One file on its way: uploaded, converted, kept in mind. What is shown of it is the business of `view`.

import { access } from "./access.js";
import { Problem, call, randomName, stubbornly } from "./api.js";
import { follow } from "./follow.js";
import { forget, remember } from "./memory.js";
import { Pace } from "./pace.js";
import { Turns } from "./turns.js";
import { upload } from "./upload.js";
import { refusal } from "./words.js";

const FINAL = ["succeeded", "failed", "cancelled", "refused", "gone"];
const AT_ONCE = 2; // files that are uploaded; the others wait for their turn
const turns = new Turns(AT_ONCE);
const NOTED = ["percent", "attempt", "resumed"];

export class Entry {
  #stop = new AbortController();
  #unfollow = () => {};
  #pace = new Pace();
  #changed;
  #now = {};
  #removed = false;

  // `record` is what is remembered; `changed` is called whenever there is something to show.
  constructor(record, changed = () => {}) {
    this.record = { id: randomName(), key: randomName(), at: Date.now(), phase: "waiting", share: 0, percent: 0, ...record };
    this.#changed = changed;
  }

  get now() {
    return { ...this.#now, locked: access.wanted, keyed: Boolean(access.key), offline: !navigator.onLine, speed: this.#pace.speed, left: this.#pace.left(this.record.phase === "running" ? 100 : this.record.size) };
  }

  get final() {
    return FINAL.includes(this.record.phase);
  }

  // From 0 to 100, of the whole way: half of it is the upload, if there was one.
  get progress() {
    const { phase, share, percent, uploaded } = this.record;
    if (phase === "succeeded") return 100;
    return uploaded ? percent : 50 * share + percent / 2;
  }

  // What is shown is remembered first, so that it does not go back when the page is loaded anew.
  keep() {
    if (this.record.phase === "uploading") remember(this.record);
  }

  onChange(changed) {
    this.#changed = changed;
  }

  // Something else than the file has changed: whether there is a network, or a key.
  touch() {
    this.#changed(this);
  }

  // ── the way of a file ─────────────────────────────────────────────────────────────────────────────────────────

  // Uploads `file`, from where an earlier try has come to, and converts it.
  async bring(file) {
    this.#stop = new AbortController();
    this.#set({ phase: "waiting" });
    try {
      const stored = await turns.taken(this.#stop.signal, () => this.#upload(file));
      this.#set({ upload_id: stored.upload_id, media: stored.media, share: 1, handle: undefined, begun: undefined });
      await this.order();
    } catch (problem) {
      this.#fail(problem);
    }
  }

  // Orders the conversion of what has been uploaded; repeated after a reload, it is the same job.
  async order() {
    this.#set({ phase: "sending" });
    try {
      const body = { upload_id: this.record.upload_id, format: this.record.format, options: this.record.options };
      const asked = { body, headers: { "Idempotency-Key": this.record.key }, signal: this.#stop.signal };
      const job = await stubbornly(() => call("POST", "/v1/jobs", asked), this.#told());
      this.#set({ job_id: job.job_id });
      this.#job(job);
      if (!this.final) this.follow();
    } catch (problem) {
      this.#fail(problem);
    }
  }

  follow() {
    this.#unfollow();
    this.#unfollow = follow(this.record.job_id, {
      reading: (progress) => this.#reading(progress),
      ended: (job) => this.#job(job),
      lost: (lost) => this.#note({ lost }),
      gone: () => this.#set({ phase: "gone" }),
    });
  }

  // After a reload: goes on with what needs nobody.
  async restore() {
    const { phase, job_id, upload_id, handle } = this.record;
    if (job_id && (!this.final || phase === "succeeded" || phase === "gone")) return this.follow();
    if (this.final) return;
    if (upload_id) return this.order();
    this.#set({ phase: "absent" });
    if (handle && (await handle.queryPermission?.({ mode: "read" }).catch(() => "")) === "granted") await this.readAgain();
  }

  // Reads the file by its handle; the visitor may be asked.
  async readAgain() {
    const { handle } = this.record;
    try {
      if ((await handle.requestPermission({ mode: "read" })) !== "granted") return;
      const file = await handle.getFile();
      if (this.wants(file)) await this.bring(file);
    } catch {
      this.#set({ handle: undefined }); // it was moved: it can still be chosen
    }
  }

  // Whether this is the file of which the upload has stopped.
  wants(file) {
    const { phase, name, size, modified } = this.record;
    return phase === "absent" && file.name === name && file.size === size && file.lastModified === modified;
  }

  async #upload(file) {
    this.#pace.forget();
    this.#set({ phase: "uploading" });
    return upload(file, this.record.begun, {
      ...this.#told(),
      progress: (sent) => {
        this.#pace.note(sent);
        if (this.record.phase !== "uploading") return;
        this.#note({ trouble: null });
        this.record.share = Math.max(this.record.share, file.size ? sent / file.size : 1);
        this.#changed(this);
      },
      checking: () => this.#set({ phase: "checking", share: 1 }),
      keep: (begun) => this.#set({ begun }),
    });
  }

  #told() {
    return { signal: this.#stop.signal, trouble: (trouble) => this.#note({ trouble }) };
  }

  #reading(reading) {
    if (this.record.phase !== reading.state) this.#pace.forget();
    if (reading.percent > this.record.percent || reading.attempt !== this.record.attempt) this.#pace.note(reading.percent);
    if (reading.attempt !== this.record.attempt) this.#pace.forget(); // it holds its reading while it catches up
    const noted = Object.fromEntries(NOTED.map((name) => [name, reading[name]]));
    noted.percent = Math.max(noted.percent, this.record.percent); // of two ways to hear, one may be late
    this.#note({ lost: false, trouble: null });
    this.#set({ phase: reading.state, stopping: this.record.stopping || reading.cancel_requested, ...noted });
  }

  #job(job) {
    const { media, filename, conversion, warnings } = job;
    const told = { media, filename, conversion, warnings, outputSize: job.size, download: job.links.download };
    Object.assign(this.record, told, job.error && { refusal: refusal(job.error) }); // before the state that speaks of it
    this.#reading(job);
  }

  #fail(problem) {
    if (this.#stop.signal.aborted) return;
    console.debug(problem);
    const known = problem instanceof Problem ? problem : { code: "page", message: "The browser could not read this file." };
    this.#set({ phase: "refused", refusal: refusal(known), handle: undefined, begun: undefined });
  }

  // ── what a visitor does ───────────────────────────────────────────────────────────────────────────────────────

  async cancel() {
    const { job_id, begun } = this.record;
    if (job_id) {
      this.#set({ stopping: true });
      await call("POST", `/v1/jobs/${job_id}/cancel`).then((job) => this.#job(job), () => this.#set({ stopping: false }));
      return;
    }
    this.#stop.abort(new Error("cancelled"));
    this.#set({ phase: "cancelled", begun: undefined, handle: undefined });
    if (begun) await call("DELETE", begun.self).catch(() => {}); // it expires in any case
  }

  // Takes it off the list, and its output out of the storage.
  async remove() {
    const { id, job_id, begun } = this.record;
    this.#stop.abort(new Error("removed"));
    this.#unfollow();
    this.#removed = true;
    this.#changed = () => {};
    await forget(id);
    if (job_id) await stubbornly(() => call("DELETE", `/v1/jobs/${job_id}`)).catch(() => {});
    else if (begun) await call("DELETE", begun.self).catch(() => {});
  }

  // ── keeping and showing ───────────────────────────────────────────────────────────────────────────────────────

  // Changes what is remembered.
  #set(changes) {
    Object.assign(this.record, changes);
    if (!this.#removed) remember(this.record);
    this.#changed(this);
  }

  // Changes what counts for this moment alone.
  #note(changes) {
    Object.assign(this.#now, changes);
    this.#changed(this);
  }
}

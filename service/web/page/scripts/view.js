// What is shown of one file: an item of the list, changed where something has changed, and never drawn anew.

import { access } from "./access.js";
import { stubbornly } from "./api.js";
import { cover, playable, player } from "./player.js";
import { fetched, save, source } from "./storage.js";
import { choices, duration, facts, sentence, takeover, unfetched } from "./words.js";

const PAUSE = 200; // milliseconds between two drawings of one that changes all the time

export class View {
  #timer = null;
  #drawn = {};
  #played = false;

  // `actions` has `again(entry)`, `removed(entry)`, `settled(entry, sentence)` and `titleOf(format)`.
  constructor(entry, template, actions) {
    this.entry = entry;
    this.actions = actions;
    this.node = template.content.firstElementChild.cloneNode(true);
    const { name, format, options } = entry.record, chosen = choices(options);
    this.#part(".name").textContent = name;
    this.#part(".target").textContent = `→ ${actions.titleOf(format)}${chosen ? `, ${chosen}` : ""}`;
    this.#part("progress").setAttribute("aria-label", `Progress of ${name}`);
    this.#button(".cancel", name, () => entry.cancel());
    this.#button(".remove", name, () => this.#remove());
    this.#button(".again", name, () => actions.again(entry));
    this.#part(".download").addEventListener("click", (event) => this.#save(event));
    this.#button(".listen", name, () => this.#listen());
    this.#button(".goon", name, () => (entry.record.handle ? entry.readAgain() : actions.choose()));
    entry.onChange(() => this.#soon());
    this.draw();
  }

  draw() {
    const { entry } = this, { record } = entry, now = entry.now;
    const text = sentence(record, now);
    const refused = ["failed", "refused"].includes(record.phase);
    this.node.dataset.phase = record.phase;
    this.#text(".state", refused ? "" : text);
    this.#text(".problem", refused ? text : "");
    this.#text(".facts", facts(record.media));
    this.#text(".takeover", takeover(record));
    this.#text(".warnings", (record.warnings ?? []).map((one) => one.detail).join(" "));
    const bar = this.#part("progress");
    bar.hidden = entry.final && record.phase !== "succeeded";
    if (entry.progress > bar.value) entry.keep();
    bar.value = Math.max(bar.value, entry.progress);
    const over = entry.final, working = ["queued", "running"].includes(record.phase);
    this.#part(".cancel").hidden = over || record.phase === "absent" || Boolean(record.stopping && working);
    this.#part(".remove").hidden = !over && record.phase !== "absent";
    this.#part(".again").hidden = !over || !record.upload_id || record.phase === "gone";
    this.#part(".goon").hidden = record.phase !== "absent";
    if (record.phase === "succeeded") this.#finished(record);
    else this.#part(".result").hidden = this.#part(".download").hidden = true;
    if (over && this.#drawn.phase !== record.phase) this.actions.settled(entry, `${record.name}: ${text}`);
    this.#drawn.phase = record.phase;
  }

  async #finished({ download, filename, conversion, media, options }) {
    if (this.#played || !download) return;
    this.#played = true;
    const link = this.#part(".download");
    link.href = download;
    link.setAttribute("aria-label", `Download ${filename}`);
    link.hidden = false;
    this.#part(".result").hidden = false;
    const length = duration(conversion?.duration_seconds);
    this.#part(".filename").textContent = filename;
    this.#part(".length").textContent = length ? ` (${length})` : "";
    if (!playable(this.actions.typeOf(this.entry.record.format))) {
      this.#part(".sound").textContent = "This browser does not play this format. Download it to listen.";
    } else {
      const address = await stubbornly(() => source(download)).catch(() => null);
      if (address) this.#play(address);
      else this.#part(".listen").hidden = false;
      if (address && !access.key) link.href = address;
    }
    if (media?.cover && options.keep_cover !== false && this.actions.keepsCover(this.entry.record.format)) this.#cover(download);
  }

  #play(address) {
    const { download, filename } = this.entry.record, sound = player(address, filename, () => source(download));
    this.#part(".sound").append(sound);
    return sound;
  }

  // Fetches all of the file first, where only a script can.
  async #listen() {
    const { download } = this.entry.record, button = this.#part(".listen");
    await this.#fetching(button, async () => {
      const sound = this.#play(await fetched(download));
      button.hidden = true;
      sound.focus();
      await sound.play().catch(() => {}); // then the visitor presses again
    });
  }

  // A link cannot send a key.
  async #save(event) {
    if (!access.key) return;
    event.preventDefault();
    const { download, filename } = this.entry.record;
    await this.#fetching(this.#part(".download"), () => save(download, filename));
  }

  async #fetching(control, work) {
    if (control.ariaDisabled === "true") return;
    control.ariaDisabled = "true";
    this.#text(".fetching", "Fetching the file.");
    try {
      await work();
      this.#text(".fetching", "");
    } catch (problem) {
      this.#text(".fetching", unfetched(problem));
    } finally {
      control.ariaDisabled = null;
    }
  }

  async #cover(download) {
    const address = await cover(download);
    if (!address) return;
    const picture = this.#part(".cover");
    picture.src = address;
    picture.hidden = false;
  }

  async #remove() {
    const next = this.node.nextElementSibling ?? this.node.previousElementSibling;
    this.node.remove();
    for (const { src } of this.node.querySelectorAll('[src^="blob:"]')) URL.revokeObjectURL(src);
    this.actions.removed(this.entry, next?.querySelector("button:not([hidden]), a:not([hidden])"));
    await this.entry.remove();
  }

  #soon() {
    const settled = this.#drawn.phase !== this.entry.record.phase;
    if (settled) {
      clearTimeout(this.#timer);
      this.#timer = null;
      return this.draw();
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.draw();
    }, PAUSE);
  }

  #text(selector, text) {
    if (this.#drawn[selector] === text) return;
    this.#drawn[selector] = text;
    const node = this.#part(selector);
    node.textContent = text;
    node.hidden = !text;
  }

  #button(selector, name, work) {
    const button = this.#part(selector);
    button.setAttribute("aria-label", `${button.textContent}: ${name}`);
    button.addEventListener("click", work);
  }

  #part(selector) {
    return this.node.querySelector(selector);
  }
}

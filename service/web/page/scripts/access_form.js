// The field for the API key, shown while the service wants one, and the way to have the key forgotten.

import { Broken, request } from "./api.js";
import { access, canBeKey } from "./access.js";

const UNKNOWN = "The service does not know this key. Was all of it copied?";
const UNFIT = "This cannot be a key: it has spaces or other letters in it than a key has.";
const AWAY = "No connection. The key could not be tried; try again when the service can be reached.";
const FAILED = "The service could not try the key just now. Try again.";

export class AccessForm {
  // `form` is the field with all that belongs to it, `used` what is shown while a key is in use; `say` speaks to
  // screen readers, and `done` is called when a key was accepted.
  constructor(form, used, { say, done }) {
    this.form = form;
    this.used = used;
    this.say = say;
    this.field = form.querySelector("input[type=password]");
    this.stays = form.querySelector("input[type=checkbox]");
    this.problem = form.querySelector(".problem");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#tried()) done();
      else this.field.focus();
    });
    this.field.addEventListener("input", () => this.#complain(""));
    used.querySelector("button").addEventListener("click", () => {
      access.forget();
      this.field.focus();
      say("The key is forgotten.");
    });
    access.onChange(() => this.#draw());
    this.#draw();
  }

  #draw() {
    const shown = !this.form.hidden, key = access.key;
    this.form.hidden = !access.wanted;
    this.used.hidden = access.wanted || !key;
    this.used.querySelector("span").textContent = access.stays
      ? "An API key is remembered on this device."
      : "An API key is in use, until this tab is closed.";
    if (!access.wanted || shown) return;
    this.#complain(key ? "The service does not know the key that is kept here. Put in another one." : "");
    this.say("This service needs an API key.");
  }

  // Asks the service before the key is kept.
  async #tried() {
    const key = this.field.value.trim();
    if (!canBeKey(key)) return this.#complain(key ? UNFIT : "Put in the key first.");
    const button = this.form.querySelector("button");
    button.disabled = true;
    try {
      await request("GET", "/v1/status", { key });
    } catch (problem) {
      return this.#complain(problem instanceof Broken ? AWAY : problem.status === 401 ? UNKNOWN : FAILED);
    } finally {
      button.disabled = false;
    }
    this.field.value = "";
    this.#complain("");
    access.take(key, this.stays.checked);
    this.say("The key is accepted.");
    return true;
  }

  #complain(sentence) {
    this.problem.textContent = sentence;
    this.problem.hidden = !sentence;
    this.field.setAttribute("aria-invalid", String(Boolean(sentence)));
    return false;
  }
}

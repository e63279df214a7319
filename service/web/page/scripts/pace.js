// How fast something grows, over the last seconds, and how long the rest takes at that pace.

const WINDOW = 8000; // milliseconds
const LEAST = 1000; // below, a pace says nothing

export class Pace {
  #samples = [];

  note(amount, now = performance.now()) {
    const last = this.#samples.at(-1);
    if (last && amount < last.amount) this.#samples = [];
    this.#samples.push({ amount, now });
    while (this.#samples.length > 2 && this.#samples[1].now < now - WINDOW) this.#samples.shift();
  }

  // In units a second; null as long as it is not known.
  get speed() {
    const first = this.#samples[0], last = this.#samples.at(-1);
    if (!first || last.now - first.now < LEAST || last.amount <= first.amount) return null;
    return (1000 * (last.amount - first.amount)) / (last.now - first.now);
  }

  // Seconds until `all` is reached.
  left(all) {
    const speed = this.speed;
    return speed === null ? null : Math.max(0, (all - this.#samples.at(-1).amount) / speed);
  }

  forget() {
    this.#samples = [];
  }
}

// A number of places, taken in the order in which they are asked for.

export class Turns {
  #free;
  #waiting = [];

  constructor(places) {
    this.#free = places;
  }

  // Does `work` when a place is free; not at all if `signal` was aborted by then.
  async taken(signal, work) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((resolve) => this.#waiting.push(resolve));
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

// The API key, of a service that wants one: asked for when it answers 401, kept as long as this tab unless the visitor
// says otherwise, and sent in a header, to the service alone.

const NAME = "reprise.key";
const FORM = /^[\x21-\x7e]{1,512}$/; // what a header can carry and the service reads
const changed = new Set(), waiting = new Set();
let unkept = null; // of a browser without storage
let wanted = false;

export const access = {
  // Read anew each time, because another tab may have forgotten it.
  get key() {
    return read(sessionStorage_) ?? read(localStorage_) ?? unkept;
  },

  // Whether it stays on this device when the tab is closed.
  get stays() {
    return read(sessionStorage_) === null && read(localStorage_) !== null;
  },

  // Whether the service asks for another one than it gets.
  get wanted() {
    return wanted;
  },

  onChange(listener) {
    changed.add(listener);
  },

  offChange(listener) {
    changed.delete(listener);
  },

  // Waits until there is another key than `used`, which was refused.
  async another(used, signal) {
    if (used !== this.key) return;
    await new Promise((resolve, reject) => {
      waiting.add(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      set(true);
    });
  },

  // Takes a key that the service has accepted.
  take(key, stays) {
    this.drop();
    if (!write(stays ? localStorage_ : sessionStorage_, key)) unkept = key;
    set(false);
  },

  forget() {
    this.drop();
    set(true);
  },

  drop() {
    unkept = null;
    for (const store of [sessionStorage_, localStorage_]) write(store, null);
  },
};

export function canBeKey(text) {
  return FORM.test(text);
}

// Returns the headers for an address: the key goes nowhere but to the service that this page is of.
export function keyHeader(address, key = access.key) {
  return key && new URL(address, location.href).origin === location.origin ? { "X-API-Key": key } : {};
}

function set(whether) {
  wanted = whether;
  if (!whether) {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }
  for (const listener of changed) listener();
}

// As functions, because asking for the storage itself may be refused.
function sessionStorage_() {
  return sessionStorage;
}

function localStorage_() {
  return localStorage;
}

function read(store) {
  try {
    return store().getItem(NAME);
  } catch {
    return null;
  }
}

function write(store, key) {
  try {
    if (key === null) store().removeItem(NAME);
    else store().setItem(NAME, key);
    return true;
  } catch {
    return false;
  }
}

// Another tab has taken or forgotten the key of this device.
addEventListener("storage", (event) => {
  if (event.storageArea !== localStorage || event.key !== NAME) return;
  if (access.key) set(false);
  else if (event.oldValue) set(true);
});

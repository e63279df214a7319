// Whether this browser reaches the storage itself, which only trying tells. Known once, for all files.

import { call } from "./api.js";

export const storage = { reached: null, misses: 0 };

// Returns the address from which a finished file is fetched: of the storage, or of the service where that is out of reach.
export async function source(download) {
  if (storage.reached === null) await (trying ??= look(download));
  return storage.reached === false ? `${download}?via=proxy` : download;
}

let trying = null;

async function look(download) {
  try {
    const { url } = await call("GET", `${download}?via=link`);
    try {
      const answer = await fetch(url, { headers: { Range: "bytes=0-0" } });
      storage.reached ??= answer.ok;
    } catch {
      storage.reached ??= false;
    }
  } catch {
    trying = null; // the service did not answer: nothing is known
  }
}

// Where a finished file is fetched from: the storage, if this browser reaches it, which only trying tells; else the
// service. Known once, for all files.

import { access, keyHeader } from "./access.js";
import { Broken, Problem, call, withKey } from "./api.js";

const KEPT = 60_000; // milliseconds in which the browser takes over what it saves from memory

export const storage = { reached: null };

// Returns an address that the browser fetches by itself, for a while; null if only a script can, because that sends the key.
export async function source(download) {
  if (storage.reached === null) await (trying ??= look(download));
  if (!access.key) return storage.reached === false ? `${download}?via=proxy` : download;
  if (storage.reached === false) return null;
  return (await call("GET", `${download}?via=link`)).url;
}

// Returns the address of the whole file in the browser's own store, which keeps large ones on the disk.
export async function fetched(download) {
  const path = `${download}?via=proxy`;
  return withKey(null, async (key) => {
    try {
      const answer = await fetch(path, { headers: keyHeader(path, key) });
      if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null));
      return URL.createObjectURL(await answer.blob());
    } catch (error) {
      throw error instanceof Problem ? error : new Broken("No answer came.");
    }
  });
}

// Lets the browser save a file that it cannot ask the service for itself.
export async function save(download, filename) {
  const link = document.createElement("a"), address = (await source(download)) ?? (await fetched(download));
  link.href = address;
  link.download = filename; // elsewhere the answer names it
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT);
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

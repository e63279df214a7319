// The finished file on the page: its sound, and its cover, which is taken out of the file itself.

import { keyHeader } from "./access.js";

const LEAST_BETWEEN = 5000; // milliseconds between two addresses, of a file that cannot be played at all
const LOOK = 3 * 1024 * 1024; // bytes that are looked at for a cover
const COVERS = { "image/jpeg": [0xff, 0xd8, 0xff], "image/png": [0x89, 0x50, 0x4e, 0x47] };

// Returns an <audio>, which loads nothing before it is played. `renewed` gives another address when one has expired.
export function player(source, name, renewed) {
  const audio = document.createElement("audio");
  audio.controls = true;
  audio.preload = "none";
  audio.src = source;
  audio.setAttribute("aria-label", `Play ${name}`);
  let since = 0;
  audio.addEventListener("error", async () => {
    const { src, currentTime } = audio, address = Date.now() - since > LEAST_BETWEEN && (await renewed().catch(() => null));
    if (!address || address === src) return;
    since = Date.now();
    audio.src = address;
    audio.currentTime = currentTime;
    await audio.play().catch(() => {}); // then the visitor presses again
  });
  return audio;
}

export function playable(type) {
  return document.createElement("audio").canPlayType(type) !== "";
}

// Returns the address of the cover in a finished file, null if there is none that can be seen.
export async function cover(download) {
  const picture = await find(`${download}?via=proxy`).catch(() => null);
  if (!picture) return null;
  const kind = Object.keys(COVERS).find((type) => COVERS[type].every((byte, at) => picture[at] === byte));
  return kind ? URL.createObjectURL(new Blob([picture], { type: kind })) : null;
}

async function find(url) {
  const head = await read(url, 0, LOOK);
  const text = (at, length) => String.fromCharCode(...head.subarray(at, at + length));
  if (text(0, 3) === "ID3") return inId3(head);
  if (text(0, 4) === "fLaC") return inFlac(head);
  if (text(4, 4) === "ftyp") return inBoxes(url, head);
  return null;
}

async function read(url, start, length) {
  const answer = await fetch(url, { headers: { Range: `bytes=${start}-${start + length - 1}`, ...keyHeader(url) } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function number(data, at, bytes = 4, bits = 8) {
  let value = 0;
  for (let n = 0; n < bytes; n += 1) value = value * 2 ** bits + (data[at + n] ?? 0);
  return value;
}

function inId3(data) {
  const end = Math.min(10 + number(data, 6, 4, 7), data.length), newer = data[3] === 4;
  for (let at = 10; at + 10 < end; ) {
    const size = number(data, at + 4, 4, newer ? 7 : 8);
    if (!size) return null;
    if (String.fromCharCode(...data.subarray(at, at + 4)) === "APIC") return picture(data.subarray(at + 10, at + 10 + size));
    at += 10 + size;
  }
  return null;
}

function inFlac(data) {
  for (let at = 4, last = false; !last && at + 4 < data.length; ) {
    const kind = data[at] & 0x7f, size = number(data, at + 1, 3);
    last = data[at] > 0x7f;
    if (kind === 6) return picture(data.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return null;
}

// The index of an MP4 may be behind the sound.
async function inBoxes(url, head) {
  let at = 0, data = head;
  for (let boxes = 0; boxes < 16; boxes += 1) {
    let size = number(data, 0), begin = 8;
    if (size === 1) [size, begin] = [number(data, 8, 8), 16];
    if (String.fromCharCode(...data.subarray(4, 8)) === "moov") {
      const index = data.subarray(begin, size);
      return picture(index.subarray(find4(index, "covr")));
    }
    if (size < begin) return null;
    at += size;
    data = at + 16 < head.length ? head.subarray(at) : await read(url, at, LOOK);
  }
  return null;
}

function find4(data, name) {
  const mark = [...name].map((letter) => letter.charCodeAt(0));
  for (let at = data.indexOf(mark[0]); at >= 0; at = data.indexOf(mark[0], at + 1)) {
    if (mark.every((byte, n) => data[at + n] === byte)) return at;
  }
  return data.length;
}

// The picture begins where its own first bytes are, whatever the tag says in front of it.
function picture(data) {
  for (const mark of Object.values(COVERS)) {
    for (let at = data.indexOf(mark[0]); at >= 0 && at < data.length; at = data.indexOf(mark[0], at + 1)) {
      if (mark.every((byte, n) => data[at + n] === byte)) return data.slice(at);
    }
  }
  return null;
}

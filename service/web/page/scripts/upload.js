// Bringing a file to the service: a small one in one request, a large one in parts, straight to the storage where it
// can be reached, else through the service. What has arrived is not sent again, whatever breaks.

import { Broken, Problem, call, pause, send, stubbornly } from "./api.js";
import { storage } from "./storage.js";
import { Turns } from "./turns.js";

const SMALL = 8 * 1024 * 1024; // bytes
const MODEST = 256 * 1024 * 1024; // bytes, up to which a break costs no more than the smallest part that S3 takes
const SMALLEST = 5 * 1024 * 1024;
const AT_ONCE = 3; // parts under way, of all files; browsers allow six connections to one host
const ROUNDS = 3; // in which what did not arrive is sent again
const MISSES = 4; // tries of a part at a storage that was reached before; then the service takes it
const FIRST_MISSES = 2; // … at a storage that never was; one alone may be a network that changes

const places = new Turns(AT_ONCE);

// Returns the complete upload. `begun` is what `keep` was given by an earlier try, which this one goes on with.
export async function upload(file, begun, told) {
  if (!begun && file.size <= SMALL) return whole(file, told);
  let arrived = new Map();
  if (begun) {
    const there = await stubbornly(() => call("GET", begun.self, told), told).catch((problem) => {
      if (problem.status === 404 || problem.status === 410) return null;
      throw problem;
    });
    if (there?.state === "complete") return there;
    if (!there) begun = null; // it has expired: from the beginning
    for (const part of there?.parts ?? []) arrived.set(part.number, part.size);
  }
  if (!begun) {
    begun = await begin(file, told);
    await told.keep(begun);
  }
  for (let round = 1; ; round += 1) {
    await sendMissing(file, begun, arrived, told);
    told.checking();
    try {
      return await stubbornly(() => call("POST", begun.complete, told), told);
    } catch (problem) {
      if (problem.code !== "upload_pending" || round === ROUNDS) throw problem;
      for (const number of problem.document.missing ?? [...arrived.keys()]) arrived.delete(number);
    }
  }
}

async function whole(file, told) {
  const path = `/v1/uploads?filename=${encodeURIComponent(file.name)}`;
  return places.taken(told.signal, () => stubbornly(() => send("POST", path, file, told), told));
}

async function begin(file, told) {
  const body = { filename: file.name, type: file.type, size: file.size };
  if (file.size <= MODEST) body.part_size = SMALLEST;
  const { key, part_size, links } = await stubbornly(() => call("POST", "/v1/s3/multipart", { ...told, body }), told);
  return { key, part_size, ...links };
}

async function sendMissing(file, begun, arrived, told) {
  const size = begun.part_size, missing = [];
  for (let number = 1; (number - 1) * size < file.size; number += 1) {
    const bytes = file.slice((number - 1) * size, number * size);
    if (arrived.get(number) !== bytes.size) missing.push({ number, bytes });
  }
  const under = new Map(); // number → bytes that have been sent of a part under way
  const tell = () => told.progress(sum(arrived.values()) + sum(under.values()));
  tell();
  await Promise.all(
    missing.map(({ number, bytes }) =>
      places.taken(told.signal, async () => {
        const progress = (sent) => {
          under.set(number, Math.min(sent, bytes.size));
          tell();
        };
        await sendPart(begun, number, bytes, { ...told, progress });
        under.delete(number);
        arrived.set(number, bytes.size);
        tell();
      }),
    ),
  );
}

async function sendPart(begun, number, bytes, told) {
  for (let misses = 1; begun.direct && storage.reached !== false; misses += 1) {
    const path = `${begun.direct}/${number}?key=${encodeURIComponent(begun.key)}&size=${bytes.size}`;
    const { url } = await stubbornly(() => call("GET", path, told), told);
    try {
      await send("PUT", url, bytes, told);
      if (misses > 1) told.trouble(null);
      storage.reached = true;
      return;
    } catch (problem) {
      if (told.signal.aborted || (problem instanceof Problem && problem.settled && problem.status !== 403)) throw problem;
      await missed(problem, misses, told);
    }
  }
  await stubbornly(() => send("PUT", begun.parts + number, bytes, told), told);
}

// A part did not get through, `misses` times in a row. If the service answers all the same, it is the storage's fault.
async function missed(problem, misses, told) {
  if (problem instanceof Broken) {
    if (!navigator.onLine) told.trouble(problem);
    await stubbornly(() => call("GET", "/health/live", told), told);
  }
  if (misses >= (storage.reached ? MISSES : FIRST_MISSES)) return void (storage.reached = false);
  if (storage.reached) told.trouble(problem);
  await pause(500 * misses, told.signal);
}

function sum(numbers) {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}

// Everything that the page says: one sentence for each state that a file can be in, and one for each refusal.

const CHANNELS = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" };

const REFUSALS = {
  unsupported_media: () => "This is no audio that can be converted here.",
  unsupported_codec: (p) => p.detail,
  empty_upload: () => "This file is empty.",
  upload_too_large: (p) => `This file is too large: ${bytes(p.limit)} is the most that this service takes.`,
  upload_pending: () => "Some of this file did not arrive. Add it again.",
  larger_than_declared: () => "This file has grown while it was uploaded. Add it again.",
  tenant_storage_full: () => "The storage is full. Remove conversions that are no longer needed, and try again.",
  too_many_open_uploads: () => "Too many uploads are unfinished. Remove some of them, or come back later.",
  invalid_option: (p) => p.detail,
  bad_media: () => "This file is damaged, or is not what it looks like: no sound could be read from it.",
  attempts_exhausted: () => "This file has brought every converter down that tried it, so it is given up.",
  output_too_large: () => "The converted file would be larger than this service allows.",
  time_exceeded: () => "This file takes longer to convert than this service allows.",
  memory_exceeded: () => "This file takes more memory to convert than this service allows.",
  object_gone: () => "The uploaded file is no longer there. Add it again.",
  object_changed: () => "The uploaded file was replaced while it was converted. Add it again.",
  unauthorized: () => "This service needs an API key.",
  cross_site: () => "This page comes from an address that the service does not know as its own.",
  unknown_host: () => "This page was opened under a name that the service does not know.",
  not_found: () => "The service does not know this file any more. Add it again.",
  expired: () => "This file has expired. Add it again.",
  internal: (p) => `Something went wrong in the service. ${p.request_id ? `Its number is ${p.request_id}.` : ""}`,
};

const NEEDING_KEY = ["uploading", "checking", "sending", "queued", "running"];

export function refusal(problem) {
  const document = { detail: problem.message ?? problem.detail, ...problem.document };
  return (REFUSALS[problem.code]?.(document) ?? document.detail ?? "This did not work.").trim();
}

// `entry` is the record of one file, `now` what is known of this moment alone: pace, trouble.
export function sentence(entry, now) {
  if (now.locked && NEEDING_KEY.includes(entry.phase)) return "This waits for the API key.";
  return SENTENCES[entry.phase](entry, now);
}

// What is said when a finished file could not be fetched.
export function unfetched(problem) {
  return problem.status ? refusal(problem) : "No connection. Try again when it is back.";
}

const SENTENCES = {
  waiting: () => "Waiting for its turn.",
  uploading: (entry, now) => {
    if (now.trouble || now.offline) return troubled(now.trouble, "The upload");
    return joined(`Uploading: ${Math.floor(100 * entry.share)} %`, now.speed && `${bytes(now.speed)}/s`, left(now.left));
  },
  absent: (entry) =>
    `The upload has stopped at ${Math.floor(100 * entry.share)} %. ` +
    (entry.handle ? "Allow this page to read the file again, and it goes on from there." : "Choose the file again, and it goes on from there."),
  checking: () => "Uploaded. The service looks at the file.",
  sending: (_, now) => (now.trouble ? troubled(now.trouble, "The conversion") : "Uploaded. The conversion is being ordered."),
  queued: (entry, now) => {
    if (now.lost) return "No connection. The conversion goes on all the same.";
    return entry.attempt ? "Its converter has stopped. Another one takes over." : "Waiting for a free converter.";
  },
  running: (entry, now) => {
    if (now.lost) return "No connection. The conversion goes on all the same.";
    if (entry.stopping) return "Stopping.";
    if (!entry.percent) return "The conversion begins.";
    const speed = now.speed && entry.media?.duration_seconds && (now.speed / 100) * entry.media.duration_seconds;
    return joined(`Converting: ${entry.percent.toFixed(1)} %`, speed && `${rounded(speed)} × as fast as it plays`, left(now.left));
  },
  succeeded: (entry) => joined("Done", duration(entry.conversion?.duration_seconds), bytes(entry.outputSize), took(entry.conversion)),
  failed: (entry) => entry.refusal,
  refused: (entry) => entry.refusal,
  cancelled: () => "Cancelled.",
  gone: (_, now) =>
    now.keyed ? "This conversion has expired, or belongs to another API key." : "This conversion has expired, and its file with it.",
};

// What is said of a folder, of which `taken` files may be audio and `left` may not.
export function leftOut(taken, left) {
  if (!taken) return "There is no audio file in this folder.";
  if (!left) return "";
  return left === 1 ? "1 file in the folder is no audio and was left out." : `${left} files in the folder are no audio and were left out.`;
}

export function takeover(entry) {
  if (!entry.resumed) return "";
  if (entry.phase === "succeeded") return "A container went away in between; another one has finished the work.";
  return "A container went away. Another one has taken over, and nothing is lost.";
}

// What the file is, as far as it is known.
export function facts(media) {
  if (!media) return "";
  const rate = media.sample_rate && `${media.sample_rate / 1000} kHz`;
  const channels = media.channels && (CHANNELS[media.channels] ?? `${media.channels} channels`);
  const codec = media.codec && media.codec !== media.format ? `${media.format.toUpperCase()} (${media.codec})` : media.format.toUpperCase();
  const named = [media.title, media.artist].filter(Boolean).join(" – ");
  const kbps = media.bitrate_kbps && `${media.bitrate_kbps} kbit/s`;
  return [named, codec, duration(media.duration_seconds), rate, channels, kbps].filter(Boolean).join(" · ");
}

export function choices(options) {
  const names = {
    bitrate_kbps: (v) => `${v} kbit/s`, quality: (v) => `quality ${v}`, sample_rate: (v) => `${v / 1000} kHz`,
    channels: (v) => CHANNELS[v] ?? `${v} channels`, bit_depth: (v) => `${v} bits`, start_seconds: (v) => `from ${v} s`,
    end_seconds: (v) => `to ${v} s`, loudness: () => "even loudness", keep_tags: () => "no tags", keep_cover: () => "no cover",
    track: (v) => `track ${v}`, on_damage: () => "also if damaged",
  };
  return Object.entries(options).map(([name, value]) => names[name]?.(value) ?? name).join(", ");
}

export function channelsName(count) {
  return CHANNELS[count] ?? `${count} channels`;
}

export function bytes(count) {
  if (count === undefined || count === null) return "";
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  for (; count >= 1024 && step < steps.length - 1; step += 1) count /= 1024;
  return `${count.toFixed(step ? 1 : 0)} ${steps[step]}`;
}

export function duration(seconds) {
  if (seconds === undefined || seconds === null) return "";
  const whole = Math.round(seconds), pad = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

function troubled(problem, what) {
  if (problem?.status === 429 || problem?.status === 503) return `The service has much to do. ${what} goes on by itself.`;
  return `No connection. ${what} goes on by itself when it is back.`;
}

function left(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return "almost done";
  if (seconds < 60) return `about ${Math.ceil(seconds)} s left`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${rounded(seconds / 3600)} h left`;
}

function took(conversion) {
  return conversion?.seconds ? `converted in ${rounded(conversion.seconds)} s` : "";
}

function rounded(number) {
  return number < 10 ? number.toFixed(1) : Math.round(number);
}

function joined(...parts) {
  return `${parts.filter(Boolean).join(", ")}.`;
}

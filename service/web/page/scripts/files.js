// Files as they are chosen or dropped: one, several, whole folders.

const SOUND = /\.(mp[1234]|m4[abprv]|aac|adts|wave?|w64|rf64|bw?f|aif[fc]?|caf|au|snd|flac|og[agvx]|opus|spx|mov|qt|3gp|3g2|ac3|eac3|ec3|dts|amr|wma|asf|wmv|mk[av]|webm|m?ts|m2ts|mpe?g|vob|avi|flv|tta|wv)$/i;

// Returns [{file, handle?}] of what was dropped. What a folder holds that is no sound is only counted.
export async function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  // All must be asked before the first wait: afterwards the browser has forgotten them.
  const asked = items.map((item) => ({
    entry: item.webkitGetAsEntry?.(),
    handle: item.getAsFileSystemHandle?.().catch(() => null),
    file: item.getAsFile(),
  }));
  const found = [];
  let left = 0;
  for (const { entry, handle, file } of asked) {
    if (entry?.isDirectory) {
      for await (const inner of inside(entry)) {
        if (isSound(inner)) found.push({ file: inner });
        else left += 1;
      }
    } else if (file) {
      const known = await handle;
      found.push({ file, handle: known?.kind === "file" ? known : undefined });
    }
  }
  return { found, left };
}

// Returns the same of a list of files; of a whole folder only what may be sound.
export function chosen(list, folder) {
  const files = [...list], sound = folder ? files.filter(isSound) : files;
  return { found: sound.map((file) => ({ file })), left: files.length - sound.length };
}

// Lets the visitor pick files in a way that the browser can read again after a reload. Returns the same as `dropped`, null
// if nothing was picked; throws if this browser cannot do it.
export async function picked() {
  try {
    const types = [{ description: "Audio and video", accept: { "audio/*": [], "video/*": [] } }];
    const handles = await showOpenFilePicker({ id: "audio", multiple: true, types });
    return { found: await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle }))), left: 0 };
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  }
}

async function* inside(directory) {
  const reader = directory.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return;
    for (const entry of some) {
      if (entry.isDirectory) yield* inside(entry);
      else yield await new Promise((resolve, reject) => entry.file(resolve, reject));
    }
  }
}

function isSound(file) {
  return !file.name.startsWith(".") && (/^(audio|video)\//.test(file.type) || SOUND.test(file.name));
}

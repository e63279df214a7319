// What this browser remembers: one record for each entry of the list. Without storage the list lasts as long as the page.

const NAME = "reprise", STORE = "entries";
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE, { keyPath: "id" }));
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
  return opened;
}

async function run(mode, work) {
  try {
    const transaction = (await open()).transaction(STORE, mode);
    return await new Promise((resolve, reject) => {
      const request = work(transaction.objectStore(STORE));
      transaction.commit(); // also if the page is left in this moment
      request.addEventListener("success", () => resolve(request.result));
      request.addEventListener("error", () => reject(request.error));
    });
  } catch {
    return null;
  }
}

// All records, the oldest first.
export async function remembered() {
  const records = (await run("readonly", (store) => store.getAll())) ?? [];
  return records.sort((one, other) => one.at - other.at);
}

export function remember(record) {
  return run("readwrite", (store) => store.put(record));
}

export function forget(id) {
  return run("readwrite", (store) => store.delete(id));
}

// A whole conversion by a client that is generated from the OpenAPI document: ADDRESS INPUT OUTPUT FORMAT.
// The types come from openapi-typescript, so that this file compiles only while the document says what is used here.
import { readFileSync, writeFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [address, input, output, format] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address });

function told<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.error) throw new Error(`${answer.error.code}: ${answer.error.detail}`);
  return answer.data as T;
}

const upload = told(
  await client.POST("/v1/uploads", {
    params: { query: { filename: "song.wav" } },
    body: new Blob([readFileSync(input)]) as unknown as string,
    bodySerializer: (body) => body as unknown as Blob,
    headers: { "Content-Type": "application/octet-stream" },
  }),
);
let job = told(
  await client.POST("/v1/jobs", { body: { upload_id: upload.upload_id, format, options: { bitrate_kbps: 96 } } }),
);
const path = { job_id: job.job_id };
while (job.state === "queued" || job.state === "running") {
  job = told(await client.GET("/v1/jobs/{job_id}", { params: { path, query: { wait: 20 } } }));
}
if (job.state !== "succeeded") throw new Error(`${job.error?.code}: ${job.error?.detail}`);
const link = told(await client.GET("/v1/jobs/{job_id}/download", { params: { path, query: { via: "link" } } }));
if (typeof link === "string") throw new Error("a link is a document");
const file = await fetch(link.url);
writeFileSync(output, new Uint8Array(await file.arrayBuffer()));

// A refusal is a problem with a code, in the type as well.
const refused = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: "none" } } });
console.log(JSON.stringify({ job, refused: refused.error?.code }));

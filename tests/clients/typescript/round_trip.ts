// Calls every unary operation of a live server with the client that is made from its document, and prints one line for
// each: its id and, where it failed, why. A case counts only if its own operation succeeded in it.
//
// usage: node round_trip.js <base URL> <access token of an administrator> <log of the server>
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

import createClient, { type Middleware } from "openapi-fetch";

import { type Api, type Unary, type World, PASSWORD, cases, must } from "./cases.js";
import type { paths } from "./schema.js";

interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, unknown> }>;
}

const [baseUrl, administratorToken, log] = process.argv.slice(2);
if (!baseUrl || !administratorToken || !log) throw new Error("name a server, a token and a log");

/** The operations that succeeded, as `GET /path/{id}`. */
const succeeded = new Set<string>();

const recorder: Middleware = {
  onResponse({ request, response, schemaPath }) {
    // Whoever is sent elsewhere has got what they asked for.
    if (response.ok || response.status === 303) succeeded.add(`${request.method} ${schemaPath}`);
  },
};

function client(token?: string): Api {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const api = createClient<paths>({ baseUrl: baseUrl ?? "", headers });
  api.use(recorder);
  return api;
}

/** The token of the link to a page in the first mail to an address: without a mail server, the log has it. */
async function mailedToken(address: string, page: string): Promise<string> {
  const link = `${page}#token=`;
  for (;;) {
    const lines = (await readFile(log ?? "", "utf8")).split("\n").slice(0, -1);
    const mails = lines.map((line) => JSON.parse(line) as { to?: string; text?: string });
    const mail = mails.find(({ to, text }) => to === address && text?.includes(link));
    const token = mail?.text?.split(link)[1]?.split(/\s/)[0];
    if (token) return token;
    await setTimeout(50);
  }
}

async function world(): Promise<World> {
  const username = `u${randomUUID().slice(0, 8)}`;
  const body = { email: `${username}@example.com`, username, password: PASSWORD };
  const nobody = client();
  const { tokens, user } = must(await nobody.POST("/api/v1/auth/register", { body }));
  if (!tokens || !user?.id) throw new Error("signing up gave no tokens");
  return {
    user: client(tokens.accessToken),
    administrator: client(administratorToken),
    nobody,
    userId: user.id,
    refreshToken: tokens.refreshToken,
    mailedToken,
  };
}

/** The unary operations of the document that the server serves: id and key of `succeeded`. */
async function operations(): Promise<[string, string][]> {
  const answer = await fetch(`${baseUrl}/openapi.json`);
  const document = (await answer.json()) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => !operation.responses["200"]?.content?.["text/event-stream"])
      .map(([method, { operationId }]): [string, string] => [operationId, `${method.toUpperCase()} ${path}`]),
  );
}

async function attempt(id: string, key: string): Promise<string | undefined> {
  if (!Object.hasOwn(cases, id)) return "there is no case for it";
  try {
    const known = await world();
    succeeded.clear();
    await cases[id as Unary](known);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return succeeded.has(key) ? undefined : `its case never succeeded in a ${key}`;
}

for (const [id, key] of await operations()) {
  const failure = await attempt(id, key);
  console.log(failure ? `${id}: ${failure.replaceAll("\n", " ")}` : id);
}

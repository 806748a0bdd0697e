// What a client does with each operation. The type of `cases` is made from the document, so that an operation without a
// case does not compile.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";

import type { Client } from "openapi-fetch";

import type { components, operations, paths } from "./schema.js";

export type Api = Client<paths>;

/** Operations whose answer is a stream are left out; only a unary one goes there and back. */
export type Unary = {
  [Id in keyof operations]: operations[Id] extends {
    responses: { 200: { content: { "text/event-stream": unknown } } };
  }
    ? never
    : Id;
}[keyof operations];

/** What a case has: a client of a new user, one of an administrator, and one of nobody. */
export interface World {
  user: Api;
  administrator: Api;
  nobody: Api;
  userId: string;
  refreshToken: string;
  /** The token of the link to a page in the first mail to an address. */
  mailedToken(address: string, page: string): Promise<string>;
}

export const PASSWORD = "correct horse battery staple";

const room = (name: string) => ({ name, description: "Ünïcode 🎮", type: "ROOM_TYPE_PRIVATE" as const });

const stream = (title: string) => ({ title, tags: ["chess"], visibility: "STREAM_VISIBILITY_UNLISTED" as const });

const apiKeyDraft = { displayName: "nightly", permissions: ["rooms.read"] };

/** The answer of a call that has to succeed. */
export function must<Data>(answer: { data?: Data; error?: unknown; response: Response }): Data {
  assert.ok(answer.data !== undefined, `${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

/** The gRPC status of a failure, in either of its forms. */
function code(failure?: components["schemas"]["Error"] | components["schemas"]["Problem"]): string {
  assert.ok(failure);
  return "error" in failure ? failure.error.status : failure.code;
}

/** The value of a field that the document says may be absent, and that is there. */
function present<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined);
  return value;
}

async function newRoom({ user }: World) {
  return must(await user.POST("/api/v1/rooms", { body: room("A room") }));
}

async function newStream({ user }: World) {
  return must(await user.POST("/api/v1/streams", { body: stream("A stream") }));
}

/** What an authenticator app shows now that was set up with this secret (RFC 6238). */
function totp(secret: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((one) => alphabet.indexOf(one).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const tag = createHmac("sha1", seed).update(step).digest();
  const number = tag.readUInt32BE(tag.readUInt8(19) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** Sets up a second factor; its recovery codes. */
async function enable(user: Api): Promise<string[]> {
  const { secret } = must(await user.POST("/api/v1/auth/mfa/totp", { body: {} }));
  const body = { totpCode: totp(secret) };
  return must(await user.POST("/api/v1/auth/mfa/totp/confirm", { body })).recoveryCodes;
}

const path = (id: string | undefined) => ({ path: { id: present(id) } });

const header = (response: Response, name: string) => present(response.headers.get(name) ?? undefined);

/** What a browser sends back of the cookie that an answer has it keep. */
const cookie = (response: Response) => ({ cookie: present(header(response, "set-cookie").split(";")[0]) });

/** Begins to sign in, as a browser: where it is sent, and its cookie. */
async function begin({ nobody }: World, provider: string) {
  const params = { path: { provider } };
  const { response } = await nobody.GET("/api/v1/auth/oauth/{provider}", { params, redirect: "manual" });
  assert.equal(response.status, 303);
  return { url: header(response, "location"), headers: cookie(response) };
}

/** Goes to a provider, and with its answer to the callback; what the page finds in the end. */
async function arrive({ nobody }: World, provider: string, url: string, headers: Record<string, string>) {
  const answer = await fetch(url, { redirect: "manual" });
  const query = Object.fromEntries(new URL(header(answer, "location")).searchParams);
  const params = { path: { provider }, query };
  const address = "/api/v1/auth/oauth/{provider}/callback";
  const { response } = await nobody.GET(address, { params, headers, redirect: "manual" });
  assert.equal(response.status, 303);
  return new URLSearchParams(new URL(header(response, "location")).hash.slice(1));
}

export const cases: Record<Unary, (world: World) => Promise<void>> = {
  async Register({ nobody }) {
    const username = `u${randomUUID().slice(0, 8)}`;
    const body = { email: `${username}@example.com`, username, password: PASSWORD, requestId: randomUUID() };
    const first = must(await nobody.POST("/api/v1/auth/register", { body }));
    assert.equal(first.user?.username, username);
    const again = must(await nobody.POST("/api/v1/auth/register", { body }));
    assert.equal(again.user?.id, first.user?.id);
  },

  async Login({ nobody, user }) {
    const me = must(await user.GET("/api/v1/users/me"));
    const body = { identifier: me.username, password: PASSWORD };
    const { tokens } = must(await nobody.POST("/api/v1/auth/login", { body }));
    assert.equal(tokens?.tokenType, "Bearer");
    const wrong = await nobody.POST("/api/v1/auth/login", { body: { ...body, password: "wrong" } });
    assert.equal(code(wrong.error), "UNAUTHENTICATED");
  },

  async RefreshToken({ nobody, refreshToken }) {
    const tokens = must(await nobody.POST("/api/v1/auth/refresh", { body: { refreshToken } }));
    assert.notEqual(tokens.refreshToken, refreshToken);
  },

  async Logout({ user, refreshToken }) {
    must(await user.POST("/api/v1/auth/logout", { body: { refreshToken } }));
    const { response } = await user.GET("/api/v1/users/me");
    assert.equal(response.status, 401);
  },

  async ListErrorReasons({ nobody }) {
    const { errorReasons } = must(await nobody.GET("/api/v1/errors"));
    const listed = errorReasons.find(({ reason }) => reason === "RATE_LIMITED");
    assert.equal(listed?.httpStatus, 429);
  },

  async GetServerInfo({ nobody }) {
    const { passwordLengthMin, passwordLengthMinWithSecondFactor } = must(await nobody.GET("/api/v1/info"));
    assert.ok(passwordLengthMin <= PASSWORD.length);
    assert.ok(passwordLengthMinWithSecondFactor <= passwordLengthMin);
  },

  async Reauthenticate({ user }) {
    const proved = must(await user.POST("/api/v1/auth/reauthenticate", { body: { password: PASSWORD } }));
    assert.ok(Date.parse(present(proved.freshUntilTime)) > Date.now());
    const wrong = await user.POST("/api/v1/auth/reauthenticate", { body: { password: "wrong" } });
    assert.equal(code(wrong.error), "UNAUTHENTICATED");
  },

  async ChangePassword({ nobody, user }) {
    const newPassword = `${PASSWORD} of another horse`;
    must(await user.POST("/api/v1/auth/password", { body: { newPassword } }));
    const me = must(await user.GET("/api/v1/users/me"));
    const body = { identifier: me.username, password: newPassword };
    must(await nobody.POST("/api/v1/auth/login", { body }));
  },

  async RequestPasswordReset({ nobody, user }) {
    const me = must(await user.GET("/api/v1/users/me"));
    for (const identifier of [me.username, "nobody"]) {
      const asked = await nobody.POST("/api/v1/auth/password/forgot", { body: { identifier } });
      assert.deepEqual(must(asked), {});
    }
  },

  async ResetPassword({ mailedToken, nobody, user }) {
    const me = must(await user.GET("/api/v1/users/me"));
    const [email, newPassword] = [present(me.email), `${PASSWORD} once more`];
    must(await nobody.POST("/api/v1/auth/password/forgot", { body: { identifier: email } }));
    const token = await mailedToken(email, "/reset-password");
    must(await nobody.POST("/api/v1/auth/password/reset", { body: { token, newPassword } }));
    const again = await nobody.POST("/api/v1/auth/password/reset", { body: { token, newPassword } });
    assert.equal(code(again.error), "INVALID_ARGUMENT");
    const body = { identifier: me.username, password: newPassword };
    must(await nobody.POST("/api/v1/auth/login", { body }));
  },

  async SendEmailVerification({ user }) {
    assert.deepEqual(must(await user.POST("/api/v1/auth/email/send", { body: {} })), {});
  },

  async VerifyEmail({ mailedToken, nobody, user }) {
    const me = must(await user.GET("/api/v1/users/me"));
    assert.equal(me.emailVerified, false);
    const token = await mailedToken(present(me.email), "/verify-email");
    must(await nobody.POST("/api/v1/auth/email/verify", { body: { token } }));
    assert.equal(must(await user.GET("/api/v1/users/me")).emailVerified, true);
  },

  async BeginOAuth(world) {
    const { url } = await begin(world, "corp");
    assert.equal(new URL(url).searchParams.get("code_challenge_method"), "S256");
  },

  async CompleteOAuth(world) {
    const { url, headers } = await begin(world, "corp");
    const told = await arrive(world, "corp", url, headers);
    assert.ok(told.get("code"));
  },

  async CompleteOAuth_post(world) {
    const { url, headers } = await begin(world, "corp");
    const code = present((await arrive(world, "corp", url, headers)).get("code") ?? undefined);
    const params = { path: { provider: "corp" } };
    const exchange = () =>
      world.nobody.POST("/api/v1/auth/oauth/{provider}/callback", { params, headers, body: { code } });
    assert.equal(must(await exchange()).user?.email, "zoe@corp.example");
    const again = await exchange();
    assert.equal(again.response.status, 400);
  },

  async LinkIdentity({ user }) {
    const { data, response } = await user.POST("/api/v1/auth/identities", { body: { provider: "github" } });
    assert.ok(new URL(present(data?.authorizationUrl)).searchParams.get("state"));
    assert.ok(cookie(response));
  },

  async ListIdentities({ user }) {
    const { identities } = must(await user.GET("/api/v1/auth/identities"));
    assert.deepEqual(identities, []);
  },

  async UnlinkIdentity(world) {
    const { user } = world;
    const linking = await user.POST("/api/v1/auth/identities", { body: { provider: "github" } });
    const url = present(linking.data?.authorizationUrl);
    const told = await arrive(world, "github", url, cookie(linking.response));
    assert.equal(told.get("linked"), "github");
    const { identities } = must(await user.GET("/api/v1/auth/identities"));
    const params = path(identities[0]?.id);
    const gone = must(await user.DELETE("/api/v1/auth/identities/{id}", { params }));
    assert.deepEqual([gone.provider, gone.subject], ["github", "42"]);
  },

  async CompleteMfaLogin({ nobody, user }) {
    const [recoveryCode] = await enable(user);
    const me = must(await user.GET("/api/v1/users/me"));
    const credentials = { identifier: me.username, password: PASSWORD };
    const { mfaChallenge, tokens } = must(await nobody.POST("/api/v1/auth/login", { body: credentials }));
    assert.equal(tokens, undefined);
    const ticket = present(mfaChallenge).ticket;
    const wrong = await nobody.POST("/api/v1/auth/login/mfa", { body: { ticket, totpCode: "000000" } });
    assert.equal(code(wrong.error), "UNAUTHENTICATED");
    const body = { ticket, recoveryCode: present(recoveryCode) };
    const signedIn = must(await nobody.POST("/api/v1/auth/login/mfa", { body }));
    assert.equal(signedIn.user?.id, me.id);
  },

  async GetMfaStatus({ user }) {
    assert.equal(must(await user.GET("/api/v1/auth/mfa")).enabled, false);
    await enable(user);
    const status = must(await user.GET("/api/v1/auth/mfa"));
    assert.deepEqual([status.enabled, status.recoveryCodesLeft], [true, 10]);
    assert.deepEqual(status.methods, ["MFA_METHOD_TOTP", "MFA_METHOD_RECOVERY_CODE"]);
  },

  async EnrollTotp({ user }) {
    const { otpauthUri, qrSvg, secret } = must(await user.POST("/api/v1/auth/mfa/totp", { body: {} }));
    assert.ok(otpauthUri.includes(secret));
    assert.ok(qrSvg.includes("<svg"));
  },

  async ConfirmTotp({ user }) {
    assert.equal((await enable(user)).length, 10);
    const again = await user.POST("/api/v1/auth/mfa/totp/confirm", { body: { totpCode: "000000" } });
    assert.equal(code(again.error), "ALREADY_EXISTS");
  },

  async DisableTotp({ user }) {
    const [recoveryCode] = await enable(user);
    const body = { recoveryCode: present(recoveryCode) };
    must(await user.POST("/api/v1/auth/mfa/totp/disable", { body }));
    assert.equal(must(await user.GET("/api/v1/auth/mfa")).enabled, false);
  },

  async RegenerateRecoveryCodes({ user }) {
    const before = await enable(user);
    const { recoveryCodes } = must(await user.POST("/api/v1/auth/mfa/recovery-codes", { body: {} }));
    assert.ok(recoveryCodes.every((code) => !before.includes(code)));
  },

  async ListSessions({ user }) {
    const { sessions } = must(await user.GET("/api/v1/auth/sessions"));
    assert.deepEqual(sessions.map((session) => session.current), [true]);
    assert.deepEqual(sessions[0]?.amr, ["pwd"]);
  },

  async RevokeSession({ nobody, user }) {
    const me = must(await user.GET("/api/v1/users/me"));
    const body = { identifier: me.username, password: PASSWORD };
    const { tokens } = must(await nobody.POST("/api/v1/auth/login", { body }));
    const params = path(tokens?.sessionId);
    const ended = must(await user.DELETE("/api/v1/auth/sessions/{id}", { params }));
    assert.equal(ended.id, tokens?.sessionId);
    const { response } = await user.DELETE("/api/v1/auth/sessions/{id}", { params });
    assert.equal(response.status, 404);
  },

  async RevokeSessions({ user }) {
    const body = { includeCurrent: true };
    const { revokedCount } = must(await user.POST("/api/v1/auth/sessions:revoke", { body }));
    assert.equal(revokedCount, 1);
    const { response } = await user.GET("/api/v1/users/me");
    assert.equal(response.status, 401);
  },

  async CreateApiKey({ nobody, user }) {
    const body = { displayName: "nightly", permissions: ["rooms.read"], allowedNetworks: ["127.0.0.0/8"] };
    const { secret } = must(await user.POST("/api/v1/apiKeys", { body }));
    const headers = { authorization: `Bearer ${secret}` };
    must(await nobody.GET("/api/v1/rooms", { headers }));
    const beyond = await nobody.GET("/api/v1/streams", { headers });
    assert.equal(code(beyond.error), "PERMISSION_DENIED");
  },

  async ListApiKeys({ user }) {
    const { apiKey } = must(await user.POST("/api/v1/apiKeys", { body: apiKeyDraft }));
    const { apiKeys } = must(await user.GET("/api/v1/apiKeys"));
    assert.deepEqual(apiKeys.map(({ id }) => id), [apiKey?.id]);
  },

  async DeleteApiKey({ nobody, user }) {
    const { apiKey, secret } = must(await user.POST("/api/v1/apiKeys", { body: apiKeyDraft }));
    const deleted = must(await user.DELETE("/api/v1/apiKeys/{id}", { params: path(apiKey?.id) }));
    assert.equal(deleted.id, apiKey?.id);
    const headers = { authorization: `Bearer ${secret}` };
    const { response } = await nobody.GET("/api/v1/rooms", { headers });
    assert.equal(response.status, 401);
  },

  async ListRooms(world) {
    await newRoom(world);
    const query = { pageSize: 1, filter: 'type = "PRIVATE"', orderBy: "create_time desc" as const };
    const page = must(await world.user.GET("/api/v1/rooms", { params: { query } }));
    assert.equal(page.rooms.length, 1);
  },

  async CreateRoom({ user }) {
    const created = must(await user.POST("/api/v1/rooms", { body: room("Mine") }));
    assert.deepEqual({ ...created, ...room("Mine") }, created);
  },

  async GetRoom(world) {
    const created = await newRoom(world);
    const answer = await world.user.GET("/api/v1/rooms/{id}", { params: path(created.id) });
    assert.deepEqual(must(answer), created);
    const header = { "If-None-Match": present(answer.response.headers.get("etag") ?? undefined) };
    const params = { ...path(created.id), header };
    assert.equal((await world.user.GET("/api/v1/rooms/{id}", { params })).response.status, 304);
  },

  async UpdateRoom(world) {
    const { id } = await newRoom(world);
    const body = { name: "Replaced" };
    const updated = must(await world.user.PUT("/api/v1/rooms/{id}", { params: path(id), body }));
    assert.deepEqual([updated.name, updated.description], ["Replaced", ""]);
  },

  async UpdateRoom_patch(world) {
    const { id, meta, name } = await newRoom(world);
    const header = { "If-Match": `"${present(meta).etag}"` };
    const body = { description: "Patched" };
    const params = { ...path(id), header };
    const updated = must(await world.user.PATCH("/api/v1/rooms/{id}", { params, body }));
    assert.deepEqual([updated.name, updated.description], [name, "Patched"]);
    const stale = await world.user.PATCH("/api/v1/rooms/{id}", { params, body });
    assert.equal(stale.response.status, 412);
  },

  async DeleteRoom(world) {
    const { id } = await newRoom(world);
    const deleted = must(await world.user.DELETE("/api/v1/rooms/{id}", { params: path(id) }));
    assert.ok(deleted.meta?.deleteTime);
    const gone = await world.user.GET("/api/v1/rooms/{id}", { params: path(id) });
    assert.equal(code(gone.error), "NOT_FOUND");
  },

  async ListStreams(world) {
    const created = must(await world.user.POST("/api/v1/streams", { body: { title: "Found" } }));
    const query = { filter: `owner_id = "${world.userId}"` };
    const page = must(await world.user.GET("/api/v1/streams", { params: { query } }));
    assert.deepEqual(page.streams, [created]);
  },

  async CreateStream({ user }) {
    const created = must(await user.POST("/api/v1/streams", { body: stream("Mine") }));
    assert.deepEqual({ ...created, ...stream("Mine") }, created);
    assert.equal(created.state, "STREAM_STATE_IDLE");
  },

  async GetStream(world) {
    const created = await newStream(world);
    const read = must(await world.user.GET("/api/v1/streams/{id}", { params: path(created.id) }));
    assert.deepEqual(read, created);
  },

  async UpdateStream(world) {
    const { id } = await newStream(world);
    const body = { title: "Replaced" };
    const updated = must(await world.user.PUT("/api/v1/streams/{id}", { params: path(id), body }));
    assert.deepEqual([updated.title, updated.tags], ["Replaced", []]);
  },

  async UpdateStream_patch(world) {
    const { id, title } = await newStream(world);
    const params = { ...path(id), query: { updateMask: "tags" } };
    const body = { title: "Not named by the mask", tags: ["go"] };
    const updated = must(await world.user.PATCH("/api/v1/streams/{id}", { params, body }));
    assert.deepEqual([updated.title, updated.tags], [title, ["go"]]);
  },

  async DeleteStream(world) {
    const { id } = await newStream(world);
    const deleted = must(await world.user.DELETE("/api/v1/streams/{id}", { params: path(id) }));
    assert.ok(deleted.meta?.purgeTime);
  },

  async ListUsers({ administrator, userId }) {
    const page = must(await administrator.GET("/api/v1/users", { params: { query: { pageSize: 200 } } }));
    assert.ok(page.users.some((user) => user.id === userId));
  },

  async GetMe({ user, userId }) {
    assert.equal(must(await user.GET("/api/v1/users/me")).id, userId);
  },

  async GetUser({ administrator, userId }) {
    const read = must(await administrator.GET("/api/v1/users/{id}", { params: path(userId) }));
    assert.deepEqual([read.id, read.state], [userId, "USER_STATE_ACTIVE"]);
  },

  async UpdateUser({ user, userId }) {
    const { username } = must(await user.GET("/api/v1/users/me"));
    const body = { username, bio: "Replaced" };
    const updated = must(await user.PUT("/api/v1/users/{id}", { params: path(userId), body }));
    assert.deepEqual([updated.bio, updated.locale], ["Replaced", ""]);
  },

  async UpdateUser_patch({ administrator, userId }) {
    const body = { displayName: "Ann", locale: "pt-BR" };
    const updated = must(await administrator.PATCH("/api/v1/users/{id}", { params: path(userId), body }));
    assert.deepEqual([updated.displayName, updated.locale], ["Ann", "pt-BR"]);
  },

  async SuspendUser({ administrator, user, userId }) {
    const params = path(userId);
    const suspended = must(await administrator.POST("/api/v1/users/{id}:suspend", { params, body: {} }));
    assert.equal(suspended.state, "USER_STATE_SUSPENDED");
    const { response } = await user.GET("/api/v1/users/me");
    assert.equal(response.status, 401);
  },

  async UnsuspendUser({ administrator, userId }) {
    const params = path(userId);
    must(await administrator.POST("/api/v1/users/{id}:suspend", { params, body: {} }));
    const user = must(await administrator.POST("/api/v1/users/{id}:unsuspend", { params, body: {} }));
    assert.equal(user.state, "USER_STATE_ACTIVE");
  },

  async DeleteUser({ administrator, userId }) {
    const deleted = must(await administrator.DELETE("/api/v1/users/{id}", { params: path(userId) }));
    assert.equal(deleted.state, "USER_STATE_DELETED");
  },
};

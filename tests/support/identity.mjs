// Providers of identities for tests: oauth2-mock-server for OpenID Connect, and beside it, under /github, what GitHub has in place
// of it. Usage: identity.mjs MODULE PORT FOLDER.
//
// It does what the file `rules` in the folder says, an object with
//   claims    what to put into the next tokens, null to leave a claim out
//   token     the id_token to send in place of the real one
//   authorize what to add to the answer that a browser takes along, null to leave a parameter out
//   metadata  what to say of itself in another way
//   github    { user, emails }: what GitHub knows of whoever asks
//   at        by path: { status, type, body, bytes, location, silence } to answer in place of what is there
//   keys      a number: another one means new keys
// and writes each request that it gets to the file `requests`, one JSON object on a line.

import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { createHash, randomUUID } from 'node:crypto';

const [module, port, folder] = process.argv.slice(2);
const { OAuth2Issuer, OAuth2Service } = await import(pathToFileURL(module));
const url = `http://127.0.0.1:${port}`;

const rules = () => {
  try {
    return JSON.parse(readFileSync(`${folder}/rules`, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
};

const change = (object, changes = {}) => {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete object[name];
    else object[name] = value;
  }
};

const note = (request) => appendFileSync(`${folder}/requests`, JSON.stringify(request) + '\n');

async function provider() {
  const issuer = new OAuth2Issuer();
  issuer.url = url;
  await issuer.keys.generate('RS256');
  const service = new OAuth2Service(issuer);
  service.on('beforeTokenSigning', (token) => change(token.payload, rules().claims));
  service.on('beforeResponse', (response, request) => {
    note({ path: '/token', body: request.body });
    if (rules().token !== undefined) response.body.id_token = rules().token;
  });
  service.on('beforeWellKnownOpenIdConfiguration', ({ body }) => change(body, rules().metadata));
  service.on('beforeUserinfo', ({ body }) => change(body, rules().userinfo));
  service.on('beforeAuthorizeRedirect', ({ url }) => {
    for (const [name, value] of Object.entries(rules().authorize ?? {})) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
  });
  return service;
}

const read = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  return Object.fromEntries(new URLSearchParams(text));
};

const challenges = new Map();

/** What GitHub has: a code, a token for it, and an API that says whose the token is. */
async function github(request, response, { pathname, searchParams }) {
  const json = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const known = rules().github ?? {};
  switch (`${request.method} ${pathname}`) {
    case 'GET /github/login/oauth/authorize': {
      const to = new URL(searchParams.get('redirect_uri'));
      const code = randomUUID();
      challenges.set(code, searchParams.get('code_challenge'));
      to.searchParams.set('code', code);
      to.searchParams.set('state', searchParams.get('state'));
      return response.writeHead(302, { location: to.href }).end();
    }
    case 'POST /github/login/oauth/access_token': {
      const body = await read(request);
      note({ path: pathname, body });
      const digest = createHash('sha256').update(body.code_verifier ?? '').digest('base64url');
      if (body.client_secret !== 'github-s3cret' || challenges.get(body.code) !== digest) {
        // With this status, as GitHub does it.
        return json(200, { error: 'bad_verification_code', error_description: 'incorrect or expired' });
      }
      challenges.delete(body.code);
      return json(200, { access_token: 'gho_canary', token_type: 'bearer', scope: 'read:user,user:email' });
    }
    case 'GET /github/api/user':
    case 'GET /github/api/user/emails': {
      if (request.headers.authorization !== 'Bearer gho_canary' || !request.headers['user-agent']) {
        return json(401, { message: 'Bad credentials' });
      }
      return json(200, pathname.endsWith('emails') ? known.emails : known.user);
    }
    default:
      return json(404, { message: 'Not Found' });
  }
}

let generation = 0;
let service = await provider();

createServer(async (request, response) => {
  const target = new URL(request.url, url);
  const { keys = 0, at = {} } = rules();
  if (keys !== generation) {
    generation = keys;
    service = await provider();
  }
  note({ path: target.pathname, method: request.method, query: Object.fromEntries(target.searchParams) });
  const rule = at[target.pathname];
  if (rule?.silence) return;
  if (rule) {
    const headers = { 'content-type': rule.type ?? 'application/json' };
    if (rule.location) headers.location = rule.location;
    return response.writeHead(rule.status ?? 200, headers).end(rule.body ?? 'x'.repeat(rule.bytes ?? 0));
  }
  if (target.pathname.startsWith('/github/')) return github(request, response, target);
  service.requestHandler(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));

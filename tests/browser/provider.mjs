// Signing in by the organisation's own provider: a real one (npm oidc-provider) on loopback, in the profile of ProConnect, against the
// real binary. Then the same provider lies in one thing at a time, and nobody is signed in.

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { Provider } from 'oidc-provider';
import { DESKTOP, axe, guard, open, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';

const CLIENT = 'pli';
const SECRET = 'un secret de test, de plus de trente-deux octets';
const LEVEL = 'eidas1';

let gateway;
let server;
let issuer;
let key;
let stranger;
// What the provider lies about in its identity token, and who signs in.
let lie = null;
let person;
let honest;

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

// The identity token, changed and signed anew by whoever the lie says.
async function lying(token) {
  const claims = jose.decodeJwt(token);
  const header = jose.decodeProtectedHeader(token);
  const now = Math.floor(Date.now() / 1000);
  const sign = (changed, signer = key, alg = 'RS256') =>
    new jose.SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg, kid: header.kid }).sign(signer);
  switch (lie) {
    case 'nonce': return sign({ nonce: 'un autre' });
    case 'no nonce': return sign({ nonce: undefined });
    case 'issuer': return sign({ iss: 'https://ailleurs.example' });
    case 'audience': return sign({ aud: 'un autre logiciel' });
    case 'expired': return sign({ iat: now - 7200, exp: now - 3600 });
    case 'level': return sign({ acr: 'eidas0' });
    case 'signature': return sign({}, stranger);
    case 'secret as key': return sign({}, new TextEncoder().encode(SECRET), 'HS256');
    case 'alg none': {
      const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part({ alg: 'none' })}.${part(claims)}.`;
    }
    default: return token;
  }
}

before(async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  key = privateKey;
  stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };
  const port = await freePort();
  const pages = await freePort();
  issuer = `http://localhost:${port}`;
  const back = `http://localhost:${pages}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT, client_secret: SECRET, redirect_uris: [`${back}/connexion/fournisseur/retour`],
      post_logout_redirect_uris: [`${back}/connexion?sortie=1`], response_types: ['code'], grant_types: ['authorization_code'],
      userinfo_signed_response_alg: 'RS256', token_endpoint_auth_method: 'client_secret_basic',
    }],
    jwks: { keys: [jwk] },
    acrValues: [LEVEL],
    claims: { openid: ['sub'], acr: null, email: ['email', 'email_verified'], given_name: ['given_name'], usual_name: ['usual_name'], siret: ['siret'], idp_id: ['idp_id'] },
    scopes: ['openid', 'email', 'given_name', 'usual_name', 'siret', 'idp_id'],
    features: { devInteractions: { enabled: false }, jwtUserinfo: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    pkce: { required: () => true },
    cookies: { keys: ['un', 'deux'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person.claims, acr: LEVEL }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  const ready = provider.callback();
  server = createServer(async (request, response) => {
    if (request.url.startsWith('/interaction/')) {
      // The person signs in and agrees at once.
      const details = await provider.interactionDetails(request, response);
      const grant = new provider.Grant({ accountId: person.subject, clientId: CLIENT });
      grant.addOIDCScope(details.params.scope);
      const consent = { grantId: await grant.save() };
      const login = { accountId: person.subject, acr: LEVEL };
      await provider.interactionFinished(request, response, { login, consent }, { mergeWithLastSubmission: false });
      return;
    }
    if (request.url === '/token' && lie) {
      const { end, write } = response;
      const chunks = [];
      response.write = (chunk) => chunks.push(Buffer.from(chunk)) > 0;
      response.end = (chunk) => {
        if (chunk) chunks.push(Buffer.from(chunk));
        const body = JSON.parse(Buffer.concat(chunks).toString());
        lying(body.id_token).then((token) => {
          const changed = Buffer.from(JSON.stringify({ ...body, id_token: token }));
          response.setHeader('content-length', changed.length);
          response.write = write;
          end.call(response, changed);
        });
        return response;
      };
    }
    ready(request, response);
  });
  await new Promise((resolve) => server.listen(port, 'localhost', resolve));

  gateway = await Gateway.start(process.env.PLI_BINARY, { host: 'localhost' });
  await gateway.interrupt();
  const secret = join(mkdtempSync(join(tmpdir(), 'pli-oidc-')), 'secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const file = join(gateway.home, 'demo', 'pli.toml');
  const section = `[oidc]\nissuer = "${issuer}"\nname = "ConnexionTest"\nclient_id = "${CLIENT}"\nclient_secret_file = "${secret}"\n`
    + `acr_values = ["${LEVEL}"]\nidp_ids = ["caisse"]\n`;
  writeFileSync(file, readFileSync(file, 'utf8').replace('[oidc]\n', section));
  gateway = await Gateway.startIn(gateway.home, process.env.PLI_BINARY, 'localhost', pages);
});
after(() => {
  gateway?.stop();
  server?.close();
});

function identity(address, changes = {}) {
  return { subject: randomUUID(), claims: { email: address, email_verified: true, given_name: 'Maïwenn', usual_name: 'Test', siret: '13002526500013', idp_id: 'caisse', ...changes } };
}

async function comeBy(page) {
  await page.goto(`${gateway.http}/connexion`);
  await Promise.all([page.waitForURL((url) => url.href.startsWith(gateway.http) && !url.pathname.endsWith('/connexion')), page.click('a[href^="/connexion/fournisseur"]')]);
  await page.waitForLoadState();
}

test('who comes by the provider is signed in, is known by the subject from then on, and signs out there too', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  lie = null;
  person = identity(gateway.member.address);
  await page.goto(`${gateway.http}/connexion`);
  assert.match(await page.locator('main').innerText(), /ConnexionTest/);
  await picture(page, 'provider-sign-in');
  assert.deepEqual(await axe(page), []);
  await comeBy(page);
  assert.match(page.url(), /\/boites/);
  await page.goto(`${gateway.http}/compte`);
  assert.match(await page.locator('tbody').innerText(), /compte de l’organisme/);
  // The address changed there; the person is the same.
  person = { ...person, claims: { ...person.claims, email: 'nouvelle@caisse.example' } };
  await page.click('form[action="/deconnexion"] button');
  await page.waitForURL(/sortie=1/);
  await page.click('a[href="/connexion/fournisseur/sortie"]');
  await page.waitForURL((url) => url.href.startsWith(`${issuer}/session/end`));
  await comeBy(page);
  assert.match(page.url(), /\/boites/);
});

test('the vault of who has come by the provider is closed until it is opened', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  lie = null;
  await comeBy(page);
  await page.goto(`${gateway.http}/cle`);
  assert.ok(await page.locator('#password').isVisible());
});

test('nobody is linked by an address that is not vouched for, unknown, or another subject’s, nor from another house', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  lie = null;
  for (const [who, status] of [
    [identity(gateway.agent.address, { email_verified: false }), /Aucun compte/],
    [identity('personne@caisse.example'), /Aucun compte/],
    [identity(gateway.member.address), /Aucun compte/],
    [identity(gateway.agent.address, { idp_id: 'ailleurs' }), /ne convient pas/],
  ]) {
    person = who;
    await page.context().clearCookies();
    await comeBy(page);
    assert.match(await page.locator('#notice').innerText(), status, JSON.stringify(who.claims));
  }
});

for (const wrong of ['nonce', 'no nonce', 'issuer', 'audience', 'expired', 'level', 'signature', 'secret as key', 'alg none']) {
  test(`a provider's answer with another ${wrong} signs nobody in`, async (t) => {
    const { page } = await open(t, { viewport: DESKTOP });
    // The same person each time: after the lie the truth signs in, so it was the lie that was refused.
    honest ??= identity(gateway.agent.address);
    person = honest;
    lie = wrong;
    await comeBy(page);
    assert.match(await page.locator('#notice').innerText(), /ne convient pas/);
    await page.goto(`${gateway.http}/compte`);
    assert.match(page.url(), /\/connexion/);
    lie = null;
    await comeBy(page);
    assert.match(page.url(), /\/boites/);
  });
}

test('an answer with another state, or in another browser, signs nobody in', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  lie = null;
  person = honest;
  // The way there and back step by step, up to the address that the provider sends back to.
  let address = `${gateway.http}/connexion/fournisseur`;
  while (!address.startsWith(`${gateway.http}/connexion/fournisseur/retour`)) {
    const answer = await page.request.get(address, { maxRedirects: 0 });
    address = new URL(answer.headers().location, address).href;
  }
  const changed = new URL(address);
  changed.searchParams.set('state', 'un-autre');
  await page.goto(changed.href);
  assert.match(await page.locator('#notice').innerText(), /ne convient pas/);
  const { page: other } = await open(t, { viewport: DESKTOP });
  await other.goto(address);
  assert.match(await other.locator('#notice').innerText(), /ne convient pas/);
});

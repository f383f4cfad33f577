// Passkeys in a real browser against the real binary: Chromium's virtual authenticator (CDP, WebAuthn.addVirtualAuthenticator), with
// a PRF and without one. A member of a mailbox in custody "members" signs in and opens a transfer without a password; the
// authenticator without a PRF signs in and the vault asks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';

const BINARY = process.env.PLI_BINARY;

async function started(t) {
  const gateway = await Gateway.start(BINARY, { host: 'localhost' });
  t.after(() => gateway.stop());
  return gateway;
}

// A virtual authenticator that says yes by itself.
async function authenticator(page, hasPrf) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true, hasPrf,
    },
  });
  return { session, authenticatorId };
}

async function signIn(page, gateway, person) {
  await page.goto(`${gateway.http}/connexion`);
  await page.fill('#address', person.address);
  await page.fill('#password', person.password);
  await page.click('form[action="/connexion"] button[type=submit]');
  await page.waitForURL(/\/boites/);
}

async function signOut(page) {
  await page.click('form[action="/deconnexion"] button');
  await page.waitForURL(/\/connexion/);
}

async function addPasskey(page, gateway, name) {
  await page.goto(`${gateway.http}/compte/cles-acces`);
  await page.fill('#nom', name);
  await page.click('form[data-passkey=create] button');
  await page.waitForURL(/fait=ajout/);
}

async function signInWithPasskey(page, gateway) {
  await page.goto(`${gateway.http}/connexion`);
  await page.click('form[data-passkey=get] button');
  await page.waitForURL(/\/boites/);
}

for (const viewport of [DESKTOP, PHONE]) {
  test(`a passkey with a PRF signs in and opens the vault, ${viewport.width} wide`, async (t) => {
    const gateway = await started(t);
    const { page } = await open(t, { viewport });
    const faults = guard(page, gateway.http);
    await authenticator(page, true);
    await signIn(page, gateway, gateway.member);
    await addPasskey(page, gateway, 'clé bleue');
    const row = await page.locator('tbody tr').innerText();
    assert.match(row, /clé bleue/);
    assert.match(row, /l’ouvre/, 'its PRF opens the vault');
    await picture(page, `passkeys-${viewport.width}`);
    assert.deepEqual(await axe(page), []);
    assert.ok((await overflow(page)) <= 0, 'scrolls sideways');
    await signOut(page);
    await page.goto(`${gateway.http}/connexion`);
    await picture(page, `sign-in-${viewport.width}`);
    assert.deepEqual(await axe(page), []);
    const sent = page.waitForRequest((request) => request.url().endsWith('/connexion/cle-acces') && request.method() === 'POST');
    await signInWithPasskey(page, gateway);
    const prf = new URLSearchParams((await sent).postData()).get('prf');
    assert.match(prf, /^[\w-]{43}$/, 'the PRF’s output went with the sign-in');
    await page.goto(`${gateway.http}/cle`);
    assert.match(page.url(), /\/boites/, 'the vault is open: nothing is asked');
    await page.goto(`${gateway.http}/compte`);
    assert.match(await page.locator('tbody').innerText(), /clé d’accès/);
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(faults, []);
  });
}

test('a passkey without a PRF signs in and the vault asks', async (t) => {
  const gateway = await started(t);
  const { page } = await open(t, { viewport: DESKTOP });
  const faults = guard(page, gateway.http);
  await authenticator(page, false);
  await signIn(page, gateway, gateway.member);
  await addPasskey(page, gateway, 'téléphone');
  assert.match(await page.locator('tbody tr').innerText(), /ne l’ouvre pas/);
  await signOut(page);
  await signInWithPasskey(page, gateway);
  await page.goto(`${gateway.http}/cle`);
  await page.fill('#password', gateway.member.password);
  await page.click('form[action="/cle"] button[type=submit]');
  await page.waitForURL(/\/boites/);
  await page.goto(`${gateway.http}/compte/cles-acces`);
  await page.click('form[action="/compte/cles-acces/retirer"] button');
  await page.waitForURL(/fait=retrait/);
  assert.deepEqual(faults, []);
});

test('a removed passkey is refused in words, and without JavaScript the password stays', async (t) => {
  const gateway = await started(t);
  const { page } = await open(t, { viewport: DESKTOP });
  await authenticator(page, true);
  await signIn(page, gateway, gateway.member);
  await addPasskey(page, gateway, 'clé bleue');
  await page.click('form[action="/compte/cles-acces/retirer"] button');
  await page.waitForURL(/fait=retrait/);
  await signOut(page);
  await page.goto(`${gateway.http}/connexion`);
  await page.click('form[data-passkey=get] button');
  await page.waitForSelector('#notice.bad');
  assert.match(await page.locator('#notice').innerText(), /n’est pas connue ici/);

  const { page: plain } = await open(t, { viewport: DESKTOP, javaScriptEnabled: false });
  await plain.goto(`${gateway.http}/connexion`);
  assert.equal(await plain.locator('form[data-passkey]').isVisible(), false);
  await signIn(plain, gateway, gateway.member);
  await plain.goto(`${gateway.http}/compte/cles-acces`);
  assert.match(await plain.locator('.without-script').innerText(), /JavaScript/);
});

test('a dangerous act some time after the sign-in asks for a proof, which a passkey gives, and goes on', async (t) => {
  const gateway = await started(t);
  for (const [locale, viewport, person] of [['fr-FR', DESKTOP, gateway.member], ['en-GB', PHONE, gateway.agent]]) {
    const { page } = await open(t, { viewport, locale });
    // The page that asks is an answer of 403.
    const faults = guard(page, gateway.http, ['403']);
    await authenticator(page, true);
    await signIn(page, gateway, person);
    await addPasskey(page, gateway, `clé ${locale}`);
    const moved = await page.request.post(`${gateway.http}/demo/clock`, { data: { advance_s: 960 } });
    assert.ok(moved.ok());
    await page.goto(`${gateway.http}/compte`);
    await page.click('details summary');
    const phrase = 'marmite girafe tunnel accordeon verglas';
    await page.fill('#phrase', phrase);
    await page.fill('#encore', phrase);
    await page.click('form[action="/compte/phrase"] button');
    await page.waitForSelector('#preuve');
    assert.ok(!(await page.content()).includes('girafe'), 'what was typed is sealed');
    await picture(page, `step-up-${viewport.width}`);
    assert.deepEqual(await axe(page), []);
    assert.ok((await overflow(page)) <= 0, 'scrolls sideways');
    await page.click('form[data-passkey=get] button');
    await page.waitForURL(/fait=phrase/);
    await page.goto(`${gateway.http}/compte/cles-acces?lang=${locale.slice(0, 2)}`);
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(faults, []);
    await signOut(page);
  }
});

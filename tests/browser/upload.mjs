// Files on the deposit page in a real browser: dropped and chosen, folders too, paused and resumed, gone on with after the
// page was closed, refused in words, without scripts; and what axe says of each state. `PLI_PICTURES=DIR` keeps what was seen.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { openDraft, send } from './steps.mjs';

const PICTURES = process.env.PLI_PICTURES;
const MIB = 1024 * 1024;
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

// A file of this size whose bytes repeat nowhere near.
function file(folder, name, size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2654435761) % 4294967296, at);
  writeFileSync(join(folder, name), bytes);
  return { path: join(folder, name), digest: createHash('sha256').update(bytes).digest('hex') };
}

const folder = () => mkdtempSync(join(tmpdir(), 'pli-uploads-'));

// A slow line, in bytes a second; null for the line as it is, 0 for none. One session a page: each would keep its own.
const sessions = new WeakMap();
async function line(page, rate) {
  if (!sessions.has(page)) sessions.set(page, await page.context().newCDPSession(page));
  const session = sessions.get(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: rate === 0, latency: 0, downloadThroughput: -1, uploadThroughput: rate ?? -1,
  });
}

async function look(page, name) {
  assert.deepEqual(await axe(page), [], name);
  assert.equal(await overflow(page), 0, `${name} is wider than its window`);
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

const digests = (page) => page.locator('#sealed-files .file-digest code').allTextContents();

for (const [where, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  test(`a file is paused, resumed, and gone on with after the page was closed, ${where}`, async (t) => {
    const { page } = await open(t, { viewport });
    const faults = guard(page, gateway.http);
    await openDraft(page, gateway);
    const big = file(folder(), 'numérisation du dossier.tiff', 12 * MIB);
    await line(page, 3 * MIB);
    await page.setInputFiles('#files', big.path);
    const state = page.locator('#uploads .upload-state');
    await page.waitForFunction(() => document.querySelector('#uploads progress')?.value > 0);
    await look(page, `upload-sending-${where}`);
    await page.click('#uploads button:has-text("Mettre en pause")');
    assert.match(await state.textContent(), /En pause/);
    await look(page, `upload-paused-${where}`);
    await page.fill('#title', 'Demande urgente');
    await page.click('#send');
    assert.match(await page.textContent('#send-status'), /en pause/);

    // The page is closed and opened again: the gateway says what it has.
    await page.reload();
    const row = page.locator('#unfinished-files li');
    await row.waitFor();
    assert.match(await row.textContent(), /reçus sur/);
    await look(page, `upload-unfinished-${where}`);
    await line(page, null);
    const asked = page.waitForRequest((request) => request.method() === 'HEAD');
    await page.setInputFiles('#files', big.path);
    await asked;
    await page.locator('#sealed-files li').waitFor();
    assert.deepEqual(await digests(page), [big.digest]);
    assert.equal(await row.count(), 0);
    await look(page, `upload-sealed-${where}`);
    assert.match(await page.textContent('#upload-status'), /Tous les fichiers sont scellés/);
    await send(page);
    assert.deepEqual(faults, []);
  });
}

test('a folder keeps its paths, dropped files go side by side, a lost line is waited for', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  const faults = guard(page, gateway.http, ['ERR_INTERNET_DISCONNECTED']);
  await openDraft(page, gateway);
  const root = folder();
  mkdirSync(join(root, 'dossier', 'pièces'), { recursive: true });
  const inside = file(join(root, 'dossier', 'pièces'), 'avis.pdf', 70_000);
  await page.setInputFiles('#folder', join(root, 'dossier'));
  await page.locator('#sealed-files li').waitFor();
  assert.equal(await page.textContent('#sealed-files .file-name'), 'dossier/pièces/avis.pdf');
  assert.deepEqual(await digests(page), [inside.digest]);

  await line(page, 2 * MIB);
  const dropped = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    for (const name of ['un.bin', 'deux.bin', 'trois.bin', 'quatre.bin']) {
      transfer.items.add(new File([new Uint8Array(3_000_000).fill(name.length)], name));
    }
    return transfer;
  });
  await page.dispatchEvent('#drop', 'drop', { dataTransfer: dropped });
  await page.waitForFunction(() => document.querySelectorAll('#uploads .upload').length === 4);
  await page.waitForFunction(() => document.querySelector('#uploads progress')?.value > 0);
  await line(page, 0);
  await page.locator('#uploads .paused').first().waitFor();
  await line(page, null);
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await page.waitForFunction(() => document.querySelectorAll('#sealed-files li').length === 5);
  const reference = await send(page);
  assert.match(reference, /^[0-9A-Z-]+$/);
  assert.deepEqual(faults, []);
});

test('sending waits for files on their way, and a cancelled one leaves nothing', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  await openDraft(page, gateway);
  const [kept, given] = [file(folder(), 'gardé.bin', 4 * MIB), file(folder(), 'annulé.bin', 8 * MIB)];
  await line(page, 2 * MIB);
  await page.setInputFiles('#files', [kept.path, given.path]);
  await page.waitForFunction(() => document.querySelectorAll('#uploads progress')[1]?.value > 0);
  await page.fill('#title', 'Demande urgente');
  await page.click('#send');
  assert.match(await page.textContent('#send-status'), /La suite est automatique/);
  await page.click('#uploads li:has-text("annulé.bin") button:has-text("Annuler")');
  await line(page, null);
  await page.waitForSelector('#reference');
  assert.match(await page.textContent('main'), /1\sfichier/);
});

test('without scripts what came in part is listed and can be given up', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP, javaScriptEnabled: false });
  await openDraft(page, gateway);
  // Another client of the same person sent half a file.
  const cookie = (await page.context().cookies()).find(({ name }) => name.startsWith('pli_draft_'));
  const begun = await fetch(`${page.url()}/fichiers/tus`, {
    method: 'POST', body: 'moitié',
    headers: {
      Cookie: `${cookie.name}=${cookie.value}`, 'Tus-Resumable': '1.0.0', 'Upload-Length': '14',
      'Upload-Metadata': `filename ${Buffer.from('moitié.txt').toString('base64')}`,
      'Content-Type': 'application/offset+octet-stream',
    },
  });
  assert.equal(begun.status, 201);
  await page.reload();
  assert.match(await page.textContent('#unfinished-files li'), /moitié\.txt[\s\S]*50\s% reçus/);
  await page.fill('#title', 'Demande urgente');
  await Promise.all([page.waitForNavigation(), page.click('#send')]);
  assert.match(await page.textContent('#summary'), /reçu qu’en partie/);
  await Promise.all([page.waitForNavigation(), page.click('#unfinished-files button')]);
  assert.equal(await page.locator('#unfinished-files li').count(), 0);
});

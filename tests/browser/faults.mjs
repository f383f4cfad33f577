// What a person sees when something is wrong: the gateway is killed while files are on their way, the disk is full, a file
// is empty or too large. In words, with what to do next; and it goes on when the fault is over, with nothing lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DESKTOP, PHONE, axe, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { openDraft, send } from './steps.mjs';

const BINARY = process.env.PLI_BINARY;
const MIB = 1024 * 1024;

// Bytes that repeat nowhere near.
function file(name, size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2654435761) % 4294967296, at);
  const path = join(mkdtempSync(join(tmpdir(), 'pli-faults-')), name);
  writeFileSync(path, bytes);
  return { path, digest: createHash('sha256').update(bytes).digest('hex') };
}

async function slowLine(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
  return session;
}

async function look(page, name) {
  await picture(page, name);
  assert.deepEqual(await axe(page), [], name);
  assert.equal(await overflow(page), 0, `${name} is wider than its window`);
}

test('the gateway is killed while a file is on its way: the page says so, waits, and goes on by itself', async (t) => {
  let gateway = await Gateway.start(BINARY);
  t.after(() => gateway.stop());
  const { page } = await open(t, { viewport: DESKTOP });
  await openDraft(page, gateway);
  const big = file('dossier.tiff', 10 * MIB);
  const session = await slowLine(page, 3 * MIB);
  await page.setInputFiles('#files', big.path);
  await page.waitForFunction(() => document.querySelector('#uploads progress')?.value > 0);
  await gateway.kill();
  const state = page.locator('#uploads .upload-state');
  await page.locator('#uploads .paused').waitFor();
  assert.match(await state.textContent(), /connexion|automatiquement/i);
  await look(page, 'faults-killed-desktop');
  gateway = await gateway.startAgain(BINARY);
  await session.detach();
  await page.locator('#sealed-files li').waitFor({ timeout: 60_000 });
  assert.equal(await page.textContent('#sealed-files .file-digest code'), big.digest);
  await send(page);
});

test('a file that is empty or too large is told by name before a byte of it leaves', async (t) => {
  const gateway = await Gateway.start(BINARY);
  t.after(() => gateway.stop());
  const { page } = await open(t, { viewport: PHONE });
  await openDraft(page, gateway);
  const limits = await page.textContent('#files-help');
  assert.match(limits, /Go|Mo/, 'limits are said in words before');
  const sent = [];
  page.on('request', (request) => sent.push(request.method()));
  await page.setInputFiles('#files', file('vide.pdf', 0).path);
  assert.match(await page.textContent('#uploads .failed'), /vide\.pdf[\s\S]*vide/);
  // As large a file as no test should make: the page is told a lower limit instead.
  await page.evaluate(() => { document.getElementById('draft').dataset.fileLimit = '1000000'; });
  await page.setInputFiles('#files', file('scan.tiff', 2 * MIB).path);
  assert.match(await page.textContent('#uploads .failed >> nth=1'), /scan\.tiff[\s\S]*2,1\sMo[\s\S]*1\sMo/);
  await look(page, 'faults-refused-phone');
  assert.deepEqual(sent, [], 'nothing left');
});

test('the disk is full: the page says that it is not the depositor’s fault, keeps what was typed, and goes on', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'pli-full-'));
  const demo = join(home, 'demo');
  mkdirSync(demo);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', demo]);
  } catch {
    console.error('*** full disk SKIPPED: nothing can be mounted here ***');
    rmSync(home, { recursive: true });
    return;
  }
  let gateway;
  t.after(() => {
    gateway?.child.kill('SIGKILL');
    execFileSync('umount', ['--lazy', demo]);
    rmSync(home, { recursive: true, force: true });
  });
  gateway = await Gateway.startIn(home, BINARY);
  const { page } = await open(t, { viewport: PHONE, javaScriptEnabled: false });
  await openDraft(page, gateway);
  const ballast = join(demo, 'ballast');
  fill(ballast);
  const big = file('scan.tiff', 12 * MIB);
  await page.setInputFiles('#files', big.path);
  await page.fill('#title', 'Demande urgente');
  await page.fill('#message', 'Bonjour, le dossier.');
  await Promise.all([page.waitForNavigation(), page.click('.without-script button')]);
  const told = await page.textContent('#summary');
  assert.match(told, /momentanément indisponible[\s\S]*réessayez dans quelques minutes/i);
  // Nothing can be run in a page without scripts, axe neither.
  await picture(page, 'faults-full-phone');
  assert.equal(await page.inputValue('#title'), 'Demande urgente', 'what was typed is there');
  assert.equal(await page.inputValue('#message'), 'Bonjour, le dossier.');
  rmSync(ballast);
  await page.setInputFiles('#files', big.path);
  await Promise.all([page.waitForNavigation(), page.click('.without-script button')]);
  assert.equal(await page.textContent('#sealed-files .file-digest code'), big.digest);
});

// Fills the disk but for what small records need.
function fill(path) {
  const ballast = openSync(path, 'w');
  const pieces = [];
  try {
    for (;;) pieces.push(writeSync(ballast, Buffer.alloc(MIB, 7)));
  } catch {
    // Full.
  }
  closeSync(ballast);
  execFileSync('truncate', ['-s', `-${4 * MIB}`, path]);
}

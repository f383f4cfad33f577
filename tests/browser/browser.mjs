// Headless Chromium, and what every page is held to: no error in the console, no request to another host.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.PLI_CHROMIUM ?? '/usr/bin/chromium';
// As root Chromium has no sandbox; the rest keeps it from talking to anybody else.
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
// Longer than any page takes on a busy machine.
const PATIENCE_MS = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 720 };

// A browser of the test's own; with the test it ends, and nothing is left.
export async function open(t, { viewport, javaScriptEnabled = true, locale = 'fr-FR', colorScheme = 'light' }) {
  const profile = mkdtempSync(join(tmpdir(), 'pli-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE, args: FLAGS, headless: true, viewport, javaScriptEnabled, locale, colorScheme,
    timezoneId: 'Europe/Paris', acceptDownloads: true, reducedMotion: 'reduce',
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(PATIENCE_MS);
  t.after(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  return { page };
}

// Notes what must not happen on a page; `expected` are failures that the walk provokes on purpose.
export function guard(page, host, expected = []) {
  const faults = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expected.some((text) => message.text().includes(text))) {
      faults.push(`console ${message.type()}: ${message.text()} (${page.url()})`);
    }
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(host) && !url.startsWith('data:') && !url.startsWith('about:') && !url.startsWith('blob:')) {
      faults.push(`request to another host: ${url}`);
    }
  });
  return faults;
}

// What axe finds on the page, one line a violation. All its rules, best practices too.
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map((found) => `${found.id}: ${found.help}: ${found.nodes.map((node) => node.target.join(' ')).join(' | ')}`);
}

// Keeps a picture of the page in the folder PLI_PICTURES, where one is named, for people to look at.
export async function picture(page, name) {
  if (process.env.PLI_PICTURES) {
    await page.screenshot({ path: join(process.env.PLI_PICTURES, `${name.replace(/[^\w-]+/g, '_')}.png`), fullPage: true });
  }
}

// A page that is wider than its window makes a phone's reader scroll sideways (WCAG 2.2, 1.4.10).
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

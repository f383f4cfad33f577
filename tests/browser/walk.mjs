// The whole loop in a real browser: link, form, files, sent, signed in, opened, downloaded. At a desk and on a phone, with
// scripts and without. `PLI_PICTURES=DIR` keeps what was seen.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, guard, open, overflow } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { MESSAGE, addFiles, askForLink, files, followLink, send, signIn } from './steps.mjs';

const PICTURES = process.env.PLI_PICTURES;
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

for (const [where, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const scripted of [true, false]) {
    test(`the loop, ${where}, ${scripted ? 'with' : 'without'} scripts`, async (t) => {
      const { page } = await open(t, { viewport, javaScriptEnabled: scripted });
      const faults = guard(page, gateway.http);
      const see = (name) => picture(page, scripted ? `${name}-${where}` : null);
      const wide = [];
      const look = async (name) => {
        const over = scripted ? await overflow(page) : 0;
        if (over > 0) wide.push(`${name}: ${over} px`);
        await see(name);
      };

      await page.goto(gateway.http);
      await look('home');
      const sent = gateway.linksSent();
      await page.goto(gateway.mailbox.page);
      await look('deposit');
      await askForLink(page, gateway);
      await look('code');
      await page.goto(await gateway.link(sent));
      await look('link');
      await followLink(page, gateway, sent);
      const paths = files();
      await addFiles(page, paths, scripted);
      await look('draft');
      const reference = await send(page);
      await look('sent');

      await signIn(page, gateway, gateway.agent);
      await page.waitForSelector(`a[href="/transferts/${reference}"]`);
      await look('mailboxes');
      await Promise.all([page.waitForNavigation(), page.click(`a[href="/transferts/${reference}"]`)]);
      await look('envelope');
      assert.ok(!(await page.textContent('main')).includes(MESSAGE), 'a closed envelope shows no message');
      await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
      assert.equal((await page.textContent('#message')).trim(), MESSAGE);
      await look('opened');
      for (const path of paths) {
        const name = path.split('/').at(-1);
        const row = page.locator('#files li.file', { hasText: name });
        const [download] = await Promise.all([page.waitForEvent('download'), row.locator('a').first().click()]);
        assert.equal(download.suggestedFilename(), name);
        assert.ok(readFileSync(await download.path()).equals(readFileSync(path)), `${name}, byte for byte`);
      }
      assert.deepEqual(faults, []);
      assert.deepEqual(wide, [], 'no page is wider than its window');
    });
  }
}

test('the officer sees the log', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  const faults = guard(page, gateway.http);
  await signIn(page, gateway, gateway.officer);
  await page.goto(`${gateway.http}/journal`);
  await page.waitForSelector('#journal');
  await picture(page, 'journal-desktop');
  for (const [name, path] of [['personne', `/journal/personne?person=${encodeURIComponent(gateway.agent.address)}`], ['refus', '/journal/refus'], ['droits', '/journal/droits']]) {
    for (const viewport of [DESKTOP, PHONE]) {
      await page.setViewportSize(viewport);
      await page.goto(`${gateway.http}${path}`);
      await picture(page, `journal-${name}-${viewport.width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.ok(!wide, `${path} is wider than a window of ${viewport.width} px`);
    }
  }
  await page.goto(`${gateway.http}/journal?action=deposit.sent`);
  const story = page.locator('#journal a[href*="/journal/transferts/"]');
  if (await story.count()) {
    await Promise.all([page.waitForNavigation(), story.first().click()]);
    await page.waitForSelector('#histoire');
    await picture(page, 'journal-histoire');
  }
  assert.deepEqual(faults, []);
});

async function picture(page, name) {
  if (!PICTURES || !name) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

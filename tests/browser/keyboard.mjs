// A deposit with the keyboard alone: each field is reached by Tab, each button pressed by Enter, focus is always seen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, open } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { MESSAGE, TITLE } from './steps.mjs';

const TABS_MAX = 60;
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

for (const scripted of [true, false]) {
  test(`a deposit by keyboard, ${scripted ? 'with' : 'without'} scripts`, async (t) => {
    const { page } = await open(t, { viewport: DESKTOP, javaScriptEnabled: scripted });
    await page.goto(gateway.mailbox.page);
    await reach(page, '#address');
    await page.keyboard.type(gateway.depositor);
    const sent = gateway.linksSent();
    await enter(page);
    await page.goto(await gateway.link(sent));
    await reach(page, 'main form button[type=submit]');
    await enter(page);
    await reach(page, '#title');
    await page.keyboard.type(TITLE);
    await reach(page, '#message');
    await page.keyboard.type(MESSAGE);
    await reach(page, '#send');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#reference');
  });
}

test('the first stop of every page is the way to its content', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  for (const path of ['/', '/connexion', gateway.mailbox.page]) {
    await page.goto(new URL(path, gateway.http).href);
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#contenu', path);
  }
});

// Tabs until the element has the focus; every stop on the way can be seen.
async function reach(page, selector) {
  const goal = page.locator(selector).first();
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    if (await goal.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const marked = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
      const box = element.getBoundingClientRect();
      return { what: element.outerHTML.slice(0, 80), seen: element === document.body || (marked && box.width > 0 && box.height > 0) };
    });
    assert.ok(stop.seen, `focus cannot be seen on ${stop.what}`);
  }
  assert.fail(`${selector} is not reached in ${TABS_MAX} tabs`);
}

async function enter(page) {
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

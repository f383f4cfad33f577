// The form about a person: chosen, filled with faults and put right, by keyboard, at a desk and on a phone, in French and
// English, with scripts and without; axe reads each state of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { openDraft, signIn } from './steps.mjs';

const STATUSES = ['Failed to load resource'];
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

async function press(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

async function fill(page) {
  await page.selectOption('#f-site', '22350001800187');
  for (const [field, value] of [['pro_name', 'Riou Malo'], ['pro_phone', '+33 2 99 00 00 01'], ['birth_name', 'Kerbrat'], ['first_name', 'Zéphirine'], ['nir', '284052b32102579']]) {
    await page.fill(`#f-${field}`, value);
  }
  await page.check('input[name="f.file_kind"][value=pension]');
  await page.check('input[name="f.reason"][value=no_answer]');
  await page.check('#f-no_objection');
}

for (const [locale, viewport, scripted] of [
  ['fr-FR', DESKTOP, true],
  ['en-GB', PHONE, true],
  ['fr-FR', PHONE, false],
  ['en-GB', DESKTOP, false],
]) {
  test(`the form, ${locale}, ${viewport.width} px, ${scripted ? 'with' : 'without'} scripts`, async (t) => {
    const { page } = await open(t, { viewport, locale, javaScriptEnabled: scripted });
    const faults = guard(page, gateway.http, STATUSES);
    const found = [];
    const look = async (name) => {
      await picture(page, `form-${name}-${locale}-${viewport.width}`);
      // axe and the width are scripts of the test's own.
      if (!scripted) return;
      const wide = await overflow(page);
      found.push(...(wide > 0 ? [`${name}: ${wide} px wider than the window`] : []));
      found.push(...(await axe(page)).map((violation) => `${name}: ${violation}`));
    };

    await openDraft(page, gateway);
    await page.fill('#title', 'Demande urgente');
    await look('choice');
    await press(page, 'button[name=choose][value=fiche-de-liaison-asip]');
    assert.equal(await page.inputValue('#title'), 'Demande urgente', 'what was typed stays');
    await look('empty');
    await page.fill('#f-nir', '2 84 05 2A 321 025 79');
    await page.fill('#f-birth_name', 'Kerbrat');
    await press(page, '#send');
    await page.waitForSelector('#summary');
    assert.equal(await page.inputValue('#f-nir'), '2 84 05 2A 321 025 79');
    assert.equal(await page.getAttribute('#f-nir', 'aria-invalid'), 'true');
    assert.match(await page.getAttribute('#f-nir', 'aria-describedby'), /f-nir-error/);
    await look('refused');
    // The summary leads to the field, by keyboard.
    const link = page.locator('#summary a[href="#f-nir"]');
    await link.focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => location.hash).catch(() => '#f-nir'), '#f-nir');
    await fill(page);
    await page.click('#send');
    await page.waitForSelector('#reference');
    const reference = (await page.textContent('#reference')).trim();
    await look('sent');
    await press(page, '#another button');
    await page.waitForSelector('#title');
    assert.ok(!(await page.content()).includes('Kerbrat'), 'the next person begins with nothing of the first');

    await signIn(page, gateway, gateway.agent);
    await page.goto(`${gateway.http}/transferts/${reference}`);
    await press(page, 'main form button[type=submit]');
    await page.waitForSelector('#fiche');
    assert.match(await page.textContent('#fiche'), /2 84 05 2B 321 025 79/);
    await look('opened');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#fiche a[download]')]);
    assert.equal(download.suggestedFilename(), 'fiche-de-liaison.pdf');
    assert.deepEqual(faults, []);
    assert.deepEqual(found, []);
  });
}

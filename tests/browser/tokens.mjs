// A gestionnaire makes a token for the structure's software on a page, with a keyboard's form and no script, and the API takes it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { signIn } from './steps.mjs';

let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

for (const [locale, viewport, javaScriptEnabled] of [['fr-FR', DESKTOP, false], ['en-GB', PHONE, true]]) {
  test(`a token is made, shown once, used and revoked: ${locale}, ${viewport.width} px`, async (t) => {
    const { page } = await open(t, { viewport, locale, javaScriptEnabled });
    const faults = guard(page, gateway.http);
    const gestionnaire = gateway.facts.people.find((person) => person.role === 'gestionnaire');
    await signIn(page, gateway, gestionnaire);
    await page.goto(`${gateway.http}/jetons`);
    await page.fill('#nom', `SI ${locale}`);
    await page.check('input[name=boite] >> nth=0');
    await page.fill('#adresses', gateway.depositor);
    await Promise.all([page.waitForNavigation(), page.click('form[action$="/jetons"] button[type=submit]')]);
    const token = await page.locator('#jeton').innerText();
    await picture(page, `tokens-${viewport.width}`);
    if (javaScriptEnabled) assert.deepEqual(await axe(page), []);
    assert.ok((await overflow(page)) <= 0, 'scrolls sideways');
    const ask = () => page.request.get(`${gateway.http}/api/v1/mailboxes`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await ask()).status(), 200);
    await page.goto(`${gateway.http}/jetons`);
    assert.equal(await page.locator('#jeton').count(), 0, 'it was shown once');
    const revoke = page.locator('tr', { hasText: `SI ${locale}` }).locator('button');
    await Promise.all([page.waitForNavigation(), revoke.click()]);
    assert.equal((await ask()).status(), 401);
    assert.deepEqual(faults, []);
  });
}

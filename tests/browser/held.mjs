// What people see while a deposit is held because its scanner is not fit: axe on the pages that only then exist, in French
// and English, at a desk and on a phone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { addFiles, files, openDraft, send, signIn } from './steps.mjs';

let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY, { scannerGone: true });
});
after(() => gateway.stop());

for (const [locale, viewport, colorScheme] of [
  ['fr-FR', DESKTOP, 'light'],
  ['en-GB', PHONE, 'dark'],
]) {
  test(`held deposits and where they stand: ${locale}, ${viewport.width} px, ${colorScheme}`, async (t) => {
    const { page } = await open(t, { viewport, locale, colorScheme });
    const faults = guard(page, gateway.http);
    const found = [];
    const look = async (name) => {
      await picture(page, `held-${name}-${locale}-${viewport.width}`);
      const wide = await overflow(page);
      found.push(...(wide > 0 ? [`${name}: ${wide} px wider than the window`] : []));
      found.push(...(await axe(page)).map((violation) => `${name}: ${violation}`));
    };
    const submit = () => Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);

    await openDraft(page, gateway);
    await look('draft');
    await addFiles(page, files(), true);
    const reference = await send(page);
    await look('sent');

    const before = gateway.links(gateway.depositor, 'suivi').length;
    await page.goto(`${gateway.http}/suivi/${reference}`);
    await look('status asked');
    await page.fill('#address', gateway.depositor);
    await submit();
    await look('status code');
    await page.goto(await gateway.newLink(gateway.depositor, 'suivi', before));
    await look('status link');
    await submit();
    assert.ok((await page.textContent('main')).includes(reference));
    await look('status');

    await signIn(page, gateway, gateway.agent);
    await page.goto(`${gateway.http}/boites`);
    assert.ok((await page.textContent('main')).includes(reference), 'the agent sees what is held');
    await look('held deposits');

    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
  });
}

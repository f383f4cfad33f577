// The pages of structures and their people, of accounts and of histories: in French and English, at a desk and on a phone, with
// axe on each. Somebody is appointed, activates the account by the mailed link, accepts the terms, creates a technicien.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { addFiles, files, openDraft, send, signIn } from './steps.mjs';

const PASSWORD = 'cheval agrafe pile correcte';
// Errors that pages answer on purpose: the browser notes their status in its console.
const STATUSES = ['Failed to load resource'];
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

for (const [locale, viewport, colorScheme] of [
  ['fr-FR', DESKTOP, 'light'],
  ['en-GB', PHONE, 'dark'],
]) {
  test(`from the appointment to the history: ${locale}, ${viewport.width} px`, async (t) => {
    const { page } = await open(t, { viewport, locale, colorScheme });
    const faults = guard(page, gateway.http, STATUSES);
    const found = [];
    const person = (role) => gateway.facts.people.find((one) => one.role === role);
    const look = async (name) => {
      assert.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2), `${name} is in the reader's language`);
      await picture(page, `people-${name}-${locale}-${viewport.width}`);
      const wide = await overflow(page);
      found.push(...(wide > 0 ? [`${name}: ${wide} px wider than the window`] : []));
      found.push(...(await axe(page)).map((violation) => `${name}: ${violation}`));
    };
    const go = async (selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);
    const links = (to) => gateway.links(to, 'compte').length;

    await openDraft(page, gateway);
    await addFiles(page, files(), true);
    const reference = await send(page);

    // The fund appoints.
    await signIn(page, gateway, person('administrator'));
    await page.goto(`${gateway.http}/structures`);
    await page.waitForSelector('#structures');
    await look('structures');
    await go('#structures a');
    await look('structure-fund');
    const address = `adjoint-${locale.slice(0, 2)}@ille-et-vilaine.example`;
    const form = page.locator('form:has(button[value=nommer])');
    if (!(await form.isVisible())) {
      await page.click('details:has(button[value=nommer]) > summary');
    }
    await page.fill('#g-nom', 'Nadia Kervella');
    await page.fill('#g-adresse', address);
    await page.selectOption('#g-langue', locale.slice(0, 2));
    await go('button[value=nommer]');
    await page.waitForSelector('#notice');
    await look('structure-appointed');
    await page.click('details:has(button[value=couper]) > summary >> nth=0');
    await look('structure-cut-off');

    // The fund's own agents, and the review of the house.
    await page.goto(`${gateway.http}/comptes`);
    await look('accounts');
    await page.click('details:has(button[value=couper]) > summary >> nth=0');
    await look('accounts-change');
    await page.click('details:has(button[value=creer]) > summary');
    await page.fill('#a-nom', 'Nolwenn Le Bihan');
    await page.fill('#a-adresse', gateway.agent.address);
    await go('button[value=creer]');
    await page.waitForSelector('.notice.bad');
    await look('accounts-taken');
    assert.equal(await page.inputValue('#a-nom'), 'Nolwenn Le Bihan', 'what was typed stays');
    const agent = `nolwenn-${locale.slice(0, 2)}@carsat-bretagne.example`;
    await page.fill('#a-adresse', agent);
    await go('button[value=creer]');
    await page.waitForSelector('#notice');
    assert.ok((await page.textContent('main')).includes(agent));
    await go('button[value=confirmer]');
    await page.waitForSelector('#notice');
    await look('accounts-confirmed');
    await gateway.newLink(agent, 'compte', 0);

    // The gestionnaire to be activates the account.
    await page.context().clearCookies();
    const link = await gateway.newLink(address, 'compte', 0);
    await page.goto(link);
    await look('account-link');
    await go('main form button[type=submit]');
    await look('choose-password');
    await page.fill('#new', 'motdepasse2026');
    await page.fill('#again', 'motdepasse2026');
    await go('main form button[type=submit]');
    await look('choose-password-weak');
    await page.fill('#new', PASSWORD);
    await page.fill('#again', PASSWORD);
    await go('main form button[type=submit]');
    await look('password-chosen');
    await page.goto(link);
    await go('main form button[type=submit]');
    await look('account-link-gone');

    // Terms at the first sign-in.
    await signIn(page, gateway, { address, password: PASSWORD });
    await page.waitForSelector('#accepte');
    await look('terms');
    await page.check('#accepte');
    await go('main form button[type=submit]');
    await page.goto(`${gateway.http}/structure`);
    await look('structure-gestionnaire');
    const technicien = `technicien-${locale.slice(0, 2)}@ille-et-vilaine.example`;
    await page.click('details:has(button[value=creer]) > summary');
    await page.fill('#t-nom', 'Jeanne Le Bris');
    await page.fill('#t-adresse', 'jeanne@ailleurs.example');
    await go('button[value=creer]');
    await page.waitForSelector('.notice.bad');
    await look('structure-outside');
    assert.equal(await page.inputValue('#t-nom'), 'Jeanne Le Bris', 'what was typed stays');
    await page.fill('#t-adresse', technicien);
    await go('button[value=creer]');
    assert.ok((await page.textContent('main')).includes(technicien));
    await page.click('a[href$="/import"]');
    await page.waitForSelector('#tableau');
    await look('import');
    await page.fill('#tableau', `name,address\nMalo Le Goff,import-${technicien}`);
    await go('main form button[type=submit]');
    await look('import-would');
    await page.fill('#tableau', 'name,address\nMalo Le Goff,pas une adresse');
    await go('main form button[type=submit]');
    await look('import-error');
    await page.goto(`${gateway.http}/structure`);
    await go('a[href$="/historique"]');
    assert.ok((await page.textContent('#depots')).includes(reference));
    await look('history-structure');
    await page.selectOption('#etat', 'fini');
    await go('.filter button[type=submit]');
    await look('history-structure-none');
    await page.goto(`${gateway.http}/compte`);
    await look('own-account');

    // A depositor follows all deposits.
    await page.context().clearCookies();
    await page.goto(`${gateway.http}/suivi`);
    await look('history-ask');
    await page.fill('#address', gateway.depositor);
    await go('main form button[type=submit]');
    await look('history-code');
    const list = () => gateway.mails(gateway.depositor).map((mail) => mail.text.match(/https?:\/\/\S+\/suivi\/liste\/[\w-]+/)?.[0]).filter(Boolean);
    const { until } = await import('./gateway.mjs');
    await until('the link to the history', () => list().length > 0);
    await page.goto(list().at(-1));
    await look('history-link');
    await go('main form button[type=submit]');
    assert.ok((await page.textContent('#depots')).includes(reference));
    await look('history-own');

    // A forgotten password.
    await page.goto(`${gateway.http}/connexion/oubli`);
    await look('forgotten');
    const before = links(address);
    await page.fill('#address', address);
    await go('main form button[type=submit]');
    await look('forgotten-asked');
    await gateway.newLink(address, 'compte', before);

    // The manager of a mailbox.
    await signIn(page, gateway, gateway.facts.people.find((one) => one.address.startsWith('ronan')));
    await page.goto(`${gateway.http}/boites/partenaires-retraite/reglages`);
    await page.waitForSelector('#jours');
    await look('mailbox-settings');

    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
  });
}

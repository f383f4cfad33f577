// axe on every page, in French and English, at a desk and on a phone, in light and dark: nothing to report.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESKTOP, PHONE, axe, guard, open, overflow, picture } from './browser.mjs';
import { Gateway } from './gateway.mjs';
import { addFiles, askForLink, files, openDraft, press, send, signIn } from './steps.mjs';

let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

// Errors that pages answer on purpose: the browser notes their status in its console.
const STATUSES = ['Failed to load resource'];

for (const [locale, viewport, colorScheme] of [
  ['fr-FR', DESKTOP, 'light'],
  ['en-GB', DESKTOP, 'dark'],
  ['fr-FR', PHONE, 'dark'],
  ['en-GB', PHONE, 'light'],
]) {
  test(`axe reports nothing: ${locale}, ${viewport.width} px, ${colorScheme}`, async (t) => {
    const { page } = await open(t, { viewport, locale, colorScheme });
    const faults = guard(page, gateway.http, STATUSES);
    const found = [];
    const seen = [];
    const look = async (name) => {
      assert.equal(await page.getAttribute('html', 'lang'), locale.slice(0, 2), `${name} is in the reader's language`);
      seen.push(name);
      await picture(page, `${seen.length}-${name}-${locale}-${viewport.width}`);
      const wide = await overflow(page);
      found.push(...(wide > 0 ? [`${name}: ${wide} px wider than the window`] : []));
      found.push(...(await axe(page)).map((violation) => `${name}: ${violation}`));
    };
    const visit = async (path) => {
      await page.goto(new URL(path, gateway.http).href);
      await look(path);
    };

    for (const path of ['/', '/protection-des-donnees', '/accessibilite', '/connexion', '/demo', '/demo/mail', '/nulle-part']) {
      await visit(path);
    }
    await visit(gateway.mailbox.page);
    await page.fill('#address', 'pas une adresse');
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await look('deposit page with an error');
    await askForLink(page, gateway);
    await look('code page');
    await page.fill('#code', '12');
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await look('code page with an error');
    await page.goto(await gateway.link(0));
    await look('link page');
    await page.goto(`${gateway.http}/demo/mail/${gateway.mails(gateway.depositor)[0].id}`);
    await look('a mail of the demo');
    await openDraft(page, gateway);
    await look('draft');
    await page.click('#send');
    await page.waitForSelector('#summary');
    await look('draft with errors');
    await addFiles(page, files(), true);
    await look('draft with files');
    const reference = await send(page);
    await look('sent page');

    await page.goto(`${gateway.http}/connexion`);
    await page.fill('#address', gateway.agent.address);
    await page.fill('#password', 'pas celui-là');
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await look('refused sign-in');
    await signIn(page, gateway, gateway.agent);
    await visit('/boites');
    await visit('/compte');
    await visit('/compte/second-facteur');
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await look('second factor, set up');
    await visit(`/transferts/${reference}`);
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await look('opened transfer');
    await page.check('#codes input[value=asi_aspa]');
    await Promise.all([page.waitForNavigation(), page.click('#codes button[type=submit]')]);
    await look('a case with its codes');
    await visit('/boites/partenaires-retraite?etat=tous&nature=asi_aspa');
    assert.ok(await page.isVisible('#dossiers'), 'the desk finds a case by its kind');
    for (const path of ['/registre', '/boites/partenaires-retraite/registre?du=2020-01-01&etat=new', '/registre?du=jamais', '/statistiques', '/boites/partenaires-retraite/statistiques?mois=1', '/compte/envois']) {
      await visit(path);
    }
    await visit('/boites/partenaires-retraite/membres');
    await signIn(page, gateway, gateway.member);
    await visit('/boites/service-social/membres');
    await page.click('details summary');
    await look('members, about to remove one');
    await visit('/journal');
    await signIn(page, gateway, gateway.officer);
    await visit('/journal');
    await visit('/journal?person=personne%40ailleurs.example');
    await visit('/journal?origin=partout');
    await visit(`/journal/transferts/${reference}`);
    await visit('/journal/personne');
    await visit(`/journal/personne?person=${encodeURIComponent(gateway.agent.address)}`);
    await visit('/journal/refus');
    await visit('/journal/file');
    await visit('/journal/droits');
    await visit('/journal/droits?day=2026-01-31');
    await visit('/comptes');
    await visit(`/transferts/${reference}`);
    for (const path of ['/journal/personne', `/journal/personne?person=${encodeURIComponent(gateway.agent.address)}`, '/journal/refus', '/journal/droits', '/journal/droits?day=2026-01-01', '/journal?action=transfer.opened']) {
      await visit(path);
    }
    await page.goto(`${gateway.http}/journal`);
    await page.goto(await page.getAttribute('a[href^="/journal/transferts/"]', 'href').then((path) => gateway.http + path));
    await look("a transfer's story");

    await visit('/dossiers');
    await visit('/dossiers/violation');
    for (const [field, value] of [['du', '2026-01-01T00:00'], ['au', '2099-01-01T00:00'], ['connaissance', '2026-01-02T08:00']]) {
      await page.fill(`#${field}`, value);
    }
    await press(page, 'etablir');
    await page.waitForSelector('#partie-1');
    await look('breach kit');
    await page.fill('#au', '2025-01-01T00:00');
    await press(page, 'etablir');
    await page.waitForSelector('#probleme');
    await look('breach kit with an error');
    await visit('/dossiers/traitements');
    await visit('/dossiers/personne');
    await page.fill('#adresse', gateway.depositor);
    await press(page, 'chercher');
    await page.waitForSelector('#confirmation');
    await look('what is held about a person');
    await press(page, 'effacer');
    await page.waitForSelector('#probleme');
    await look('erasing without saying so');
    await page.fill('#adresse', 'personne@ailleurs.example');
    await press(page, 'chercher');
    await look('a person who is not known');

    await page.context().clearCookies();
    await visit('/verifier-un-recu');
    await page.fill('#texte', 'ceci n’est pas un reçu');
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await page.waitForSelector('#resultat');
    await look('a receipt that cannot be read');
    await page.fill('#texte', await gateway.receipt(reference));
    await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
    await page.waitForSelector('.notice.good');
    await look('a receipt that holds');

    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
    assert.ok(seen.length >= 48, 'every page was seen');
  });
}

test('axe would report', async (t) => {
  const { page } = await open(t, { viewport: DESKTOP });
  await page.setContent('<html><body><img src="data:,"><input></body></html>');
  const found = await axe(page);
  assert.ok(found.some((violation) => violation.startsWith('image-alt')) && found.some((violation) => violation.startsWith('label')));
});

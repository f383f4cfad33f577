// What people do on the pages, one step a function.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const TITLE = 'Demande urgente';
export const MESSAGE = 'Bonjour, voici le dossier complété de la personne que nous accompagnons.';

// Two files to deposit.
export function files() {
  const folder = mkdtempSync(join(tmpdir(), 'pli-files-'));
  const made = [['évaluation sociale.pdf', '%PDF-1.4\n' + 'x'.repeat(60_000)], ['pièces – été.tiff', 'II*\0' + 'y'.repeat(900_000)]];
  return made.map(([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  });
}

export async function askForLink(page, gateway, address = gateway.depositor) {
  await page.goto(gateway.mailbox.page);
  await page.fill('#address', address);
  await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
  await page.waitForSelector('#code');
}

export async function followLink(page, gateway, before) {
  await page.goto(await gateway.link(before));
  await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
  await page.waitForSelector('#title');
}

export async function openDraft(page, gateway) {
  const before = gateway.linksSent();
  await askForLink(page, gateway);
  await followLink(page, gateway, before);
}

// Adds files as the page wants them: at once with scripts, by the button without.
export async function addFiles(page, paths, scripted) {
  await page.setInputFiles('#files', paths);
  if (!scripted) {
    await Promise.all([page.waitForNavigation(), page.click('.without-script button')]);
  }
  await page.locator('#sealed-files li').nth(paths.length - 1).waitFor();
}

export async function send(page) {
  await page.fill('#title', TITLE);
  await page.fill('#message', MESSAGE);
  await page.click('#send');
  await page.waitForSelector('#reference');
  return (await page.textContent('#reference')).trim();
}

// Presses the button of the officer's pages that does this.
export async function press(page, action) {
  await Promise.all([page.waitForNavigation(), page.click(`main button[name=action][value=${action}]`)]);
}

export async function signIn(page, gateway, person) {
  await page.context().clearCookies();
  await page.goto(`${gateway.http}/connexion`);
  await page.fill('#address', person.address);
  await page.fill('#password', person.password);
  await Promise.all([page.waitForNavigation(), page.click('main form button[type=submit]')]);
}

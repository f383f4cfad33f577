// The gateway as a person meets it: the real binary in demo mode, in a directory of its own, on free ports.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const DEADLINE_MS = 120_000;

export class Gateway {
  // `scannerGone`: files are to be inspected by a scanner that is not there.
  static async start(binary, { scannerGone = false, host = '127.0.0.1' } = {}) {
    const home = mkdtempSync(join(tmpdir(), 'pli-browser-'));
    const gateway = await Gateway.startIn(home, binary, host);
    if (!scannerGone) {
      return gateway;
    }
    await gateway.interrupt();
    const file = join(home, 'demo', 'pli.toml');
    const section = `[scanner]\nmode = "clamd"\nsocket = "${join(home, 'gone.ctl')}"\n`;
    writeFileSync(file, readFileSync(file, 'utf8').replace('[scanner]\n', section));
    return Gateway.startIn(home, binary, host);
  }

  // `host`: passkeys are bound to a name, never to an address.
  static async startIn(home, binary, host = '127.0.0.1', port = 0) {
    const args = ['demo', '--dir', join(home, 'demo'), '--http', `${host}:${port}`, '--smtp', '127.0.0.1:0'];
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('ready ')) {
        return new Gateway(home, child);
      }
    }
    throw new Error('the gateway ended before it was ready');
  }

  constructor(home, child) {
    this.home = home;
    this.child = child;
    this.facts = JSON.parse(readFileSync(join(home, 'demo', 'demo.json'), 'utf8'));
    this.http = this.facts.http;
    this.mailbox = this.facts.mailboxes.find((mailbox) => mailbox.kind === 'generic');
    this.depositor = this.facts.partners[0].addresses[0];
    const reads = (person) => person.mailboxes.includes(this.mailbox.deposit_address);
    this.agent = this.facts.people.find((person) => person.role === 'agent' && reads(person));
    // Opens the mailbox whose key its members keep.
    this.member = this.facts.people.find((person) => person.address.startsWith('maiwenn'));
    this.officer = this.facts.people.find((person) => person.role === 'security_officer');
  }

  // The mails to an address, oldest first, decoded enough to read links in them.
  mails(to) {
    const folder = join(this.home, 'demo', 'outbox');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.eml'))
      .map((name) => ({ name, at: statSync(join(folder, name)).mtimeMs, raw: readFileSync(join(folder, name), 'latin1') }))
      .filter((mail) => mail.raw.includes(`Delivered-To: ${to}\r\n`))
      .sort((one, other) => one.at - other.at)
      .map((mail) => ({ id: mail.name.replace('.eml', ''), raw: mail.raw, text: unquoted(mail.raw) }));
  }

  // The link of the newest mail to the depositor, once there are more of them than before.
  async link(before) {
    return this.newLink(this.depositor, 'depot', before);
  }

  // The receipt that the acknowledgement of a deposit carries, once it has come.
  async receipt(reference) {
    const found = () =>
      this.mails(this.depositor).map((mail) => attachedReceipt(mail.raw)).find((receipt) => receipt?.includes(`reference ${reference}\n`));
    await until('the acknowledgement with its receipt', () => found() !== undefined);
    return found();
  }

  // The links below a path in the mails to an address.
  links(to, path) {
    const link = new RegExp(`https?://\\S+/${path}/lien/[\\w-]+`);
    return this.mails(to).map((mail) => mail.text.match(link)?.[0]).filter(Boolean);
  }

  // The newest of them, once there are more than before.
  async newLink(to, path, before) {
    await until('a mail with a link', () => this.links(to, path).length > before);
    return this.links(to, path).at(-1);
  }

  linksSent() {
    return this.mails(this.depositor).filter((mail) => mail.text.includes('/depot/lien/')).length;
  }

  // Ctrl-C, to its end.
  async interrupt() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGINT');
    await ended;
  }

  // Ends at once, as a power cut of the process would.
  async kill() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  // Starts again where it was, for the pages that are open.
  startAgain(binary) {
    const { hostname, port } = new URL(this.http);
    return Gateway.startIn(this.home, binary, hostname, port);
  }

  stop() {
    this.child.kill('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }
}

// Waits for something that can be seen from outside.
export async function until(what, holds) {
  const end = Date.now() + DEADLINE_MS;
  while (!holds()) {
    if (Date.now() > end) {
      throw new Error(`waited ${DEADLINE_MS} ms for: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Quoted-printable (RFC 2045 section 6.7).
function unquoted(raw) {
  return raw.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

// The receipt of a mail; none when it carries none.
function attachedReceipt(raw) {
  const part = raw.split(/\r\n--/).find((part) => /filename[^\r\n]*\.pli-receipt\.txt/.test(part));
  if (part === undefined) {
    return undefined;
  }
  const [head, ...body] = part.split('\r\n\r\n');
  const content = body.join('\r\n\r\n');
  const text = /base64/i.test(head) ? Buffer.from(content, 'base64').toString('utf8') : unquoted(content);
  return text.replace(/\r\n/g, '\n');
}

// tus-js-client, the client that most people use, against the real binary: resume after an abort and after a kill,
// creation with upload, termination, files side by side, checksums. What is sent is what the agent downloads.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Gateway } from './gateway.mjs';

const { Upload } = createRequire(import.meta.url)('tus-js-client');
const MIB = 1024 * 1024;
let gateway;

before(async () => {
  gateway = await Gateway.start(process.env.PLI_BINARY);
});
after(() => gateway.stop());

// A draft, opened as a person opens it, without a browser: its path and its cookie.
async function openDraft() {
  const before = gateway.linksSent();
  const form = { method: 'POST', redirect: 'manual' };
  await fetch(gateway.mailbox.page, { ...form, body: new URLSearchParams({ address: gateway.depositor }) });
  const opened = await fetch(await gateway.link(before), { ...form, body: new URLSearchParams() });
  assert.equal(opened.status, 303);
  const cookie = opened.headers.getSetCookie().find((cookie) => /pli_draft_/.test(cookie)).split(';')[0];
  return { path: gateway.http + opened.headers.get('location'), headers: { Cookie: cookie, Accept: 'application/json' } };
}

function client(draft, bytes, options = {}) {
  return new Promise((give, refuse) => {
    const upload = new Upload(bytes, {
      endpoint: `${draft.path}/fichiers/tus`, headers: draft.headers, retryDelays: [0, 50, 100, 200, 400, 800],
      metadata: { filename: 'dossier.bin' }, ...options,
      onSuccess: () => give(upload),
      onError: refuse,
    });
    options.begun?.(upload);
    upload.start();
  });
}

async function listed(draft) {
  return (await fetch(draft.path, { headers: draft.headers })).json();
}

const digest = (bytes, algorithm = 'sha256', encoding = 'hex') => createHash(algorithm).update(bytes).digest(encoding);

test('a file in one request, and one in many', async () => {
  const draft = await openDraft();
  const [one, many] = [randomBytes(3 * MIB), randomBytes(2 * MIB + 1)];
  await client(draft, one);
  await client(draft, many, { chunkSize: 300_000, metadata: { filename: 'x.bin', relativePath: 'dossier/x.bin' } });
  const { files, uploads } = await listed(draft);
  assert.deepEqual(files.map((file) => file.digest), [digest(one), digest(many)]);
  assert.deepEqual(files.map((file) => file.name), ['dossier.bin', 'dossier/x.bin']);
  assert.deepEqual(uploads, []);
});

test('creation with upload spares a request', async () => {
  const draft = await openDraft();
  const bytes = randomBytes(MIB);
  const methods = [];
  await client(draft, bytes, { uploadDataDuringCreation: true, onBeforeRequest: (request) => void methods.push(request.getMethod()) });
  assert.deepEqual(methods, ['POST']);
  assert.equal((await listed(draft)).files[0].digest, digest(bytes));
});

test('an upload that is broken off goes on, in a client that knows only its address', async () => {
  const draft = await openDraft();
  const bytes = randomBytes(4 * MIB);
  const url = await new Promise((give, refuse) => {
    const upload = new Upload(bytes, {
      endpoint: `${draft.path}/fichiers/tus`, headers: draft.headers, chunkSize: MIB, metadata: { filename: 'a.bin' },
      onChunkComplete: (size, accepted) => {
        if (accepted >= 2 * MIB) upload.abort().then(() => give(upload.url));
      },
      onError: refuse,
    });
    upload.start();
  });
  const [unfinished] = (await listed(draft)).uploads;
  assert.ok(unfinished.offset >= 2 * MIB && unfinished.offset < 4 * MIB, `at ${unfinished.offset}`);
  const requests = [];
  await client(draft, bytes, { uploadUrl: url, onBeforeRequest: (request) => void requests.push(request.getMethod()) });
  assert.equal(requests[0], 'HEAD');
  assert.equal((await listed(draft)).files[0].digest, digest(bytes));
});

test('an upload that is given up leaves nothing and its room is free', async () => {
  const draft = await openDraft();
  const url = await new Promise((give, refuse) => {
    const upload = new Upload(randomBytes(2 * MIB), {
      endpoint: `${draft.path}/fichiers/tus`, headers: draft.headers, chunkSize: MIB, metadata: { filename: 'a.bin' },
      onChunkComplete: () => upload.abort().then(() => give(upload.url)),
      onError: refuse,
    });
    upload.start();
  });
  await Upload.terminate(url, { headers: draft.headers, retryDelays: [] });
  assert.deepEqual((await listed(draft)).uploads, []);
  const gone = await fetch(url, { method: 'HEAD', headers: { ...draft.headers, 'Tus-Resumable': '1.0.0' } });
  assert.equal(gone.status, 404);
});

test('files side by side, in pieces that mix on their way', async () => {
  const draft = await openDraft();
  const files = Array.from({ length: 6 }, () => randomBytes(MIB + 17));
  await Promise.all(files.map((bytes, n) => client(draft, bytes, { chunkSize: 200_000, metadata: { filename: `${n}.bin` } })));
  const { files: sealed } = await listed(draft);
  for (const [n, bytes] of files.entries()) {
    assert.equal(sealed.find((file) => file.name === `${n}.bin`).digest, digest(bytes));
  }
});

test('a checksum is held to, and what does not have it is sent again', async () => {
  const draft = await openDraft();
  const bytes = randomBytes(MIB);
  let lies = 1;
  await client(draft, bytes, {
    chunkSize: 400_000,
    onBeforeRequest: async (request) => {
      if (request.getMethod() !== 'PATCH') return;
      const from = Number(request.getHeader('Upload-Offset'));
      const piece = bytes.subarray(from, from + 400_000);
      const algorithm = from === 0 ? 'sha1' : 'sha256';
      const said = lies-- > 0 ? Buffer.alloc(algorithm === 'sha1' ? 20 : 32).toString('base64') : digest(piece, algorithm, 'base64');
      request.setHeader('Upload-Checksum', `${algorithm} ${said}`);
    },
    onShouldRetry: (error) => error.originalResponse?.getStatus() === 460,
  });
  assert.equal((await listed(draft)).files[0].digest, digest(bytes));
});

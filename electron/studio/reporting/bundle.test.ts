import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { ZipFile } from 'yazl';
import { run as runSchema } from '../contract.ts';
import { readBundle, writeBundle } from './bundle.ts';
import { present } from './presenters.ts';
import type { Done } from './presenting.ts';
import type { RunFile } from './schemas.ts';

const model = '/home/someone/models/base.gguf';
const run = runSchema.parse({
  ...{ id: 'abcd1234-0000', kind: 'chat', title: `${model}: base`, state: 'done', error: null },
  ...{ startedAt: '2026-01-02T03:04:05.000Z', finishedAt: '2026-01-02T03:05:05.000Z' },
  ...{ hashes: { [model]: 'a'.repeat(64) }, versions: { temperament: '1.2.3' } },
  input: {
    persona: { recipe: { version: 2, base: model, weights: { openness: 1 } } },
    messages: [{ role: 'user', text: '/tell/me' }],
  },
  result: { text: 'Hi.', tokens: 2, seed: 7, stop: 'end', firstTokenMs: 1, tokensPerSecond: 1 },
}) as Done;
const files: RunFile[] = [
  {
    ...{ role: 'model', name: 'base.gguf', hash: 'a'.repeat(64), id: 'base', label: 'Base', demo: false },
    ...{ architecture: 'llama', type: 'F16', parameters: 3e6 },
  },
];
const { bytes, digest } = await writeBundle([{ run, files, told: present(run, files) }], {
  ...{ title: 'A study', made: '2026-02-03T00:00:00.000Z', version: '1.2.3', report: '<!doctype html>' },
});

const zipped = async (entries: Record<string, string | Buffer>) => {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(entries)) zip.addBuffer(Buffer.from(content), path);
  zip.end();
  return buffer(zip.outputStream);
};
/** The bundle's own manifest with changes, and other files. */
async function forged(
  change: (manifest: { files: object; runs: object[] }) => object,
  others: Record<string, string> = {},
) {
  const { manifest } = await readBundle(bytes, 'study.zip');
  return zipped({ 'manifest.json': JSON.stringify(change(structuredClone(manifest))), ...others });
}
const failure = async (content: Buffer, limit?: number) =>
  readBundle(content, 'study.zip', limit).then(
    () => 'was read',
    error => `${error.data?.code}: ${error.message}`,
  );

describe('a study bundle', () => {
  test('has the pictures that its runs were about, each of which must be what it is named as', async () => {
    const data = Buffer.from('a picture');
    const hash = createHash('sha256').update(data).digest('hex');
    const seen = { hash, name: 'a.png', type: 'image/png', width: 1, height: 1, bytes: data.length };
    const about = runSchema.parse({
      ...run,
      input: { ...run.input, messages: [{ role: 'user', text: 'And this?', pictures: [seen, seen] }] },
    }) as Done;
    const written = await writeBundle(
      [{ run: about, files, told: present(about, files) }],
      { title: 'Pictures', made: '2026-02-03T00:00:00.000Z', version: '1.2.3', report: '' },
      picture => (picture.hash === hash ? data : undefined),
    );
    const read = await readBundle(written.bytes, 'study.zip');
    expect(read.pictures).toEqual([{ name: `pictures/${hash}.png`, data }]);
    expect((await readBundle(bytes, 'study.zip')).pictures).toEqual([]);

    const other = `pictures/${'b'.repeat(64)}.png`;
    const named = { sha256: hash, bytes: data.length };
    const swapped = await forged(manifest => ({ ...manifest, files: { [other]: named } }), {
      [other]: data.toString(),
    });
    expect(await failure(swapped)).toContain('is not the picture that it is named as');
  });

  test('holds the run as it was, with nothing of the folders it lay in', async () => {
    const read = await readBundle(bytes, 'study.zip');
    expect(read.digest).toBe(digest);
    const [only] = read.runs;
    expect(only?.files).toEqual(files);
    expect(only?.run).toMatchObject({ id: run.id, result: run.result, startedAt: run.startedAt });
    expect(only?.run.title).toBe('base.gguf: base');
    expect(only?.run.hashes).toEqual({ 'base.gguf': 'a'.repeat(64) });
    expect(only?.run.input).toMatchObject({
      persona: { recipe: { base: 'base.gguf', weights: { openness: 1 } } },
      messages: [{ text: '/tell/me' }],
    });
    expect(JSON.stringify(read)).not.toContain('someone');
  });

  test('of a newer version is refused', async () => {
    expect(await failure(await forged(given => ({ ...given, version: 2, somethingNew: true })))).toBe(
      'bad_file: The study bundle study.zip was written by a newer Temperament (format 2; this one reads 1).',
    );
  });

  test('with one changed byte is refused, and the file is named', async () => {
    const { manifest } = await readBundle(bytes, 'study.zip');
    const others = Object.fromEntries(Object.keys(manifest.files).map(path => [path, 'something else']));
    expect(await failure(await forged(given => given, others))).toMatch(
      /^bad_file: .* has been changed: README\.txt does not have the SHA-256/,
    );
  });

  test('with a file too many, or one missing, is refused', async () => {
    const readme = createHash('sha256').update('x').digest('hex');
    const only = (given: object) => ({ ...given, files: { 'README.txt': { sha256: readme, bytes: 1 } } });
    expect(await failure(await forged(only, { 'README.txt': 'x', 'extra.txt': '' }))).toMatch(
      /has been changed: extra\.txt is not in the manifest/,
    );
    expect(await failure(await forged(given => given))).toMatch(/is not complete: README\.txt is missing/);
  });

  test('that is no bundle is refused', async () => {
    expect(await failure(Buffer.from('not a zip'))).toMatch(/^bad_file: .* is not a ZIP file/);
    expect(await failure(await zipped({ 'a.txt': 'x' }))).toMatch(/has no manifest\.json/);
    expect(await failure(await zipped({ 'manifest.json': '{"format":"other"}' }))).toMatch(/is not one/);
    expect(await failure(await zipped({ 'manifest.json': '{' }))).toMatch(/not valid JSON/);
    expect(await failure(bytes.subarray(0, bytes.length - 100))).toMatch(/^bad_file: /);
  });

  test('with a run of an unknown kind, or one that is not valid, is refused', async () => {
    const { manifest, runs } = await readBundle(bytes, 'study.zip');
    const again = async (log: object, result: unknown) => {
      const folder = manifest.runs[0]?.folder as string;
      const parts = {
        [`${folder}/plan.json`]: JSON.stringify({ input: runs[0]?.run.input }),
        [`${folder}/run.json`]: JSON.stringify({ ...runs[0]?.run, files, ...log }),
        [`${folder}/result.json`]: JSON.stringify(result),
      };
      const hashes = Object.fromEntries(
        Object.entries(parts).map(([path, text]) => [
          path,
          { sha256: createHash('sha256').update(text).digest('hex'), bytes: text.length },
        ]),
      );
      const kind = 'kind' in log ? { kind: log.kind } : {};
      const change = (given: { runs: object[] }) => ({
        ...given,
        files: hashes,
        runs: given.runs.map(each => ({ ...each, ...kind })),
      });
      return failure(await forged(change, parts));
    };
    expect(await again({}, run.result)).toBe('was read');
    expect(await again({ kind: 'telepathy' }, {})).toMatch(
      /of a kind that this Temperament does not know, “telepathy”/,
    );
    expect(await again({}, { text: 5 })).toMatch(/has a run that is not valid, abcd1234-0000: result\.text/);
    expect(await again({}, null)).toMatch(/has a run that is not valid/);
    expect(await again({ state: 'running' }, run.result)).toMatch(/has a run that is not valid.*state/);
  });

  test('that names a file outside of itself is refused', async () => {
    const safe = await zipped({ 'aa/bb.txt': 'x' });
    // The library that writes refuses such a name too, so it is put in afterwards; it stands there twice.
    const evil = Buffer.from(
      safe.toString('latin1').replaceAll('aa/bb.txt', '../bb.txt'.slice(0, 9)),
      'latin1',
    );
    expect(await failure(evil)).toMatch(
      /^bad_file: .* names a file outside of itself \(invalid relative path/,
    );
    const absolute = Buffer.from(safe.toString('latin1').replaceAll('aa/bb.txt', '/a/bb.txt'), 'latin1');
    expect(await failure(absolute)).toMatch(/names a file outside of itself \(absolute path/);
  });

  test('that would fill memory is refused, also when it lies about its size', async () => {
    const bomb = await zipped({ 'manifest.json': Buffer.alloc(4_000_000) });
    expect(bomb.length).toBeLessThan(20_000);
    expect(await failure(bomb, 1_000_000)).toMatch(/^bad_file: .* holds more than/);
    // The sizes in the central directory say 1000 bytes.
    const size = Buffer.alloc(4);
    size.writeUInt32LE(4_000_000);
    const small = Buffer.alloc(4);
    small.writeUInt32LE(1000);
    const lie = Buffer.from(bomb);
    for (let at = lie.indexOf(size); at >= 0; at = lie.indexOf(size, at + 1)) small.copy(lie, at);
    expect(lie.equals(bomb)).toBe(false);
    expect(await failure(lie, 1_000_000)).toMatch(/^bad_file: .* is damaged/);
  });
});

import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { ZipFile } from 'yazl';
import { described, readArchive } from '../archive.ts';
import { persona } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { type PersonaContent, readPersonaFile, writePersonaFile } from './file.ts';

const made = { made: '2026-02-03T00:00:00.000Z', version: '1.2.3' };
const content: PersonaContent = {
  ...{ name: 'Mara', notes: 'Notes', tags: ['sea'] },
  persona: persona.parse({
    ...{ name: 'Mara', system: 'Be brief.', rolePlay: { character: 'A captain.' } },
    recipe: { version: 2, base: 'demo', weights: { extraversion: 1 }, method: 'ties', density: 0.3 },
  }),
  profile: {
    ...{ run: 'abcd', inventory: 'ipip-50', scores: { openness: 3.2 }, highest: 5 },
    measuredAt: '2026-01-02T03:04:05.000Z',
  },
  needs: [{ role: 'model', name: 'base.gguf', hash: 'a'.repeat(64), about: 'Base' }],
  picture: Buffer.from('a picture'),
  card: Buffer.from('{"data":{"name":"Mara","other":[1]}}'),
  vectors: new Map([['extraversion-high.gguf', Buffer.from([1, 2, 3])]]),
};
const bytes = await writePersonaFile(content, made);
const failure = (given: Buffer, limit?: number) =>
  readPersonaFile(given, 'a.persona', limit).then(
    () => 'was read',
    error => {
      if (error instanceof StudioError) return `${error.data.code}: ${error.message}`;
      throw error;
    },
  );

/** The file with parts changed or left out, the manifest telling the truth of the rest. */
async function forged(change: Record<string, string | null>, manifest: object = {}): Promise<Buffer> {
  const bad = (problem: string) => new StudioError('bad_file', problem);
  const reading = { bad, what: '', expected: '', mostFiles: 99, mostBytes: 1e6, keep: () => true };
  const { contents } = await readArchive(bytes, reading);
  const head = JSON.parse(contents.get('manifest.json')?.toString() ?? '');
  contents.delete('manifest.json');
  for (const [path, text] of Object.entries(change))
    text === null ? contents.delete(path) : contents.set(path, Buffer.from(text));
  const zip = new ZipFile();
  zip.addBuffer(
    Buffer.from(JSON.stringify({ ...head, files: described(contents), ...manifest })),
    'manifest.json',
  );
  for (const [path, text] of contents) zip.addBuffer(text, path);
  zip.end();
  return buffer(zip.outputStream);
}

test('a persona file comes back as it was written, to the byte', async () => {
  expect(await readPersonaFile(bytes, 'a.persona')).toEqual(content);
  expect((await writePersonaFile(content, made)).equals(bytes)).toBe(true);
  const bare = { ...content, profile: null, picture: null, card: null, vectors: new Map() };
  expect(await readPersonaFile(await writePersonaFile(bare, made), 'a.persona')).toEqual(bare);
});

test('a file that is none, or is changed, newer or not valid, is refused in words', async () => {
  expect(await failure(await forged({}))).toBe('was read');
  expect(await failure(Buffer.from('PK nonsense'))).toMatch(
    /^bad_file: The persona file a\.persona is not a ZIP file/,
  );
  expect(await failure(await forged({}, { version: 2 }))).toMatch(
    /newer Temperament \(format 2; this one reads 1\)/,
  );
  expect(await failure(await forged({}, { format: 'temperament-study' }))).toMatch(/is not one/);
  expect(await failure(await forged({}, { files: {} }))).toMatch(/persona\.json is not in the manifest/);
  expect(await failure(await forged({ 'recipe.json': null }))).toMatch(/recipe\.json is missing/);
  expect(
    await failure(await forged({ 'recipe.json': '{"version":2,"base":"demo","method":"magic"}' })),
  ).toMatch(/has a recipe\.json that is not valid: method/);
  expect(await failure(await forged({ 'persona.json': '{' }))).toMatch(/persona\.json is not valid JSON/);
  expect(await failure(bytes, 100)).toMatch(/holds more than 1000 files or 1 MiB, which no persona needs/);
});

test('a damaged file is read or refused in words, and never anything else', async () => {
  for (let at = 0; at < bytes.length; at += 7) {
    const hurt = Buffer.from(bytes);
    hurt[at] = (hurt[at] ?? 0) ^ 0x55;
    expect(await failure(hurt)).toMatch(/^(was read|bad_file)/);
  }
  for (let length = 0; length < bytes.length; length += 101)
    expect(await failure(bytes.subarray(0, length))).toMatch(/^bad_file/);
});

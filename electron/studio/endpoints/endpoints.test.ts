/** What needs no server: addresses, what a list of likeliest tokens says, and where keys lie. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cleanUrl, parseAddress } from './address.ts';
import { probabilitiesOf } from './endpoints.ts';
import { Keys } from './keys.ts';

describe('an address', () => {
  test('is cleaned, and gets /v1 where it has no path', () => {
    expect(cleanUrl('127.0.0.1:8080')).toBe('http://127.0.0.1:8080/v1');
    expect(cleanUrl(' http://box:1234/ ')).toBe('http://box:1234/v1');
    expect(cleanUrl('https://host/api/v1/chat/completions')).toBe('https://host/api/v1');
    expect(parseAddress('http://box/v1#org/name:7b#x')).toEqual({
      url: 'http://box/v1',
      model: 'org/name:7b#x',
    });
  });

  test('without a model, or with more than a place, is refused', () => {
    expect(() => parseAddress('http://box/v1')).toThrow('none of its models');
    for (const bad of ['ftp://box', 'http://user:pass@box', 'http://box/v1?key=1', '', 'http://'])
      expect(() => cleanUrl(bad), bad).toThrow();
  });
});

test('likeliest tokens give the answers’ probabilities, and bound what is not among them', () => {
  const log = (token: string, p: number) => ({ token, logprob: Math.log(p) });
  const { probabilities, unseen } = probabilitiesOf(
    [log('4', 0.5), log(' 4', 0.1), log('Ġ5', 0.2), log('The', 0.1), log('3', 0.05)],
    ['1', '2', '3', '4', '5'],
  );
  expect(probabilities.map(p => Number(p.toFixed(6)))).toEqual([0, 0, 0.05, 0.6, 0.2]);
  // Six forms are absent, of 0.05 at most each; but the list leaves 0.05 for all.
  expect(unseen).toBeCloseTo(0.05, 6);
  expect(probabilitiesOf([log('1', 0.9), log('x', 0.001)], ['1', '2']).unseen).toBeCloseTo(0.003, 6);
});

describe('keys', () => {
  const home = mkdtempSync(join(tmpdir(), 'temperament-keys-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('lie in a file that only the user can read, and go with the last of them', () => {
    const keys = new Keys(home);
    expect(keys.place).toBe('file');
    keys.set('http://a/v1', 'sk-a');
    keys.set('http://b/v1', 'sk-b');
    expect(statSync(keys.file).mode & 0o777).toBe(0o600);
    expect(new Keys(home).get('http://a/v1')).toBe('sk-a');
    keys.delete('http://a/v1');
    expect(keys.get('http://a/v1')).toBeUndefined();
    keys.delete('http://b/v1');
    expect(existsSync(keys.file)).toBe(false);
  });

  test('are sealed where there is a keychain, which another host cannot open', () => {
    const turned = (text: string) => [...text].reverse().join('');
    const keychain = {
      available: () => true,
      seal: (text: string) => Buffer.from(turned(text)),
      open: (sealed: Buffer) => turned(sealed.toString()),
    };
    const keys = new Keys(home, keychain);
    keys.set('http://a/v1', 'sk-sealed');
    expect(keys.place).toBe('keychain');
    expect(readFileSync(keys.file, 'utf8')).not.toContain('sk-sealed');
    expect(new Keys(home, keychain).get('http://a/v1')).toBe('sk-sealed');
    expect(() => new Keys(home).get('http://a/v1')).toThrow('keychain');
    keys.delete('http://a/v1');
  });

  test('that are lent are written nowhere, and a damaged file is not quoted', () => {
    const keys = new Keys(home);
    keys.lend('http://a/v1', 'sk-lent');
    expect(keys.get('http://a/v1')).toBe('sk-lent');
    expect(existsSync(keys.file)).toBe(false);
    writeFileSync(keys.file, '{"keys": sk-torn');
    expect(() => new Keys(home).get('http://a/v1')).toThrow(/^The file of keys .* cannot be read\.$/);
  });
});

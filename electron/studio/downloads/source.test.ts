import { expect, test } from 'vitest';
import { fitOf } from './fit.ts';
import { HUB, hubName, parseSource, quantisationOf } from './source.ts';

const hub = (repository: string, more: { file?: string; quantisation?: string; revision?: string } = {}) => ({
  ...{ kind: 'hub', repository, revision: 'main', file: null, quantisation: null },
  ...more,
});

test.each([
  ['hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF', hub('Qwen/Qwen2.5-0.5B-Instruct-GGUF')],
  ['hf://a/b', hub('a/b')],
  ['a/b:Q4_K_M', hub('a/b', { quantisation: 'Q4_K_M' })],
  ['hf.co/a/b:q8_0', hub('a/b', { quantisation: 'q8_0' })],
  ['hf:a/b/sub/c.gguf', hub('a/b', { file: 'sub/c.gguf' })],
  ['hf:a/b:Q8_0#v1.0', hub('a/b', { quantisation: 'Q8_0', revision: 'v1.0' })],
  ['https://huggingface.co/a/b', hub('a/b')],
  ['https://hf.co/a/b/tree/main/Q8_0', hub('a/b')],
  [
    'https://huggingface.co/a/b/blob/dev/c%20d.gguf?download=true',
    hub('a/b', { file: 'c d.gguf', revision: 'dev' }),
  ],
  ['http://mirror:8080/hf/a/b/resolve/main/c.gguf', hub('a/b', { file: 'c.gguf' })],
  ['https://example.org/c.gguf#top', { kind: 'address', url: 'https://example.org/c.gguf' }],
])('reads %s', (text, source) => {
  expect(parseSource(text, 'http://mirror:8080/hf')).toEqual(source);
});

test('what it reads it writes, and reads again', () => {
  for (const text of ['hf:a/b', 'hf:a/b:Q8_0', 'hf:a/b/sub/c.gguf#v2']) {
    const source = parseSource(text);
    if (source.kind !== 'hub') throw new Error(text);
    expect(hubName(source)).toBe(text);
  }
});

test.each([
  '',
  'grump',
  'hf:a',
  'hf:a/b/',
  'hf:a//b',
  'a/b:',
  'a/b/c.gguf:Q8_0',
  'a/../b/c.gguf',
  'a/b#../x',
  '.a/b',
])('names nothing: %j', text => {
  expect(() => parseSource(text, HUB)).toThrow(/names nothing/);
});

test.each([
  ['Llama-3.2-1B-Instruct-Q4_K_M.gguf', 'Q4_K_M'],
  ['qwen2.5-0.5b-instruct-q8_0.gguf', 'Q8_0'],
  ['UD-Q2_K_XL/big-UD-Q2_K_XL-00001-of-00003.gguf', 'UD-Q2_K_XL'],
  ['model-IQ4_XS.gguf', 'IQ4_XS'],
  ['BF16/m-00001-of-00002.gguf', 'BF16'],
  ['model.f16.gguf', 'F16'],
  ['model-fp32.gguf', 'F32'],
  ['Qwen2-7B.gguf', null],
  ['model.gguf', null],
])('%s is %s', (path, quantisation) => {
  expect(quantisationOf(path)).toBe(quantisation);
});

test('a model fits well up to 70 % of the memory, and tightly up to 95 %', () => {
  const memory = 16e9;
  // 1.1 × 9.5 GB + 0.6 GB = 11.05 GB
  expect([1e9, 9.5e9, 10e9, 13e9, 14e9].map(bytes => fitOf(bytes, memory))).toEqual([
    ...['well', 'well', 'tightly', 'tightly', 'no'],
  ]);
});

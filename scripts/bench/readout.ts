/**
 * How fast texts are read: words a second on one core, with the studio's own lexicon, or with a dictionary.
 *
 *   node scripts/bench/readout.ts [--words N] [--texts N] [--dictionary FILE]
 *
 * The words are drawn, seeded, from the demo's texts and, one in ten, made up, so that look-ups miss as they do in real
 * texts, without their sentiment, which sets of that size are not rated for. The rate is per second of processor time, so that other work on the machine does not count. Once all words are
 * one text, once they are spread over many; the first reading fills the look-up's memory.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { appFolder, resourcesFolder } from '../../electron/host.ts';
import { readDictionary } from '../../electron/studio/language/dictionaries.ts';
import { compileLexicon, loadLexicon } from '../../electron/studio/language/lexicon.ts';
import { countText, foundIn, readoutOf, sumCounts } from '../../electron/studio/language/readout.ts';

const { values: given } = parseArgs({
  options: {
    words: { type: 'string', default: '1000000' },
    texts: { type: 'string', default: '10000' },
    dictionary: { type: 'string' },
  },
});
const [words, texts] = [Number(given.words), Number(given.texts)];

const content = join(appFolder, 'scripts', 'demo-model', 'content');
const real = readdirSync(content)
  .filter(name => name.endsWith('.txt'))
  .flatMap(name => readFileSync(join(content, name), 'utf8').split(/[\s[\]{}|/=]+/))
  .filter(word => word !== '');
let state = 7;
const random = (below: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const madeUp = () =>
  Array.from({ length: 3 + random(8) }, () => String.fromCharCode(97 + random(26))).join('');
const drawn = Array.from({ length: words }, () =>
  random(10) === 0 ? madeUp() : (real[random(real.length)] as string),
);
const size = Math.ceil(words / texts);
const many = Array.from({ length: texts }, (_, index) =>
  drawn.slice(index * size, (index + 1) * size).join(' '),
);

const began = performance.now();
const lexicon = given.dictionary
  ? compileLexicon((await readDictionary(given.dictionary)).source)
  : await loadLexicon(join(resourcesFolder, 'lexicon', 'en.json'));
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, one core`);
console.log(`${lexicon.name}: ${lexicon.categories.length} categories, ready in ${seconds(began)} s`);
measure('one text', () => readoutOf(countText(drawn.join(' '), lexicon, true, false), lexicon).words);
measure(`${texts} texts`, () => {
  const counts = many.map(text => countText(text, lexicon, false, false));
  for (const one of counts) readoutOf(one, lexicon);
  const sum = sumCounts(counts);
  foundIn(sum, lexicon);
  return readoutOf(sum, lexicon).words;
});

function measure(what: string, read: () => number): void {
  for (const which of ['first', 'again']) {
    const start = performance.now();
    const before = process.cpuUsage();
    const count = read();
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 1e6;
    console.log(
      `${what}, ${which}: ${count} words in ${busy.toFixed(2)} s of processor time (${seconds(start)} s on the clock), ${Math.round(count / busy)} words/s`,
    );
  }
}

function seconds(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(2);
}

import { expect, test } from 'vitest';
import lexicon from '../../resources/lexicon/en.json' with { type: 'json' };
import { german } from './german.ts';
import { english } from './strings.ts';

/** Every text below a value, by its path; of a function what it returns, as written. */
function texts(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') return [[path, String(value).replace(/^[^=]*=>\s*/, '')]];
  if (value && typeof value === 'object')
    return Object.entries(value).flatMap(([key, below]) => texts(below, path ? `${path}.${key}` : key));
  return [];
}

/** Words that are the same in both languages, names, and signs. */
const SHARED = [
  /^(app|common\.persona|kinds\.transfer|readouts\.text)$/,
  /^traits\.\w+\.letter|^traits\.(openness|extraversion)\.(letter|name)$/,
  /^common\.seconds|^views\.(title|names\.(studio|personas))|^target\.alpha|^help\.between|^fields\.alphaOf/,
  /^mixer\.neutral$|^baking\.types\.|^panes\.(promptName|order)$|^personas\.(title|newName|versionOf)|^notebook\.minus/,
  /^chat\.(speed|suggestions)|^runs\.(correlation|sliders)$|^experiments\.operation\./,
  /^(depth\.times|inside\.where|runs\.norm|experiments\.inventoryOf)$|^help\.shortcuts\.\d+\.keys$/,
  /^preferences\.(percent|version)|^alerts\.ended|^library\.(form|deleting\.calibration)$/,
  /^fields\.names\.(name|topP|n|text|p|r|tokens)$|^help\.sections\.\d+\.title$|^header\.model|^notebook\.(model|run)$/,
];

test('nothing is left in English', () => {
  const there = new Map(texts(english));
  const same = texts(german)
    .filter(([path, text]) => there.get(path) === text && /[a-z]{2}/i.test(text))
    .map(([path]) => path)
    .filter(path => !SHARED.some(known => known.test(path)));
  expect(same).toEqual([]);
});

test('every category of the lexicon has a name', () => {
  expect(Object.keys(german.chat.categories)).toEqual(Object.keys(lexicon.categories));
});

test('the sections of the help are the same ones', () => {
  expect(german.help.sections.map(({ body }) => body.length)).toEqual(
    english.help.sections.map(({ body }) => body.length),
  );
  expect(german.help.shortcuts).toHaveLength(english.help.shortcuts.length);
});

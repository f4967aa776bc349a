import { expect, it } from 'vitest';
import { persona as personaSchema, desktopMenu as schema, TRAITS } from '../../electron/studio/contract.ts';
import { VIEWS } from '../state/place.svelte.ts';
import type { Recent } from '../state/recents.svelte.ts';
import { german } from './german.ts';
import { desktopMenu } from './menu.ts';

const persona = (name: string): Recent => ({ kind: 'persona', id: name.slice(0, 8), name });

it('is one that the desktop takes, with every view, and no key twice', () => {
  const menu = schema.parse(desktopMenu([[persona('Mara'), persona('M'.repeat(200))]]));
  expect(menu.view.map(({ command }) => command)).toEqual(VIEWS.map(view => ({ type: 'go', view })));
  expect(menu.textSize.map(({ command }) => command)).toEqual(
    [1, -1, 0].map(by => ({ type: 'textSize', by })),
  );
  const long = personaSchema.parse({
    recipe: {
      version: 2,
      base: `/models/${'m'.repeat(300)}.gguf`,
      weights: Object.fromEntries(TRAITS.map(trait => [trait, -1.25])),
    },
  });
  schema.parse(
    desktopMenu([
      [{ kind: 'mix', persona: long }],
      [{ kind: 'model', id: long.recipe.base, name: long.recipe.base }],
    ]),
  );
  const keys = [...menu.file, ...menu.view, ...menu.textSize, ...menu.help].flatMap(({ keys }) => keys ?? []);
  expect(keys).toContain('CmdOrCtrl+Plus');
  expect(new Set(keys).size).toBe(keys.length);
  expect(menu.recent[0]?.[0]).toEqual({
    label: 'Mara',
    command: { type: 'recent', key: 'persona Mara' },
  });
});

it('has a word in German for everything of the system', () => {
  expect(Object.keys(german.menu.roles).sort()).toEqual(Object.keys(schema.shape.roles.shape).sort());
});

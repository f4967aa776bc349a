/** Inventories: reading them, and how an item is put to a model. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inventory } from '../contract.ts';
import { inventory as schema } from '../contract.ts';
import { StudioError } from '../errors.ts';

/** Answers of the rating scale, in order. */
export const ANSWERS = ['1', '2', '3', '4', '5'];

export async function loadInventories(folder: string): Promise<Inventory[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async name => parseInventory(await readFile(join(folder, name), 'utf8'), join(folder, name))),
  );
}

/** An inventory from JSON text; `file` is named in errors. */
export function parseInventory(text: string, file: string): Inventory {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new StudioError(
      'bad_file',
      `The inventory ${file} is not valid JSON: ${(cause as Error).message}`,
      { file, cause },
    );
  }
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StudioError('bad_file', `The inventory ${file} has an invalid field: ${issue?.message}`, {
      file,
      field: issue?.path.join('.'),
    });
  }
  const ids = parsed.data.items.map(item => item.id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new StudioError('bad_file', `The inventory ${file} has two items with the id ${twice}.`, {
      file,
      field: 'items',
    });
  return parsed.data;
}

/** “Am the life of the party.” → “I am the life of the party.”: IPIP items leave out the subject. */
export function statement(item: string): string {
  return `I ${item.charAt(0).toLowerCase()}${item.slice(1)}`;
}

/** The question a model is asked about an item. The item comes last, so that all items share what precedes it. */
export function itemPrompt(inventory: Inventory, item: Inventory['items'][number]): string {
  const label = (answer: string) => (inventory.scale[answer] ?? '').toLowerCase();
  return (
    'How well does this statement describe you? ' +
    `Answer with one number from 1 (${label('1')}) to 5 (${label('5')}).\n` +
    `Statement: ${statement(item.text)}`
  );
}

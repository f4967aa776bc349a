/** The commands with which a model of the library is served by llama-server, for a studio on another machine or for others. */
import { recipe as recipeSchema, TRAITS } from '../contract.ts';
import type { Library } from '../library/library.ts';
import type { Mixing } from '../mixing/mixing.ts';
import type { ServeCommands } from './contract.ts';

const WHERE = '--host 127.0.0.1 --port 8080';

/** For a library name or path. */
export async function serveCommands(name: string, library: Library, mixing: Mixing): Promise<ServeCommands> {
  const model = await library.model(name);
  const notes: string[] = [];
  const files: string[] = [];
  for (const alpha of [1, -1]) {
    const weights = Object.fromEntries(TRAITS.map(trait => [trait, alpha]));
    const { all } = await mixing.resolve(recipeSchema.parse({ version: 2, base: model.path, weights }));
    for (const [vector, found] of Object.entries(all)) {
      if (found.backbone !== model.backbone) continue;
      const file = await mixing.adapterFile(found);
      if (file) files.push(file);
      else
        notes.push(
          `The vector ${vector} is dense: its adapter is made when it is first used in a live mix here.`,
        );
    }
  }
  const eye = model.projector ? ` --mmproj ${quoted(model.projector.path)}` : '';
  const base = `llama-server -m ${quoted(model.path)}${eye}`;
  const adapters = files.sort().map(file => `--lora ${quoted(file)}`);
  return {
    adapters: adapters.length > 0 ? [base, '--lora-init-without-apply', ...adapters, WHERE].join(' ') : null,
    file: `${base} ${WHERE}`,
    notes,
  };
}

/** As a shell takes it for one word. */
const quoted = (path: string) => (/^[\w./:@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

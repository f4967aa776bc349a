/** What converting asks for and gives. */
import { z } from 'zod';
import { recipe } from '../terms.ts';

/** Types of the file that is written; `auto`: that of the checkpoint. */
export const SOURCE_TYPES = ['auto', 'f32', 'f16', 'bf16'] as const;

export const convertInput = z.object({
  /** Folder of a Hugging Face checkpoint or of a PEFT adapter; or a vector, by library name or file, to write as these. */
  source: z.string().trim().min(1),
  /** Of an adapter: library name or path of the model that it was trained on, or the folder of its checkpoint. */
  base: z.string().min(1).optional(),
  /** File to write, of a vector the folder; a model goes into the library by default. */
  out: z.string().min(1).optional(),
  /** What the model is called; by default as its folder or repository is. */
  name: z.string().trim().min(1).max(120).optional(),
  type: z.enum(SOURCE_TYPES).default('auto'),
  overwrite: z.boolean().default(false),
  /** A mix of plain weights, to be written as one PEFT adapter; `source` is then its base once more. */
  recipe: recipe.optional(),
});

/** What a conversion found and wrote. */
export const converted = z.object({
  /** `peft`: a low-rank vector as an adapter's folder; `differences`: a dense one as safetensors. */
  what: z.enum(['model', 'adapter', 'peft', 'differences']),
  /** As GGUF names it. */
  architecture: z.string(),
  type: z.enum(['f32', 'f16', 'bf16']),
  tensors: z.int(),
  bytes: z.number(),
  seconds: z.number(),
  /** What the user should know. */
  notes: z.array(z.string()),
});

export const convertResult = converted.extend({
  path: z.string(),
  /** SHA-256 of a model's weights; null of an adapter. */
  content: z.string().nullable(),
});
export type ConvertResult = z.infer<typeof convertResult>;

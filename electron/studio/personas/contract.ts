/** Schemas of the personas that are kept: their versions, what was measured of them, the files they need, and their files. */
import { z } from 'zod';
import { persona, scores } from '../terms.ts';

/** Tags of one persona, and letters of a tag. */
export const MOST_TAGS = 50;
export const LONGEST_TAG = 40;

/** A model or vector that a persona's mix is made of, as another machine can know it again. */
export const personaNeed = z.object({
  role: z.enum(['model', 'vector']),
  /** The file's name, without its folder. */
  name: z.string().min(1).max(300),
  /** Hash of the weights. */
  hash: z.string().min(1).max(200),
  /** The model's label, or `extraversion-high`. */
  about: z.string().max(300),
});
export type PersonaNeed = z.infer<typeof personaNeed>;

/** Scores of an assessment of the persona's mix. */
export const personaProfile = z.object({
  run: z.string(),
  inventory: z.string(),
  scores,
  /** The inventory's answers are 1 … `highest`. */
  highest: z.int().min(2).max(9),
  /** ISO 8601, UTC. */
  measuredAt: z.string(),
});
export type PersonaProfile = z.infer<typeof personaProfile>;

export const personaVersion = z.object({
  /** From 1. */
  version: z.int().min(1),
  madeAt: z.string(),
  persona,
  profile: personaProfile.nullable(),
  needs: z.array(personaNeed),
});
export type PersonaVersion = z.infer<typeof personaVersion>;

const name = z.string().trim().min(1).max(200);
const notes = z.string().max(100_000);
const tags = z.array(z.string().trim().min(1).max(LONGEST_TAG)).max(MOST_TAGS);

/** A persona that is kept, in its active version. */
export const keptPersona = personaVersion.extend({
  id: z.string(),
  name,
  notes,
  tags,
  /** Whether it has a picture of its own; the others have an emblem. */
  picture: z.boolean(),
  /** Whether it carries fields of a character card that the studio does not use. */
  card: z.boolean(),
  versions: z.int(),
  createdAt: z.string(),
  updatedAt: z.string(),
  deleted: z.boolean(),
  /** What its mix needs and the library does not have. */
  missing: z.array(personaNeed),
});
export type KeptPersona = z.infer<typeof keptPersona>;

export const keptPersonaWhole = keptPersona.extend({
  /** Every version, the newest first. */
  history: z.array(personaVersion),
});
export type KeptPersonaWhole = z.infer<typeof keptPersonaWhole>;

export const savePersonaInput = z.object({
  /** Persona that gets a new version; a new persona when absent. */
  id: z.string().optional(),
  persona,
  /** What is absent stays as it is; the name of a new one is the persona's own. */
  name: name.optional(),
  notes: notes.optional(),
  tags: tags.optional(),
  /** Assessment to take the profile from; when absent, the newest one of this very mix, if there is any. */
  run: z.string().optional(),
});
export const editPersonaInput = z.object({
  id: z.string(),
  name: name.optional(),
  notes: notes.optional(),
  tags: tags.optional(),
});

/** `persona`: a ZIP with everything. A character card: `card` as PNG (V2 and V3), `json` and `charx` (a ZIP) as V3. */
export const PERSONA_FORMATS = ['persona', 'card', 'json', 'charx'] as const;
export type PersonaFormat = (typeof PERSONA_FORMATS)[number];
export const exportPersonaInput = z.object({
  id: z.string(),
  format: z.enum(PERSONA_FORMATS).default('persona'),
  /** Puts the low-rank vectors of the mix into a persona file; dense ones are too large for that. */
  vectors: z.boolean().default(false),
});
export const importPersonaInput = z.object({
  /** Path on the studio's machine, or the file itself. */
  file: z.union([z.string().min(1), z.file()]),
  /** Model of a character that brings no mix; the demo, or the first of the library, when absent. */
  base: z.string().min(1).optional(),
});
export const importPersonaResult = z.object({
  persona: keptPersonaWhole,
  /** What of the file is kept and not used. */
  notes: z.array(z.string()),
});

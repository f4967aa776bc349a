/** Schemas of what leaves the studio and comes back: files named by hash, exports, reports, study bundles, reruns. */
import { z } from 'zod';

/** Differences up to this, absolute for values below 1 and else relative, do not count: see docs/reports.md. */
export const RERUN_TOLERANCE = 1e-3;

const named = {
  /** The file's name, without its folder: that is nobody else's business. */
  name: z.string(),
  /** SHA-256: of the weights of a model or vector, of the bytes of any other file. */
  hash: z.string(),
};
/** A file that took part in a run, as another lab can know it again. */
export const runFile = z.discriminatedUnion('role', [
  z.object({
    role: z.literal('model'),
    ...named,
    /** Library name. */
    id: z.string(),
    label: z.string(),
    architecture: z.string(),
    type: z.string(),
    parameters: z.number(),
    demo: z.boolean(),
  }),
  z.object({
    role: z.literal('vector'),
    ...named,
    id: z.string(),
    /** `extraversion-high`. */
    vector: z.string(),
    form: z.enum(['dense', 'low-rank']),
    rank: z.number().optional(),
    demo: z.boolean(),
  }),
  z.object({
    role: z.literal('inventory'),
    ...named,
    /** The name it is asked for by. */
    id: z.string(),
    title: z.string(),
    language: z.string(),
    source: z.string(),
    reference: z.string(),
    licence: z.string(),
    items: z.int(),
    /** Labels of the answers 1 … k. */
    answers: z.array(z.string()),
  }),
  /** Of a readout: the lexicon or dictionary, and texts on disk (of a folder, see `hashTexts`). */
  z.object({ role: z.literal('lexicon'), ...named, title: z.string() }),
  z.object({ role: z.literal('texts'), ...named }),
  /** Gone or changed since, or of another kind. */
  z.object({ role: z.literal('other'), ...named }),
]);
export type RunFile = z.infer<typeof runFile>;

/** Where a run came from that was not made here. */
export const imported = z.object({
  /** SHA-256 of the bundle's manifest. */
  bundle: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
  /** The run's id in the bundle: its own, unless another run here had that. */
  id: z.string(),
  files: z.array(runFile),
});
export type Imported = z.infer<typeof imported>;

/** Ids of ended runs, or the beginnings of ids (4 characters at least); `latest` is the newest run that is done. */
const runs = z.array(z.string().min(1)).min(1).max(200);

export const EXPORT_FORMATS = ['csv', 'json', 'html', 'latex', 'text', 'svg', 'png'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
/** Those of tables that a person reads. */
export const tableFormat = z.enum(['text', 'html', 'latex']);
export const exportInput = z.object({
  runs,
  /** `csv`, `json`: data, unrounded. `html`, `latex`, `text`: tables and sentences in APA style. `svg`, `png`: plots. */
  formats: z
    .array(z.enum(EXPORT_FORMATS))
    .min(1)
    .default([...EXPORT_FORMATS]),
});
export const exportedFile = z.object({
  /** Relative path with forward slashes. */
  name: z.string(),
  text: z.string(),
  /** What `text` is of the file's bytes: PNG files come in base64. */
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
export type ExportedFile = z.infer<typeof exportedFile>;

/** A fitted line and, where it has one, the band around it, from left to right: lists of equal length. */
const fit = z.object({
  x: z.array(z.number()),
  y: z.array(z.number()),
  band: z.object({ low: z.array(z.number()), high: z.array(z.number()) }).nullable(),
});
export type Fit = z.infer<typeof fit>;
const pair = z.tuple([z.number(), z.number()]);

/** What a plot shows, as plain data: the page draws it, and reports and exports have it as SVG. */
export const figure = z.discriminatedUnion('form', [
  /** Points with a line; panels share the axis of y unless each has its `own`, and that of x where its range is given. */
  z.object({
    form: z.literal('scatter'),
    /** Names of the axes. */
    x: z.string(),
    y: z.string(),
    range: z.union([pair, z.literal('own')]).optional(),
    xRange: pair.optional(),
    /** What the filled and the open points are, where there are both. */
    kinds: z.tuple([z.string(), z.string()]).optional(),
    panels: z.array(
      z.object({
        title: z.string(),
        /** Below the title, as `r = .96`. */
        note: z.string(),
        /** Places of the filled points, two lists of equal length. */
        x: z.array(z.number()),
        y: z.array(z.number()),
        /** Points of another kind; the line is not theirs. */
        open: z.array(z.object({ x: z.number(), y: z.number() })),
        fit: fit.nullable(),
      }),
    ),
  }),
  /** Scores of scales from 1 to k; null where there is none. */
  z.object({
    form: z.literal('scores'),
    k: z.int(),
    /** What the reference is. */
    reference: z.string().optional(),
    rows: z.array(
      z.object({
        name: z.string(),
        score: z.number().nullable(),
        /** Half the length of the line through the score. */
        deviation: z.number().nullable(),
        /** Score of the reference. */
        reference: z.number().nullable(),
        indent: z.boolean().optional(),
      }),
    ),
  }),
  /** Correlations, or effects that may be beyond ±1, with their 95 % intervals; null where undefined. */
  z.object({
    form: z.literal('estimates'),
    /** What the values are where they are no correlations: they may then be beyond ±1. */
    of: z.string().optional(),
    rows: z.array(z.object({ name: z.string(), value: z.number().nullable(), ci: pair.nullable() })),
  }),
  /** A square of values from −1 to 1; null where undefined. */
  z.object({
    form: z.literal('matrix'),
    names: z.array(z.string()),
    values: z.array(z.array(z.number().nullable())),
  }),
]);
export type Figure = z.infer<typeof figure>;

/** Pieces of a text; statistics are in italics, some with an index. */
const text = z.array(z.union([z.string(), z.object({ italic: z.string(), sub: z.string().optional() })]));
/** A run as a paper would tell it, for the page to show. */
export const presented = z.object({
  heading: z.string(),
  /** Findings, then how they were analysed. */
  sentences: z.array(text),
  analysis: text,
  tables: z.array(
    z.object({
      title: z.string(),
      /** The first column names the rows. */
      head: z.array(text),
      rows: z.array(z.object({ cells: z.array(text), indent: z.boolean().optional() })),
      note: text,
    }),
  ),
  plots: z.array(
    z.object({ name: z.string(), title: z.string(), note: z.string(), svg: z.string(), figure }),
  ),
});
export type Presented = z.infer<typeof presented>;
export type ApaText = z.infer<typeof text>;

export const reportInput = z.object({
  runs,
  /** Heading of the report. */
  title: z.string().trim().min(1).max(200).optional(),
});

/** SHA-256 of a manifest. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
export const importInput = z.object({
  /** Path on the studio's machine, or the file itself. */
  file: z.union([z.string().min(1), z.file()]),
  /** SHA-256 of the manifest that the bundle must have, as its makers published it. */
  digest: digest.optional(),
});
export const importResult = z.object({
  title: z.string(),
  /** SHA-256 of the manifest, which holds that of every other file: the name of this very study. */
  digest: z.string(),
  createdAt: z.string(),
  runs: z.array(
    z.object({
      /** Id in the log here. */
      id: z.string(),
      /** Id in the bundle. */
      own: z.string(),
      kind: z.string(),
      title: z.string(),
      /** `known`: the log had this very run already. `renamed`: its id was taken by another run. */
      as: z.enum(['new', 'known', 'renamed']),
    }),
  ),
});
export type ImportResult = z.infer<typeof importResult>;

export const rerunInput = z.object({
  runs,
  tolerance: z.number().min(0).max(1).default(RERUN_TOLERANCE),
});
/** One value of a result that came out otherwise. */
export const valueDifference = z.object({
  /** Place in the result: `points.3.scores.openness`. */
  at: z.string(),
  before: z.union([z.number(), z.string(), z.boolean(), z.null()]),
  now: z.union([z.number(), z.string(), z.boolean(), z.null()]),
  /** |now − before| where both are numbers. */
  difference: z.number().nullable(),
});
export const rerunResult = z.object({
  tolerance: z.number(),
  /** Every value of every run lies within the tolerance. */
  reproduced: z.boolean(),
  runs: z.array(
    z.object({
      /** The run that was repeated, and the new one. */
      run: z.string(),
      now: z.string(),
      kind: z.string(),
      title: z.string(),
      /** Values compared; how many are the same to the last bit; how many differ by more than the tolerance. */
      values: z.int(),
      equal: z.int(),
      beyond: z.int(),
      /** Largest difference of two numbers; null where nothing is a number. */
      largest: z.number().nullable(),
      /** Those beyond the tolerance, the first 100. */
      differences: z.array(valueDifference),
      /** Versions and device that are not what they were. */
      conditions: z.array(z.object({ name: z.string(), before: z.string(), now: z.string() })),
    }),
  ),
});
export type RerunResult = z.infer<typeof rerunResult>;

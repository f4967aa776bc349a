import { capital, count, fixed, orDash, text, withoutZero } from './apa.ts';
import type { Cell } from './csv.ts';
import { type Done, type Presentation, scaleTitle } from './presenting.ts';
import { cell, type Table } from './tables.ts';

export function presentAnswer({ input, result }: Done<'chat'>): Presentation {
  const { sampling } = input.persona;
  return {
    heading: 'An answer',
    design: text`The answer was drawn at temperature ${sampling.temperature} from the likeliest tokens that make up ${fixed(100 * sampling.topP, 0)}% of the probability (seed ${sampling.seed}, at most ${sampling.maxTokens} tokens).`,
    analysis: [],
    works: [],
    sentences: [],
    tables: [],
    plots: [],
    data: [
      {
        name: 'turns',
        columns: ['turn', 'role', 'text'],
        rows: [...input.messages, { role: 'assistant', text: result.text }].map(
          ({ role, text: words }, index) => [index + 1, role, words],
        ),
      },
    ],
    passages: [
      ...input.messages.map(({ role, text: words }) => ({
        who: role === 'user' ? 'Asked' : 'Answered before',
        text: words,
      })),
      { who: 'Answered', text: result.text },
    ],
  };
}

export function presentComparison({ result }: Done<'compare'>): Presentation {
  const { vectors, all, layers, poles } = result;
  const names = vectors.map(({ id }) => id);
  const tables: Table[] = [
    {
      title: 'Personality vectors',
      head: [
        ...[cell('Vector'), cell('Form'), text`‖φ‖`, cell('Effective rank'), cell('Sparsity'), cell('Zeros')],
      ],
      rows: vectors.map(({ id, form, effectiveRank }, v) => ({
        cells: [
          cell(id),
          cell(form),
          cell(orDash(all.norms[v], value => fixed(value, 3))),
          cell(orDash(effectiveRank?.value, value => fixed(value, 1))),
          cell(orDash(all.sparsity[v])),
          cell(orDash(all.zeros[v], share => `${fixed(100 * share, 1)}%`)),
        ],
      })),
      note: text`‖φ‖ is the Frobenius norm over all weights. Effective rank is the participation ratio of the squared singular values, sparsity Hoyer’s (0 = all entries of one size, 1 = a single entry). A dash means that it was not looked at, or is undefined for a vector of zeros.`,
    },
  ];
  if (poles.length > 0)
    tables.push({
      title: 'Common part of the two poles of a trait',
      head: [cell('Trait'), ...layers.map(({ name }) => cell(name)), cell('All')],
      rows: poles.map(({ trait, layers: within, common }) => ({
        cells: [
          cell(scaleTitle(trait)),
          ...within.map(share => cell(orDash(share, withoutZero))),
          cell(orDash(common, withoutZero)),
        ],
      })),
      note: text`Share of what both poles have in common in the whole: 0 = opposite, .50 = orthogonal, 1 = the same.`,
    });
  return {
    heading: 'Comparison of personality vectors',
    design: text`${capital(count(vectors.length))} personality vectors were compared as they are, over all weights and by layer.`,
    analysis: text`Cosines are between the weights of two vectors taken as one long list each.`,
    works: ['sun'],
    sentences: [],
    tables,
    plots: [
      {
        name: 'cosines',
        title: 'Cosines between personality vectors',
        note: 'The stronger the colour, the further from 0; red is negative. Numbers above the columns are those of the rows.',
        figure: { form: 'matrix', names, values: all.cosines },
        data: {
          name: 'cosines-plot',
          columns: ['first', 'second', 'cosine'],
          rows: names.flatMap((first, i) =>
            names.map((second, j) => [first, second, all.cosines[i]?.[j] ?? null]),
          ),
        },
      },
    ],
    data: [
      {
        name: 'vectors',
        columns: [
          ...['vector', 'trait', 'pole', 'form', 'norm', 'effective_rank', 'effective_rank_error'],
          ...['sparsity', 'zeros'],
        ],
        rows: vectors.map(({ id, trait, pole, form, effectiveRank }, v) => [
          ...[id, trait, pole, form, all.norms[v] ?? null],
          ...[effectiveRank?.value ?? null, effectiveRank?.error ?? null],
          ...[all.sparsity[v] ?? null, all.zeros[v] ?? null],
        ]),
      },
      {
        name: 'pairs',
        columns: ['part', 'first', 'second', 'cosine', 'same_sign', 'common'],
        rows: [all, ...layers].flatMap(({ name, cosines, agreements, common }) =>
          names.flatMap((first, i) =>
            names.flatMap((second, j): Cell[][] =>
              j > i
                ? [
                    [
                      ...[name, first, second, cosines[i]?.[j] ?? null],
                      ...[agreements[i]?.[j] ?? null, common[i]?.[j] ?? null],
                    ],
                  ]
                : [],
            ),
          ),
        ),
      },
    ],
  };
}

export function presentExtraction({ input, result }: Done<'extract'>): Presentation {
  const { form, norm, relative, layers } = result;
  return {
    heading: `Extraction of ${input.trait}, ${input.pole} pole`,
    design: text`The personality vector is the difference of the weights of ${input.tuned} and ${input.base} (Sun et al., 2025), kept in ${form === 'dense' ? 'dense' : 'low-rank'} form.`,
    analysis: [],
    works: ['sun'],
    sentences: [
      text`The vector’s norm was ‖φ‖ = ${norm.toPrecision(4)}, ${fixed(100 * relative, 3)}% of that of the base.`,
    ],
    tables: [],
    plots: [],
    data: [
      {
        name: 'tensors',
        columns: ['tensor', 'norm', 'base_norm', 'relative'],
        rows: layers.map(layer => [layer.tensor, layer.norm, layer.baseNorm, layer.relative]),
      },
    ],
  };
}

export function presentRerun({ result }: Done<'rerun'>): Presentation {
  const { runs, tolerance, reproduced } = result;
  const exact = (value: number | null) => (value === null ? '—' : value.toPrecision(2).replace('-', '−'));
  return {
    heading: 'Runs done again',
    design: text`${capital(count(runs.length))} ${runs.length === 1 ? 'run was' : 'runs were'} done again from the plan in the log, with files of the same SHA-256.`,
    analysis: text`Every value of the results was compared; a number counts as different when it is off by more than ${tolerance}, times its size above 1.`,
    works: [],
    sentences: [
      reproduced
        ? text`The results were reproduced: no value differed by more than the tolerance.`
        : text`The results were not reproduced: some values differed by more than the tolerance.`,
    ],
    tables: [
      {
        title: 'Values of runs done again',
        head: ['Run', 'Kind', 'Values', 'The same', 'Beyond the tolerance', 'Largest difference'].map(cell),
        rows: runs.map(({ run, kind, values, equal, beyond, largest }) => ({
          cells: [run.slice(0, 8), kind, `${values}`, `${equal}`, `${beyond}`, exact(largest)].map(cell),
        })),
        note: text`The same = equal to the last digit. A dash means that nothing compared is a number.`,
      },
    ],
    plots: [],
    data: [
      {
        name: 'runs',
        columns: ['again', 'now', 'kind', 'values', 'equal', 'beyond', 'largest'],
        rows: runs.map(each => [
          each.run,
          each.now,
          each.kind,
          each.values,
          each.equal,
          each.beyond,
          each.largest,
        ]),
      },
      {
        name: 'differences',
        columns: ['again', 'at', 'before', 'now', 'difference'],
        rows: runs.flatMap(({ run, differences }) =>
          differences.map(({ at, before, now, difference }) => [run, at, before, now, difference]),
        ),
      },
    ],
  };
}

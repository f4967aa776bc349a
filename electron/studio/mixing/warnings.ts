/** What a user should know before a mix is made; the thresholds are METHOD §1 and §4. */
import type { FileType, Model, Recipe, Trait, Vector, VectorName, Warning } from '../contract.ts';
import { SAFE_ALPHA_SUM, TRAITS } from '../contract.ts';
import { METHODS } from './methods.ts';
import { liveWarning } from './recipe.ts';

/** α above which low agreeableness and high neuroticism turned aggressive or unethical (arXiv 2509.19727). */
const SAFE_ALPHA = 1.5;

/** File types that keep a vector's changes, or are warned of in words of their own. */
const PRECISE: FileType[] = ['f32', 'f16', 'bf16', 'q8_0'];

/** The vector an α calls for: the trait's high pole when positive, its low pole when negative. */
export function vectorName(trait: Trait, alpha: number): VectorName {
  return `${trait}-${alpha < 0 ? 'low' : 'high'}`;
}

export interface MixParts {
  recipe: Recipe;
  model: Model;
  /** The vector of each trait with α ≠ 0, where the library has one. */
  vectors: Partial<Record<Trait, Vector>>;
  /** True for a live mix, false for a baked file. */
  live: boolean;
  type?: FileType;
  /** Names of the model's tensors; without them filters are not looked at. */
  tensors?: string[];
}

/** Whether a filter of tensor names fits one, as native-merge reads filters: see WeightRule in its index.d.ts. */
function fits(name: string, filter: string): boolean {
  if (!/[*?]/.test(filter)) return name.includes(filter);
  const pattern = filter
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 's').test(name);
}

/** What follows from the doses alone, whatever mixes them. */
export function doseWarnings(recipe: Recipe): Warning[] {
  const found: Warning[] = [];
  const used = TRAITS.filter(trait => recipe.weights[trait]);
  const sum = used.reduce((total, trait) => total + Math.abs(recipe.weights[trait] ?? 0), 0);
  if (sum > SAFE_ALPHA_SUM + 1e-9)
    found.push({
      code: 'alpha_sum_high',
      message: `The weights add up to ${format(sum)}. Above ${SAFE_ALPHA_SUM} a model tends to follow instructions less well.`,
    });
  for (const [trait, side] of [
    ['agreeableness', -1],
    ['neuroticism', 1],
  ] as const) {
    const alpha = recipe.weights[trait] ?? 0;
    if (alpha * side > SAFE_ALPHA)
      found.push({
        code: 'unethical_text_risk',
        trait,
        message: `${side < 0 ? 'Low agreeableness' : 'High neuroticism'} beyond ${SAFE_ALPHA} can make a model write aggressive or unethical text.`,
      });
  }
  return found;
}

export function warningsFor({ recipe, model, vectors, live, type, tensors }: MixParts): Warning[] {
  const found = doseWarnings(recipe);
  const used = TRAITS.filter(trait => recipe.weights[trait]);
  for (const trait of used) {
    const vector = vectors[trait];
    const name = vectorName(trait, recipe.weights[trait] ?? 0);
    if (!vector) {
      found.push({
        code: 'vector_missing',
        trait,
        message: `The library has no vector ${name} for this model: add one, or set ${trait} to 0.`,
      });
    } else if (vector.backbone !== model.backbone) {
      found.push({
        code: 'other_backbone',
        trait,
        message: `The vector ${name} comes from a model of another backbone and cannot be added to ${model.label}.`,
      });
    } else if (vector.baseContent !== model.content) {
      found.push({
        code: 'other_content',
        trait,
        message: `The vector ${name} was made from other weights of the same backbone. It transfers, but measure its effect anew.`,
      });
    }
  }
  if (!live && !model.source)
    found.push({
      code: 'quantised_source',
      message: `${model.label} is stored as ${model.type}: baking starts from weights that were rounded already. Use the unquantised model if you can.`,
    });
  if (!live && type === 'q8_0')
    found.push({
      code: 'quantised_target',
      message: model.source
        ? 'Q8_0 rounds weights a little: a vector’s effect stays on average, under some noise. Measure a weak mix in the file itself.'
        : `Stored as ${model.type} and rounded again to Q8_0, small weights are lost: an α of 0.2 kept 0.009 of its effect where both were Q8_0. Bake from the unquantised model.`,
    });
  if (!live && type && !PRECISE.includes(type))
    found.push({
      code: 'quantised_target',
      message: model.source
        ? `${type.toUpperCase()} rounds weights by as much as a vector changes them, or more: its effect stays on average, under noise that grows as files get smaller. Measure the file itself.`
        : `Stored as ${model.type} and rounded again to ${type.toUpperCase()}, weak vectors vanish: an α of 1 kept 0.03 of its effect in Q4_0. Bake from the unquantised model.`,
    });
  if (!live && type === 'bf16')
    found.push({
      code: 'quantised_target',
      message:
        'Stored as BF16, small weights shrink: a nominal α of 0.1 acted like 0.05 in our measurements. F16 or F32 keep them.',
    });
  if (live) found.push(...liveWarning(recipe));
  if (!live && tensors)
    for (const { filter } of recipe.filters ?? [])
      if (!tensors.some(name => fits(name, filter)))
        found.push({
          code: 'filter_unmatched',
          message: `The filter “${filter}” fits no tensor of ${model.label}, so it changes nothing.`,
        });
  const { label, ratio, lowRank } = METHODS[recipe.method];
  const dense = used.filter(trait => vectors[trait]?.form === 'dense');
  if (!live && lowRank && dense.length > 0)
    found.push({
      code: 'dense_factorised',
      message: `${label} merges low-rank factors, so the dense vectors for ${dense.join(', ')} are factorised first: 99.9 % of every matrix’s energy stays, and what they change in embeddings, norms and biases does not.`,
    });
  if (!live && used.length > 0 && (recipe.normalize || ratio))
    found.push({
      code: 'weights_normalized',
      message: `${label}${ratio ? '' : ' with normalisation'} divides by the sum of the weights: they decide the shares of the traits, not the strength, and one trait alone is as strong at 0.5 as at 2. ${ratio ? 'The scale λ sets the strength.' : 'Turn normalisation off to keep the strength of the sliders.'}`,
    });
  return found;
}

/** What native-merge noted of single tensors while it wrote a file: one warning a kind. */
export function tensorWarnings(notes: { code: string; tensor?: string }[]): Warning[] {
  const kinds: [codes: string[], message: string][] = [
    [['f16_fallback', 'type_fallback'], 'Stored in a larger type, because the rows do not fit the one meant'],
    [['ignored_tensor'], 'Left out of a vector, because adapters pass over it'],
  ];
  return kinds.flatMap(([codes, message]) => {
    const names = notes.flatMap(({ code, tensor }) => (tensor && codes.includes(code) ? [tensor] : []));
    if (names.length === 0) return [];
    const more = names.length > 3 ? ' …' : '';
    return [
      { code: 'tensors_otherwise' as const, message: `${message}: ${names.slice(0, 3).join(', ')}${more}` },
    ];
  });
}

const format = (value: number) => value.toFixed(2).replace(/\.?0+$/, '');
